"""Comparing texts: minimal where it can be, bounded where it must be, complete always."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.render.diff.words import Budget, Diff, diff, mark

LINES = st.lists(
    st.sampled_from(["", "a", "b", "c", "# Head", "a longer line of text", "another line of text"]), max_size=30
)


def compare(before: str, after: str, context: int = 3, limit: int = 4_000_000) -> Diff:
    return diff(before.split("|"), after.split("|"), context=context, budget=Budget(limit))


def shown(found: Diff) -> list[str]:
    return [f"{line.sign}{line.text}" for hunk in found.hunks for line in hunk.lines]


def marked(before: str, after: str) -> tuple[list[str], list[str]] | None:
    pair = mark(before, after, Budget())
    if pair is None:
        return None
    old, new = ([line.text[a:b] for a, b in line.marks] for line in pair)
    return old, new


@given(LINES, LINES, st.integers(0, 4), st.sampled_from([0, 50, 4_000_000]))
@settings(deadline=None)
def test_the_signs_turn_one_text_into_the_other(before: Any, after: Any, context: int, limit: int) -> None:
    found = diff(before, after, context=context, budget=Budget(limit))
    old = [line.text for hunk in found.hunks for line in hunk.lines if line.sign == "-"]
    new = [line.text for hunk in found.hunks for line in hunk.lines if line.sign == "+"]
    assert (len(old), len(new)) == (found.removed, found.added)
    whole = diff(before, after, context=1_000, budget=Budget(limit))
    lines = [line for hunk in whole.hunks for line in hunk.lines if line.sign]
    if before != after:
        assert [line.text for line in lines if line.sign != "+"] == before
        assert [line.text for line in lines if line.sign != "-"] == after
    else:
        assert not whole.hunks


def test_lines_that_occur_once_are_anchors() -> None:
    found = compare("f {|}|g {|}", "f {|}|new {|}|g {|}", context=0)
    assert shown(found) == ["+new {", "+}"]


def test_repeated_lines_are_compared_one_by_one() -> None:
    found = compare("x|a|x|a|y", "y|x|x|x|y|a", context=0)
    assert (found.removed, found.added, found.coarse) == (2, 3, False)


def test_changes_that_are_far_apart_are_hunks_of_their_own() -> None:
    before = "|".join(f"l{i}" for i in range(20))
    after = before.replace("l2|", "X|").replace("l17", "Y")
    assert [(hunk.first, hunk.last, len(hunk.lines)) for hunk in compare(before, after).hunks] == [
        (3, 3, 7),
        (18, 18, 7),
    ]


def test_changes_that_are_near_each_other_share_a_hunk() -> None:
    found = compare("a|b|c|d|e", "A|b|c|d|E")
    assert [(hunk.first, hunk.last) for hunk in found.hunks] == [(1, 5)]


def test_a_pure_removal_names_the_line_before() -> None:
    found = compare("# H|a|b", "# H|b")
    assert [(hunk.first, hunk.last, hunk.heading) for hunk in found.hunks] == [(2, 1, ("H",))]
    assert compare("a|b", "b").hunks[0].last == 0


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("# One|x|## Two ##|@", ("Two",)),
        ("# One|```|# no|```|@", ("One",)),
        ("#hash|@", ()),
        ("# One|#hash|@", ("One",)),
        ("@", ()),
        ("## Itself @", ("Itself new",)),
    ],
)
def test_a_hunk_names_the_heading_it_stands_under(text: str, heading: tuple[str, ...]) -> None:
    assert compare(text.replace("@", "old"), text.replace("@", "new")).hunks[0].heading == heading


@pytest.mark.parametrize(
    ("before", "after", "marks"),
    [
        ("paid within 14 days", "paid within 30 days", (["14"], ["30"])),
        ("orders, accounts and contracts.", "orders and accounts.", ([", accounts", "contracts"], ["accounts"])),
        ("the user's well-known file_name", "the user's well-known file-name", (["file_name"], ["file-name"])),
        ("本产品十四天内退款", "本产品三十天内退款", (["四"], ["三"])),
        ("one two three", "one two three four", ([], [" four"])),
        ("trailing blank here", "trailing blank here  ", ([], ["  "])),
        ("## [a link] here", "##[a link] here", (["## ["], ["##["])),
    ],
)
def test_the_words_that_differ_are_marked(before: Any, after: Any, marks: Any) -> None:
    assert marked(before, after) == marks


def test_lines_that_have_nothing_in_common_are_not_marked() -> None:
    assert marked("completely different words here", "nothing shared at all") is None


def test_of_a_very_long_line_the_words_that_differ_are_marked() -> None:
    before = "answer every customer politely " * 10_000
    assert marked(before, f"{before[:155_000]}X{before[155_000:]}") == (["answer"], ["Xanswer"])
    assert marked("x " * 200_000, "y " * 200_000) is None


def test_without_budget_nothing_is_marked() -> None:
    assert mark("a b c", "a b d", Budget(0)) is None


def test_a_changed_line_stands_beside_its_successor_when_another_is_added() -> None:
    found = compare("keep the old promise to all", "a new line of its own|keep the new promise to all")
    assert shown(found) == ["+a new line of its own", "-keep the old promise to all", "+keep the new promise to all"]


def test_a_changed_line_stands_beside_its_successor_when_another_is_removed() -> None:
    found = compare("something else entirely|keep the old promise to all", "keep the new promise to all")
    assert shown(found)[-2:] == ["-keep the old promise to all", "+keep the new promise to all"]


def test_a_long_stretch_of_changed_lines_is_shown_pair_by_pair() -> None:
    before = "|".join(f"line number {i} old" for i in range(600))
    found = compare(before, before.replace("old", "new"))
    assert [line.sign for line in found.hunks[0].lines] == ["-", "+"] * 600
    assert all(line.text[slice(*line.marks[0])] in {"old", "new"} for line in found.hunks[0].lines)


def test_a_section_that_is_added_starts_with_its_heading() -> None:
    found = compare("a||## One||x||## Two||x|", "a||## One||x||## Half||x||## Two||x|", context=1)
    assert shown(found) == [" ", "+## Half", "+", "+x", "+", " ## Two"]
    assert found.hunks[0].heading == ("Half",)


def test_without_budget_an_added_section_stays_where_it_was_found() -> None:
    found = compare("a||## One||x||## Two||x|", "a||## One||x||## Half||x||## Two||x|", context=0, limit=0)
    assert sorted(shown(found)) == ["+", "+", "+## Half", "+x"]


def test_a_section_that_is_removed_starts_with_its_heading() -> None:
    found = compare("a||## One||x||## Half||x||## Two||x|", "a||## One||x||## Two||x|", context=0)
    assert shown(found) == ["-## Half", "-", "-x", "-"]


def test_a_paragraph_that_moved_is_said_to_have_moved() -> None:
    found = compare("a|b|c|d|e|Refunds are paid within a week.|f", "a|Refunds are paid within a week.|b|c|d|e|f", 1)
    assert shown(found) == [
        " a",
        "moved here unchanged, from line 6 of the old text",
        "+Refunds are paid within a week.",
        " b",
        " e",
        "moved unchanged, to line 2",
        "-Refunds are paid within a week.",
        " f",
    ]
    assert (found.removed, found.added, found.moved) == (1, 1, 1)


def test_a_stretch_that_stands_in_several_places_is_not_said_to_have_moved() -> None:
    long = "Refunds are paid within a week."
    found = compare(f"a|b|c|d|e|{long}|f", f"a|{long}|b|c|{long}|d|e|f", 1)
    assert not found.moved


def test_a_rewritten_text_is_not_held_together_by_its_blank_lines() -> None:
    assert shown(compare("one|two||three", "uno|dos||tres", 1)) == [
        "-one",
        "-two",
        "-",
        "-three",
        "+uno",
        "+dos",
        "+",
        "+tres",
    ]
    assert shown(compare("one two||three four", "one too||three for", 1)) == [
        "-one two",
        "+one too",
        " ",
        "-three four",
        "+three for",
    ]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([f"x{i % 7}" for i in range(50_000)], [f"x{i % 5}" for i in range(50_000)]),
        ([f"l{i}" for i in range(50_000)], [f"l{i}" for i in reversed(range(50_000))]),
        ([f"a{i}" for i in range(50_000)], [f"b{i}" for i in range(50_000)]),
    ],
)
def test_the_work_on_a_hostile_text_is_bounded(before: Any, after: Any) -> None:
    budget = Budget()
    found = diff(before, after, context=3, budget=budget)
    assert budget.spent <= budget.limit == 4_000_000
    assert found.removed == sum(line.sign == "-" for hunk in found.hunks for line in hunk.lines)


def test_a_block_that_costs_too_much_is_called_coarse() -> None:
    assert compare("x|y|" * 400, "y|x|x|" * 400).coarse
    assert compare("x|y|x|z", "y|x|z|z", limit=10).coarse


def test_a_spent_budget_gives_nothing_more() -> None:
    budget = Budget(10)
    assert budget.take(10)
    assert not budget.take(1)
    assert budget.spent == 10


WORDS = ["refund", "order", "parcel", "polite", "always", "never"]
TEXT = " ".join(f"{word}{number % 97}" for number in range(6_000) for word in WORDS)
HOSTILE_PAIRS = {
    "nothing in common": (TEXT.replace(" ", "\n"), TEXT[::-1].replace(" ", "\n")),
    "few words": ("a b\n" * 40_000, "b a\n" * 40_000),
    "one line": (TEXT, TEXT[::-1]),
    "one word": ("x" * 256_000, "y" * 256_000),
    "signs only": (".," * 128_000, ",." * 128_000),
    "blank lines": ("\n" * 100_000, "\n \n" * 50_000),
    "one word of each line": (
        "\n".join(f"rule {number} says yes" for number in range(50_000)),
        "\n".join(f"rule {number} says no" for number in range(50_000)),
    ),
    "headings": ("#\n## a\n" * 25_000, "# a\n##\n" * 25_000),
    "fences": ("```\n~~~\n" * 25_000, "~~~\n```\n" * 25_000),
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", sorted(HOSTILE_PAIRS))
def test_a_hostile_text_costs_no_more_than_the_budget(name: str) -> None:
    before, after = (text.split("\n") for text in HOSTILE_PAIRS[name])
    budget = Budget()
    found = diff(before, after, context=3, budget=budget)
    assert budget.spent <= budget.limit
    lines = [line for hunk in found.hunks for line in hunk.lines]
    assert len(lines) <= 2 * (len(before) + len(after))
    assert sum(line.sign == "-" for line in lines) - sum(line.sign == "+" for line in lines) == len(before) - len(after)
