"""One field of a plan: short, long, structured, new, gone, and changed by somebody else."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.render import fields, text
from reconciler.render.diff.words import Budget
from reconciler.render.rows import Page
from tests.render.plans import field


def written(
    one: dict[str, Any], *, cause: str = "", preview: bool = False, width: int = 80, limit: int = 10_000
) -> list[str]:
    page = Page(width, 3, color=False, budget=Budget(limit))
    return text.lines(fields.rows(one, page, indent=0, cause=cause, preview=preview), color=False)


@pytest.mark.parametrize(
    ("sides", "line"),
    [
        ({"before": 0.9, "after": 0.1}, "~ x: 0.9 → 0.1"),
        ({"before": None, "after": ""}, '~ x: null → ""'),
        ({"after": None}, "+ x: null"),
        ({"before": [1, 2]}, "- x: [1, 2]"),
        ({"before": "Be nice.\n", "after": "Be nice."}, '~ x: "Be nice.\\n" → "Be nice."'),
        ({}, "~ x: differs; its value cannot be read"),
        ({"before": "x"}, "- x"),
    ],
)
def test_short_values_stand_on_one_line(sides: dict[str, Any], line: Any) -> None:
    assert written(field(["x"], **sides)) == [line]


def test_values_that_fit_one_by_one_stand_on_two_lines() -> None:
    one = field(["x"], before={"a": "b" * 30}, after={"a": "c" * 40})
    assert written(one) == ["~ x:", f'    {{"a": "{"b" * 30}"}}', f'  → {{"a": "{"c" * 40}"}}']


def test_a_long_line_is_compared_word_by_word() -> None:
    before = "Answers questions about orders and accounts of our customers."
    assert written(field(["description"], before=before, after=before.replace("orders", "refunds"))) == [
        "~ description:",
        "- │ Answers questions about [-orders-] and accounts of our customers.",
        "+ │ Answers questions about {+refunds+} and accounts of our customers.",
    ]


def test_the_unchanged_middle_of_a_very_long_line_is_counted() -> None:
    before = f"{'start ' * 100}old{' end' * 100}"
    lines = written(field(["x"], before=before, after=before.replace("old", "new")), limit=1_000_000)
    assert "… 481 unchanged characters …" in " ".join(line.split("┊ ")[-1] for line in lines)
    assert any("[-old-]" in line for line in lines)


def test_structures_are_compared_as_outlines() -> None:
    before = {"properties": {f"name_{number}": {"type": "string", "description": "d" * 50} for number in range(9)}}
    after = {"properties": {**before["properties"], "name_0": {"type": "number"}, "name_8": {"type": "number"}}}
    lines = written(field(["parameters"], before=before, after=after), limit=1_000_000)
    assert lines[0] == "~ parameters:"
    assert '+ │   name_0:{+ {"type": "number"}+}' in lines
    assert "  ⋮" in lines


def test_a_text_that_is_added_to_a_resource_is_shown_whole() -> None:
    long = "\n".join(f"line {number}" for number in range(30))
    lines = written(field(["x"], after=long))
    assert lines[0] == "+ x: 30 lines, 229 B"
    assert lines[1:] == [f"+ │ line {number}" for number in range(30)]


def test_a_text_of_a_new_resource_is_shown_in_part_and_counted() -> None:
    long = "\n".join(f"line {number}" for number in range(30))
    lines = written(field(["x"], after=long), preview=True)
    assert lines[-2:] == ["+ │ line 11", "  and 18 more lines"]


def test_a_text_of_a_new_resource_that_is_just_too_long_is_shown_whole() -> None:
    assert len(written(field(["x"], after="a\nb\n" * 7), preview=True)) == 15


def test_a_text_that_goes_is_shown_with_its_length() -> None:
    assert written(field(["x"], before="one\ntwo\n"))[0] == "- x: 2 lines, 8 B"


@pytest.mark.parametrize(
    ("before", "after", "extent"),
    [
        ("a\nb\nc", "a\nB\nc", " 1 of 3 lines changed"),
        ("a\nb", "a\nb\nc\nd", " 2 lines added; 4 lines now"),
        ("a\nb\nc", "a", " 2 lines removed; 1 line now"),
        ("a\nb\nc", "x\nb", " 1 line added, 2 removed; 2 lines now"),
        ("a\nb\n", "a\nb", ""),
    ],
)
def test_the_extent_of_a_change_is_told(before: Any, after: Any, extent: str) -> None:
    assert written(field(["x"], before=before, after=after))[0] == f"~ x:{extent}"


@pytest.mark.parametrize(("before", "after", "what"), [("a\nb\n", "a\nb", "removed"), ("a\nb", "a\nb\n", "added")])
def test_a_line_break_at_the_end_is_a_change(before: Any, after: Any, what: str) -> None:
    assert written(field(["x"], before=before, after=after))[-1] == f"  The line break at the end is {what}."


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ("a\nb\nc", "a\nB\nc", "@@ line 2 @@"),
        ("# Refunds\nb\nc", "# Refunds\nB\nC", '@@ lines 2 to 3, under "Refunds" @@'),
        ("a\nb\nc", "a\nc", "@@ after line 1 @@"),
        ("a\nb\nc", "b\nc", "@@ before the first line @@"),
        ("# " + "x" * 50 + "\nb", "# " + "x" * 50 + "\nc", f'@@ line 2, under "{"x" * 39}…" @@'),
    ],
)
def test_a_hunk_tells_where_it_is(before: Any, after: Any, place: str) -> None:
    assert f"  {place}" in written(field(["x"], before=before, after=after))


def test_blanks_at_the_end_of_a_changed_line_are_visible_and_others_are_not() -> None:
    lines = written(field(["x"], before="same  \nold\n\n", after="same  \n  \n\n"))
    assert lines[2:5] == ["  │ same", "- │ old", r"+ │ \u{20}\u{20}"]


def test_a_long_line_of_context_is_cut_and_counted() -> None:
    lines = written(field(["x"], before="c " * 300 + "\na", after="c " * 300 + "\nb"))
    assert "460 more unchanged characters" in " ".join(line.split("┊ ")[-1] for line in lines)


def test_texts_that_are_too_different_are_shown_as_blocks() -> None:
    lines = written(field(["x"], before="a\nb\na\n" * 9, after="b\na\nb\n" * 9), limit=10)
    assert "  Too much differs for a comparison line by line: old lines first, then the new" in lines


DRIFT = "  drift: changed in the account since the last apply. Apply restores it."


def test_drift_is_marked() -> None:
    assert written(field(["x"], before=1, after=2, cause="drift")) == ["~ x: 1 → 2", DRIFT]


def test_drift_is_not_marked_again_when_the_whole_resource_drifted() -> None:
    assert written(field(["x"], before=1, after=2, cause="drift"), cause="drift") == ["~ x: 1 → 2"]


def test_a_change_of_ours_is_not_blamed_on_anybody() -> None:
    assert "nobody changed it" in written(field(["x"], before=1, after=2, cause="tool"))[1]


def test_a_conflict_shows_what_was_last_applied() -> None:
    lines = written(field(["x"], before=1, after=2, cause="both", last_applied=3), cause="both")
    assert lines[1].startswith("  conflict: the last apply set 3; since then")


def test_a_conflict_says_when_the_last_applied_value_is_not_available() -> None:
    lines = written(field(["x"], before=1, after=2, cause="both"))
    assert lines[1].startswith("  conflict: what the last apply set is not available;")


@pytest.mark.parametrize("live", [{"before": "a\nhand-made\nc"}, {}])
def test_a_conflict_of_texts_shows_what_the_account_will_lose(live: dict[str, Any]) -> None:
    lines = written(field(["x"], **live, after="a\nb\nnew", cause="both", last_applied="a\nb\nc"))
    assert "  What the account changed since the last apply, and will lose:" in lines
    assert ("  + │ hand-made" in lines) == bool(live)
    assert "  - │ b" in lines


TEXTS = st.text(" \t\r\nab#é\u0301\u202e\\u{}", max_size=12) | st.text("ab \n", max_size=60)


@given(TEXTS, TEXTS, TEXTS)
def test_two_changes_of_a_text_that_read_the_same_are_the_same(before: str, one: str, other: str) -> None:
    assume(len({before, one, other}) == 3)
    assert written(field(["x"], before=before, after=one)) != written(field(["x"], before=before, after=other))


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("a\nb\n", "a\r\nb\r\n", ["~ x:", "  Every line ends in CR LF now, before in LF."]),
        ("a\r\nb\r\n", "a\nb\n", ["~ x:", "  Every line ends in LF now, before in CR LF."]),
        ("a\nb\n", "a\r\nb\n", None),
    ],
)
def test_other_line_breaks_are_one_sentence(before: str, after: str, lines: list[str] | None) -> None:
    found = written(field(["x"], before=before, after=after))
    assert found == lines or (lines is None and r"+ │ a{+\u{d}+}" in found)


def test_a_change_of_white_space_only_is_said_to_be_one() -> None:
    assert (
        written(field(["x"], before="a b\nc", after="a  b\nc"))[0] == "~ x: 1 of 2 lines changed, in white space only"
    )


def test_letters_that_look_the_same_are_pointed_out() -> None:
    looks = "  Both look the same and are not: their letters are written with other Unicode"
    assert looks in written(field(["x"], before="caf\u00e9", after="cafe\u0301"))
    assert looks in written(field(["x"], before="caf\u00e9\nx", after="cafe\u0301\nx"))
    assert looks not in written(field(["x"], before="caf\u00e9", after="cafe"))


def test_a_line_that_repeats_itself_is_counted() -> None:
    assert written(field(["x"], before="a\nb", after=f"a{chr(10) * 9}b"))[-3:] == [
        "+ │",
        "  (a blank line 7 more times)",
        "  │ b",
    ]
    assert "  (the same line 99 more times)" in written(field(["x"], before="a\nb", after="a\n" + "c\n" * 100 + "b"))


def test_a_moved_paragraph_is_said_to_have_moved() -> None:
    before = "a\nb\nc\nd\ne\nRefunds are paid within a week.\nf"
    found = written(field(["x"], before=before, after="a\nRefunds are paid within a week.\nb\nc\nd\ne\nf"))
    assert found[0] == "~ x: 1 line moved; 7 lines now"
    assert "  (moved here unchanged, from line 6 of the old text)" in found
    more = written(field(["x"], before=before, after="A\nRefunds are paid within a week.\nb\nc\nd\ne\nf"))
    assert more[0] in {"~ x: 1 of 7 lines changed, 1 moved", "~ x: 2 of 7 lines changed"}


def test_of_many_headings_the_nearest_are_told() -> None:
    text = "# T\n# S\n## {0} one\n### {0} two\n#### {0} three\n".format("x" * 20)
    found = written(field(["x"], before=f"{text}a\n", after=f"{text}b\n"))
    assert f'  @@ line 6, under "… > {"x" * 20} two > {"x" * 20} three" @@' in found


def test_lists_are_compared_by_their_items() -> None:
    one = field(["tools", "file_search", "vector_store_ids"], before=["a", "b"], after=["a", "c", "b"])
    assert written(one) == ['~ tools.file_search.vector_store_ids: + "c"']
    assert written(field(["x"], before=["a", "b"], after=["c", "a"])) == [
        '~ x: - "b", + "c", in this order now: ["c", "a"]'
    ]


def test_a_list_that_has_no_room_stands_below() -> None:
    before = [f"https://{number}.example.com" for number in range(9)]
    found = written(field(["x"], before=before, after=[*before[:0:-1], "more"]))
    assert found[:4] == ["~ x:", '  - │ "https://0.example.com"', '  + │ "more"', "  ~ in this order now:"]
    assert "more" in found[-1]
    assert written(field(["x"], before=before, after=[*before, "y" * 72]))[1:] == [f'  + │ "{"y" * 72}"']


def test_an_item_that_is_its_own_name_is_said_once() -> None:
    assert written(field(["stores", "a"], after="a")) == ["+ stores.a"]
