"""Diagnostics for people: the place, what is wrong, the offending line with a caret, what to do."""

from collections.abc import Mapping
from typing import Any

from rich.cells import cell_len

from reconciler.render import escape, values
from reconciler.render.colour import paint
from reconciler.render.diff.words import Budget
from reconciler.render.rows import CONTINUED, GUTTER, Page, prose

_ROOM = 60
_BEFORE_CARET = 40


def render_problems(report: Mapping[str, Any], *, color: bool = False, width: int = 80) -> str:
    """Diagnostics in their JSON form, each optionally with `source` (the line of the file), and a count at the end.

    Editors find the place in `file:line:column: error E301: …`.
    """
    page = Page(max(width, 40), 0, color, Budget())
    diagnostics = report["problems"]
    paragraphs = ["\n".join(_paragraph(item, page)) for item in diagnostics]
    errors = sum(item.get("severity") == "error" for item in diagnostics)
    counts = [
        values.plural(count, noun)
        for count, noun in ((errors, "error"), (len(diagnostics) - errors, "warning"))
        if count
    ]
    paragraphs.append(paint(", ".join(counts) if counts else "No problems.", "strong", color=color))
    return "\n\n".join(paragraphs) + "\n"


def _paragraph(item: Mapping[str, Any], page: Page) -> list[str]:
    severity = str(item.get("severity"))
    style = "alarm" if severity == "error" else "change"
    place = ":".join(str(item[key]) for key in ("file", "line", "column") if item.get(key) is not None)
    place = place or str(item.get("address") or "")
    start = f"{paint(escape.line(place), 'strong', color=page.color)}: " if place else ""
    what = paint(escape.line(f"{severity} {item.get('code')}"), style, color=page.color)
    written = [f"{start}{what}: {escape.line(str(item.get('summary')))}"]
    if isinstance(item.get("source"), str) and isinstance(item.get("line"), int):
        written += _excerpt(item["source"], item["line"], item.get("column"), style, page)
    if item.get("detail"):
        rows = prose(escape.line(str(item["detail"])), page, indent=4, hang=0)
        written += [f"{' ' * row.indent}{row.text}" for row in rows]
    return written


def _excerpt(source: str, line: int, column: Any, style: str, page: Page) -> list[str]:
    """The line of the file, shortened around the column, with a caret under it."""
    source = source.rstrip("\r\n")
    at = column - 1 if isinstance(column, int) and 1 <= column <= len(source) + 1 else None
    start = max(0, (at or 0) - _BEFORE_CARET) if len(source) > _ROOM else 0
    end = start + _ROOM
    before, after = "… " if start else "", " …" if end < len(source) else ""
    number = f"{line:>6}"
    shown = f"{number} {paint(GUTTER, 'quiet', color=page.color)} {before}{escape.line(source[start:end])}{after}"
    if at is None:
        return [shown.rstrip()]
    space = " " * (len(before) + cell_len(escape.line(source[start:at])))
    caret = paint("^", style, color=page.color)
    return [shown.rstrip(), f"{' ' * len(number)} {paint(CONTINUED, 'quiet', color=page.color)} {space}{caret}"]
