"""Plans and reports of drift as text for a terminal or a log: everything that matters, nothing in need of a legend."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.cells import cell_len

from reconciler.render import view
from reconciler.render.blocks import Block
from reconciler.render.colour import paint, paint_spans
from reconciler.render.diff.words import Budget
from reconciler.render.documents import Texts
from reconciler.render.rows import SIGN_STYLE, Page, Row, prose
from reconciler.render.view import View


def render_plan(
    plan: Mapping[str, Any],
    *,
    color: bool = False,
    width: int = 80,
    context: int = 3,
    documents: Texts | None = None,
) -> str:
    """The JSON form of a plan as text that ends with a line break.

    `width` is in columns; lines of ours respect it, long paths and ids do not break. `context` is the number of
    unchanged lines around each change of a text. `documents` are texts of changed documents, to be compared.
    """
    page = Page(max(width, 40), context, color, Budget())
    shown = view.of_plan(plan, page, documents)
    return _shown(shown, page, [Row(0, "", f"Digest: {shown.digest}", "quiet")])


def render_drift(report: Mapping[str, Any], *, color: bool = False, width: int = 80, context: int = 3) -> str:
    """What was changed in the account since the last apply, from a report in the JSON form of a plan."""
    page = Page(max(width, 40), context, color, Budget())
    return _shown(view.of_drift(report, page), page, [])


def _shown(shown: View, page: Page, end: list[Row]) -> str:
    sections = [
        lines(shown.heading(page), color=page.color),
        lines(view.notices(shown.risks, page, style="alarm"), color=page.color),
        *(_block(block, page) for block in (*shown.changes, *shown.documents)),
        lines(shown.costs(page), color=page.color),
        lines(view.notices(shown.warnings, page, style="change"), color=page.color),
        lines(prose(shown.recognised, page, indent=0, style="quiet"), color=page.color),
        lines([*prose(shown.summary, page, indent=0, style="strong"), *end], color=page.color),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _block(block: Block, page: Page) -> list[str]:
    """A block with its position at the right edge, where there is room."""
    left = f"{block.sign} {block.title}"
    space = page.width - cell_len(left) - cell_len(block.position)
    style = SIGN_STYLE.get(block.sign, "")
    head = f"{paint(block.sign, style, color=page.color)} {paint(block.title, 'strong', color=page.color)}"
    rows = list(block.rows)
    if block.position and space >= 2:
        head += " " * space + paint(block.position, "quiet", color=page.color)
    elif block.position:
        rows.insert(0, Row(4, "", f"at       {block.position}"))
    return [head, *lines(rows, color=page.color)]


def lines(rows: Iterable[Row], *, color: bool) -> list[str]:
    """Rows as they stand in a terminal."""
    return [_line(row, color=color) for row in rows]


def _line(row: Row, *, color: bool) -> str:
    indent = " " * row.indent
    if row.gutter:
        text = paint_spans(row.text, row.marks, row.style, color=color)
        sign = paint(row.sign, row.style, color=color)
        return f"{indent}{sign} {paint(row.gutter, 'quiet', color=color)} {text}".rstrip()
    if row.sign:
        return f"{indent}{paint(row.sign, row.style, color=color)} {row.text}"
    return f"{indent}{paint(row.text, row.style, color=color)}"
