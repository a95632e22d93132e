"""reconciler.yaml: what it may say, and what there is when it says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.manifest.schema.stack import Stack, salvaged, size
from tests.manifest.trees import HEAD, STACK, loaded, problems, rejected, stack


def test_a_stack_that_says_nothing_has_the_usual_limits(tmp_path: Path) -> None:
    assert loaded(tmp_path, {}).stack == Stack("acme")
    assert (Stack("x").max_deletes, Stack("x").max_delete_percent, Stack("x").max_upload_bytes) == (5, 20, 2 * 2**30)


def test_everything_that_it_may_say(tmp_path: Path) -> None:
    text = stack("""
        sources: [.]
        account: {organization: org-1, project: proj_1, anchor: vs_1}
        defaults: {runtime: agents, model: m}
        limits: {max_deletes: 0, max_delete_percent: 100, max_upload_bytes: 1.5 MB}
        vars: {a: b}
        """)
    found = loaded(tmp_path, {"reconciler.yaml": text}).stack
    assert (found.organization, found.project, found.anchor) == ("org-1", "proj_1", "vs_1")
    assert (found.max_deletes, found.max_delete_percent, found.max_upload_bytes) == (0, 100, 1_500_000)
    assert (found.defaults, found.vars) == ({"runtime": "agents", "model": "m"}, {"a": "b"})


@pytest.mark.parametrize(
    ("text", "number"),
    [(5, 5), (5.0, 5), ("7", 7), ("7 B", 7), ("2KiB", 2048), ("0.5 GB", 500_000_000), ("1MiB", 2**20)],
)
def test_sizes(text: int | str, number: int) -> None:
    assert size(text) == number


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("limits: {max_upload_bytes: much}", "E312 reconciler.yaml:5:30 spec.limits.max_upload_bytes is 'much'"),
        ("limits: {max_delete_percent: 101}", "E311 reconciler.yaml:5:32 spec.limits.max_delete_percent is 101"),
        ("vars: {1a: x}", "E303 reconciler.yaml:5:10 Key '1a' is not allowed"),
        ("environments: {Prod: {}}", "E303 reconciler.yaml:5:18 Key 'Prod' is not allowed"),
        ("sources: []", "E311 reconciler.yaml:5:12 spec.sources is a list of 0"),
        ("base_url: https://x", "E303 reconciler.yaml:5:3 Unknown field 'base_url'"),
        ("account: {api_key: x}", "E303 reconciler.yaml:5:13 Unknown field 'api_key'"),
        ("[]", "E307 reconciler.yaml:5:3 spec is a list"),
    ],
)
def test_what_it_may_not_say(tmp_path: Path, spec: str, problem: str) -> None:
    (found,) = [line for line in problems(tmp_path, {"reconciler.yaml": stack(spec)}) if "E313" not in line]
    assert found == problem


def test_it_has_no_labels_and_no_lifecycle(tmp_path: Path) -> None:
    text = f"{HEAD}kind: Stack\nmetadata: {{name: acme, labels: {{}}}}\nlifecycle: {{}}\n"
    assert problems(tmp_path, {"reconciler.yaml": text}) == [
        "E303 reconciler.yaml:3:24 Unknown field 'labels'",
        "E303 reconciler.yaml:4:1 Unknown field 'lifecycle'",
    ]


def test_without_a_stack_there_is_no_tree(tmp_path: Path) -> None:
    (found,) = rejected(tmp_path, {"reconciler.yaml": "a: 1\n"})
    assert (found.code, found.summary, str(found.span)) == ("E300", "No stack", "reconciler.yaml:1:1")
    (found,) = rejected(tmp_path, {"reconciler.yaml": f"{STACK}---\n{STACK}"})
    assert (found.code, found.summary) == ("E300", "Several stacks")
    (found,) = rejected(tmp_path, {"reconciler.yaml": STACK.replace("Stack", "Stak")})
    assert (found.code, found.detail) == ("E302", "Did you mean 'Stack'?")


def test_a_directory_without_the_file_says_what_to_do(tmp_path: Path) -> None:
    from reconciler.manifest.load.loader import load
    from reconciler.model.diagnostics import Rejected

    with pytest.raises(Rejected) as error:
        load(tmp_path)
    (found,) = error.value.diagnostics
    assert (found.code, found.span) == ("E300", None)
    assert "reconciler init" in found.detail


def test_ignore_rules_that_cannot_be_read_are_told_once(tmp_path: Path) -> None:
    (tmp_path / ".reconcilerignore").symlink_to("/etc/passwd")
    assert problems(tmp_path, {}) == ["E601 .reconcilerignore:1:1 Path refused"]


def test_what_is_salvaged_of_a_faulty_spec_lets_the_rest_be_checked() -> None:
    assert salvaged({}) == {"sources": ["."], "defaults": {}, "vars": {}, "environments": {}}
    faulty = {
        "sources": [1, "a", ""],
        "defaults": {"runtime": "respones", "model": "m"},
        "vars": {"a": 1, "b": "x"},
        "environments": {"e": None, "f": {"vars": 1, "patches": ["p", 2]}},
    }
    assert salvaged(faulty) == {
        "sources": ["a"],
        "defaults": {"model": "m"},
        "vars": {"a": "", "b": "x"},
        "environments": {"e": {"vars": {}, "patches": []}, "f": {"vars": {}, "patches": ["p"]}},
    }
    assert salvaged({"defaults": {"modle": "m", "runtime": "agents"}})["defaults"]["model"] == "unknown"
