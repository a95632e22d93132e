"""A plan, or the problems of a tree, as single findings with a place: what annotations and scanners show.

Text and titles are escaped and on one line here, so no form that is made of them has to do it again. Files, lines and
codes are as they were.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from reconciler.render import escape, values

BLOCKED = "blocked"
"""The rule of every change that a safety rule forbids."""

SAID_BY_RISKS = {"delete": "R101", "replace": "R102", "adopt": "R103"}
"""Actions that are risks by themselves, and the risk's code."""

_FIELDS_NAMED = 8
_FILES = {"added": "added", "changed": "changed", "updated": "updated", "removed": "removed"}


class Finding(NamedTuple):
    """One thing to look at. `kind` is blocked, risk, warning, change or problem; `level` error, warning or note.

    `rule` is a code, `blocked`, or an action; `about` is what is done by a change: `delete VectorStore/old`.
    `source` is `{"file", "line", "column"}`, or None; the file is relative to the stack.
    """

    kind: str
    level: str
    rule: str
    address: str
    title: str
    text: str
    source: Mapping[str, Any] | None
    about: str = ""


def of_plan(plan: Mapping[str, Any]) -> list[Finding]:
    """What is blocked, then risks, warnings and changes, each in the plan's own order."""
    changes = list(plan.get("changes") or ())
    sources = {str(change.get("address")): change.get("source") for change in changes if change.get("source")}
    found = [_blocked(change) for change in changes if change.get("blocked")]
    found += [_notice(risk, "warning", "Risk", sources) for risk in plan.get("risks") or ()]
    found += [_notice(warning, "note", "Warning", sources) for warning in plan.get("warnings") or ()]
    found += [_change(change) for change in changes if change.get("action") != "none" and not change.get("blocked")]
    return found


def of_problems(problems: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Diagnostics in their JSON form, in their order."""
    return [
        Finding(
            "problem",
            "error" if problem.get("severity") == "error" else "warning",
            str(problem.get("code")),
            str(problem.get("address") or ""),
            escape.line(f"{problem.get('code')}: {problem.get('summary')}"),
            escape.line(str(problem.get("detail") or problem.get("summary"))),
            _place(problem),
        )
        for problem in problems
    ]


def is_change(action: object) -> bool:
    """Whether something is done at all."""
    return action != "none"


def totals(plan: Mapping[str, Any]) -> dict[str, int]:
    """How many changes there are, how many of them are blocked, and how many risks."""
    changes = list(plan.get("changes") or ())
    return {
        "changes": sum(1 for change in changes if is_change(change.get("action"))),
        "blocked": sum(1 for change in changes if change.get("blocked")),
        "risks": len(plan.get("risks") or ()),
    }


def owner(plan: Mapping[str, Any]) -> str:
    """`STACK` or `STACK/ENV`, as it is."""
    environment = plan.get("environment")
    return f"{plan.get('stack', '')}/{environment}" if environment else str(plan.get("stack", ""))


def path(source: Mapping[str, Any] | None, prefix: str) -> str:
    """The file from the root of the repository on; `prefix` is the stack's directory there, or empty."""
    file = str(source.get("file")) if source else ""
    return "/".join(part for part in (*prefix.split("/"), *file.split("/")) if part not in {"", "."}) if file else ""


def _place(problem: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return problem if problem.get("file") else None


def _blocked(change: Mapping[str, Any]) -> Finding:
    rule = change["blocked"].get("rule")
    return Finding(
        "blocked",
        "error",
        BLOCKED,
        str(change.get("address")),
        f"{escape.line(f'Blocked by {rule}')}: {_about(change)}",
        escape.line(f"{change['blocked'].get('summary')}"),
        change.get("source"),
        _about(change),
    )


def _about(change: Mapping[str, Any]) -> str:
    action = f"{change.get('action')} " if is_change(change.get("action")) else ""
    return escape.line(f"{action}{change.get('address')}")


def _notice(notice: Mapping[str, Any], level: str, word: str, sources: Mapping[str, Any]) -> Finding:
    address = str(notice.get("address") or "")
    return Finding(
        word.lower(),
        level,
        str(notice.get("code")),
        address,
        escape.line(f"{word} {notice.get('code')}{f': {address}' if address else ''}"),
        escape.line(str(notice.get("summary"))),
        notice.get("source") or sources.get(address),
    )


def _change(change: Mapping[str, Any]) -> Finding:
    said = [part for part in (*_fields(change), _documents(change), _reason(change)) if part]
    return Finding(
        "change",
        "note",
        str(change.get("action")),
        str(change.get("address")),
        _about(change),
        "; ".join(said) or _object(change),
        change.get("source"),
        _about(change),
    )


def _reason(change: Mapping[str, Any]) -> str:
    return escape.line(str(change.get("reason") or ""))


def _object(change: Mapping[str, Any]) -> str:
    """The live object, where there is one."""
    return escape.line(
        f"{change.get('resource')} {change['id']}" if change.get("id") else f"a new {change.get('resource')}"
    )


def _fields(change: Mapping[str, Any]) -> Iterator[str]:
    """The names of the fields that differ, those changed in the account marked."""
    if change.get("action") not in {"update", "replace"}:
        return
    named = []
    for field in change.get("fields") or ():
        drift = " (drift)" if field.get("cause") in {"drift", "both"} else ""
        named.append(f"{values.path(field.get('path') or ())}{drift}")
    if named:
        more = len(named) - _FIELDS_NAMED
        yield "changes " + ", ".join(named[:_FIELDS_NAMED]) + (f" and {values.number(more)} more" if more > 0 else "")


def _documents(change: Mapping[str, Any]) -> str:
    """`12 documents added, 1 document removed`."""
    files = change.get("files") or {}
    counted = [
        (values.plural(len(files.get(key) or ()), "document"), word) for key, word in _FILES.items() if files.get(key)
    ]
    return ", ".join(f"{count} {word}" for count, word in counted)
