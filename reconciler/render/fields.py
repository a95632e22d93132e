"""One differing field of a resource: on one line when it fits, else as a diff; marked when somebody changed it live."""

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.render import escape, values
from reconciler.render.rows import Page, Row, data, prose
from reconciler.render.words import Diff, Hunk, Line, diff

_PREVIEW = 12
_ABSENT: Any = object()

_BLOCKWISE = "Too much differs for a comparison line by line: old lines first, then the new ones."


def rows(field: Mapping[str, Any], page: Page, *, indent: int, cause: str = "", preview: bool = False) -> list[Row]:
    """The rows of one field.

    `cause` is the whole change's: what it explains already is not said again. `preview`: a text is shown only in part,
    because the resource is new, or goes as a whole.
    """
    before, after = field.get("before", _ABSENT), field.get("after", _ABSENT)
    found = list(_change(field.get("path", ()), before, after, page, indent=indent, preview=preview))
    said = field.get("cause") == cause and cause != "both"
    return found if said else found + _note(field, page, indent=indent + 2)


def is_short(field: Mapping[str, Any]) -> bool:
    """Whether neither side is a text of several lines."""
    return not (values.is_text(field.get("before")) or values.is_text(field.get("after")))


def _change(path: Any, before: Any, after: Any, page: Page, *, indent: int, preview: bool) -> Iterator[Row]:
    sign = "+" if before is _ABSENT else "-" if after is _ABSENT else "~"
    style = {"+": "add", "-": "remove", "~": "change"}[sign]
    name = values.path(path)
    sides = [side for side in (before, after) if side is not _ABSENT]
    room = page.width - indent - 2
    if not sides:
        yield Row(indent, "~", f"{name}: differs; its value cannot be read", "change")
        return
    if len(sides) == 1 and path and sides[0] == path[-1]:  # a list item whose value is its identity
        yield Row(indent, sign, name, style)
        return
    if not any(values.is_text(side) for side in sides):
        written = [values.inline(side) for side in sides]
        together = f"{name}: {' → '.join(written)}"
        if escape.columns(together) <= room:
            yield Row(indent, sign, together, style)
            return
        if len(sides) == 2 and not _are_strings(sides) and max(map(escape.columns, written)) <= room - 2:
            yield Row(indent, sign, f"{name}:", style)
            yield Row(indent + 2, " ", written[0])
            yield Row(indent + 2, "→", written[1])
            return
    old = [] if before is _ABSENT else values.lines(before)
    new = [] if after is _ABSENT else values.lines(after)
    if len(sides) == 1:
        yield from _one_sided(sign, name, sides[0], old or new, page, indent=indent, preview=preview)
        return
    found = diff(old, new, context=page.context, budget=page.budget)
    multiline = any(values.is_text(side) for side in sides)
    yield Row(indent, sign, f"{name}:{_extent(found, len(new)) if multiline else ''}", style)
    yield from _hunks(found, page, indent=indent, numbered=multiline)
    yield from _last_newline(before, after, page, indent=indent + 2)


def _are_strings(sides: list[Any]) -> bool:
    return all(isinstance(side, str) for side in sides)


def _one_sided(
    sign: str, name: str, value: Any, lines: list[str], page: Page, *, indent: int, preview: bool
) -> Iterator[Row]:
    """A value that is only there before or after; a text of a new resource is cut, with its extent told."""
    extent = ""
    shown = lines
    if isinstance(value, str):
        bytes_ = len(value.encode("utf-8", "surrogatepass"))
        extent = f" {values.plural(len(lines), 'line')}, {values.size(bytes_)}"
        shown = lines[:_PREVIEW] if preview and len(lines) > _PREVIEW + 2 else lines
    yield Row(indent, sign, f"{name}:{extent}", {"+": "add", "-": "remove"}[sign])
    for text in shown:
        yield from data(Line(sign, text), page, indent=indent, essential=not isinstance(value, str))
    if len(shown) < len(lines):
        yield Row(indent + 2, "", f"and {values.plural(len(lines) - len(shown), 'more line')}")


def _hunks(found: Diff, page: Page, *, indent: int, numbered: bool) -> Iterator[Row]:
    if found.coarse:
        yield from prose(_BLOCKWISE, page, indent=indent + 2, hang=0, style="quiet")
    for position, hunk in enumerate(found.hunks):
        if numbered:
            yield Row(indent + 2, "", f"@@ {_place(hunk)} @@", "quiet")
        elif position:
            yield Row(indent + 2, "", "⋮", "quiet")
        for line in hunk.lines:
            yield from data(line, page, indent=indent, essential=not numbered)


def _place(hunk: Hunk) -> str:
    """`line 41, under "Refunds"`: where the change stands in the new text."""
    if hunk.first > hunk.last:
        place = f"after line {values.number(hunk.last)}" if hunk.last else "before the first line"
    elif hunk.first == hunk.last:
        place = f"line {values.number(hunk.first)}"
    else:
        place = f"lines {values.number(hunk.first)} to {values.number(hunk.last)}"
    heading = hunk.heading if len(hunk.heading) <= 40 else f"{hunk.heading[:39]}…"
    return f'{place}, under "{escape.line(heading)}"' if heading else place


def _extent(found: Diff, total: int) -> str:
    """` 1 of 62 lines changed`, or what was added and removed."""
    if found.added == found.removed:
        return f" {values.number(found.added)} of {values.plural(total, 'line')} changed" if found.added else ""
    parts = [f"{values.plural(found.added, 'line')} added"] if found.added else []
    if found.removed:
        parts.append(f"{values.number(found.removed) if parts else values.plural(found.removed, 'line')} removed")
    return f" {', '.join(parts)}; {values.plural(total, 'line')} now"


def _last_newline(before: Any, after: Any, page: Page, *, indent: int) -> Iterator[Row]:
    """A text's last line break shows in no line of it."""
    if isinstance(before, str) and isinstance(after, str) and before.endswith("\n") != after.endswith("\n"):
        what = "is added" if after.endswith("\n") else "is removed"
        yield from prose(f"The line break at the end {what}.", page, indent=indent, hang=0, style="quiet")


# --- who changed it ---------------------------------------------------------------------------------------------------


def _note(field: Mapping[str, Any], page: Page, *, indent: int) -> list[Row]:
    cause = field.get("cause")
    if cause == "drift":
        text = "drift: changed in the account since the last apply. Apply restores it."
        return prose(text, page, indent=indent, hang=0, style="drift")
    if cause == "tool":
        text = "nobody changed it: this version of reconciler writes it differently."
        return prose(text, page, indent=indent, hang=0, style="quiet")
    if cause == "both":
        return _conflict(field, page, indent=indent)
    return []


def _conflict(field: Mapping[str, Any], page: Page, *, indent: int) -> list[Row]:
    """What the last apply set, when it can be had: the middle of a comparison of three."""
    last = field.get("last_applied")
    changed = "since then the account and the manifest both changed it. Apply overwrites what the account has now."
    if last is None:
        text = f"conflict: what the last apply set is not available; {changed}"
        return prose(text, page, indent=indent, hang=0, style="drift")
    written = values.inline(last)
    if not values.is_text(last) and len(written) <= page.width:
        text = f"conflict: the last apply set {written}; {changed}"
        return prose(text, page, indent=indent, hang=0, style="drift")
    found = prose(f"conflict: {changed}", page, indent=indent, hang=0, style="drift")
    found.append(Row(indent, "", "What the account changed since the last apply, and will lose:", "drift"))
    live = field.get("before", _ABSENT)
    old, new = values.lines(last), [] if live is _ABSENT else values.lines(live)
    compared = diff(old, new, context=page.context, budget=page.budget)
    return found + list(_hunks(compared, page, indent=indent, numbered=True))
