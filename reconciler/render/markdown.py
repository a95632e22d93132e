"""A plan as Markdown for a pull-request comment.

All data stands in code: in fences longer than any run of backticks inside, or HTML-escaped in `<code>`. There it can
neither mention anyone, nor link, nor close the details it is in; and every line begins with a character of ours.
"""

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.render import blocks
from reconciler.render.rows import Page, Row
from reconciler.render.words import Budget

_WIDTH = 100
_DESTRUCTIVE = frozenset({"!", "-", "-/+"})
_LOUD = {"alarm": "!"}


def render_plan(plan: Mapping[str, Any], *, limit: int = 60_000, context: int = 3) -> str:
    """The JSON form of a plan as Markdown that ends with a line break.

    `limit` is in characters (GitHub takes 65,536 in a comment). Beyond it, unchanged and changed lines of long texts
    and names of added documents are left out and counted; risks, deletions and removed documents never are.
    """
    page = Page(_WIDTH, context, color=False, budget=Budget())
    found = blocks.blocks(plan, page)
    room = limit - sum(len(row.text) + _WIDTH for block in found for row in block.rows if row.essential)
    parts = [
        "### Reconciler plan",
        _fence(map(_line, [*blocks.heading(plan, page), *blocks.summary(plan, page)]), "text"),
    ]
    parts += _optional(blocks.risks(plan, page))
    for block in found:
        room, rows = _shortened(block.rows, room)
        parts.append(_details(block, rows))
    parts += _optional(blocks.warnings(plan, page))
    parts.append(_fence(map(_line, [*blocks.recognised(plan, page), blocks.digest(plan)]), "text"))
    return "\n\n".join(parts) + "\n"


def _optional(rows: list[Row]) -> list[str]:
    return [_fence(map(_line, rows), "diff")] if rows else []


def _details(block: blocks.Block, rows: list[Row]) -> str:
    title = html.escape(f"{block.sign} {block.title}")
    position = f" <code>{html.escape(block.position)}</code>" if block.position else ""
    state = " open" if block.sign in _DESTRUCTIVE else ""
    body = _fence(map(_line, rows), "diff") if rows else ""
    return f"<details{state}><summary><b><code>{title}</code></b>{position}</summary>\n\n{body}\n\n</details>"


def _fence(lines: Iterable[str], language: str) -> str:
    body = "\n".join(lines)
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{body}\n{ticks}"


def _line(row: Row) -> str:
    """The sign first, where GitHub's diff colours look for it; then the indentation."""
    if row.text.startswith("@@ ") and not row.gutter and not row.sign:
        return row.text
    sign = row.sign or _LOUD.get(row.style, " ")
    gutter = f"{row.gutter} " if row.gutter else ""
    return f"{sign} {' ' * max(0, row.indent - 4)}{gutter}{row.text}".rstrip()


def _shortened(rows: Iterable[Row], room: int) -> tuple[int, list[Row]]:
    """The rows that there is room for, and how much room is left; what is left out is counted at the end."""
    kept: list[Row] = []
    hidden = 0
    for row in rows:
        if not row.essential:
            room -= len(row.text) + 12
        if row.essential or room >= 0:
            kept.append(row)
        else:
            hidden += 1
    if hidden:
        kept.append(
            Row(4, "!", f"{hidden:,} lines are left out here; the text and the JSON form of this plan have them")
        )
    return room, kept
