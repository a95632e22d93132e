"""Workflow commands, read back as GitHub's runner reads them."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render import github
from reconciler.render.github import job_summary, output, outputs, render_plan, render_problems
from tests.render.plans import HOSTILE, change, everywhere, plan

OLD_COMMAND = re.compile(r"##\[?[A-Za-z.]*\[[a-z]")

Command = tuple[str, dict[str, str], str]


def read(text: str) -> list[Command]:
    """The commands in a log, by the rules of actions/runner (ActionCommand.TryParseV2)."""
    found = []
    for line in text.split("\n"):
        match = re.match(r"\s*::(.*?)::(.*)", line)
        if match:
            name, _, properties = match[1].partition(" ")
            pairs = [pair.split("=", 1) for pair in properties.split(",") if pair]
            decoded = {key: _decoded(value, ("%3A", ":"), ("%2C", ",")) for key, value in pairs}
            found.append((name, decoded, _decoded(match[2])))
    return found


def _decoded(text: str, *more: tuple[str, str]) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), *more, ("%25", "%")):
        text = text.replace(code, char)
    return text


def test_annotations_have_a_level_a_place_and_a_title() -> None:
    blocked = change("A/b", "delete", source=None, blocked={"rule": "protect", "summary": "100% protected: no"})
    risk = {"code": "R201", "summary": "changes the model", "address": "Assistant/helper"}
    warning = {
        "code": "W401",
        "summary": "held",
        "address": "A/h",
        "source": {"file": "h.yaml", "line": 2, "column": 3},
    }
    text = render_plan(plan(change(), blocked, risks=[risk], warnings=[warning]), prefix="ops")
    place = {"file": "ops/assistants/helper.yaml", "line": "1", "col": "1"}
    assert read(text) == [
        ("error", {"title": "Blocked by protect: delete A/b"}, "100% protected: no"),
        ("warning", {**place, "title": "Risk R201: Assistant/helper"}, "changes the model"),
        ("notice", {"file": "ops/h.yaml", "line": "2", "col": "3", "title": "Warning W401: A/h"}, "held"),
        ("notice", {**place, "title": "update Assistant/helper"}, "release skill_1"),
    ]
    assert "::error title=Blocked by protect%3A delete A/b::100%25 protected: no\n" in text
    assert text.endswith(f"\nPlan: 2 to update.\nDigest: sha256:{'0' * 64}\n")


def test_a_deletion_is_not_annotated_twice() -> None:
    risk = {"code": "R101", "summary": "deletes skill_1", "address": "A/a"}
    assert [name for name, _, _ in read(render_plan(plan(change("A/a", "delete"), risks=[risk])))] == ["warning"]
    assert [name for name, _, _ in read(render_plan(plan(change("A/a", "delete"))))] == ["notice"]


@pytest.mark.parametrize(("count", "shown", "last"), [(10, 10, "10"), (11, 10, "2 more"), (500, 10, "491 more")])
def test_a_level_has_ten_annotations_and_counts_the_rest(count: int, shown: int, last: str) -> None:
    found = read(render_plan(plan(*(change(f"A/a{number}") for number in range(1, count + 1)))))
    assert len(found) == shown
    assert last in found[-1][2] + found[-1][1]["title"]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_data_neither_ends_a_command_nor_begins_one(text: str) -> None:
    found = {"severity": "error", "code": text, "summary": text, "detail": text, "file": text, "line": 1, "column": 1}
    for written in (
        render_plan(everywhere(text), prefix=text),
        render_problems({"problems": [{**found, "address": text}]}, prefix=text),
    ):
        assert all(char.isprintable() or char in "\n\u3000" for char in written)
        assert not OLD_COMMAND.search(written)
        for line in written.split("\n"):
            assert re.match(r"::(error|warning|notice) (file=|title=)|Plan: |Digest: |Problems: |$", line)
            assert re.search(r"(?<!\S)::", line.removeprefix("::")) is None or line.startswith("::")
        for name, properties, _ in read(written):
            assert name in {"error", "warning", "notice"}
            assert set(properties) <= {"file", "line", "col", "title"}


@given(st.text(), st.text(), st.text())
def test_what_the_runner_reads_is_what_was_written(file: str, summary: str, address: str) -> None:
    source = {"file": file, "line": 3, "column": 0}
    risk = {"code": "R301", "summary": summary, "address": address, "source": source}
    ((name, properties, _),) = read(render_plan(plan(risks=[risk])))
    assert name == "warning"
    assert set(properties) <= {"file", "line", "title"}


def test_a_problem_of_a_tree_is_an_annotation() -> None:
    problem = {"severity": "error", "code": "E303", "summary": "Unknown field", "detail": "Did you mean 'model'?"}
    place = {"file": "a.yaml", "line": 4, "column": 7, "address": None}
    text = render_problems(
        {"problems": [{**problem, **place}, {**problem, **place, "severity": "warning"}]}, prefix="ops"
    )
    assert text.split("\n") == [
        "::error file=ops/a.yaml,line=4,col=7,title=E303%3A Unknown field::Did you mean 'model'?",
        "::warning file=ops/a.yaml,line=4,col=7,title=E303%3A Unknown field::Did you mean 'model'?",
        "Problems: 1 error, 1 warning.",
        "",
    ]
    assert render_problems({"problems": []}) == "No problems.\n"


def test_a_line_without_a_file_is_no_place() -> None:
    risk = {"code": "R301", "summary": "x", "address": None, "source": {"file": "", "line": 3, "column": 1}}
    assert read(render_plan(plan(risks=[risk]))) == [("warning", {"title": "Risk R301"}, "x")]


def test_long_texts_are_cut() -> None:
    risk = {"code": "R301", "summary": "s" * 9_000, "address": "a" * 9_000}
    ((_, properties, text),) = read(render_plan(plan(risks=[risk])))
    assert len(properties["title"]) == 200
    assert len(text) == 2_000
    assert text.endswith("…")


# --- files of the runner ----------------------------------------------------------------------------------------------


def read_outputs(text: str) -> dict[str, str]:
    """As the runner does: `name<<delimiter`, then lines up to the delimiter."""
    found = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if line:
            name, delimiter = line.split("<<", 1)
            value = []
            for inner in lines:
                if inner == delimiter:
                    break
                value.append(inner)
            found[name] = "\n".join(value)
    return found


def test_outputs_say_what_a_pipeline_decides_by() -> None:
    blocked = change("A/b", "delete", blocked={"rule": "protect", "summary": ""})
    risk: dict[str, Any] = {"code": "R101", "summary": "", "address": None}
    assert read_outputs(outputs(plan(change(), blocked, risks=[risk]))) == {
        "changes": "true",
        "digest": f"sha256:{'0' * 64}",
        "blocked": "1",
        "risks": "1",
        "summary": "Plan: 2 to update.",
    }
    assert read_outputs(outputs(plan()))["changes"] == "false"


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_data_sets_no_output_of_its_own(text: str) -> None:
    assert list(read_outputs(outputs(everywhere(text)))) == ["changes", "digest", "blocked", "risks", "summary"]


@given(st.lists(st.sampled_from(["END", "_END", "END_END", "a", "<<", "\n"])).map("".join))
def test_no_value_holds_its_delimiter(value: str) -> None:
    text = output("x", value) + output("y", "1")
    assert read_outputs(text) == {"x": value, "y": "1"}


def test_the_job_summary_is_the_markdown_with_more_room() -> None:
    documents = [
        {"path": f"{number:03}-{'n' * 60}.md", "bytes": 1, "sha256": "0", "reason": ""} for number in range(900)
    ]
    text = job_summary(plan(change(files={"removed": documents})))
    assert text.count(".md") == 900
    assert len(text) < github.SUMMARY_LIMIT
