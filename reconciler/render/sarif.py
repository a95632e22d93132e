"""A plan, or the problems of a tree, in SARIF 2.1.0, which code scanners and their dashboards read.

Places are relative to the repository's root, as percent-encoded URIs. Messages are plain text; the brackets that SARIF
would read as a link are escaped (SARIF 2.1.0, section 3.11.6).
"""

import hashlib
import json
import re
import urllib.parse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.manifest.check.codes import CODES
from reconciler.render import escape, findings
from reconciler.render.findings import Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
HOME = "https://github.com/openai-reconciler/reconciler"
ROOT_MANIFEST = "reconciler.yaml"
"""Where a finding is shown whose manifest is gone: scanners refuse results without a place."""

_PLAN_RULES = {
    findings.BLOCKED: ("error", "A safety rule forbids the change; apply refuses the whole plan."),
    "create": ("note", "An object is created."),
    "update": ("note", "An object is changed."),
    "replace": ("note", "An object is created anew, and the old one is deleted."),
    "delete": ("note", "An object is deleted."),
    "adopt": ("note", "An existing object is taken over."),
    "forget": ("note", "An object is left in the account, without our tags."),
}
_LEVEL = {"E": "error", "R": "warning", "W": "note"}
_OTHER = "other"
_MENTION = re.compile(r"(?<!\w)@(?=\w)")

Json = dict[str, Any]


def render_plan(plan: Mapping[str, Any], *, prefix: str = "") -> str:
    """The JSON form of a plan as a SARIF log that ends with a line break.

    `prefix`: the stack's directory in the repository, or empty.
    """
    rules = {code: (_LEVEL[code[0]], text) for code, text in CODES.items() if code[0] in "RW"}
    owner = findings.owner(plan)
    run = _run(findings.of_plan(plan), {**_PLAN_RULES, **rules}, prefix, owner, f"reconciler/plan/{owner}/")
    totals = findings.totals(plan)
    run["properties"] = {"digest": escape.line(str(plan.get("digest"))), **totals}
    return _log(run, plan.get("tool"))


def render_problems(report: Mapping[str, Any], *, prefix: str = "") -> str:
    """Diagnostics in their JSON form as a SARIF log; an empty one when there are none."""
    rules = {code: ("warning" if code[0] == "W" else "error", text) for code, text in CODES.items() if code[0] in "EW"}
    return _log(_run(findings.of_problems(report["problems"]), rules, prefix, "", "reconciler/validate/"), None)


def _log(run: Json, tool: Any) -> str:
    version = tool.get("version") if isinstance(tool, Mapping) else None
    if version:
        run["tool"]["driver"]["version"] = escape.line(str(version))
    return escape.json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _run(
    found: Sequence[Finding], rules: Mapping[str, tuple[str, str]], prefix: str, owner: str, category: str
) -> Json:
    known = [*rules, _OTHER]
    listed = [_rule(code, *rules[code]) for code in rules] + [_rule(_OTHER, "note", "Anything else.")]
    return {
        "tool": {"driver": {"name": "Reconciler", "informationUri": HOME, "rules": listed}},
        "automationDetails": {"id": escape.line(category)},
        "columnKind": "unicodeCodePoints",
        "results": list(_results(found, known, prefix, owner)),
    }


def _rule(code: str, level: str, text: str) -> Json:
    return {
        "id": code,
        "shortDescription": {"text": _message(text)},
        "fullDescription": {"text": _message(text)},
        "help": {"text": _message(f"{text} See docs/reference/diagnostics.md and docs/reference/plan.md.")},
        "defaultConfiguration": {"level": level},
    }


def _results(found: Iterable[Finding], known: Sequence[str], prefix: str, owner: str) -> Iterable[Json]:
    seen: Counter[str] = Counter()
    positions = {code: index for index, code in enumerate(known)}
    for finding in found:
        rule = finding.rule if finding.rule in positions else _OTHER
        mark = _fingerprint(owner, finding, prefix)
        seen[mark] += 1
        location: Json = {"physicalLocation": _physical(finding.source, prefix)}
        if finding.address:
            name = escape.line(finding.address)
            location["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "resource"}]
        yield {
            "ruleId": rule,
            "ruleIndex": positions[rule],
            "level": finding.level,
            "message": {"text": _message(f"{finding.title}: {finding.text}")},
            "locations": [location],
            "partialFingerprints": {
                "primaryLocationLineHash": f"{mark}:{seen[mark]}",
                "reconciler/v1": f"{mark}:{seen[mark]}",
            },
        }


def _fingerprint(owner: str, finding: Finding, prefix: str) -> str:
    """The same in every run, wherever in its file a manifest moves: what it is about, never where or what exactly.

    A problem that belongs to no address is known by its file and its text.
    """
    about = [finding.address] if finding.address else [findings.path(finding.source, prefix), finding.text]
    text = json.dumps([owner, finding.rule, *about])
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def _physical(source: Mapping[str, Any] | None, prefix: str) -> Json:
    where = findings.path(source, prefix) or findings.path({"file": ROOT_MANIFEST}, prefix)
    place: Json = {"artifactLocation": {"uri": _uri(where), "uriBaseId": "%SRCROOT%"}}
    named = source if source and source.get("file") else {"line": 1}
    region = {
        name: named[key]
        for name, key in (("startLine", "line"), ("startColumn", "column"))
        if isinstance(named.get(key), int) and named[key] > 0
    }
    if "startLine" in region:
        place["region"] = region
    return place


def _uri(path: str) -> str:
    """A relative reference in which everything but plain letters, digits and `/` is percent-encoded."""
    return urllib.parse.quote(path.encode("utf-8", "surrogatepass"), safe="/")


def _message(text: str) -> str:
    """Plain text in which nothing is a link, and `@name` calls nobody where a message becomes a comment."""
    text = _MENTION.sub(r"\\u{40}", text)
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
