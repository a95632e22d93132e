"""A plan, or the problems of a tree, as JUnit XML, which every build server shows as tests.

One suite for the stack, one test for each change. What is blocked fails; a risk does not, it stands in the output of
the test. The form is the one that Jenkins publishes a schema of (junit-10.xsd).
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.render import escape, findings, view
from reconciler.render.findings import Finding

_BLANK: Mapping[str, Any] = {}


def render_plan(plan: Mapping[str, Any], *, prefix: str = "") -> str:
    """The JSON form of a plan as XML that ends with a line break.

    `prefix`: the stack's directory in the repository, or empty.
    """
    found = findings.of_plan(plan)
    cases = [item for item in found if item.kind in {"blocked", "change"}]
    notices: dict[str, list[Finding]] = {}
    for item in found:
        if item.kind in {"risk", "warning"}:
            notices.setdefault(item.address, []).append(item)
    suite = _suite(escape.line(findings.owner(plan)) or "reconciler", cases)
    account: Mapping[str, Any] = plan.get("account") or _BLANK
    facts = {"digest": plan.get("digest"), "account": account.get("host"), **findings.totals(plan)}
    properties = ET.SubElement(suite, "properties")
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=escape.line(str(value)))
    for case in cases:
        _case(suite, case, [case, *notices.pop(case.address, [])], prefix)
    if not cases:
        ET.SubElement(suite, "testcase", classname=suite.attrib["name"], name="no changes", time="0")
    rest = [_line(item, prefix) for items in notices.values() for item in items]
    ET.SubElement(suite, "system-out").text = "\n".join([*rest, view.summary(plan), f"Digest: {view.digest(plan)}"])
    return _document(suite)


def render_problems(report: Mapping[str, Any], *, prefix: str = "") -> str:
    """Diagnostics in their JSON form: errors fail, warnings do not, and no problem at all is one test that passes."""
    found = findings.of_problems(report["problems"])
    suite = _suite("reconciler validate", found)
    for item in found:
        _case(suite, item, [item], prefix)
    if not found:
        ET.SubElement(suite, "testcase", classname="reconciler validate", name="the manifests are valid", time="0")
    return _document(suite)


def _suite(name: str, cases: Sequence[Finding]) -> ET.Element:
    failures = sum(case.level == "error" for case in cases)
    counts = {"tests": str(len(cases) or 1), "failures": str(failures), "errors": "0", "skipped": "0", "time": "0"}
    return ET.Element("testsuite", {"name": name, **counts})


def _case(suite: ET.Element, case: Finding, said: Iterable[Finding], prefix: str) -> None:
    element = ET.SubElement(suite, "testcase", classname=suite.attrib["name"], name=case.about or case.title, time="0")
    if case.level == "error":
        failure = ET.SubElement(element, "failure", message=case.title, type=escape.line(case.rule))
        failure.text = _line(case, prefix)
    told = [_line(item, prefix) for item in said if item.level != "error"]
    if told:
        ET.SubElement(element, "system-out").text = "\n".join(told)


def _line(item: Finding, prefix: str) -> str:
    """`Risk R101: VectorStore/old: deletes vs_1 (stores/old.yaml:3)`."""
    file = findings.path(item.source, prefix)
    place = f" ({escape.line(file)}:{item.source.get('line')})" if item.source and file else ""
    return f"{item.title}: {item.text}{place}"


def _document(suite: ET.Element) -> str:
    counts = {name: suite.attrib[name] for name in ("tests", "failures", "errors", "time")}
    root = ET.Element("testsuites", {"name": "reconciler", **counts})
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'
