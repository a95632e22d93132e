"""Findings: what of a plan becomes an annotation, in which order, at which place."""

import pytest

from reconciler.render import findings
from tests.render.plans import HOSTILE, change, everywhere, field, plan


def test_what_is_blocked_comes_first_then_risks_warnings_and_changes() -> None:
    blocked = change("A/b", "delete", blocked={"rule": "protect", "summary": "It is protected."})
    risk = {"code": "R101", "summary": "deletes x", "address": "A/c"}
    warning = {"code": "W402", "summary": "left alone", "address": None, "source": None}
    found = findings.of_plan(plan(change("A/a"), blocked, change("A/c", "delete"), risks=[risk], warnings=[warning]))
    assert [(item.kind, item.level, item.rule, item.title) for item in found] == [
        ("blocked", "error", "blocked", "Blocked by protect: delete A/b"),
        ("risk", "warning", "R101", "Risk R101: A/c"),
        ("warning", "note", "W402", "Warning W402"),
        ("change", "note", "update", "update A/a"),
        ("change", "note", "delete", "delete A/c"),
    ]


def test_what_is_left_alone_is_no_finding_unless_it_is_blocked() -> None:
    assert findings.of_plan(plan(change(action="none"))) == []
    twins = change("A/a", "none", blocked={"rule": "collision", "summary": "two"})
    assert findings.of_plan(plan(twins))[0].title == "Blocked by collision: A/a"


def test_a_risk_without_a_place_has_that_of_its_change() -> None:
    own = {"file": "own.yaml", "line": 3, "column": 1}
    risks = [
        {"code": "R201", "summary": "x", "address": "Assistant/helper"},
        {"code": "R301", "summary": "x", "address": "Assistant/helper", "source": own},
        {"code": "R202", "summary": "x", "address": "Assistant/other"},
    ]
    found = findings.of_plan(plan(change(), risks=risks))
    assert [item.source for item in found[:3]] == [change()["source"], own, None]


def test_a_change_names_its_fields_documents_and_reason() -> None:
    document = {"path": "a.md", "bytes": 1, "sha256": "0"}
    fields = [field(["model"], before="a", after="b"), field(["tools", "x"], before=1, after=2, cause="drift")]
    one = change(fields=fields, files={"added": [document] * 2, "removed": [document]}, reason="a newer tool")
    (found,) = findings.of_plan(plan(one))
    assert found.text == "changes model, tools.x (drift); 2 documents added, 1 document removed; a newer tool"
    many = change(fields=[field([f"f{number}"], before=1, after=2) for number in range(10)])
    assert findings.of_plan(plan(many))[0].text == "changes f0, f1, f2, f3, f4, f5, f6, f7 and 2 more"
    assert findings.of_plan(plan(change("A/a", "delete")))[0].text == "release skill_1"
    assert findings.of_plan(plan(change("A/a", "create")))[0].text == "a new release"


def test_problems_keep_their_place_and_severity() -> None:
    problem = {
        "severity": "error",
        "code": "E303",
        "summary": "Unknown field",
        "detail": "Did you mean 'model'?",
        "file": "a.yaml",
        "line": 4,
        "column": 7,
        "address": None,
    }
    error, warning = findings.of_problems([problem, {**problem, "severity": "warning", "file": None, "detail": ""}])
    assert (error.level, error.title, error.text) == ("error", "E303: Unknown field", "Did you mean 'model'?")
    assert error.source
    assert error.source["line"] == 4
    assert (warning.level, warning.text, warning.source) == ("warning", "Unknown field", None)


@pytest.mark.parametrize(
    ("file", "prefix", "path"),
    [
        ("a/b.yaml", "", "a/b.yaml"),
        ("a/b.yaml", "ops/stack", "ops/stack/a/b.yaml"),
        ("./b.yaml", ".", "b.yaml"),
        ("/etc/passwd", "", "etc/passwd"),
        ("//evil.example/x", "", "evil.example/x"),
    ],
)
def test_a_path_is_relative_to_the_repository(file: str, prefix: str, path: str) -> None:
    assert findings.path({"file": file}, prefix) == path


def test_no_source_is_no_path() -> None:
    assert findings.path(None, "ops") == ""


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_titles_and_texts_are_one_visible_line(text: str) -> None:
    for item in findings.of_plan(everywhere(text)):
        assert all(char.isprintable() or char == "\u3000" for char in item.title + item.text)


def test_totals_count_what_is_done() -> None:
    blocked = change("A/b", "delete", blocked={"rule": "protect", "summary": ""})
    some = plan(change(), blocked, change("A/c", "none"), risks=[{"code": "R1", "summary": "", "address": None}])
    assert findings.totals(some) == {"changes": 2, "blocked": 1, "risks": 1}
    assert findings.totals(plan()) == {"changes": 0, "blocked": 0, "risks": 0}
