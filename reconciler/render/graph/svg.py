"""Who needs what, as a picture: one resource in each line, wires on the left, an arrow at what is needed.

A picture that spreads its layers over the width is unreadable on a phone. Here every layer stands below the layer that
it needs, so the width is that of the longest name. Each resource that others need has a wire of its own: it leaves the
resource at the arrow and runs down to its users; where two wires cross without a dot, they have nothing to do with each
other.

Nothing in here is a script, a style attribute or an address: a page whose policy forbids all three can contain it.
"""

import html
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from rich.cells import cell_len

from reconciler.render import escape, values
from reconciler.render.rows import SIGN_STYLE

MAX_NODES = 60
"""More than these nobody can follow."""

_PITCH = 38
_HEIGHT = 28
_LANE = 14
_STEP = 18
_DEEPEST = 4
_MARGIN = 6
_PORT = 6
_BEND = 6
_COLUMN = 8.0
_SIGN_ROOM = 38
_PADDING = 14
_NAME_ROOM = 44

_LIGHT = {"": "#57606a", "add": "#116329", "change": "#7d4e00", "remove": "#a40e26", "replace": "#6639ba"}
_LIGHT |= {"take": "#0a5872", "alarm": "#a40e26", "text": "#1f2328", "card": "#ffffff", "edge": "#d0d7de"}
_LIGHT |= {"wire": "#6e7781"}
_DARK = {"": "#9da7b1", "add": "#7ee2a0", "change": "#f0c674", "remove": "#ff9c94", "replace": "#d2b3ff"}
_DARK |= {"take": "#86d6f0", "alarm": "#ff9c94", "text": "#e6edf3", "card": "#161b22", "edge": "#3d444d"}
_DARK |= {"wire": "#8b949e"}


class _Place(NamedTuple):
    """Where a resource stands: its line from 0, and how many steps to the right (0: it needs nothing)."""

    row: int
    depth: int


class _Wire(NamedTuple):
    """The lines of a resource and of its users, and which lane the wire between them takes (0: next to the cards)."""

    target: int
    users: tuple[int, ...]
    lane: int


def too_many(count: int) -> str:
    """What is said in place of a picture that nobody could read."""
    return f"{values.number(count)} resources are connected here: too many for a picture (the limit is {MAX_NODES})."


def render_svg(nodes: Sequence[tuple[str, str]], edges: Sequence[tuple[str, str]], *, standalone: bool = True) -> str:
    """An SVG picture of resources and their needs.

    `nodes` are pairs of a name and a sign (`"+"`, `"-"`, …; `" "` or `""`: nothing happens to it). `edges` are pairs of
    names: who needs, and what is needed; unknown names and self-references are left out. `standalone`: a file of its
    own, with both colour schemes; else the page around it colours the classes. Names are escaped here.
    """
    names = list(dict.fromkeys(name for name, _ in nodes))
    if len(names) > MAX_NODES:
        return _sentence(too_many(len(names)), standalone=standalone)
    known = set(names)
    needs = {name: [to for who, to in edges if who == name and to in known and to != name] for name in names}
    places = _places(names, needs)
    wires = _wires(places, needs)
    lanes = 1 + max((wire.lane for wire in wires), default=-1)
    left = _MARGIN + lanes * _LANE + (_LANE if lanes else 0)
    labels = {name: _shortened(name) for name in names}
    longest = max((cell_len(label) for label in labels.values()), default=0)
    signs = {name: escape.line(sign.strip()) for name, sign in nodes}
    lead = _SIGN_ROOM if any(signs.values()) else _PADDING
    card = lead + round(longest * _COLUMN) + _PADDING
    deepest = max((place.depth for place in places.values()), default=0)
    width = left + deepest * _STEP + card + _MARGIN
    height = len(names) * _PITCH + _MARGIN
    by_row = {place.row: place for place in places.values()}
    body = [part for wire in wires for part in _drawn(wire, by_row, left)]
    body += [_card(name, labels[name], signs[name], place, (left, lead, card)) for name, place in places.items()]
    told = f"{values.plural(len(names), 'resource')}, {values.plural(sum(map(len, needs.values())), 'dependency')}"
    told = told.replace("dependencys", "dependencies")
    return _document(width, height, told, body, standalone=standalone)


# --- layout -----------------------------------------------------------------------------------------------------------


def _places(names: Sequence[str], needs: dict[str, list[str]]) -> dict[str, _Place]:
    """What is needed stands above who needs it, and users near what they use; a circle ends where it was entered."""
    depth = dict.fromkeys(names, 0)
    for _ in names:
        deeper = {name: max((depth[need] + 1 for need in needs[name]), default=0) for name in names}
        if deeper == depth:
            break
        depth = deeper
    placed: dict[str, _Place] = {}
    for layer in sorted(set(depth.values())):
        inside = [name for name in names if depth[name] == layer]
        rows = {name: sorted(placed[need].row for need in needs[name] if need in placed) for name in inside}
        for name in sorted(inside, key=lambda name: rows[name]):
            placed[name] = _Place(len(placed), min(layer, _DEEPEST))
    return placed


def _wires(places: dict[str, _Place], needs: dict[str, list[str]]) -> list[_Wire]:
    """One wire for each resource that is needed; short ones run nearest to the cards, and none on another."""
    users: dict[int, set[int]] = {}
    for name, needed in needs.items():
        for need in needed:
            users.setdefault(places[need].row, set()).add(places[name].row)
    spans = {target: (min(target, *rows), max(target, *rows)) for target, rows in users.items()}
    lanes: list[list[tuple[int, int]]] = []
    found: list[_Wire] = []
    for target in sorted(spans, key=lambda target: (spans[target][1] - spans[target][0], target)):
        low, high = spans[target]
        free = (at for at, taken in enumerate(lanes) if all(high < start or low > end for start, end in taken))
        lane = next(free, len(lanes))
        lanes += [[]] if lane == len(lanes) else []
        lanes[lane].append((low, high))
        found.append(_Wire(target, tuple(sorted(users[target])), lane))
    return found


# --- drawing ----------------------------------------------------------------------------------------------------------


def _middle(row: int) -> int:
    return _MARGIN + row * _PITCH + _HEIGHT // 2


def _drawn(wire: _Wire, by_row: dict[int, _Place], left: int) -> Iterator[str]:
    """The wire of one resource: from its arrow down to its users, with a dot where it goes on."""
    x = left - (wire.lane + 1) * _LANE
    start = _middle(wire.target) - _PORT
    ends = {row: _middle(row) + _PORT for row in wire.users}
    edge = left + by_row[wire.target].depth * _STEP
    stops = sorted([start, *ends.values()])
    for y in (start, *ends.values()):
        to = edge - 5 if y == start else left + by_row[next(row for row, at in ends.items() if at == y)].depth * _STEP
        if y == stops[0]:
            yield _path(f"M{to} {y}H{x + _BEND}Q{x} {y} {x} {y + _BEND}")
        elif y == stops[-1]:
            yield _path(f"M{x} {y - _BEND}Q{x} {y} {x + _BEND} {y}H{to}")
        else:
            yield _path(f"M{x} {y}H{to}")
            yield f'<circle class="g-dot" cx="{x}" cy="{y}" r="2.5" fill="{_LIGHT["wire"]}"/>'
    for upper, lower in pairwise(stops):
        top = upper + (_BEND if upper == stops[0] else 0)
        bottom = lower - (_BEND if lower == stops[-1] else 0)
        yield _path(f"M{x} {top}V{bottom}")
    yield (
        f'<path class="g-dot" d="M{edge - 7} {start - 4}L{edge} {start}L{edge - 7} {start + 4}Z" '
        f'fill="{_LIGHT["wire"]}"/>'
    )


def _path(way: str) -> str:
    return f'<path class="g-wire" d="{way}" fill="none" stroke="{_LIGHT["wire"]}" stroke-width="1.5"/>'


def _card(name: str, label: str, sign: str, place: _Place, columns: tuple[int, int, int]) -> str:
    """A box with the sign and the name, the kind quieter than the rest; the whole name as its title."""
    left, lead, width = columns
    style = SIGN_STYLE.get(sign, "")
    x, y = left + place.depth * _STEP, _MARGIN + place.row * _PITCH
    base = y + _HEIGHT // 2 + 5
    kind, slash, rest = label.partition("/")
    written = f'<tspan class="g-kind" fill="{_LIGHT[""]}">{html.escape(kind + slash)}</tspan>' if slash else ""
    marked = (
        f'<text class="g-sign g-{style or "same"}" x="{x + 10}" y="{base}" font-weight="700" '
        f'fill="{_LIGHT[style]}">{html.escape(sign or "·")}</text>'
    )
    return (
        f"<g><title>{html.escape(f'{sign} {escape.line(name)}'.strip())}</title>"
        f'<rect class="g-card g-{style or "same"}" x="{x}" y="{y}" width="{width}" height="{_HEIGHT}" rx="6" '
        f'fill="{_LIGHT["card"]}" stroke="{_LIGHT[style] if style else _LIGHT["edge"]}"/>'
        f"{marked if lead == _SIGN_ROOM else ''}"
        f'<text class="g-name" x="{x + lead}" y="{base}" fill="{_LIGHT["text"]}">'
        f"{written}{html.escape(rest if slash else label)}</text></g>"
    )


def _shortened(name: str) -> str:
    """The escaped name; of a very long one the beginning and the end."""
    shown = escape.line(name)
    if cell_len(shown) <= _NAME_ROOM:
        return shown
    return f"{_fitting(shown, _NAME_ROOM // 2)}…{_fitting(shown[::-1], _NAME_ROOM // 2 - 1)[::-1]}"


def _fitting(text: str, room: int) -> str:
    """The beginning of the text that takes no more than that many columns."""
    return text[: sum(used <= room for used in accumulate(map(cell_len, text)))]


def _sentence(text: str, *, standalone: bool) -> str:
    body = [f'<text class="g-name" x="6" y="24" fill="{_LIGHT["text"]}">{html.escape(text)}</text>']
    return _document(round(len(text) * _COLUMN) + 12, 40, text, body, standalone=standalone)


def _document(width: int, height: int, told: str, body: list[str], *, standalone: bool) -> str:
    space = ' xmlns="http://www.w3.org/2000/svg"' if standalone else ""
    start = (
        f'<svg{space} class="graph" role="img" aria-label="{html.escape(told)}" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, '
        f'Liberation Mono, monospace" font-size="13">'
    )
    lines = [
        start,
        *([f"<style>{_scheme()}</style>"] if standalone else []),
        *([f'<rect class="g-page" width="{width}" height="{height}" fill="{_LIGHT["card"]}"/>'] if standalone else []),
        *body,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _scheme() -> str:
    """The dark scheme of a picture that stands alone; the light one is in its attributes."""
    rules = [
        f".g-page,.g-card{{fill:{_DARK['card']}}}",
        f".g-card.g-same{{stroke:{_DARK['edge']}}}",
        f".g-name{{fill:{_DARK['text']}}}",
        f".g-kind,.g-sign.g-same{{fill:{_DARK['']}}}",
        f".g-wire{{stroke:{_DARK['wire']}}}",
        f".g-dot{{fill:{_DARK['wire']}}}",
    ]
    for style in sorted(set(SIGN_STYLE.values())):
        rules.append(f".g-card.g-{style}{{stroke:{_DARK[style]}}}")
        rules.append(f".g-sign.g-{style}{{fill:{_DARK[style]}}}")
    return f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}"
