"""What `gc`, `unlock` and `recover` show, from the JSON form of their reports."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.render import escape, values
from reconciler.render.colour import paint
from reconciler.render.diff.words import Budget
from reconciler.render.rows import Page, prose
from reconciler.render.tables import Columns, table

_FILE: Columns = (("id", "ID"), ("name", "NAME"), ("size", "SIZE"), ("created", "CREATED"))
_GROUPS: Mapping[str, tuple[str, Columns]] = {
    "journal": ("Files that an interrupted run was about to delete", _FILE),
    "objects": (
        "Objects that an interrupted run left",
        (("address", "ADDRESS"), ("resource", "RESOURCE"), ("id", "ID"), ("created", "CREATED"), ("why", "WHY")),
    ),
    "versions": (
        "Old versions of {address} ({id})",
        (("version", "VERSION"), ("created", "CREATED"), ("files", "FILES")),
    ),
    "files": ("Files that nothing in this account is seen to use; deleted only by --file ID", _FILE),
}
_OBJECTS: Columns = (
    ("address", "ADDRESS"),
    ("resource", "RESOURCE"),
    ("id", "ID"),
    ("version", "VERSION"),
    ("state", "STATE"),
    ("protected", "PROTECTED"),
)
_OUTCOME = {"deleted": "add", "gone": "quiet", "left": "change", "skipped": "change"}
_LABEL = 20
_WIDE = 120
"""Columns: there may be hundreds of Files, and one line for each is worth more than lines that never wrap."""


def render_orphans(report: Mapping[str, Any], *, color: bool = False, width: int = 80) -> str:
    """What `gc` found: one table for each group, what could not be found out, and one line that sums up."""
    sections = [
        f"{paint(title, 'strong', color=color)}\n{table(rows, columns, max(width, _WIDE), color=color)}"
        for title, columns, rows in _tables(report["orphans"])
    ]
    sections += [_notes(report["notes"], color=color, width=width)] if report["notes"] else []
    sections.append(f"{_sum(report)}\n")
    return "\n".join(sections)


def _tables(orphans: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Columns, list[dict[str, Any]]]]:
    """Title, columns and rows: one table for each group, the versions by release."""
    for group, (title, columns) in _GROUPS.items():
        titled: dict[str, list[dict[str, Any]]] = {}
        for item in orphans:
            if item["group"] == group:
                address, object_id = (escape.line(str(item[key])) for key in ("address", "id"))
                titled.setdefault(title.format(address=address, id=object_id), []).append(_row(item))
        for full, rows in titled.items():
            yield full, columns, rows


def _row(item: Mapping[str, Any]) -> dict[str, Any]:
    size = values.size(item["bytes"]) if item["bytes"] is not None else None
    return {**item, "size": size, "files": len(item["files"]) or None}


def _sum(report: Mapping[str, Any]) -> str:
    provable = sum(1 for item in report["orphans"] if item["group"] != "files")
    by_name = len(report["orphans"]) - provable
    if not report["orphans"]:
        return f"Nothing of {escape.line(report['stack'])} is left behind."
    how = "" if report["delete"] else " with `reconciler gc --delete`"
    parts = [f"{values.number(provable)} to delete{how}"] if provable else []
    parts += [f"{values.plural(by_name, 'File')} to look at"] if by_name else []
    return f"{', '.join(parts)}."


def _notes(notes: Sequence[str], *, color: bool, width: int) -> str:
    page = Page(max(width, 40), 0, color, Budget())
    lines = [row for note in notes for row in prose(escape.line(note), page, indent=0, sign="!", style="change")]
    shown = (
        f"{' ' * row.indent}{row.sign} {row.text}" if row.sign else f"{' ' * row.indent}{row.text}" for row in lines
    )
    return "".join(f"{paint(text, 'change', color=color)}\n" for text in shown)


def render_ending(ending: Mapping[str, Any], *, color: bool = False) -> str:
    """One line for each thing that `gc --delete` was to delete, without a line break."""
    outcome = str(ending["outcome"]).replace("_", " ")
    what = str(ending["id"])
    if ending["version"] is not None:
        what = f"{ending['address']} version {ending['version']} ({what})"
    elif ending["address"] is not None:
        what = f"{ending['address']} ({what})"
    elif ending["name"]:
        what = f"{what} ({ending['name']})"
    detail = f": {escape.line(str(ending['detail']))}" if ending["detail"] else ""
    style = _OUTCOME.get(str(ending["outcome"]), "alarm")
    return f"{paint(f'{escape.line(outcome):<9}', style, color=color)}  {escape.line(what)}{detail}"


def render_swept(report: Mapping[str, Any], *, color: bool = False) -> str:
    """How `gc --delete` ended, in one line without a line break."""
    outcomes = [str(item["outcome"]) for item in report["orphans"]]
    counts = [
        f"{values.number(outcomes.count(key))} {key.replace('_', ' ')}"
        for key in ("deleted", "gone", "left", "failed", "in_doubt", "skipped")
        if key == "deleted" or key in outcomes
    ]
    code = report["exit_code"]
    meaning = f" Exit code {code}: it is safe to run again." if code else ""
    return paint(f"gc: {', '.join(counts)}.{meaning}", "alarm" if code else "strong", color=color)


def render_holder(report: Mapping[str, Any], *, color: bool = False) -> str:
    """Who has the stack, as `unlock` shows it."""
    holder = report["holder"]
    if holder is None:
        why = "nobody has it" if report["anchor"] else "there is nothing of it in this account"
        later = " The last run did not end; the next apply repairs what it left." if report["unclean"] else ""
        return f"Nothing to unlock: {why}.{later}\n"
    age = int(holder["age"])
    how_long = f"{values.number(age)} s ago" if age >= 0 else f"{values.number(-age)} s in the future"
    rows = [
        ("Stack", str(report["stack"])),
        ("Anchor", str(report["anchor"])),
        ("Run", str(holder["run"])),
        ("Last sign of life", f"{holder['last_sign_of_life'] or 'unknown'}, {how_long}"),
        ("Plan", f"sha256:{holder['plan']}…" if holder["plan"] else ""),
    ]
    return "".join(_labelled(rows, color=color))


def render_recovery(report: Mapping[str, Any], *, color: bool = False, width: int = 80) -> str:
    """What `recover` would write and remove, and what nobody can know any more."""
    if not report["rebuild"] and not report["remove"]:
        return _nothing(report)
    sections = []
    if report["rebuild"]:
        rows = [("Stack", str(report["stack"])), ("Lineage", str(report["lineage"]))]
        rows.append(("Anchor", str(report["anchor"] or "")))
        sections.append("".join(_labelled(rows, color=color)))
        objects = [{**item, "protected": item["protected"] or None} for item in report["objects"]]
        sections.append(
            table(objects, _OBJECTS, max(width, _WIDE), color=color) if objects else "It will name no objects.\n"
        )
    if report["remove"]:
        ids = ", ".join(escape.line(str(item)) for item in report["remove"])
        sections.append(f"Deleted is an anchor that names nothing: {ids}\n")
    if report["lost"]:
        sections.append(f"What nobody can know any more:\n{_notes(report['lost'], color=color, width=width)}")
    return "\n".join(sections)


def _nothing(report: Mapping[str, Any]) -> str:
    if report["anchor"] is None:
        return "Nothing to recover: there is nothing of this stack in the account. The next apply is a first apply.\n"
    return f"Nothing to recover: the anchor {escape.line(str(report['anchor']))} is sound.\n"


def _labelled(rows: Sequence[tuple[str, str]], *, color: bool) -> Iterator[str]:
    for label, text in rows:
        if text:
            yield f"{paint(f'{label:<{_LABEL}}', 'strong', color=color)}{escape.line(text)}\n"
