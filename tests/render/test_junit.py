"""JUnit XML: valid by the schema that Jenkins publishes, and well-formed whatever the data."""

import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.junit import render_plan, render_problems
from tests.render.plans import HOSTILE, change, everywhere, plan
from tests.render.situations import SITUATIONS, plan_of
from tests.render.test_text import COMMAND

SCHEMA = Path(__file__).parent / "schemas" / "junit-10.xsd"
PROBLEM = {"severity": "error", "code": "E303", "summary": "Unknown field", "detail": "Did you mean 'model'?"}
PLACE = {"file": "assistants/a.yaml", "line": 4, "column": 7, "address": None}


@cache
def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(SCHEMA))


def read(text: str) -> ET.Element:
    """The one suite of a report that the public schema takes."""
    root = ET.fromstring(text.encode("utf-8"))
    schema().validate(root)
    (suite,) = root
    cases = suite.findall("testcase")
    failures = suite.findall("testcase/failure")
    assert (suite.attrib["tests"], suite.attrib["failures"]) == (str(len(cases)), str(len(failures)))
    return suite


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_public_schema_takes_every_plan(name: str) -> None:
    read(render_plan(plan_of(name)))


def test_the_schema_refuses_what_is_no_report() -> None:
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema().validate(ET.fromstring("<testsuites><testsuite/></testsuites>"))


def test_each_change_is_a_test_and_what_is_blocked_fails() -> None:
    blocked = change("A/b", "delete", blocked={"rule": "protect", "summary": "It is protected."})
    suite = read(render_plan(plan(change(), blocked, change("A/same", "none"), environment="prod"), prefix="ops"))
    assert suite.attrib["name"] == "acme/prod"
    assert [case.attrib["name"] for case in suite.iter("testcase")] == [
        "delete A/b",
        "update Assistant/helper",
    ]
    (failure,) = suite.iter("failure")
    assert failure.attrib == {"message": "Blocked by protect: delete A/b", "type": "blocked"}
    assert failure.text == "Blocked by protect: delete A/b: It is protected. (ops/assistants/helper.yaml:1)"


def test_a_risk_stands_with_its_change_and_fails_nothing() -> None:
    risks = [
        {"code": "R201", "summary": "changes the model", "address": "Assistant/helper"},
        {"code": "R202", "summary": "ends in May", "address": "Assistant/other"},
    ]
    suite = read(render_plan(plan(change(), risks=risks)))
    (case,) = suite.iter("testcase")
    said = case.findtext("system-out") or ""
    assert "Risk R201: Assistant/helper: changes the model (assistants/helper.yaml:1)" in said.split("\n")
    whole = (suite.findtext("system-out") or "").split("\n")
    assert whole[0] == "Risk R202: Assistant/other: ends in May"
    assert whole[-2:] == ["Plan: 1 to update.", f"Digest: sha256:{'0' * 64}"]
    assert suite.attrib["failures"] == "0"
    properties = {one.attrib["name"]: one.attrib["value"] for one in suite.iter("property")}
    assert properties["risks"] == "2"
    assert properties["digest"] == f"sha256:{'0' * 64}"


def test_a_plan_without_changes_is_one_test_that_passes() -> None:
    (case,) = read(render_plan(plan())).iter("testcase")
    assert case.attrib["name"] == "no changes"


def test_problems_fail_and_warnings_do_not() -> None:
    suite = read(render_problems({"problems": [{**PROBLEM, **PLACE}, {**PROBLEM, **PLACE, "severity": "warning"}]}))
    first, second = suite.iter("testcase")
    assert first.findtext("failure") == "E303: Unknown field: Did you mean 'model'? (assistants/a.yaml:4)"
    assert second.find("failure") is None
    assert "Did you mean" in (second.findtext("system-out") or "")
    (valid,) = read(render_problems({"problems": []})).iter("testcase")
    assert valid.attrib["name"] == "the manifests are valid"


@pytest.mark.parametrize("text", [*HOSTILE, "]]>", "<![CDATA[", "<!DOCTYPE x>", "&lol;", "\ufffe\uffff"])
def test_hostile_text_is_visible_and_valid(text: str) -> None:
    problem = {**PROBLEM, **PLACE, "code": text, "summary": text, "detail": text, "file": text, "address": text}
    for written in (render_plan(everywhere(text), prefix=text), render_problems({"problems": [problem]}, prefix=text)):
        read(written)
        assert all(char.isprintable() or char in "\n\u3000" for char in written)
        assert not COMMAND.search(written)


@given(st.text(), st.text())
def test_any_text_is_valid(address: str, summary: str) -> None:
    blocked = {"rule": summary, "summary": summary}
    read(render_plan(plan(change(address, blocked=blocked), stack=address, environment=summary)))
