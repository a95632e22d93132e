"""A plan, or the problems of a tree, for GitHub Actions: annotations, the job's summary, the step's outputs.

GitHub reads commands from a step's standard output. Data stands in a command only after an escaping that leaves it no
line break, and in properties no `:` and no `,`; so it can neither end a command nor begin another.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from reconciler.render import escape, findings, markdown, values, view
from reconciler.render.findings import Finding
from reconciler.render.formats import Asked

SHOWN = 10
"""How many annotations of each level GitHub shows for a step."""

SUMMARY_LIMIT = 250_000
"""Characters of a job's summary; GitHub takes 1 MiB, and a character has at most four bytes."""

_COMMAND = {"error": "error", "warning": "warning", "note": "notice"}
_TITLE, _TEXT = 200, 2_000


def render_plan(plan: Mapping[str, Any], *, prefix: str = "") -> str:
    """One command for each finding, at most ten of a level; then the summary and the digest as plain lines.

    `prefix`: the stack's directory in the repository, because GitHub looks files up from there.
    """
    risky = {(finding.rule, finding.address) for finding in findings.of_plan(plan)}
    shown = [
        finding
        for finding in findings.of_plan(plan)
        if (findings.SAID_BY_RISKS.get(finding.rule), finding.address) not in risky
    ]
    rest = "The job summary has them all."
    lines = [*_commands(shown, prefix, rest), view.summary(plan), f"Digest: {view.digest(plan)}"]
    return "\n".join(lines) + "\n"


def render_problems(report: Mapping[str, Any], *, prefix: str = "") -> str:
    """One command for each problem of a tree, at most ten of a level, and their number as a plain line."""
    found = findings.of_problems(report["problems"])
    errors = sum(finding.level == "error" for finding in found)
    rest = "`reconciler validate` prints them all."
    counted = f"Problems: {values.plural(errors, 'error')}, {values.plural(len(found) - errors, 'warning')}."
    return "\n".join([*_commands(found, prefix, rest), counted if found else "No problems."]) + "\n"


def job_summary(plan: Mapping[str, Any], **asked: Unpack[Asked]) -> str:
    """The Markdown for the file that GITHUB_STEP_SUMMARY names, with more room than a comment has."""
    return markdown.render_plan(
        plan, limit=SUMMARY_LIMIT, context=asked.get("context", 3), documents=asked.get("documents")
    )


def outputs(plan: Mapping[str, Any]) -> str:
    """The lines for the file that GITHUB_OUTPUT names: changes, digest, blocked, risks, summary."""
    totals = findings.totals(plan)
    found = {
        "changes": "true" if totals["changes"] else "false",
        "digest": view.digest(plan),
        "blocked": str(totals["blocked"]),
        "risks": str(totals["risks"]),
        "summary": view.summary(plan),
    }
    return "".join(output(name, value) for name, value in found.items())


def output(name: str, value: str) -> str:
    """One output of a step. The delimiter is one that does not occur in the value."""
    delimiter = "END"
    while delimiter in value:
        delimiter += "_END"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def _commands(found: Sequence[Finding], prefix: str, rest: str) -> Iterable[str]:
    for level, command in _COMMAND.items():
        of_level = [finding for finding in found if finding.level == level]
        fits = len(of_level) <= SHOWN
        for finding in of_level if fits else of_level[: SHOWN - 1]:
            yield _command(finding, prefix)
        if not fits:
            text = f"{len(of_level) - SHOWN + 1:,} more are not shown here. {rest}"
            yield f"::{command} title=Reconciler::{_data(text)}"


def _command(finding: Finding, prefix: str) -> str:
    source = finding.source or {}
    properties = {"file": escape.line(findings.path(finding.source, prefix))}
    properties |= {name: _number(source.get(key)) for name, key in (("line", "line"), ("col", "column"))}
    written = {name: value for name, value in properties.items() if value and properties["file"]}
    written["title"] = _cut(finding.title, _TITLE)
    listed = ",".join(f"{name}={_property(value)}" for name, value in written.items())
    return f"::{_COMMAND[finding.level]} {listed}::{_data(_cut(finding.text, _TEXT))}"


def _number(value: object) -> str:
    return str(value) if isinstance(value, int) and value > 0 else ""


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
