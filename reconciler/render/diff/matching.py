"""What two sequences have in common, within a budget: lines of a text, or words of a line.

The common beginning and end are cut off first, elements that occur once on each side are the anchors (patience diff),
and what lies between anchors is compared one by one. When the budget is spent, a stretch counts as wholly different.
"""

from bisect import bisect_left
from collections.abc import Hashable, Sequence

Span = tuple[int, int]
"""Two positions: start and end of a stretch, or a pair of equal elements."""

_MAX_CELLS = 250_000
ANCHOR_COST = 4
"""What looking at one element or character costs, in units of the budget."""


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


def match(a: Sequence[Hashable], b: Sequence[Hashable], budget: Budget) -> tuple[list[Span], bool]:
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
        if not budget.take(ANCHOR_COST * (a_hi - a_lo + b_hi - b_lo)):
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
