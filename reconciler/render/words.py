"""What changed in a text: lines first, then the words inside lines that pair up.

People review prompts of 250 kB in which one word changed, and attackers send texts made to be slow to compare. So the
common beginning and end are cut off first, lines that occur once on each side are the anchors (patience diff), what
lies between anchors is compared line by line, and every comparison draws on a budget. When that is spent, a stretch is
shown as one block, old then new: longer, never wrong, and nothing is left out.
"""

import re
from bisect import bisect_left
from collections.abc import Hashable, Sequence
from functools import cache
from typing import NamedTuple

Span = tuple[int, int]
"""Start and end of a stretch of characters."""

_MAX_CELLS = 250_000
_MAX_PAIRED_LINES = 50
_MAX_WORDY_LINE = 20_000
_ANCHOR_COST = 4
_SIMILAR = 0.35
"""The share of two lines' letters that must be equal for one to count as the other, changed."""

_UNSPACED = r"\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff00-\uff65"
_LETTER = rf"[^\s!-/:-@\[-`{{-~{_UNSPACED}]"


@cache
def _token() -> re.Pattern[str]:
    """A word or number with the blanks before it; what a CI runner would obey is never split, Chinese always is."""
    joined = rf"{_LETTER}+(?:[-.'’_]{_LETTER}+)*"  # noqa: RUF001
    return re.compile(rf"[^\S\n]*(?:#+\[?|:{{2,}}|[{_UNSPACED}]|{joined}|\S)|\s+")


class Budget:
    """How much comparing may still be done, in units of about a tenth of a microsecond; one for a whole plan."""

    __slots__ = ("limit", "spent")

    def __init__(self, limit: int = 4_000_000) -> None:
        self.limit = limit
        self.spent = 0

    def take(self, units: int) -> bool:
        """Whether that much is left; if so, it is spent."""
        if self.spent + units > self.limit:
            return False
        self.spent += units
        return True


class Line(NamedTuple):
    """One line of a diff: its sign (`" "`, `"-"`, `"+"`), its text as it is, and the spans that its pair lacks."""

    sign: str
    text: str
    marks: tuple[Span, ...] = ()


class Hunk(NamedTuple):
    """A stretch of changed lines with its surroundings; `first` and `last` are 1-based lines of the new text.

    `first > last` means that lines were only removed, after line `last`. `heading` is the Markdown heading above.
    """

    first: int
    last: int
    heading: str
    lines: tuple[Line, ...]


class Diff(NamedTuple):
    """A comparison of two texts; `coarse`: some stretches were too different to be compared line by line."""

    hunks: tuple[Hunk, ...]
    removed: int
    added: int
    coarse: bool


def diff(before: Sequence[str], after: Sequence[str], *, context: int, budget: Budget) -> Diff:
    """Compare two lists of lines; every changed line is in the result."""
    pairs, coarse = _match(before, after, budget)
    headings = _headings(after)
    hunks: list[Hunk] = []
    removed = added = 0
    group: list[tuple[int, int, int, int]] = []
    for block in _blocks(pairs, len(before), len(after)):
        removed += block[1] - block[0]
        added += block[3] - block[2]
        if group and block[0] - group[-1][1] > 2 * context:
            hunks.append(_hunk(group, before, after, headings, context=context, budget=budget))
            group = []
        group.append(block)
    if group:
        hunks.append(_hunk(group, before, after, headings, context=context, budget=budget))
    return Diff(tuple(hunks), removed, added, coarse)


# --- lines ------------------------------------------------------------------------------------------------------------


def _match(a: Sequence[Hashable], b: Sequence[Hashable], budget: Budget) -> tuple[list[Span], bool]:
    """Pairs of equal positions, rising on both sides; and whether the budget cut the search short."""
    found: list[Span] = []
    coarse = False
    todo = [(0, len(a), 0, len(b))]
    while todo:
        a_lo, a_hi, b_lo, b_hi = todo.pop()
        while a_lo < a_hi and b_lo < b_hi and a[a_lo] == b[b_lo]:
            found.append((a_lo, b_lo))
            a_lo, b_lo = a_lo + 1, b_lo + 1
        while a_lo < a_hi and b_lo < b_hi and a[a_hi - 1] == b[b_hi - 1]:
            a_hi, b_hi = a_hi - 1, b_hi - 1
            found.append((a_hi, b_hi))
        if a_lo == a_hi or b_lo == b_hi:
            continue
        if not budget.take(_ANCHOR_COST * (a_hi - a_lo + b_hi - b_lo)):
            coarse = True
            continue
        anchors = _anchors(a, b, (a_lo, a_hi, b_lo, b_hi))
        if anchors:
            ends = [*anchors, (a_hi, b_hi)]
            starts = [(a_lo, b_lo), *((i + 1, j + 1) for i, j in anchors)]
            found += anchors
            todo += [(i, i_end, j, j_end) for (i, j), (i_end, j_end) in zip(starts, ends, strict=True)]
            continue
        common = set(a[a_lo:a_hi]) & set(b[b_lo:b_hi])
        cells = (a_hi - a_lo) * (b_hi - b_lo)
        if not common:
            continue
        if cells > _MAX_CELLS or not budget.take(cells):
            coarse = True
            continue
        found += [(a_lo + i, b_lo + j) for i, j in _longest_common(a[a_lo:a_hi], b[b_lo:b_hi])]
    return sorted(found), coarse


def _anchors(a: Sequence[Hashable], b: Sequence[Hashable], bounds: tuple[int, int, int, int]) -> list[Span]:
    """The longest rising run of elements that occur exactly once on each side."""
    a_lo, a_hi, b_lo, b_hi = bounds
    once_a = _once(a, a_lo, a_hi)
    once_b = _once(b, b_lo, b_hi)
    candidates = [(i, once_b[item]) for item, i in once_a.items() if item in once_b]
    tails: list[int] = []
    tops: list[int] = []
    links: list[int] = []
    for position, (_, j) in enumerate(candidates):
        pile = bisect_left(tails, j)
        links.append(tops[pile - 1] if pile else -1)
        if pile == len(tails):
            tails.append(j)
            tops.append(position)
        else:
            tails[pile] = j
            tops[pile] = position
    chain: list[Span] = []
    at = tops[-1] if tops else -1
    while at >= 0:
        chain.append(candidates[at])
        at = links[at]
    return chain[::-1]


def _once(items: Sequence[Hashable], start: int, end: int) -> dict[Hashable, int]:
    """Position of every element that occurs once between two bounds, in order."""
    at: dict[Hashable, int] = {}
    for position in range(start, end):
        item = items[position]
        at[item] = -1 if item in at else position
    return {item: position for item, position in at.items() if position >= 0}


def _longest_common(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Span]:
    """A longest common subsequence, as early as possible on both sides; work is len(a) * len(b)."""
    lengths = [[0] * (len(b) + 1)]
    for item in reversed(a):
        below = lengths[-1]
        row = [0] * (len(b) + 1)
        for j in range(len(b) - 1, -1, -1):
            row[j] = below[j + 1] + 1 if item == b[j] else max(below[j], row[j + 1])
        lengths.append(row)
    lengths.reverse()
    found: list[Span] = []
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def _blocks(pairs: list[Span], a_len: int, b_len: int) -> list[tuple[int, int, int, int]]:
    """The stretches between the pairs: start and end on each side."""
    blocks: list[tuple[int, int, int, int]] = []
    i = j = 0
    for i_next, j_next in [*pairs, (a_len, b_len)]:
        if i < i_next or j < j_next:
            blocks.append((i, i_next, j, j_next))
        i, j = i_next + 1, j_next + 1
    return blocks


def _hunk(
    group: list[tuple[int, int, int, int]],
    before: Sequence[str],
    after: Sequence[str],
    headings: list[str],
    *,
    context: int,
    budget: Budget,
) -> Hunk:
    """Blocks that are near each other, with the lines around and between them."""
    lines: list[Line] = [Line(" ", text) for text in after[max(0, group[0][2] - context) : group[0][2]]]
    end = group[0][2]
    for i, i_end, j, j_end in group:
        lines += [Line(" ", text) for text in after[end:j]]
        lines += _paired(before[i:i_end], after[j:j_end], budget)
        end = j_end
    lines += [Line(" ", text) for text in after[end : end + context]]
    adding = [block for block in group if block[2] < block[3]]
    if adding:
        first, last = adding[0][2] + 1, adding[-1][3]
    else:
        first, last = group[0][2] + 1, group[0][2]
    nearest = first - 1 if adding else last - 1
    return Hunk(first, last, headings[nearest] if nearest >= 0 else "", tuple(lines))


def _headings(lines: Sequence[str]) -> list[str]:
    """For every line, the Markdown heading that it stands under (or is), "" when there is none."""
    found: list[str] = []
    current = ""
    fenced = False
    for text in lines:
        if text.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced and text.startswith("#"):
            match = re.match(r"#{1,6}\s+(\S.*)", text[:200])
            current = match[1].rstrip("# \t\r") if match else current
        found.append(current)
    return found


# --- words ------------------------------------------------------------------------------------------------------------


def _paired(removed: Sequence[str], added: Sequence[str], budget: Budget) -> list[Line]:
    """The lines of one block: lines that resemble each other side by side, with their differing words marked."""
    lines: list[Line] = []
    i = j = 0
    for i_next, j_next, old, new in _resembling(removed, added, budget):
        lines += [Line("-", text) for text in removed[i:i_next]]
        lines += [Line("+", text) for text in added[j:j_next]]
        lines += [old, new]
        i, j = i_next + 1, j_next + 1
    lines += [Line("-", text) for text in removed[i:]]
    lines += [Line("+", text) for text in added[j:]]
    return lines


def _resembling(removed: Sequence[str], added: Sequence[str], budget: Budget) -> list[tuple[int, int, Line, Line]]:
    """Which removed line became which added line: the first in order that has enough words in common."""
    found: list[tuple[int, int, Line, Line]] = []
    if max(len(removed), len(added)) > _MAX_PAIRED_LINES:
        return found
    slack = abs(len(removed) - len(added))
    start = 0
    for i, old in enumerate(removed):
        for j in range(max(start, i - slack), min(len(added), i + slack + 1)):
            pair = mark(old, added[j], budget)
            if pair is not None:
                found.append((i, j, *pair))
                start = j + 1
                break
    return found


def mark(before: str, after: str, budget: Budget) -> tuple[Line, Line] | None:
    """Two lines with their differing words marked, or None when they have too little in common, or are too long."""
    longest = max(len(before), len(after))
    if longest > _MAX_WORDY_LINE or not budget.take(_ANCHOR_COST * longest):
        return None
    a, b = _token().findall(before), _token().findall(after)
    pairs, _ = _match(a, b, budget)
    common = sum(len(a[i].strip()) for i, _ in pairs)
    if 2 * common < _SIMILAR * sum(len(token.strip()) for token in (*a, *b)):
        return None
    a_at, b_at = _offsets(a), _offsets(b)
    old_marks: list[Span] = []
    new_marks: list[Span] = []
    for i, i_end, j, j_end in _blocks(pairs, len(a), len(b)):
        old, new = (a_at[i], a_at[i_end]), (b_at[j], b_at[j_end])
        if old[0] < old[1] and new[0] < new[1]:
            old, new = _tightened(before, old, after, new)
        old_marks += [old] if old[0] < old[1] else []
        new_marks += [new] if new[0] < new[1] else []
    return Line("-", before, tuple(old_marks)), Line("+", after, tuple(new_marks))


def _offsets(tokens: list[str]) -> list[int]:
    offsets = [0]
    for token in tokens:
        offsets.append(offsets[-1] + len(token))
    return offsets


def _tightened(before: str, old: Span, after: str, new: Span) -> tuple[Span, Span]:
    """Leave the blanks out that both changed stretches begin with."""
    blanks = 0
    while (
        old[0] + blanks < old[1]
        and new[0] + blanks < new[1]
        and before[old[0] + blanks] == after[new[0] + blanks]
        and before[old[0] + blanks].isspace()
    ):
        blanks += 1
    return (old[0] + blanks, old[1]), (new[0] + blanks, new[1])
