"""Which line became which, and the words that differ between the two.

Lines are paired by the words that they share, so that together they have most in common; a paragraph that only wrapped
anew is compared as a whole. Marks are of whole words, and without the marked words both sides read the same.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from reconciler.render.diff.matching import ANCHOR_COST, Budget, Span, match

_MAX_PAIRINGS = 2_500
_WINDOW = 12
_MAX_WORDY_LINE = 300_000
_MAX_WRAPPED = 40_000
_MAX_BAG = 4_000
_LONG_LINE = 2_000
_WORD_ROOM = 200
_MAX_BETWEEN = 3
_LIKENESS_COST = 40
_SIMILAR = 0.4
"""The share of two lines' letters that must be equal for one to count as the other, changed."""
_WRAPPED = 0.7
"""The share of two paragraphs' letters that must be equal for one to count as the other, wrapped anew."""

_UNSPACED = r"\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff00-\uff65"
_LETTER = rf"[^\s!-/:-@\[-`{{-~{_UNSPACED}]"


@cache
def _token() -> re.Pattern[str]:
    """A word or number with the blanks before it; what a CI runner would obey is never split, Chinese always is."""
    joined = rf"{_LETTER}+(?:[-.'’_]{_LETTER}+)*"  # noqa: RUF001
    return re.compile(rf"[^\S\n]*(?:#+\[?|:{{2,}}|[{_UNSPACED}]|{joined}|\S)|\s+")


class Line(NamedTuple):
    """One line of a diff: its sign (`" "`, `"-"`, `"+"`), its text as it is, and the spans that its pair lacks.

    A line without a sign is a remark about the changed lines below it: `text` is ours.
    """

    sign: str
    text: str
    marks: tuple[Span, ...] = ()


Pairs = list[tuple[int, int, Line, Line]]
"""Which removed line (by number) became which added line, and the two with their marks."""


def paired(removed: Sequence[str], added: Sequence[str], found: Pairs, budget: Budget) -> list[Line]:
    """The lines of one block: lines that resemble each other side by side, with their differing words marked.

    Where a paragraph was only wrapped anew, its old lines come first, then the new ones, and only the words that
    really differ are marked.
    """
    wrapped = _wrapped(removed, added, found, budget)
    if wrapped is not None:
        return wrapped
    lines: list[Line] = []
    i = j = 0
    for i_next, j_next, old, new in found:
        lines += [Line("-", text) for text in removed[i:i_next]]
        lines += [Line("+", text) for text in added[j:j_next]]
        lines += [old, new]
        i, j = i_next + 1, j_next + 1
    lines += [Line("-", text) for text in removed[i:]]
    lines += [Line("+", text) for text in added[j:]]
    return lines


def resembling(removed: Sequence[str], added: Sequence[str], budget: Budget) -> Pairs:
    """Which removed line became which added line, in order, so that together they have most in common."""
    if not (removed and added) or not budget.take(ANCHOR_COST * sum(map(len, (*removed, *added)))):
        return []
    candidates: Iterable[Span] = [(0, 0)]
    if len(removed) > 1 or len(added) > 1:
        old, new = [_Bag.of(line) for line in removed], [_Bag.of(line) for line in added]
        choose = _best_pairs if len(old) * len(new) <= _MAX_PAIRINGS else _near_pairs
        candidates = choose(old, new, budget)
    found: Pairs = []
    for i, j in candidates:
        pair = mark(removed[i], added[j], budget)
        if pair is not None:
            found.append((i, j, *pair))
    return found


class _Bag(NamedTuple):
    """The words of a line without their order, and how many letters they have together."""

    words: Counter[str]
    letters: int

    @classmethod
    def of(cls, line: str) -> "_Bag":
        words = Counter(re.findall(rf"[{_UNSPACED}]|\w+|[^\w\s]", line[:_MAX_BAG]))
        return cls(words, sum(len(word) * count for word, count in words.items()))

    def likeness(self, other: "_Bag") -> float:
        """The share of letters that the two have in common, 0 to 1; 0 when it is too little to be the same line."""
        total = self.letters + other.letters
        if 2 * min(self.letters, other.letters) < _SIMILAR * total:
            return 0.0
        few, many = (self, other) if len(self.words) < len(other.words) else (other, self)
        shared = sum(len(word) * min(count, many.words.get(word, 0)) for word, count in few.words.items())
        share = 2 * shared / total if total else 0.0
        return share if share >= _SIMILAR else 0.0


def _best_pairs(old: list[_Bag], new: list[_Bag], budget: Budget) -> list[Span]:
    """The pairs, in order, with the greatest likeness in all; work is len(old) * len(new)."""
    if not budget.take(len(old) * len(new) * _LIKENESS_COST):
        return []
    likeness = [[one.likeness(other) for other in new] for one in old]
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            with_pair = best[i + 1][j + 1] + likeness[i][j] if likeness[i][j] else 0.0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], with_pair)
    pairs: list[Span] = []
    i = j = 0
    while i < len(old) and j < len(new):
        if likeness[i][j] and best[i][j] == best[i + 1][j + 1] + likeness[i][j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _near_pairs(old: list[_Bag], new: list[_Bag], budget: Budget) -> Iterator[Span]:
    """The same for long stretches: each line with the likest of the next few."""
    start = 0
    for i, one in enumerate(old):
        near = range(start, min(len(new), start + _WINDOW))
        if not near or not budget.take(_LIKENESS_COST * len(near)):
            return
        likeness, back = max((one.likeness(new[j]), -j) for j in near)
        if likeness:
            yield i, -back
            start = -back + 1


def _wrapped(removed: Sequence[str], added: Sequence[str], pairs: Pairs, budget: Budget) -> list[Line] | None:
    """A paragraph whose words stand on other lines now, or None where the lines themselves tell it better."""
    if len(removed) + len(added) < 3 or not (removed and added):
        return None
    by_line = sum(end - start for *_, old, new in pairs for line in (old, new) for start, end in line.marks)
    by_line += sum(map(len, removed)) + sum(map(len, added)) - sum(len(o.text) + len(n.text) for *_, o, n in pairs)
    before, after = "\n".join(removed), "\n".join(added)
    if len(before) + len(after) > _MAX_WRAPPED or not budget.take(ANCHOR_COST * (len(before) + len(after))):
        return None
    found = _marked(before, after, budget, similar=_WRAPPED, blanks=False)
    if found is None or 2 * sum(end - start for side in found for start, end in side) > by_line:
        return None
    remark = "wrapped anew; the words that differ are marked" if any(found) else "the same words on other lines"
    return [
        Line("", remark),
        *(Line("-", text, marks) for text, marks in _by_line(removed, found[0])),
        *(Line("+", text, marks) for text, marks in _by_line(added, found[1])),
    ]


def _by_line(lines: Sequence[str], spans: list[Span]) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """Spans of the joined lines as spans of each."""
    start = at = 0
    for text in lines:
        end = start + len(text)
        while at < len(spans) and spans[at][1] <= start:
            at += 1
        inside = []
        for span in spans[at:]:
            if span[0] >= end:
                break
            inside.append((max(span[0], start) - start, min(span[1], end) - start))
        yield text, tuple(span for span in inside if span[0] < span[1])
        start = end + 1


def mark(before: str, after: str, budget: Budget) -> tuple[Line, Line] | None:
    """Two lines with their differing words marked, or None when they have too little in common."""
    longest = max(len(before), len(after))
    found = _marked_middle(before, after, budget) if longest > _LONG_LINE else None
    if found is None:
        if longest > _MAX_WORDY_LINE or not budget.take(ANCHOR_COST * longest):
            return None
        found = _marked(before, after, budget, similar=_SIMILAR)
    return None if found is None else (Line("-", before, tuple(found[0])), Line("+", after, tuple(found[1])))


def _marked_middle(before: str, after: str, budget: Budget) -> tuple[list[Span], list[Span]] | None:
    """Two very long lines: what they begin and end with alike is set aside first, and its length does not matter."""
    head = _common_start(before, after)
    tail = _common_start(before[head:][::-1], after[head:][::-1])
    if 2 * (head + tail) < _SIMILAR * (len(before) + len(after)):
        return None
    head = max(before.rfind(" ", max(0, head - _WORD_ROOM), head), 0) or head
    start = before.find(" ", len(before) - tail, len(before) - tail + _WORD_ROOM)
    tail = tail if start < 0 else len(before) - start
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    longest = max(len(old), len(new))
    inner = None
    if longest <= _MAX_WORDY_LINE and budget.take(ANCHOR_COST * longest):
        inner = _marked(old, new, budget, similar=_SIMILAR)
    if inner is None:
        one, other = _tightened(old, (0, len(old)), new, (0, len(new)))
        inner = [one] if one[0] < one[1] else [], [other] if other[0] < other[1] else []
    return [(a + head, b + head) for a, b in inner[0]], [(a + head, b + head) for a, b in inner[1]]


def _common_start(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _marked(
    before: str, after: str, budget: Budget, *, similar: float, blanks: bool = True
) -> tuple[list[Span], list[Span]] | None:
    """The spans that each side lacks of the other, in whole words; `blanks`: also where only white space differs."""
    a, b = _Tokens.of(before, blanks=blanks), _Tokens.of(after, blanks=blanks)
    pairs, _ = match(a.bare, b.bare, budget)
    common = sum(len(a.bare[i]) for i, _ in pairs)
    if 2 * common < similar * sum(map(len, (*a.bare, *b.bare))):
        return None
    found: list[tuple[Span, Span]] = []
    i = j = 0
    for i_next, j_next in [*pairs, (len(a.bare), len(b.bare))]:
        if i < i_next or j < j_next:
            found.append(_tightened(before, a.span(i, i_next), after, b.span(j, j_next)))
        if blanks and i_next < len(a.bare) and a.blank(i_next) != b.blank(j_next):
            found.append(_tightened(before, a.lead(i_next), after, b.lead(j_next)))
        i, j = i_next + 1, j_next + 1
    found = _together(found, before)
    return [old for old, _ in found if old[0] < old[1]], [new for _, new in found if new[0] < new[1]]


class _Tokens(NamedTuple):
    """The words of a text: where each begins (with the blanks before it) and ends, and itself without them."""

    text: str
    spans: list[Span]
    bare: list[str]

    @classmethod
    def of(cls, text: str, *, blanks: bool) -> "_Tokens":
        spans = [match.span() for match in _token().finditer(text)]
        bare = [text[start:end].strip() for start, end in spans]
        if not blanks:
            spans = [span for span, word in zip(spans, bare, strict=True) if word]
            bare = [word for word in bare if word]
        return cls(text, spans, bare)

    def span(self, first: int, end: int) -> Span:
        """From a token to before another."""
        if first < end:
            return self.spans[first][0], self.spans[end - 1][1]
        at = self.spans[first - 1][1] if first else 0
        return at, at

    def lead(self, number: int) -> Span:
        """The blanks before a word."""
        start, end = self.spans[number]
        return start, end - len(self.bare[number])

    def blank(self, number: int) -> str:
        """The same as text."""
        start, end = self.lead(number)
        return self.text[start:end]


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


def _together(found: list[tuple[Span, Span]], before: str) -> list[tuple[Span, Span]]:
    """Changed stretches that only a comma or a bracket lies between are one."""
    joined: list[tuple[Span, Span]] = []
    for old, new in found:
        if joined:
            last_old, last_new = joined[-1]
            between = before[last_old[1] : old[0]]
            if len(between) <= _MAX_BETWEEN and not any(char.isalnum() for char in between):
                joined[-1] = ((last_old[0], old[1]), (last_new[0], new[1]))
                continue
        joined.append((old, new))
    return joined
