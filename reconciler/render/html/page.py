"""A plan as one static page: for a browser, a phone, an archive, or paper.

The page consists of text, one style sheet and one picture. Its policy forbids everything else: scripts, images, frames,
forms, requests; the style sheet is allowed by its hash. All data is escaped twice, first as for a terminal
(`escape.line`), then for HTML.

Lines of a diff are broken, never scrolled: what stands far to the right of a long line would be read by nobody, and an
attacker would put it there.
"""

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from reconciler.render import blocks, drift, escape, values
from reconciler.render import documents as texts
from reconciler.render.diff.words import Budget
from reconciler.render.graph.svg import MAX_NODES, render_svg, too_many
from reconciler.render.html.sheet import ALLOWED, SHEET
from reconciler.render.rows import SIGN_STYLE, Page, Row

_WIDTH = 100
_ROOM = 400
_INDENT = 4
_LONG = 60
_NAMES = 20
_ALL = 1_000_000
_DESTRUCTIVE = frozenset({"!", "-", "-/+"})
_POLICY = f"default-src 'none'; style-src '{ALLOWED}'; base-uri 'none'; form-action 'none'"
_NOTICE = re.compile(r"(BLOCKED|(?:RISK|Warning) [A-Z]\d{3})  (.*)", re.DOTALL)
_REMARK = re.compile(r"(drift|conflict)(: .*)", re.DOTALL)
_TITLE = re.compile(r"((?:blocked: )?\S+) (.*)", re.DOTALL)
_LAST_CHIP = "unchanged"


def render_plan(plan: Mapping[str, Any], *, context: int = 3, documents: texts.Texts | None = None) -> str:
    """The JSON form of a plan as an HTML page that ends with a line break.

    `context` is the number of unchanged lines around each change of a text. `documents` are texts to be compared:
    address of a document to what was last applied (None: not available) and what it is now.
    """
    page = _page(context)
    found = blocks.blocks(plan, page)
    anchors = {_address(block): f"change-{number}" for number, block in enumerate(found, 1)}
    parts = [
        _header("Reconciler plan", plan, page, blocks.summary(plan, page), _chips(plan)),
        "<main>",
        _notices("Risks", blocks.risks(plan, page), anchors, mild=False),
        _changes(found),
        _changes(texts.blocks(plan, documents, page), "Documents", "document"),
        _picture(plan),
        _panel("Cost", _cost(blocks.cost(plan, page))),
        _notices("Warnings", blocks.warnings(plan, page), anchors, mild=True),
        "</main>",
        _footer(plan, blocks.recognised(plan, page)),
    ]
    return _document(f"Plan for {plan.get('stack')}", parts)


def render_drift(report: Mapping[str, Any], *, context: int = 3) -> str:
    """What was changed in the account since the last apply, as a page of the same kind."""
    page = _page(context)
    found = drift.drifted(report, page)
    anchors = {_address(block): f"change-{number}" for number, block in enumerate(found, 1)}
    conclusion = [Row(0, "", drift.conclusion(len(found)), "strong")]
    parts = [
        _header("Reconciler drift report", report, page, conclusion, ""),
        "<main>",
        _changes(found),
        _notices("Warnings", blocks.warnings(report, page), anchors, mild=True),
        "</main>",
        _footer(report, []),
    ]
    return _document(f"Drift of {report.get('stack')}", parts)


def _page(context: int) -> Page:
    return Page(_WIDTH, context, color=True, budget=Budget(), wrap=False, names=_ALL)


def _document(title: str, parts: Iterable[str]) -> str:
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{_data(title)}</title>\n<style>{SHEET}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _data(value: object) -> str:
    """Data that nobody escaped yet."""
    return html.escape(escape.line(str(value)))


# --- the frame --------------------------------------------------------------------------------------------------------


def _header(eyebrow: str, plan: Mapping[str, Any], page: Page, conclusion: Sequence[Row], chips: str) -> str:
    """Whose plan it is, what it comes to, and what an approval names."""
    facts = [row.cells for row in blocks.heading(plan, page)]
    name = next(text for label, text in facts if label == "Stack")
    facts = [(label, text) for label, text in facts if label != "Stack"]
    facts += [("As of", escape.line(str(plan["as_of"])))] if plan.get("as_of") else []
    facts.append(("Digest", escape.line(str(plan.get("digest")))))
    lead = "".join(f'<p class="lead">{html.escape(row.text)}</p>' for row in conclusion)
    return (
        f'<header>\n<p class="eyebrow">{eyebrow}</p>\n<h1>{html.escape(name)}</h1>\n'
        f"{lead}\n{chips}{_facts(facts)}\n</header>"
    )


def _facts(facts: Iterable[Sequence[str]]) -> str:
    written = []
    for label, text in facts:
        shown = html.escape(text)
        shown = f"<code>{shown}</code>" if label in {"Digest", "Manifests"} else shown
        written.append(f"<dt>{html.escape(label)}</dt><dd>{shown}</dd>")
    return f"<dl>{''.join(written)}</dl>" if written else ""


def _chips(plan: Mapping[str, Any]) -> str:
    """The counts of the summary, each with its sign."""
    totals = plan.get("summary") or {}
    signs = {"blocked": "!", **{action: sign for action, sign in blocks.SYMBOL.items() if action != "none"}}
    order = ["blocked", *(action for action in ("delete", "replace", "forget", "adopt", "update", "create"))]
    chips = [
        f'<li class="s-{SIGN_STYLE[signs[name]]}"><span class="mono" aria-hidden="true">{html.escape(signs[name])}'
        f"</span><b>{values.number(totals[name])}</b> {name}</li>"
        for name in order
        if totals.get(name)
    ]
    if totals.get(_LAST_CHIP):
        chips.append(f"<li><b>{values.number(totals[_LAST_CHIP])}</b> {_LAST_CHIP}</li>")
    return f'<ul class="chips" aria-label="Counts">{"".join(chips)}</ul>\n' if chips else ""


def _section(title: str, body: str) -> str:
    name = title.lower()
    return f'<section aria-labelledby="{name}">\n<h2 id="{name}">{title}</h2>\n{body}\n</section>'


def _notices(title: str, rows: Sequence[Row], anchors: Mapping[str, str], *, mild: bool) -> str:
    """Risks or warnings: a label, and a sentence whose address leads to its resource."""
    if not rows:
        return ""
    items = []
    for row in rows:
        match = _NOTICE.fullmatch(row.text)
        label, text = (match[1], match[2]) if match else ("", row.text)
        pill = f'<span class="pill">{html.escape(label)}</span>' if label else ""
        items.append(f"<li>{pill}{_linked(text, anchors)}</li>")
    return _section(title, f'<ul class="notices{" mild" if mild else ""}">{"".join(items)}</ul>')


def _linked(text: str, anchors: Mapping[str, str]) -> str:
    address, colon, rest = text.partition(": ")
    before, _, last = address.rpartition(" ")
    if colon and last in anchors:
        before = html.escape(before + " ") if before else ""
        return f'{before}<a href="#{anchors[last]}">{html.escape(last)}</a>: {html.escape(rest)}'
    return html.escape(text)


def _panel(title: str, rows: Sequence[Row]) -> str:
    return _section(title, f'<div class="panel body">{"".join(_body(rows))}</div>') if rows else ""


def _cost(rows: Sequence[Row]) -> list[Row]:
    """Rows without their label, which the heading says already."""
    return [Row(0, "", row.cells[1] if row.cells else row.text) for row in rows]


def _footer(plan: Mapping[str, Any], recognised: Sequence[Row]) -> str:
    facts = [("Manifests", escape.line(str(plan["manifests"])))] if plan.get("manifests") else []
    tool = plan.get("tool") or {}
    facts += [("Made by", escape.line(f"{tool.get('name')} {tool.get('version')}"))] if tool else []
    notes = "".join(f"<p>{html.escape(row.text)}</p>" for row in recognised)
    return f"<footer>\n{notes}{_facts(facts)}\n</footer>"


# --- resources --------------------------------------------------------------------------------------------------------


def _changes(found: Sequence[blocks.Block], title: str = "Changes", anchor: str = "change") -> str:
    """What is destroyed or blocked is open, and so is the rest as far as it can be taken in at once."""
    if not found:
        return ""
    room = _ROOM
    written = []
    for number, block in enumerate(found, 1):
        room -= len(block.rows)
        written.append(_change(block, f"{anchor}-{number}", is_open=block.sign in _DESTRUCTIVE or room >= 0))
    return _section(title, "\n".join(written))


def _change(block: blocks.Block, anchor: str, *, is_open: bool) -> str:
    style = SIGN_STYLE.get(block.sign, "")
    match = _TITLE.fullmatch(block.title)
    verb, address = (match[1], match[2]) if match else ("", block.title)
    head = (
        f'<h3>{_sign(block.sign)}<span class="verb">{html.escape(verb)}</span> <code>{html.escape(address)}</code></h3>'
    )
    head += f'<span class="place mono">{html.escape(block.position)}</span>' if block.position else ""
    kind = f"change s-{style}" if style else "change"
    body = "\n".join(_body(block.rows))
    if not body:
        return f'<div class="{kind} bare" id="{anchor}"><div class="head">{head}</div></div>'
    opened = " open" if is_open else ""
    return (
        f'<details class="{kind}" id="{anchor}"{opened}><summary>{head}</summary>\n'
        f'<div class="body">\n{body}\n</div></details>'
    )


def _address(block: blocks.Block) -> str:
    match = _TITLE.fullmatch(block.title)
    return match[2] if match else block.title


def _sign(sign: str) -> str:
    style = SIGN_STYLE.get(sign, "")
    return f'<span class="sign{f" s-{style}" if style else ""}">{html.escape(sign)}</span>'


# --- rows -------------------------------------------------------------------------------------------------------------


class _Piece(NamedTuple):
    """Neighbouring rows of one kind, and their markup."""

    kind: str
    markup: str
    rows: int


def _body(rows: Iterable[Row]) -> Iterator[str]:
    """The rows below a headline; a long diff folds under the line that names it."""
    pieces = [_piece(kind, list(group)) for kind, group in groupby(rows, key=_kind)]
    skip = False
    for piece, below in zip(pieces, [*pieces, None][1:], strict=True):
        if skip:
            skip = False
        elif piece.kind == "field" and below is not None and below.kind == "diff" and below.rows > _LONG:
            *others, last = piece.markup.split("\n")
            yield from others
            yield f'<details class="long"><summary>{last}</summary>{below.markup}</details>'
            skip = True
        else:
            yield piece.markup


def _kind(row: Row) -> str:
    """What a row is, by what the other forms know of it too."""
    if row.gutter or (not row.sign and row.style == "quiet" and row.text.startswith(("@@ ", "(", "⋮"))):
        return "diff"
    if row.cells and not row.sign:
        return "fact"
    if row.cells and not row.text.startswith(f"{row.cells[0]}:"):
        return "document"
    if row.sign in SIGN_STYLE:
        return "field"
    if row.sign in {" ", "→"}:
        return "value"
    return "note"


def _piece(kind: str, rows: list[Row]) -> _Piece:
    return _Piece(kind, _WRITERS[kind](rows), len(rows))


def _written_facts(rows: Sequence[Row]) -> str:
    """Labels and texts; a row without a label goes on with the one before."""
    parts = []
    for row in rows:
        label, text = row.cells
        parts.append((f"<dt>{html.escape(label)}</dt>" if label else "") + f"<dd>{html.escape(text)}</dd>")
    return f"<dl>{''.join(parts)}</dl>"


def _written_diff(rows: Sequence[Row]) -> str:
    return f'<div class="diff">\n{chr(10).join(map(_line, rows))}\n</div>'


def _line(row: Row) -> str:
    if not row.gutter:
        place = row.text.removeprefix("@@ ").removesuffix(" @@")
        return f'<div class="{"remark" if place.startswith("(") else "hunk"}">{html.escape(place)}</div>'
    style = f' class="{row.style}"' if row.style else ""
    return f"<div{style}>{html.escape(row.sign or ' ')} {_marked(row)}</div>"


def _marked(row: Row) -> str:
    """The text of a line with its changed words as `<ins>` or `<del>`."""
    tag = "del" if row.sign == "-" else "ins"
    parts: list[str] = []
    at = 0
    for start, end in row.marks:
        parts.append(html.escape(row.text[at:start]))
        parts.append(f"<{tag}>{html.escape(row.text[start:end])}</{tag}>")
        at = end
    parts.append(html.escape(row.text[at:]))
    return "".join(parts)


def _written_documents(rows: Sequence[Row]) -> str:
    """Names in columns; many that come or change fold, those that go never do."""
    gone = sum(row.sign == "-" for row in rows)
    shown, folded = rows[: gone + _NAMES], rows[gone + _NAMES :]
    written = f'<ul class="documents">{"".join(map(_document_name, shown))}</ul>'
    if folded:
        names = f'<ul class="documents">{"".join(map(_document_name, folded))}</ul>'
        summary = f"{values.number(len(folded))} more {'document' if len(folded) == 1 else 'documents'}"
        written += f'\n<details class="long"><summary>{summary}</summary>{names}</details>'
    return written


def _document_name(row: Row) -> str:
    name, size, reason = row.cells
    why = f'<span class="why">{html.escape(reason)}</span>' if reason else ""
    return (
        f'<li>{_sign(row.sign)}<span class="mono">{html.escape(name)}</span>'
        f'<span class="sizes">{html.escape(size)}</span>{why}</li>'
    )


def _written_fields(rows: Sequence[Row]) -> str:
    return "\n".join(map(_field, rows))


def _field(row: Row) -> str:
    """`name: before → after`, each in its own colour; or a name with what stands below."""
    deep = " deep" if row.indent > _INDENT else ""
    if not row.cells:
        name, colon, extent = row.text.partition(": ")
        told = f"<i>{html.escape(extent)}</i>" if colon else ""
        return f'<p class="field{deep}">{_sign(row.sign)} <code>{html.escape(name + colon)}{told}</code></p>'
    name, *sides = map(html.escape, row.cells)
    if len(sides) == 1:
        tag = {"+": "ins", "-": "del"}.get(row.sign, "bdi")
        value = f"<{tag}>{sides[0]}</{tag}>"
    else:
        value = f'<del>{sides[0]}</del><span class="arrow"> → </span><ins>{sides[1]}</ins>'
    shown = f'<span><code>{name}:</code> <code class="value">{value}</code></span>'
    return f'<p class="field{deep}">{_sign(row.sign)} {shown}</p>'


def _written_values(rows: Sequence[Row]) -> str:
    """Before and after, each in a line of its own."""
    parts = []
    for row in rows:
        tag, lead = ("ins", '<span class="arrow">→ </span>') if row.sign == "→" else ("del", "")
        parts.append(f'<p class="value">{lead}<code><{tag}>{html.escape(row.text)}</{tag}></code></p>')
    return "\n".join(parts)


def _written_notes(rows: Sequence[Row]) -> str:
    return "\n".join(map(_note, rows))


def _note(row: Row) -> str:
    kind = {"drift": "note drift", "alarm": "note alarm", "strong": "tally"}.get(row.style, "note")
    sign = f"{html.escape(row.sign)} " if row.sign.strip() else ""
    match = _REMARK.fullmatch(row.text)
    text = f"<b>{match[1]}</b>{html.escape(match[2])}" if match else html.escape(row.text)
    return f'<p class="{kind}">{sign}{text}</p>'


_WRITERS = {
    "fact": _written_facts,
    "diff": _written_diff,
    "document": _written_documents,
    "field": _written_fields,
    "value": _written_values,
    "note": _written_notes,
}


# --- the picture ------------------------------------------------------------------------------------------------------


def _picture(plan: Mapping[str, Any]) -> str:
    """What of the plan depends on what; nothing when nothing does."""
    edges = list(dict.fromkeys(_needs(plan)))
    if not edges:
        return ""
    signs = {str(change.get("address")): _sign_of(change) for change in plan.get("changes") or ()}
    connected = dict.fromkeys(name for edge in edges for name in edge)
    if len(connected) > MAX_NODES:
        return _section("Dependencies", f'<div class="picture"><p>{html.escape(too_many(len(connected)))}</p></div>')
    nodes = [(name, signs.get(name, " ")) for name in connected]
    told = "<p>Each line leads from a resource to what it needs, where the arrow is.</p>"
    return _section("Dependencies", f'<div class="picture">{told}\n{render_svg(nodes, edges, standalone=False)}</div>')


def _sign_of(change: Mapping[str, Any]) -> str:
    return "!" if change.get("blocked") else blocks.SYMBOL.get(str(change.get("action")), "?")


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
