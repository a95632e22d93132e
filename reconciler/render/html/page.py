"""A plan as one static page: for a browser, a phone, an archive, or paper.

The page consists of text, one style sheet and one picture. Its policy forbids everything else: scripts, images, frames,
forms, requests; the style sheet is allowed by its hash. All data is escaped twice, first as for a terminal
(`escape.line`), then for HTML, by the templates (`page.html.j2`, `rows.html.j2`), which escape whatever is not markup.

Lines of a diff are broken, never scrolled: what stands far to the right of a long line would be read by nobody, and an
attacker would put it there.
"""

import base64
import hashlib
import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reconciler.render import escape, values, view
from reconciler.render.blocks import SYMBOL, Block
from reconciler.render.diff.words import Budget
from reconciler.render.documents import Texts
from reconciler.render.graph.svg import MAX_NODES, render_svg, too_many
from reconciler.render.rows import SIGN_STYLE, Kind, Page, Row

_HERE = Path(__file__).parent
_WIDTH = 100
_ROOM = 400
_LONG = 60
_NAMES = 20
_ALL = 1_000_000
_DESTRUCTIVE = frozenset({"!", "-", "-/+"})
_CHIPS = ("blocked", "delete", "replace", "forget", "adopt", "update", "create", "unchanged")


def render_plan(plan: Mapping[str, Any], *, context: int = 3, documents: Texts | None = None) -> str:
    """The JSON form of a plan as an HTML page that ends with a line break.

    `context` is the number of unchanged lines around each change of a text. `documents` are texts to be compared:
    address of a document to what was last applied (None: not available) and what it is now.
    """
    shown = view.of_plan(plan, _page(context), documents)
    return _render(plan, shown, "Reconciler plan", f"Plan for {plan.get('stack')}", _chips(plan), _picture(plan))


def render_drift(report: Mapping[str, Any], *, context: int = 3) -> str:
    """What was changed in the account since the last apply, as a page of the same kind."""
    shown = view.of_drift(report, _page(context))
    return _render(report, shown, "Reconciler drift report", f"Drift of {report.get('stack')}", [], Markup())


def _page(context: int) -> Page:
    return Page(_WIDTH, context, color=True, budget=Budget(), wrap=False, names=_ALL)


def _render(
    plan: Mapping[str, Any], shown: view.View, eyebrow: str, title: str, chips: Sequence[object], picture: Markup
) -> str:
    style, environment = _style(), _environment()
    digest = hashlib.sha256(style.encode()).digest()
    tool = plan.get("tool") or {}
    origin = {
        "Manifests": plan.get("manifests"),
        "Made by": f"{tool.get('name')} {tool.get('version')}" if tool else "",
    }
    return environment.get_template("page.html.j2").render(
        shown=shown,
        eyebrow=eyebrow,
        title=escape.line(title),
        chips=chips,
        picture=picture,
        style=style,
        allowed=f"sha256-{base64.b64encode(digest).decode()}",
        anchors={block.address: f"change-{number}" for number, block in enumerate(shown.changes, 1)},
        facts=[*shown.facts[1:], *_told({"As of": plan.get("as_of")}), ("Digest", shown.digest)],
        origin=_told(origin),
    )


@cache
def _style() -> Markup:
    """The style sheet, exactly as it stands on the page: a policy allows it by its hash."""
    return Markup((_HERE / "page.css").read_text(encoding="utf-8"))  # noqa: S704 - a file of ours


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_escaped,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    found.globals["styles"] = SIGN_STYLE
    found.filters |= {"pieces": _pieces, "opened": _opened, "words": _words}
    return found


def _escaped(value: object) -> Markup:
    """As Python spells it, not as markupsafe does: pages that people keep stay the same, byte for byte."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value)))  # noqa: S704 - it is escaped


def _told(facts: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(label, escape.line(str(value))) for label, value in facts.items() if value]


def _chips(plan: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The counts of the summary, each with its sign."""
    totals = plan.get("summary") or {}
    signs = {**SYMBOL, "blocked": "!", "unchanged": ""}
    return [(signs[name], values.number(totals[name]), name) for name in _CHIPS if totals.get(name)]


# --- resources --------------------------------------------------------------------------------------------------------


class Piece(NamedTuple):
    """Neighbouring rows of one kind, and what is folded up below them, under the last row or under a count."""

    kind: Kind
    rows: Sequence[Row]
    below: Sequence[Row] = ()
    more: str = ""


def _opened(found: Iterable[Block]) -> Iterator[tuple[Block, bool]]:
    """What is destroyed or blocked is open, and so is the rest as far as it can be taken in at once."""
    room = _ROOM
    for block in found:
        room -= len(block.rows)
        yield block, block.sign in _DESTRUCTIVE or room >= 0


def _pieces(rows: Iterable[Row]) -> list[Piece]:
    """The rows below a headline; a long diff folds under the line that names it, many documents fold under a count."""
    found: list[Piece] = []
    for kind, group in groupby(rows, key=_group):
        piece = Piece(kind, list(group))
        if kind is Kind.LINE and len(piece.rows) > _LONG and found and found[-1].kind is Kind.FIELD:
            found[-1] = found[-1]._replace(below=piece.rows)
        else:
            found.append(_folded(piece) if kind is Kind.DOCUMENT else piece)
    return found


def _group(row: Row) -> Kind:
    """Which rows stand together: a field's name with other fields, what is said of a diff with its lines."""
    together = {Kind.HEAD: Kind.FIELD, Kind.PLACE: Kind.LINE, Kind.REMARK: Kind.LINE}
    return together.get(row.kind, row.kind)


def _folded(piece: Piece) -> Piece:
    """Documents that come or change are folded when they are many, those that go never are."""
    shown = sum(row.sign == "-" for row in piece.rows) + _NAMES
    below = piece.rows[shown:]
    return Piece(piece.kind, piece.rows[:shown], below, values.plural(len(below), "more document"))


def _words(row: Row) -> Iterator[tuple[str, bool]]:
    """The text of a line in parts, and which of them changed."""
    at = 0
    for start, end in row.marks:
        yield row.text[at:start], False
        yield row.text[start:end], True
        at = end
    yield row.text[at:], False


# --- the picture ------------------------------------------------------------------------------------------------------


def _picture(plan: Mapping[str, Any]) -> Markup:
    """What of the plan depends on what; nothing when nothing does."""
    edges = list(dict.fromkeys(_needs(plan)))
    if not edges:
        return Markup()
    signs = {str(change.get("address")): _sign_of(change) for change in plan.get("changes") or ()}
    connected = dict.fromkeys(name for edge in edges for name in edge)
    if len(connected) > MAX_NODES:
        return Markup("<p>{}</p>").format(too_many(len(connected)))
    nodes = [(name, signs.get(name, " ")) for name in connected]
    told = Markup("<p>Each line leads from a resource to what it needs, where the arrow is.</p>\n")
    return told + Markup(render_svg(nodes, edges, standalone=False))  # noqa: S704 - escaped where it is drawn


def _sign_of(change: Mapping[str, Any]) -> str:
    return "!" if change.get("blocked") else SYMBOL.get(str(change.get("action")), "?")


def _needs(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Pairs of user and used: who is affected by a change, and what each step waits for."""
    changes = plan.get("changes") or ()
    steps = {str(step.get("step")): step for step in plan.get("steps") or ()}
    for change in changes:
        for user in change.get("affects") or ():
            yield str(user), str(change.get("address"))
    for name, step in steps.items():
        for need in step.get("needs") or ():
            one, other = name.partition(" ")[2], str(need).partition(" ")[2]
            if one != other:
                yield (other, one) if name.startswith(("delete ", "forget ")) else (one, other)
