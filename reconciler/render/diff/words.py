"""What changed in a text: lines first, then the words inside lines that pair up.

People review prompts of 250 kB in which one word changed, and attackers send texts made to be slow to compare. So the
common beginning and end are cut off first, lines that occur once on each side are the anchors (patience diff), what
lies between anchors is compared line by line, and every comparison draws on a budget. When that is spent, a stretch is
shown as one block, old then new: longer, never wrong, and nothing is left out.

What is told beyond the lines (this paragraph was moved, that one only wrapped anew) is said beside them, never instead.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reconciler.render.diff.headings import headings
from reconciler.render.diff.matching import Budget, Span, match
from reconciler.render.diff.pairing import Line, Pairs, mark, paired, resembling

__all__ = ["Budget", "Diff", "Hunk", "Line", "Span", "diff", "mark"]

Block = tuple[int, int, int, int]
"""A changed stretch: its first line and the one after its last, in the old text and in the new one."""

_MAX_SLIDE = 60
_WORTH_TELLING = 20
"""How many letters a moved stretch has at least: below, it is chance."""


class Hunk(NamedTuple):
    """A stretch of changed lines with its surroundings; `first` and `last` are 1-based lines of the new text.

    `first > last` means that lines were only removed, after line `last`. `heading` is the Markdown section it is in,
    outermost first.
    """

    first: int
    last: int
    heading: tuple[str, ...]
    lines: tuple[Line, ...]


class Diff(NamedTuple):
    """A comparison of two texts, with numbers of lines; `coarse`: some stretches were too different to be compared.

    `moved` lines are among the removed and among the added ones.
    """

    hunks: tuple[Hunk, ...]
    removed: int
    added: int
    coarse: bool
    moved: int = 0


def diff(before: Sequence[str], after: Sequence[str], *, context: int, budget: Budget) -> Diff:
    """Compare two lists of lines; every changed line is in the result."""
    pairs, coarse = match(before, after, budget)
    blocks = [_slid(block, room, before, after, budget) for block, room in _bounded(pairs, len(before), len(after))]
    sections = headings(after) if blocks else []
    remarks, moved = _moves(blocks, before, after)
    hunks: list[Hunk] = []
    group: list[Block] = []
    for block in blocks:
        if group and block[0] - group[-1][1] > 2 * context:
            hunks.append(_hunk(group, before, after, sections, remarks, context=context, budget=budget))
            group = []
        group.append(block)
    if group:
        hunks.append(_hunk(group, before, after, sections, remarks, context=context, budget=budget))
    removed = sum(line.sign == "-" for hunk in hunks for line in hunk.lines)
    added = sum(line.sign == "+" for hunk in hunks for line in hunk.lines)
    return Diff(tuple(hunks), removed, added, coarse, moved)


def _blocks(pairs: list[Span], a_len: int, b_len: int) -> list[Block]:
    """The stretches between the pairs: start and end on each side."""
    blocks: list[Block] = []
    i = j = 0
    for i_next, j_next in [*pairs, (a_len, b_len)]:
        if i < i_next or j < j_next:
            blocks.append((i, i_next, j, j_next))
        i, j = i_next + 1, j_next + 1
    return blocks


def _bounded(pairs: list[Span], a_len: int, b_len: int) -> list[tuple[Block, int]]:
    """The blocks, each with the number of equal lines above it that it may slide along."""
    blocks = _blocks(pairs, a_len, b_len)
    ends = [0, *(block[1] for block in blocks)]
    return [(block, block[0] - end) for block, end in zip(blocks, ends, strict=False)]


def _slid(block: Block, room: int, before: Sequence[str], after: Sequence[str], budget: Budget) -> Block:
    """Where a stretch of only added or only removed lines could as well stand: best from its heading on.

    `a b [c b] d` and `a [b c] b d` say the same, and the first is what is found. A stretch reads best when it starts
    with a heading, or after a blank line. (The rule of Git's indent heuristic, for prose.)
    """
    i, i_end, j, j_end = block
    if (i < i_end) == (j < j_end):
        return block
    lines, start, end = (after, j, j_end) if j < j_end else (before, i, i_end)
    up = 0
    while up < min(room, _MAX_SLIDE) and lines[start - up - 1] == lines[end - up - 1]:
        up += 1
    if not up or not budget.take(up):
        return block

    def worth(shift: int) -> tuple[int, int]:
        first, above, last = lines[start + shift], start + shift - 1, lines[end + shift - 1]
        blank_above = above < 0 or not lines[above].strip()
        return 4 * first.startswith("#") + 2 * (blank_above and bool(first.strip())) + (not last.strip()), shift

    best = max(range(-up, 1), key=worth)
    return i + best, i_end + best, j + best, j_end + best


def _moves(blocks: list[Block], before: Sequence[str], after: Sequence[str]) -> tuple[dict[Block, str], int]:
    """What to say about stretches that stand elsewhere now, word for word; and how many lines those are."""
    gone = _stretches((block, before, block[0], block[1]) for block in blocks if block[2] == block[3])
    come = _stretches((block, after, block[2], block[3]) for block in blocks if block[0] == block[1])
    remarks: dict[Block, str] = {}
    moved = 0
    for text in sorted(gone.keys() & come.keys()):
        old, new = gone[text], come[text]
        if old is None or new is None:
            continue
        moved += new[3] - new[2]
        remarks[new] = f"moved here unchanged, from line {old[0] + 1:,} of the old text"
        remarks[old] = f"moved unchanged, to line {new[2] + 1:,}"
    return remarks, moved


def _stretches(found: Iterable[tuple[Block, Sequence[str], int, int]]) -> dict[str, Block | None]:
    """The blocks by their text, without blank lines around it; None where several have it."""
    stretches: dict[str, Block | None] = {}
    for block, lines, start, end in found:
        text = "\n".join(lines[start:end]).strip("\n")
        if len(text) >= _WORTH_TELLING:
            stretches[text] = None if text in stretches else block
    return stretches


def _unbroken(
    group: list[Block], before: Sequence[str], after: Sequence[str], budget: Budget
) -> list[tuple[Block, Pairs]]:
    """The blocks with their pairs of lines; a blank line between two rewritten stretches does not keep them apart."""
    found: list[tuple[Block, Pairs]] = []
    for block in group:
        i, i_end, j, j_end = block
        pairs = resembling(before[i:i_end], after[j:j_end], budget)
        (i_last, i_at, j_last, j_at), above = found[-1] if found else ((0, 0, 0, 0), [])
        rewritten = not (above or pairs) and i_last < i_at and j_last < j_at and i < i_end and j < j_end
        if rewritten and not any(text.strip() for text in after[j_at:j]):
            found[-1] = (i_last, i_end, j_last, j_end), []
        else:
            found.append((block, pairs))
    return found


def _hunk(
    group: list[Block],
    before: Sequence[str],
    after: Sequence[str],
    sections: Sequence[tuple[str, ...]],
    remarks: dict[Block, str],
    *,
    context: int,
    budget: Budget,
) -> Hunk:
    """Blocks that are near each other, with the lines around and between them."""
    lines: list[Line] = [Line(" ", text) for text in after[max(0, group[0][2] - context) : group[0][2]]]
    end = group[0][2]
    for block, pairs in _unbroken(group, before, after, budget):
        i, i_end, j, j_end = block
        lines += [Line(" ", text) for text in after[end:j]]
        lines += [Line("", remarks[block])] if block in remarks else []
        lines += paired(before[i:i_end], after[j:j_end], pairs, budget)
        end = j_end
    lines += [Line(" ", text) for text in after[end : end + context]]
    adding = [block for block in group if block[2] < block[3]]
    if adding:
        first, last = adding[0][2] + 1, adding[-1][3]
    else:
        first, last = group[0][2] + 1, group[0][2]
    nearest = first - 1 if adding else last - 1
    return Hunk(first, last, sections[nearest] if nearest >= 0 else (), tuple(lines))
