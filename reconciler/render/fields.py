"""One differing field of a resource: on one line when it fits, else as a diff; marked when somebody changed it live."""

import itertools
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from reconciler.render import escape, values
from reconciler.render.diff import lists, schemas
from reconciler.render.diff.words import Diff, Hunk, Line, diff
from reconciler.render.rows import SIGN_STYLE, Kind, Page, Row, data, head, labelled, prose

_PREVIEW = 12
_REPEATED = 6
_ABSENT = schemas.ABSENT

_BLOCKWISE = "Too much differs for a comparison line by line: old lines first, then the new ones."
_PLACE_ROOM = 56


def all_rows(
    found: Iterable[Mapping[str, Any]], page: Page, *, indent: int, cause: str = "", preview: bool = False
) -> list[Row]:
    """The rows of several fields, in order; the differences inside one schema stand where the first of them is."""
    groups: dict[Any, list[Mapping[str, Any]]] = {}
    for position, field in enumerate(found):
        inside = schemas.split(field.get("path", ()))
        alone = inside is None or field.get("cause") == "both" or not {"before", "after"} & field.keys()
        key = position if alone or inside is None else (values.inline(list(inside[0])), field.get("cause"))
        groups.setdefault(key, []).append(field)
    written: list[Row] = []
    for key, group in groups.items():
        if isinstance(key, int):
            written += rows(group[0], page, indent=indent, cause=cause, preview=preview)
        else:
            written += _schema(group, page, indent=indent, cause=cause)
    return written


def rows(field: Mapping[str, Any], page: Page, *, indent: int, cause: str = "", preview: bool = False) -> list[Row]:
    """The rows of one field.

    `cause` is the whole change's: what it explains already is not said again. `preview`: a text is shown only in part,
    because the resource is new, or goes as a whole.
    """
    before, after = field.get("before", _ABSENT), field.get("after", _ABSENT)
    path = field.get("path", ())
    if len([side for side in (before, after) if side is not _ABSENT]) == 1 and path and path[-1] in (before, after):
        sign, style = _sign(before, after)  # a list item whose value is its identity
        found = [head(values.path(path), indent=indent, sign=sign, style=style)]
    else:
        is_set = path[-1] in lists.SETS if path else False
        found = list(_change(values.path(path), before, after, page, indent=indent, preview=preview, is_set=is_set))
    said = field.get("cause") == cause and cause != "both"
    return found if said else found + _note(field, page, indent=indent + 2)


def is_short(field: Mapping[str, Any]) -> bool:
    """Whether neither side is a text of several lines."""
    return not (values.is_text(field.get("before")) or values.is_text(field.get("after")))


def _sign(before: Any, after: Any) -> tuple[str, str]:
    return ("+", "add") if before is _ABSENT else ("-", "remove") if after is _ABSENT else ("~", "change")


def _change(
    name: str, before: Any, after: Any, page: Page, *, indent: int, preview: bool = False, is_set: bool = False
) -> Iterator[Row]:
    sign, style = _sign(before, after)
    sides = [side for side in (before, after) if side is not _ABSENT]
    if not sides:
        yield head(f"{name}:", "differs; its value cannot be read", indent=indent, sign="~", style="change")
    elif any(values.is_text(side) for side in sides):
        yield from _text(name, before, after, page, indent=indent, preview=preview)
    elif lists.differ_by_items(before, after):
        yield from _items(name, before, after, page, indent=indent, is_set=is_set)
    else:
        room = page.width - indent - 2
        written = [values.inline(side) for side in sides]
        together = f"{name}: {' → '.join(written)}"
        if cell_len(together) <= room:
            yield Row(indent, sign, together, style, cells=(name, *written), kind=Kind.FIELD)
            if _alike(before, after):
                yield from prose(_SAME_LOOK, page, indent=indent + 2, hang=0, style="alarm")
        elif len(sides) == 2 and not _are_strings(sides) and max(map(cell_len, written)) <= room - 2:
            yield head(f"{name}:", indent=indent, sign=sign, style=style)
            yield Row(indent + 2, " ", written[0], kind=Kind.VALUE)
            yield Row(indent + 2, "→", written[1], kind=Kind.VALUE)
        else:
            yield from _text(name, before, after, page, indent=indent, preview=preview)


def _are_strings(sides: list[Any]) -> bool:
    return all(isinstance(side, str) for side in sides)


# --- texts ------------------------------------------------------------------------------------------------------------

_SAME_LOOK = "Both look the same and are not: their letters are written with other Unicode characters."


def _text(name: str, before: Any, after: Any, page: Page, *, indent: int, preview: bool) -> Iterator[Row]:
    """A value of several lines: as a diff, or whole when there is nothing to compare it with."""
    sign, style = _sign(before, after)
    if before is _ABSENT or after is _ABSENT:
        value = after if before is _ABSENT else before
        yield from _one_sided(sign, name, value, page, indent=indent, preview=preview)
        return
    multiline = values.is_text(before) or values.is_text(after)
    extent, below = _compared(before, after, page, indent=indent, numbered=multiline)
    yield head(f"{name}:", extent if multiline else "", indent=indent, sign=sign, style=style)
    yield from below


def document(before: str, after: str, page: Page, *, indent: int) -> Iterator[Row]:
    """What differs between two versions of a document."""
    extent, below = _compared(before, after, page, indent=indent - 2, numbered=True)
    yield from labelled("changed", extent, page, indent=indent) if extent else ()
    yield from below


def _compared(before: Any, after: Any, page: Page, *, indent: int, numbered: bool) -> tuple[str, list[Row]]:
    """How much differs, in words, and what."""
    breaks = _line_breaks(before, after)
    if breaks:
        before, after = (side.replace("\r\n", "\n") for side in (before, after))
    old, new = values.lines(before), values.lines(after)
    found = diff(old, new, context=page.context, budget=page.budget)
    extent = _extent(found, len(new))
    if extent and _differ_in_blanks(before, after):
        extent += ", in white space only"
    rows = prose(breaks, page, indent=indent + 2, hang=0, style="quiet")
    if _alike(before, after):
        rows += prose(_SAME_LOOK, page, indent=indent + 2, hang=0, style="alarm")
    rows += _hunks(found, page, indent=indent, numbered=numbered)
    rows += _last_newline(before, after, page, indent=indent + 2)
    return extent, rows


def _one_sided(sign: str, name: str, value: Any, page: Page, *, indent: int, preview: bool) -> Iterator[Row]:
    """A value that is only there before or after; a text of a new resource is cut, with its extent told."""
    extent = ""
    shown = lines = values.lines(value)
    if isinstance(value, str):
        bytes_ = len(value.encode("utf-8", "surrogatepass"))
        extent = f"{values.plural(len(lines), 'line')}, {values.size(bytes_)}"
        shown = lines[:_PREVIEW] if preview and len(lines) > _PREVIEW + 2 else lines
    yield head(f"{name}:", extent, indent=indent, sign=sign, style=SIGN_STYLE[sign])
    yield from _lines([Line(sign, text) for text in shown], page, indent=indent, essential=not isinstance(value, str))
    if len(shown) < len(lines):
        yield Row(indent + 2, "", f"and {values.plural(len(lines) - len(shown), 'more line')}")


def _hunks(found: Diff, page: Page, *, indent: int, numbered: bool) -> Iterator[Row]:
    if found.coarse:
        yield from prose(_BLOCKWISE, page, indent=indent + 2, hang=0, style="quiet")
    for position, hunk in enumerate(found.hunks):
        if numbered:
            place = _place(hunk)
            yield Row(indent + 2, "", f"@@ {place} @@", "quiet", cells=(place,), kind=Kind.PLACE)
        elif position:
            yield Row(indent + 2, "", "⋮", "quiet", cells=("⋮",), kind=Kind.PLACE)
        yield from _lines(hunk.lines, page, indent=indent, essential=not numbered)


def _lines(lines: Sequence[Line], page: Page, *, indent: int, essential: bool) -> Iterator[Row]:
    """The rows of lines; one that follows itself many times is shown once and counted."""
    for line, run in itertools.groupby(lines):
        if not line.sign:
            yield from _remark(f"({line.text})", page, indent=indent, essential=True)
            continue
        count = sum(1 for _ in run)
        for _ in range(1 if count > _REPEATED else count):
            yield from data(line, page, indent=indent, essential=essential)
        if count > _REPEATED:
            what = "the same line" if line.text.strip() else "a blank line"
            more = f"({what} {values.number(count - 1)} more times)"
            yield from _remark(more, page, indent=indent, essential=essential)


def _remark(text: str, page: Page, *, indent: int, essential: bool) -> Iterator[Row]:
    for row in prose(text, page, indent=indent + 2, hang=0, style="quiet"):
        yield row._replace(essential=essential, kind=Kind.REMARK)


def _place(hunk: Hunk) -> str:
    """`line 41, under "Refunds > Exceptions"`: where the change stands in the new text."""
    if hunk.first > hunk.last:
        place = f"after line {values.number(hunk.last)}" if hunk.last else "before the first line"
    elif hunk.first == hunk.last:
        place = f"line {values.number(hunk.first)}"
    else:
        place = f"lines {values.number(hunk.first)} to {values.number(hunk.last)}"
    return f'{place}, under "{_section(hunk.heading)}"' if hunk.heading else place


def _section(heading: tuple[str, ...]) -> str:
    """The innermost heading, with as many of those above it as there is room for."""
    names = [name if len(name) <= 40 else f"{name[:39]}…" for name in heading]
    kept = [names.pop()]
    while names and sum(map(len, kept)) + 3 * len(kept) + len(names[-1]) <= _PLACE_ROOM:
        kept.insert(0, names.pop())
    return escape.line(" > ".join(["…", *kept] if names else kept))


def _extent(found: Diff, total: int) -> str:
    """`1 of 62 lines changed`, or what was added, removed and moved."""
    added, removed = found.added - found.moved, found.removed - found.moved
    parts: list[str] = []
    if added == removed and added:
        parts.append(f"{values.number(added)} of {values.plural(total, 'line')} changed")
    elif added or removed:
        parts += [f"{values.plural(added, 'line')} added"] if added else []
        parts += [f"{values.number(removed) if parts else values.plural(removed, 'line')} removed"] if removed else []
    if found.moved:
        parts.append(f"{values.number(found.moved) if parts else values.plural(found.moved, 'line')} moved")
    now = f"; {values.plural(total, 'line')} now" if added != removed or (found.moved and not added) else ""
    return f"{', '.join(parts)}{now}" if parts else ""


def _line_breaks(before: Any, after: Any) -> str:
    """A sentence when every line ends otherwise than before, and the texts can be compared as if it were not so."""
    if not (isinstance(before, str) and isinstance(after, str)):
        return ""
    old, new = _line_break(before), _line_break(after)
    return f"Every line ends in {new} now, before in {old}." if old and new and old != new else ""


def _line_break(text: str) -> str:
    """What all lines of a text end in; empty where there is none, or not one for all."""
    carried, breaks = text.count("\r\n"), text.count("\n")
    return "" if not breaks else "LF" if not carried else "CR LF" if carried == breaks else ""


def _differ_in_blanks(before: Any, after: Any) -> bool:
    return isinstance(before, str) and isinstance(after, str) and before.split() == after.split()


def _alike(before: Any, after: Any) -> bool:
    """Whether two texts differ and cannot be told apart by eye."""
    if not (isinstance(before, str) and isinstance(after, str)) or (before.isascii() and after.isascii()):
        return False
    return before != after and unicodedata.normalize("NFC", before) == unicodedata.normalize("NFC", after)


def _last_newline(before: Any, after: Any, page: Page, *, indent: int) -> Iterator[Row]:
    """A text's last line break shows in no line of it."""
    if isinstance(before, str) and isinstance(after, str) and before.endswith("\n") != after.endswith("\n"):
        what = "is added" if after.endswith("\n") else "is removed"
        yield from prose(f"The line break at the end {what}.", page, indent=indent, hang=0, style="quiet")


# --- lists and schemas ------------------------------------------------------------------------------------------------


def _items(name: str, before: Any, after: Any, page: Page, *, indent: int, is_set: bool) -> Iterator[Row]:
    """What came into a list and what went; the order only where that does not tell it."""
    went, came, order = lists.items(before, after, is_set=is_set)
    written = [*(("-", values.inline(item)) for item in went), *(("+", values.inline(item)) for item in came)]
    told = [f"{sign} {text}" for sign, text in written]
    told += [f"in this order now: {values.inline(order)}"] if order else []
    together = f"{name}: {', '.join(told)}"
    if cell_len(together) <= page.width - indent - 2:
        yield Row(indent, "~", together, "change", cells=(name, ", ".join(told)), kind=Kind.FIELD)
        return
    yield head(f"{name}:", indent=indent, sign="~", style="change")
    for sign, text in written:
        yield from data(Line(sign, text), page, indent=indent + 2)
    if order:
        yield head("in this order now:", indent=indent + 2, sign="~", style="change")
        yield from data(Line("~", values.inline(order)), page, indent=indent + 2)


def _schema(group: Sequence[Mapping[str, Any]], page: Page, *, indent: int, cause: str) -> list[Row]:
    """The differences inside one schema, under its path; a single one that fits stands beside it."""
    inside = [(schemas.split(field["path"]), field) for field in group]
    top = values.path(next(where[0] for where, _ in inside if where))
    differences = [
        (where[1], field.get("before", _ABSENT), field.get("after", _ABSENT)) for where, field in inside if where
    ]
    found = [row for item in schemas.statements(differences) for row in _statement(item, page, indent=indent + 2)]
    together = f"{top}: {found[0].text}"
    if len(found) == 1 and cell_len(together) <= page.width - indent - 2:
        found = [found[0]._replace(indent=indent, text=together, cells=(top, found[0].text), kind=Kind.FIELD)]
    else:
        found.insert(0, head(f"{top}:", indent=indent, sign="~", style="change"))
    said = group[0].get("cause") == cause
    return found if said else found + _note(group[0], page, indent=indent + 2)


def _statement(item: schemas.Statement, page: Page, *, indent: int) -> Iterator[Row]:
    if item.before is not _ABSENT or item.after is not _ABSENT:
        yield from _change(item.name, item.before, item.after, page, indent=indent, is_set=item.is_set)
        return
    name, style = (f"{item.name}:" if item.text else item.name), SIGN_STYLE[item.sign]
    together = head(name, item.text, indent=indent, sign=item.sign, style=style)
    if not item.text or cell_len(together.text) <= page.width - indent - 2:
        yield together
        return
    yield head(name, indent=indent, sign=item.sign, style=style)
    yield from data(Line(item.sign, item.text), page, indent=indent)


# --- who changed it ---------------------------------------------------------------------------------------------------


def _note(field: Mapping[str, Any], page: Page, *, indent: int) -> list[Row]:
    cause = field.get("cause")
    if cause == "drift":
        text = "changed in the account since the last apply. Apply restores it."
        return _marked(cause, text, page, indent=indent)
    if cause == "tool":
        text = "nobody changed it: this version of reconciler writes it differently."
        return prose(text, page, indent=indent, hang=0, style="quiet")
    if cause == "both":
        return _conflict(field, page, indent=indent)
    return []


def _marked(word: str, text: str, page: Page, *, indent: int) -> list[Row]:
    """A note that begins with a word to be seen."""
    rows = prose(f"{word}: {text}", page, indent=indent, hang=0, style="drift")
    return [row._replace(cells=(word, f": {text}")) for row in rows]


def _conflict(field: Mapping[str, Any], page: Page, *, indent: int) -> list[Row]:
    """What the last apply set, when it can be had: the middle of a comparison of three."""
    last = field.get("last_applied")
    changed = "since then the account and the manifest both changed it. Apply overwrites what the account has now."
    if last is None:
        text = f"what the last apply set is not available; {changed}"
        return _marked("conflict", text, page, indent=indent)
    written = values.inline(last)
    if not values.is_text(last) and len(written) <= page.width:
        return _marked("conflict", f"the last apply set {written}; {changed}", page, indent=indent)
    found = _marked("conflict", changed, page, indent=indent)
    found.append(Row(indent, "", "What the account changed since the last apply, and will lose:", "drift"))
    live = field.get("before", _ABSENT)
    old, new = values.lines(last), [] if live is _ABSENT else values.lines(live)
    compared = diff(old, new, context=page.context, budget=page.budget)
    return found + list(_hunks(compared, page, indent=indent, numbered=True))
