"""SARIF: valid by the public schema, places as URIs, fingerprints that stay."""

import json
import re
import urllib.parse
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifest.check.codes import CODES
from reconciler.render.sarif import render_plan, render_problems
from tests.render.plans import HOSTILE, change, everywhere, plan
from tests.render.situations import SITUATIONS, plan_of
from tests.render.test_text import COMMAND

SCHEMA = Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.4.json"
PROBLEM = {"severity": "error", "code": "E303", "summary": "Unknown field", "detail": "Did you mean 'model'?"}
PLACE = {"file": "assistants/a.yaml", "line": 4, "column": 7, "address": None}


@cache
def validator() -> jsonschema.Draft4Validator:
    return jsonschema.Draft4Validator(
        json.loads(SCHEMA.read_text(encoding="utf-8")), format_checker=jsonschema.FormatChecker()
    )


def read(text: str) -> Any:
    """The one run of a log that the public schema takes."""
    log = json.loads(text)
    validator().validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert len(result["locations"]) == 1
    return run


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_public_schema_takes_every_plan(name: str) -> None:
    read(render_plan(plan_of(name)))


def test_the_schema_refuses_what_is_no_sarif() -> None:
    log = json.loads(render_plan(plan(change())))
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(log)


def test_levels_follow_what_a_reviewer_has_to_do() -> None:
    blocked = change("A/b", "delete", source=None, blocked={"rule": "protect", "summary": "It is protected."})
    risk = {"code": "R201", "summary": "changes the model", "address": "Assistant/helper"}
    warning = {"code": "W401", "summary": "held", "address": None, "source": None}
    run = read(render_plan(plan(change(), blocked, risks=[risk], warnings=[warning])))
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [
        ("blocked", "error"),
        ("R201", "warning"),
        ("W401", "note"),
        ("update", "note"),
    ]
    assert run["results"][0]["message"]["text"] == "Blocked by protect: delete A/b: It is protected."
    assert run["properties"]["blocked"] == 1


def test_every_code_of_a_plan_has_a_rule() -> None:
    rules = {rule["id"]: rule for rule in read(render_plan(plan()))["tool"]["driver"]["rules"]}
    assert {code for code in CODES if code[0] in "RW"} <= set(rules)
    assert rules["R101"]["defaultConfiguration"]["level"] == "warning"
    assert rules["W401"]["defaultConfiguration"]["level"] == "note"
    assert rules["blocked"]["defaultConfiguration"]["level"] == "error"


def test_every_code_of_a_problem_has_a_rule() -> None:
    rules = {rule["id"]: rule for rule in read(render_problems({"problems": []}))["tool"]["driver"]["rules"]}
    assert {code for code in CODES if code[0] in "EW"} <= set(rules)
    assert rules["E303"]["defaultConfiguration"]["level"] == "error"
    assert rules["W501"]["defaultConfiguration"]["level"] == "warning"


def test_an_unknown_code_is_no_rule_of_its_own() -> None:
    risk = {"code": "R999", "summary": "new", "address": None}
    (result,) = read(render_plan(plan(risks=[risk])))["results"]
    assert result["ruleId"] == "other"
    assert "R999" in result["message"]["text"]


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("assistants/helper.yaml", "ops/assistants/helper.yaml"),
        ("a b/ü%.yaml", "ops/a%20b/%C3%BC%25.yaml"),
        ("javascript:alert(1)", "ops/javascript%3Aalert%281%29"),
        ("//evil.example/x?y#z", "ops/evil.example/x%3Fy%23z"),
        ("back\\slash", "ops/back%5Cslash"),
        ("new\nline", "ops/new%0Aline"),
        ("\ud800", "ops/%ED%A0%80"),
    ],
)
def test_a_place_is_a_relative_uri(file: str, uri: str) -> None:
    one = change(source={"file": file, "line": 3, "column": 0})
    (result,) = read(render_plan(plan(one), prefix="ops"))["results"]
    physical = result["locations"][0]["physicalLocation"]
    assert physical == {"artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"}, "region": {"startLine": 3}}
    assert not urllib.parse.urlsplit(uri).scheme
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "Assistant/helper"


def test_what_has_no_manifest_any_more_is_shown_at_the_stack() -> None:
    (result,) = read(render_plan(plan(change("A/a", "delete", source=None)), prefix="ops"))["results"]
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "ops/reconciler.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 1},
    }


def test_a_fingerprint_survives_moved_lines_new_ids_and_other_findings() -> None:
    def prints(*changes: Any, **more: Any) -> dict[str, str]:
        results = read(render_plan(plan(*changes, **more)))["results"]
        return {one["message"]["text"]: one["partialFingerprints"]["primaryLocationLineHash"] for one in results}

    risk = {"code": "R101", "summary": "deletes vs_1", "address": "A/a"}
    first = prints(change("A/a", "delete"), risks=[risk])
    moved = change("A/a", "delete", id="vs_2", source={"file": "b.yaml", "line": 9, "column": 1})
    second = prints(change("A/0"), moved, risks=[{**risk, "summary": "deletes vs_2"}])
    assert first["Risk R101: A/a: deletes vs_1"] == second["Risk R101: A/a: deletes vs_2"]
    assert len(set(second.values())) == 3
    assert set(prints(change("A/a", "delete"), stack="other").values()).isdisjoint(first.values())


def test_findings_that_are_alike_are_told_apart() -> None:
    risk = {"code": "R301", "summary": "reaches a new host", "address": "A/a"}
    results = read(render_plan(plan(risks=[risk, risk])))["results"]
    first, second = (one["partialFingerprints"]["primaryLocationLineHash"] for one in results)
    assert (first[:16], first[-2:], second[-2:]) == (second[:16], ":1", ":2")


def test_runs_of_different_stacks_do_not_replace_each_other() -> None:
    one = read(render_plan(plan(environment="prod")))["automationDetails"]["id"]
    other = read(render_plan(plan(environment="staging")))["automationDetails"]["id"]
    assert (one, other) == ("reconciler/plan/acme/prod/", "reconciler/plan/acme/staging/")
    assert read(render_problems({"problems": []}))["automationDetails"]["id"] == "reconciler/validate/"


def test_a_message_holds_no_link() -> None:
    risk = {"code": "R301", "summary": r"see [here](https://evil.example) \[x]", "address": None}
    (result,) = read(render_plan(plan(risks=[risk])))["results"]
    assert result["message"]["text"].endswith(r"see \[here\](https://evil.example) \\\[x\]")
    assert not re.search(r"(?<!\\)(\\\\)*\[", result["message"]["text"])


@pytest.mark.parametrize(
    ("summary", "text"),
    [("@everyone", r"\\u{40}everyone"), ("a @b", r"a \\u{40}b"), ("me@example.org @", "me@example.org @")],
)
def test_a_message_calls_nobody(summary: str, text: str) -> None:
    risk = {"code": "R301", "summary": summary, "address": None}
    (result,) = read(render_plan(plan(risks=[risk])))["results"]
    assert result["message"]["text"] == f"Risk R301: {text}"


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_visible_and_valid(text: str) -> None:
    problem = {**PROBLEM, **PLACE, "code": text, "summary": text, "detail": text, "file": text, "address": text}
    for written in (render_plan(everywhere(text), prefix=text), render_problems({"problems": [problem]}, prefix=text)):
        read(written)
        assert all(char.isprintable() or char in "\n\u3000" for char in written)
        assert not COMMAND.search(written)
        for result in json.loads(written)["runs"][0]["results"]:
            assert all(char.isprintable() or char == "\u3000" for char in result["message"]["text"])


@given(st.text(), st.text(), st.integers(-1, 3), st.integers(-1, 3))
def test_any_place_and_text_is_valid(file: str, summary: str, line: int, column: int) -> None:
    source = {"file": file, "line": line, "column": column}
    read(render_plan(plan(change(source=source), warnings=[{"code": "W401", "summary": summary, "source": source}])))


def test_problems_stand_at_their_line() -> None:
    run = read(
        render_problems({"problems": [{**PROBLEM, **PLACE}, {**PROBLEM, **PLACE, "severity": "warning"}]}, prefix="ops")
    )
    first, second = run["results"]
    assert (first["ruleId"], first["level"], second["level"]) == ("E303", "error", "warning")
    assert first["message"]["text"] == "E303: Unknown field: Did you mean 'model'?"
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "ops/assistants/a.yaml"
    assert first["locations"][0]["physicalLocation"]["region"] == {"startLine": 4, "startColumn": 7}


def test_the_version_of_the_tool_is_told_where_the_plan_has_it() -> None:
    run = read(render_plan(plan(tool={"name": "reconciler", "version": "1.2.3"})))
    assert run["tool"]["driver"]["version"] == "1.2.3"
    assert "version" not in read(render_plan(plan()))["tool"]["driver"]
