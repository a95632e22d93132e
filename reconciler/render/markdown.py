"""A plan as Markdown for a pull-request comment.

All data stands in code: in fences longer than any run of backticks inside, or HTML-escaped in `<code>`. There it can
neither mention anyone, nor link, nor close the details it is in; and every line begins with a character of ours.

A comment has a size limit. Where a plan does not fit, it loses first what matters least, and says how much of it:

1. full: everything;
2. collapsed: the lines of long texts and the names of new documents are cut, and removed documents are put together by
   directory; then also other fields of what is not destroyed;
3. summary: what is blocked, risks, destruction, removed documents, other changes and warnings as lists of names.
"""

import hashlib
import html
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from reconciler.render import escape, findings, values, view
from reconciler.render.blocks import SYMBOL, Block
from reconciler.render.diff.words import Budget
from reconciler.render.documents import Texts, counted
from reconciler.render.rows import Kind, Page, Row, prose

LIMIT = 60_000
"""Characters; GitHub takes 65,536 in a comment."""

_WIDTH = 100
_DESTRUCTIVE = frozenset({"!", "-", "-/+"})
_LOUD = {"alarm": "!"}
_MANY = 20
"""So many removed documents stand one to a line, if there is room for no more."""

_WORTHWHILE = 400
"""Characters of a block below which a list of names says more."""

_REST = "`reconciler plan` prints all of it"
_LONGEST = 400
_HEADING = 6
_FRAME = 120
_SEVERE = ("delete", "replace", "adopt", "forget", "update", "create")
_STRANGE = "do something else"
_FIRST_HARMLESS = "forget"
"""Where removed documents have their place among the actions."""


def render_plan(
    plan: Mapping[str, Any], *, limit: int = LIMIT, context: int = 3, documents: Texts | None = None
) -> str:
    """The JSON form of a plan as Markdown that ends with a line break and is shorter than `limit` characters.

    Its first line is a comment that no reader sees: a program that keeps one comment up to date finds it by that.
    `limit` has to be 4,000 at least. `documents` are texts of changed documents, to be compared.
    """
    page = Page(_WIDTH, context, color=False, budget=Budget())
    shown = view.of_plan(plan, page, documents)
    frame = _Frame(plan, shown, page)
    for more in (shown.documents, counted(shown.documents)):
        written = _blockwise(frame, [*shown.changes, *more], limit)
        if written is not None:
            return written
    return _summary(plan, frame, shown.changes, limit)


def marker(plan: Mapping[str, Any]) -> str:
    """`<!-- reconciler plan: STACK/ENV -->`, with everything percent-encoded that could end the comment."""
    parts = [str(plan.get("stack", "")), *([str(plan["environment"])] if plan.get("environment") else [])]
    return f"<!-- reconciler plan: {'/'.join(map(_encoded, parts))} -->"


def _encoded(name: str) -> str:
    data = name.encode("utf-8", "surrogatepass")
    if len(data) > 100:  # no name of a stack is as long; what differs still has to differ
        return f"{_encoded(name[:20])}~{hashlib.sha256(data).hexdigest()[:16]}"
    return urllib.parse.quote(data, safe="").replace("-", "%2D") if "--" in name else urllib.parse.quote(data, safe="")


class _Frame:
    """What stands around the blocks."""

    def __init__(self, plan: Mapping[str, Any], shown: view.View, page: Page) -> None:
        self.marker = marker(plan)
        self.heading = [*shown.heading(page), *prose(shown.summary, page, indent=0), *shown.costs(page)]
        self.risks = view.notices(shown.risks, page, style="alarm")
        self.warnings = view.notices(shown.warnings, page, style="change")
        self.end = [*prose(shown.recognised, page, indent=0), Row(0, "", f"Digest: {shown.digest}")]

    def around(self, parts: Iterable[str]) -> str:
        """The whole comment."""
        head = [f"{self.marker}\n### Reconciler plan", _fence(map(_line, self.heading), "text"), *_optional(self.risks)]
        tail = [*_optional(self.warnings), _fence(map(_line, self.end), "text")]
        return "\n\n".join([*head, *parts, *tail]) + "\n"


# --- full and collapsed -----------------------------------------------------------------------------------------------


def _blockwise(frame: _Frame, found: Sequence[Block], limit: int) -> str | None:
    """Every block, as much of it as there is room for; None where the blocks would say too little."""
    empty = len(frame.around([_details(block, []) for block in found]))
    for brief in (False, True):
        measured = [_Measured.of(block, brief=brief) for block in found]
        room = limit - 1 - empty - sum(one.fixed + one.essential for one in measured)
        if room >= 0:
            most = _share([one.optional for one in measured], room)
            return frame.around(one.written(most=most) for one in measured)
    room += sum(one.essential for one in measured if not one.destructive)
    others = [one.essential for one in measured if not one.destructive]
    most = _share(others, room)
    if room < 0 or most < _WORTHWHILE:
        return None
    return frame.around(
        one.written(most=0) if one.destructive else one.written(most=most, whole=False) for one in measured
    )


class _Measured(NamedTuple):
    """A block's rows and their sizes in characters: what the block takes without them, what stays, what may go."""

    block: Block
    rows: tuple[Row, ...]
    fixed: int
    essential: int
    optional: int
    destructive: bool

    @classmethod
    def of(cls, block: Block, *, brief: bool) -> "_Measured":
        removed = [row for row in block.rows if _is_removed(row)]
        rows = tuple(_brief(block.rows)) if brief and len(removed) > _MANY else block.rows
        sizes = [(row.essential, _size(row)) for row in rows]
        around = len(_fence([], "diff")) + 2 * max((_ticks(row.text) for row in rows), default=0)
        return cls(
            block,
            rows,
            around + _size(_left_out(10**9)) if rows else 0,
            sum(size for essential, size in sizes if essential),
            sum(size for essential, size in sizes if not essential),
            block.sign in _DESTRUCTIVE or bool(removed),
        )

    def written(self, *, most: int, whole: bool = True) -> str:
        """The block with at most that many characters of what may go; without `whole`, of everything."""
        kept, hidden = [], 0
        for row in self.rows:
            if not (whole and row.essential):
                most -= _size(row)
            if (whole and row.essential) or most >= 0:
                kept.append(row)
            else:
                hidden += 1
        return _details(self.block, [*kept, *([_left_out(hidden)] if hidden else [])])


def _share(sizes: Sequence[int], room: int) -> int:
    """The largest size at which everything fits if whatever is larger is cut to it."""
    for position, size in enumerate(sorted(sizes)):
        left = len(sizes) - position
        if size * left > room:
            return room // left
        room -= size
    return max(sizes, default=_WORTHWHILE)


def _left_out(count: int) -> Row:
    return Row(4, "!", f"{values.number(count)} lines are left out here; {_REST}")


def _details(block: Block, rows: Sequence[Row]) -> str:
    title = html.escape(f"{block.sign} {block.title}")
    position = f" <code>{html.escape(block.position)}</code>" if block.position else ""
    state = " open" if block.sign in _DESTRUCTIVE else ""
    body = _fence(map(_line, rows), "diff") if rows else ""
    return f"<details{state}><summary><b><code>{title}</code></b>{position}</summary>\n\n{body}\n\n</details>"


# --- removed documents ------------------------------------------------------------------------------------------------


def _is_removed(row: Row) -> bool:
    """Whether the row names a removed document."""
    return row.kind is Kind.DOCUMENT and row.sign == "-"


def _brief(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows with removed documents as names only, by directory, in place of the first of them."""
    names: list[str] = []
    before: list[Row] = []
    after: list[Row] = []
    for row in rows:
        if _is_removed(row):
            names.append(row.cells[0])
        else:
            (after if names else before).append(row)
    yield from before
    yield from _by_directory(names)
    yield from after


def _by_directory(names: Sequence[str]) -> Iterator[Row]:
    """`- guides/setup/: a.md, b.md`: every name once, its directory said once."""
    grouped: dict[str, list[str]] = {}
    for name in names:
        directory, slash, file = name.rpartition("/")
        grouped.setdefault(directory + slash, []).append(file)
    for directory, files in grouped.items():
        yield from _list(f"{_short(directory)}: " if directory else "", files, Row(6, "-"))


def _list(lead: str, names: Iterable[str], like: Row) -> Iterator[Row]:
    """Names with commas between them, in rows like the one given; `cells` are the names in a row."""
    text = lead
    cells: list[str] = []
    for name in names:
        word = _short(f'"{name}"' if re.search(r"[,:\s]", name) else name)
        if cells and len(text) + len(word) >= _WIDTH:
            yield like._replace(text=text, cells=tuple(cells))
            text, cells = "  ", []
        text += f"{' ' if cells else ''}{word},"
        cells.append(name)
    if cells:
        yield like._replace(text=text.removesuffix(","), cells=tuple(cells))


# --- summary ----------------------------------------------------------------------------------------------------------


def _summary(plan: Mapping[str, Any], frame: _Frame, found: Sequence[Block], limit: int) -> str:
    """Names only, the most severe first; what there is no room for is counted by what it is."""
    sections = {what: list(rows) for what, rows in _sections(plan, found)}
    every = [row for rows in sections.values() for row in rows]
    head, end = (
        [row._replace(text=_short(row.text, _FRAME)) for row in rows]
        for rows in (frame.heading[:_HEADING], frame.end[-1:])
    )
    fences = [_fence(map(_line, rows), "text") for rows in (head, end)]
    room = limit - len("\n\n".join([f"{frame.marker}\n### Reconciler plan", *fences])) - len(_fence([], "diff"))
    room -= (
        8 + _size(_missing(dict.fromkeys(sections, 10**6))) + 2 * max((_ticks(row.text) for row in every), default=0)
    )
    kept: list[Row] = []
    missing: dict[str, int] = {}
    for what, rows in sections.items():
        for row in rows:
            room -= _size(row)
            if room >= 0:
                kept.append(row)
            else:
                missing[what] = missing.get(what, 0) + (len(row.cells) or 1)
    kept += [_missing(missing)] if missing else []
    parts = [f"{frame.marker}\n### Reconciler plan", fences[0], _fence(map(_line, kept), "diff"), fences[1]]
    return "\n\n".join(parts) + "\n"


def _missing(counts: Mapping[str, int]) -> Row:
    listed = ", ".join(f"{what} {values.number(count)}" for what, count in counts.items())
    return Row(4, "!", f"left out here for want of room: {listed}; {_REST}")


def _sections(plan: Mapping[str, Any], found: Sequence[Block]) -> Iterator[tuple[str, Iterator[Row]]]:
    changes = list(plan.get("changes") or ())
    of_action: dict[str, list[str]] = {action: [] for action in (*_SEVERE, "none", _STRANGE)}
    forbidden: dict[str, list[str]] = {}
    for change in changes:
        action, address = str(change.get("action")), escape.line(str(change.get("address")))
        action = action if action in of_action else _STRANGE
        if change.get("blocked"):
            rule = str(change["blocked"].get("rule"))
            what = rule if action == "none" else f"{rule}, to {action}"
            forbidden.setdefault(what, []).append(address)
        else:
            of_action[action].append(address)
    yield "blocked", _grouped("!", "BLOCKED by", forbidden)
    said = {(code, address) for action, code in findings.SAID_BY_RISKS.items() for address in of_action[action]}
    risks = [
        risk
        for risk in plan.get("risks") or ()
        if (risk.get("code"), escape.line(str(risk.get("address")))) not in said
    ]
    yield "risks", _notices("!", "RISK", risks)
    for action in (*_SEVERE, _STRANGE):
        if action == _FIRST_HARMLESS:
            yield "removed documents", (row for block in found for row in _removed(block))
        yield f"to {action}", _grouped(SYMBOL.get(action, "?"), "", {action: of_action[action]})
    yield "warnings", _notices("!", "Warning", list(plan.get("warnings") or ()))


def _grouped(sign: str, lead: str, names: Mapping[str, Sequence[str]]) -> Iterator[Row]:
    for key, listed in names.items():
        title = escape.line(f"{lead} {key}".strip())
        yield from _list(f"{_short(title)} ({values.number(len(listed))}): ", listed, Row(4, sign))


def _notices(sign: str, word: str, notices: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """Each in full where a code has few of them, else their addresses."""
    of_code: dict[str, list[Mapping[str, Any]]] = {}
    for notice in notices:
        of_code.setdefault(str(notice.get("code")), []).append(notice)
    for code, some in of_code.items():
        if len(some) > _MANY:
            yield from _grouped(
                sign, word, {code: [escape.line(str(one.get("address") or one.get("summary"))) for one in some]}
            )
        else:
            yield from (Row(4, sign, _short(_notice(word, one))) for one in some)


def _notice(word: str, notice: Mapping[str, Any]) -> str:
    address = f"{notice['address']}: " if notice.get("address") else ""
    return escape.line(f"{word} {notice.get('code')}  {address}{notice.get('summary')}")


def _removed(block: Block) -> Iterator[Row]:
    names = [row.cells[0] for row in block.rows if _is_removed(row)]
    if names:
        yield Row(4, "-", _short(f"{block.title}, removed documents ({values.number(len(names))}):"))
        yield from _by_directory(names)


def _short(text: str, longest: int = _LONGEST) -> str:
    """A name or a line of bounded length, with what is cut counted."""
    return text if len(text) <= longest else f"{text[:longest]}… {values.number(len(text) - longest)} more characters"


# --- rows and fences --------------------------------------------------------------------------------------------------


def _optional(rows: list[Row]) -> list[str]:
    return [_fence(map(_line, rows), "diff")] if rows else []


def _fence(lines: Iterable[str], language: str) -> str:
    body = "\n".join(lines)
    ticks = "`" * max(3, _ticks(body) + 1)
    return f"{ticks}{language}\n{body}\n{ticks}"


def _ticks(text: str) -> int:
    """The longest run of backticks."""
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _size(row: Row) -> int:
    return len(_line(row)) + 1


def _line(row: Row) -> str:
    """The sign first, where GitHub's diff colours look for it; then the indentation."""
    if row.kind is Kind.PLACE and row.text.startswith("@@"):
        return row.text
    sign = row.sign or _LOUD.get(row.style, " ")
    gutter = f"{row.gutter} " if row.gutter else ""
    return f"{sign} {' ' * max(0, row.indent - 4)}{gutter}{row.text}".rstrip()
