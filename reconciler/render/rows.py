"""The lines of a plan before they are laid out: where each sits, its sign, its text, and what may never be cut.

A row never begins with data: a sign, a label of ours or a gutter (`│`) comes first. What stands to the right of a
gutter is data, and nothing else; `┊` marks the continuation of a line that was too long.
"""

import textwrap
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from rich.cells import cell_len, chop_cells

from reconciler.render import escape
from reconciler.render.diff.words import Budget, Line, Span

GUTTER = "│"
CONTINUED = "┊"

SIGN_STYLE = {"+": "add", "~": "change", "-": "remove", "-/+": "replace", "»": "take", "…": "take", "!": "alarm"}
"""The colour of each sign."""

_KEEP = 60
_CONTEXT_ROOM = 200


class Kind(StrEnum):
    """What a row is, and what its `cells` are, for forms that lay out otherwise than line by line."""

    FACT = "fact"
    """A label and a text; without a label it goes on with the one before."""
    FIELD = "field"
    """A name, and one value or two."""
    HEAD = "head"
    """A name, and how much of it differs; the values stand below."""
    VALUE = "value"
    """A value on a line of its own, before or (with an arrow) after. No cells."""
    LINE = "line"
    """A line of a diff. No cells."""
    PLACE = "place"
    """Where the lines below stand."""
    REMARK = "remark"
    """What is said between the lines of a diff. No cells."""
    DOCUMENT = "document"
    """A name, a size and a reason."""
    NOTE = "note"
    """A sentence; if there are cells, the word that it begins with and the rest."""


class Row(NamedTuple):
    """One line of output, escaped and cut to the width.

    `indent` is in columns, `marks` are spans of `text` to be stressed in colour, `essential` rows are never left out
    where room is short. `cells` are the parts that `text` is put together from.
    """

    indent: int = 0
    sign: str = ""
    text: str = ""
    style: str = ""
    gutter: str = ""
    marks: tuple[Span, ...] = ()
    essential: bool = True
    cells: tuple[str, ...] = ()
    kind: Kind = Kind.NOTE


class Page(NamedTuple):
    """What rows are made for: columns, lines of context in a diff, whether colour marks words, and a budget.

    `wrap`: whether long lines are broken here; a browser does that itself. `names`: how many added or changed documents
    of a store are named; the others are counted.
    """

    width: int
    context: int
    color: bool
    budget: Budget
    wrap: bool = True
    names: int = 20


def prose(
    text: str, page: Page, *, indent: int, sign: str = "", hang: int = 2, style: str = "", label: str = ""
) -> list[Row]:
    """A paragraph of our words with data in it (escaped by the caller), wrapped; further lines hang.

    It stands behind the label, however long its first word is.
    """
    if not page.wrap:
        return [Row(indent, sign, f"{label}{text}", style)] if text or label else []
    lead = len(sign) + 1 if sign else 0
    written = textwrap.wrap(
        text,
        width=max(20, page.width - indent - lead),
        initial_indent=label,
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
    if label and not written:
        written = [label.rstrip()]
    rows = [Row(indent, sign, line, style) for line in written[:1]]
    return rows + [Row(indent + lead, "", line, style) for line in written[1:]]


def labelled(label: str, text: str, page: Page, *, indent: int, hang: int = 9, style: str = "") -> list[Row]:
    """`label    text`, with the text in a column of its own."""
    rows = prose(text, page, indent=indent, hang=hang, style=style, label=f"{label:<8} ")
    return [row._replace(cells=(label, text), kind=Kind.FACT) for row in rows]


def head(name: str, extent: str = "", *, indent: int, sign: str, style: str) -> Row:
    """The name of a field (with its colon, if it has one) whose values stand below, and how much of them differs."""
    return Row(indent, sign, f"{name} {extent}" if extent else name, style, cells=(name, extent), kind=Kind.HEAD)


def data(line: Line, page: Page, *, indent: int, essential: bool = True) -> Iterator[Row]:
    """One line of a diff or a value, to the right of a gutter; too long ones continue below."""
    text, marks = _marked(line, brackets=not page.color)
    style = SIGN_STYLE.get(line.sign, "")
    gutter = GUTTER
    room = max(20, page.width - indent - 4)
    if not page.wrap or (len(text) <= room and text.isascii()):
        yield Row(indent, line.sign, text, style, gutter, tuple(marks), essential, kind=Kind.LINE)
        return
    for start, end in _folds(text, room):
        inside = tuple((max(a, start) - start, min(b, end) - start) for a, b in marks if a < end and b > start)
        yield Row(indent, line.sign, text[start:end], style, gutter, inside, essential, kind=Kind.LINE)
        gutter = CONTINUED


def _marked(line: Line, *, brackets: bool) -> tuple[str, list[Span]]:
    """The escaped text of a line and where its marked words are; without colour they stand in brackets."""
    if not line.marks:
        return _unmarked(line), []
    opening, closing = ("", "") if not brackets else ("[-", "-]") if line.sign == "-" else ("{+", "+}")
    parts: list[str] = []
    marks: list[Span] = []
    at = length = 0
    for start, end in line.marks:
        same = _elided(line.text[at:start])
        changed = f"{opening}{escape.line(line.text[start:end])}{closing}"
        parts += [same, changed]
        marks.append((length + len(same), length + len(same) + len(changed)))
        length += len(same) + len(changed)
        at = end
    parts.append(_elided(line.text[at:]))
    return escape.joined("".join(parts), marks)


def _unmarked(line: Line) -> str:
    if line.sign == " ":
        text = line.text.rstrip(" ")
        if len(text) > _CONTEXT_ROOM:
            text = text[: _CONTEXT_ROOM - _KEEP]
            return f"{escape.line(text)} … {len(line.text) - len(text):,} more unchanged characters"
        return escape.line(text)
    bare = line.text.rstrip(" ")
    return escape.line(bare) + r"\u{20}" * (len(line.text) - len(bare))


def _elided(text: str) -> str:
    """An unchanged stretch inside a changed line; the middle of a long one is counted instead of shown."""
    if len(text) <= _CONTEXT_ROOM:
        return escape.line(text)
    head, tail = text[:_KEEP].rstrip(), text[-_KEEP:].lstrip()
    cut = len(text) - len(head) - len(tail)
    return f"{escape.line(head)} … {cut:,} unchanged characters … {escape.line(tail)}"


def _folds(text: str, room: int) -> Iterator[Span]:
    """Where to break a line, preferably at blanks, so that no row takes more columns than there are."""
    start = 0
    while len(text) - start > room or (not text.isascii() and cell_len(text[start:]) > room):
        piece = text[start : start + room]
        end = start + len((chop_cells(piece, room) or [piece])[0])
        blank = text.rfind(" ", start + room // 2, end + 1)
        if blank > start:
            yield start, blank
            start = blank + 1
        else:
            yield start, end
            start = end
    yield start, len(text)
