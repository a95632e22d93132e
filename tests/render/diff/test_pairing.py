"""Which line became which, and that the marks are of whole words and of all that differs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.diff.pairing import Line, mark, paired, resembling
from reconciler.render.diff.words import Budget

LINES = st.text("abc ,.-\t\u4e2d", max_size=30)


def shown(before: str, after: str) -> list[str]:
    """The lines of a block; marked words in brackets."""
    old, new = before.split("|"), after.split("|")
    budget = Budget()
    return [_bracketed(line) for line in paired(old, new, resembling(old, new, budget), budget)]


def _bracketed(line: Line) -> str:
    text = line.text
    for start, end in reversed(line.marks):
        text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
    return f"{line.sign}{text}"


def _unmarked(line: Line) -> str:
    text = line.text
    for start, end in reversed(line.marks):
        text = text[:start] + text[end:]
    return text


@given(LINES, LINES)
def test_without_the_marked_words_both_lines_read_the_same(before: str, after: str) -> None:
    pair = mark(before, after, Budget())
    if pair is not None:
        assert _unmarked(pair[0]) == _unmarked(pair[1])


@given(st.text("ab ", min_size=1_000, max_size=1_200), LINES, st.text("ab ", min_size=1_000, max_size=1_200), LINES)
def test_long_lines_keep_that_promise(start: str, old: str, end: str, new: str) -> None:
    pair = mark(start + old + end, start + new + end, Budget())
    assert pair is not None
    assert _unmarked(pair[0]) == _unmarked(pair[1])
    assert sum(b - a for line in pair for a, b in line.marks) <= 600


@given(st.lists(LINES, max_size=6), st.lists(LINES, max_size=6))
def test_a_block_has_all_its_lines_in_order(before: list[str], after: list[str]) -> None:
    budget = Budget()
    lines = paired(before, after, resembling(before, after, budget), budget)
    assert [line.text for line in lines if line.sign == "-"] == before
    assert [line.text for line in lines if line.sign == "+"] == after


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("- a thing", "-  a thing", ["-- a thing", "+- [ ]a thing"]),
        ("a thing", "\ta thing", ["-a thing", "+[\t]a thing"]),
        ("a\tthing", "a thing", ["-a[\t]thing", "+a[ ]thing"]),
        ("say a, b, c now", "say x, y, z now", ["-say [a, b, c] now", "+say [x, y, z] now"]),
        ("keep this (14) here", "keep this (30) here", ["-keep this ([14]) here", "+keep this ([30]) here"]),
    ],
)
def test_marks_are_as_small_as_a_reader_likes_them(before: str, after: str, lines: list[str]) -> None:
    assert shown(before, after) == lines


def test_a_line_is_paired_with_the_one_that_it_resembles_most() -> None:
    assert shown(
        "Ask for the order number first.",
        "Ask for the number of the parcel.|Always ask for the order number first.",
    ) == [
        "+Ask for the number of the parcel.",
        "-[Ask] for the order number first.",
        "+[Always ask] for the order number first.",
    ]


def test_lines_without_common_words_are_not_paired() -> None:
    found = shown("Digital goods are final.|We ship on weekdays.", "Be brief, be kind.|Never quote internal notes.")
    assert [line[0] for line in found] == ["-", "-", "+", "+"]


def test_a_paragraph_that_wraps_anew_is_compared_as_a_whole() -> None:
    assert shown(
        "Refunds are paid within 14 days of|receiving the item, to the account|it was paid from.",
        "Refunds are usually paid within 14|days of receiving the item, to the|account it was paid from.",
    ) == [
        "wrapped anew; the words that differ are marked",
        "-Refunds are paid within 14 days of",
        "-receiving the item, to the account",
        "-it was paid from.",
        "+Refunds are[ usually] paid within 14",
        "+days of receiving the item, to the",
        "+account it was paid from.",
    ]


def test_a_line_that_was_split_has_no_marks() -> None:
    assert shown("One sentence here. Another one there.", "One sentence here.|Another one there.") == [
        "the same words on other lines",
        "-One sentence here. Another one there.",
        "+One sentence here.",
        "+Another one there.",
    ]


def test_a_mark_goes_on_over_the_end_of_a_line() -> None:
    found = shown(
        "Answer every question of every customer in|full, and politely.",
        "Answer every question of|every customer very, very|kindly in full, and politely.",
    )
    assert found[-2:] == ["+every customer[ very, very]", "+[kindly] in full, and politely."]


def test_long_stretches_are_paired_with_the_lines_near_by() -> None:
    before = [f"rule {number} says yes to all" for number in range(200)]
    after = ["a line of its own", *(line.replace("yes", "no") for line in before)]
    found = resembling(before, after, Budget(100_000_000))
    assert [(i, j) for i, j, *_ in found] == [(number, number + 1) for number in range(200)]


@pytest.mark.parametrize("count", [40, 60])
@pytest.mark.parametrize("limit", [0, 40, 300, 3_000, 10_000])
def test_without_budget_lines_stay_unpaired(limit: int, count: int) -> None:
    before = [f"rule {number} says yes" for number in range(count)]
    budget = Budget(limit)
    found: Any = resembling(before, [line.replace("yes", "no") for line in before], budget)
    assert budget.spent <= limit
    assert len(found) < count


def test_a_change_in_the_middle_of_a_line_too_long_for_words_is_one_mark() -> None:
    start, end = "s " * 1_000, " e" * 1_000
    pair = mark(f"{start}{'ab ' * 200_000}{end}", f"{start}x{end}", Budget(10_000_000))
    assert pair is None
    start, end = "s " * 400_000, " e" * 400_000
    pair = mark(f"{start}{'ab ' * 150_000}{end}", f"{start}x{end}", Budget(10_000_000))
    assert pair is not None
    assert pair[1].marks[0][1] - pair[1].marks[0][0] <= 3


def test_a_word_as_long_as_a_line_is_marked_where_it_differs() -> None:
    pair = mark("x" * 5_000 + "a" + "x" * 5_000, "x" * 5_000 + "b" + "x" * 5_000, Budget())
    assert pair is not None
    assert [line.text[slice(*line.marks[0])] for line in pair] == ["a", "b"]
