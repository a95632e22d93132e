"""Tables for `show`, `outputs` and `history`: aligned columns, and no cell is ever cut."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from reconciler.render import escape, values
from reconciler.render.colour import paint
from reconciler.render.diff.words import Budget, Line
from reconciler.render.rows import Page, data

Columns = Sequence[tuple[str, str]]
"""Key and title of each column; a column in which no row has a value is left out."""

SHOW: Columns = (
    ("address", "ADDRESS"),
    ("resource", "RESOURCE"),
    ("id", "ID"),
    ("version", "VERSION"),
    ("state", "STATE"),
    ("documents", "DOCUMENTS"),
    ("applied", "LAST APPLY"),
)
OUTPUTS: Columns = (
    ("address", "ADDRESS"),
    ("resource", "RESOURCE"),
    ("id", "ID"),
    ("version", "VERSION"),
    ("spec", "SPEC"),
)
HISTORY: Columns = (
    ("version", "VERSION"),
    ("current", "CURRENT"),
    ("created", "CREATED"),
    ("rev", "COMMIT"),
    ("spec", "SPEC"),
    ("note", "NOTE"),
)


def table(rows: Sequence[Mapping[str, Any]], columns: Columns, width: int = 80, *, color: bool = False) -> str:
    """Rows in columns; where they do not fit into the width, one paragraph for each row."""
    used = [column for column in columns if any(_cell(row.get(column[0])) for row in rows)]
    cells = [[_cell(row.get(key)) for key, _ in used] for row in rows]
    widths = [max(len(title), *(cell_len(row[position]) for row in cells)) for position, (_, title) in enumerate(used)]
    if sum(widths) + 2 * (len(widths) - 1) > width:
        return "\n".join(_paragraph(row, used, color=color) for row in cells)
    head = "  ".join(title.ljust(room) for (_, title), room in zip(used, widths, strict=True)).rstrip()
    lines = [paint(head, "strong", color=color)]
    lines += ["  ".join(map(_padded, row, widths)).rstrip() for row in cells]
    return "\n".join(lines) + "\n"


def render_show(rows: Sequence[Mapping[str, Any]], *, color: bool = False, width: int = 80) -> str:
    """The managed objects."""
    return table(rows, SHOW, width, color=color) if rows else "Nothing of this stack is in the account.\n"


def render_object(value: Mapping[str, Any], *, color: bool = False, width: int = 80) -> str:
    """One object in full, as an outline beside a gutter."""
    page = Page(max(width, 40), 0, color, Budget())
    lines = [row for text in values.lines(value) for row in data(Line(" ", text), page, indent=0)]
    return "".join(f"{paint(row.gutter, 'quiet', color=color)} {row.text}".rstrip() + "\n" for row in lines)


def render_outputs(outputs: Mapping[str, Mapping[str, Any]], *, color: bool = False, width: int = 80) -> str:
    """Ids by address."""
    rows = [{"address": address, **item} for address, item in outputs.items()]
    return table(rows, OUTPUTS, width, color=color) if rows else "Nothing of this stack is in the account.\n"


def render_history(rows: Sequence[Mapping[str, Any]], *, color: bool = False, width: int = 80) -> str:
    """The releases of an assistant, in the order given."""
    return table(rows, HISTORY, width, color=color) if rows else "There are no releases.\n"


def _cell(value: Any) -> str:
    """A string as it is, true as `yes`, false and null as nothing, anything else as JSON."""
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    return escape.line(value) if isinstance(value, str) else values.inline(value)


def _padded(cell: str, room: int) -> str:
    return cell + " " * (room - cell_len(cell))


def _paragraph(cells: Sequence[str], columns: Columns, *, color: bool) -> str:
    room = max(len(title) for _, title in columns)
    lines = [
        f"{paint(f'{title:<{room}}', 'strong', color=color)}  {cell}"
        for (_, title), cell in zip(columns, cells, strict=True)
        if cell
    ]
    return "\n".join(lines) + "\n"
