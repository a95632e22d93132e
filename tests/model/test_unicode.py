"""Characters that deceive the eye, and ordinary text that must pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.unicode import hidden, is_hidden


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\u202e", "RIGHT-TO-LEFT OVERRIDE"),
        ("\u2066", "LEFT-TO-RIGHT ISOLATE"),
        ("\u200b", "ZERO WIDTH SPACE"),
        ("\u200d", "ZERO WIDTH JOINER"),
        ("\ufeff", "ZERO WIDTH NO-BREAK SPACE"),
        ("\U000e0041", "TAG LATIN CAPITAL LETTER A"),
        ("\ufe0f", "VARIATION SELECTOR-16"),
        ("\U000e0100", "VARIATION SELECTOR-17"),
        ("\u3164", "HANGUL FILLER"),
        ("\u00ad", "SOFT HYPHEN"),
        ("\u2028", "LINE SEPARATOR"),
        ("\x1b", "CONTROL CHARACTER U+001B"),
        ("\x9b", "CONTROL CHARACTER U+009B"),
        ("\ud800", "CONTROL CHARACTER U+D800"),
    ],
)
def test_a_hidden_character_is_found_and_named(character: str, name: str) -> None:
    assert is_hidden(character)
    assert hidden(f"ab{character}c") == [(2, ord(character), name)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain\ttext\r\n",
        "é ü 日本語 العربية",
        "👩\u200d💻",
        "❤\ufe0f",
        "❤\ufe0f\u200d🔥",
        "👨🏽\u200d🚀",
        "1\ufe0f\u20e3",
        "©\ufe0f",
        "🏴",
    ],
)
def test_ordinary_text_and_emoji_pass(text: str) -> None:
    assert hidden(text) == []


@pytest.mark.parametrize(
    ("text", "offsets"),
    [
        ("❤\ufe0f\ufe0f", [2]),
        ("a\u200d❤", [1]),
        ("❤\u200da", [1]),
        ("a\ufe0f\u200d❤", [1, 2]),
        ("1\ufe0f", [1]),
        ("🏴\U000e0067\U000e007f", [1, 2]),
        ("\ufe0f", [0]),
    ],
)
def test_invisible_characters_without_an_emoji_around_them_are_found(text: str, offsets: list[int]) -> None:
    assert [offset for offset, _, _ in hidden(text)] == offsets


@given(text=st.text("a❤\u200d\ufe0f\u202e\U000e0041\u20e3", max_size=30))
def test_offsets_point_at_the_character(text: str) -> None:
    for offset, codepoint, _ in hidden(text):
        assert ord(text[offset]) == codepoint


@pytest.mark.parametrize(("character", "is_"), [("a", False), ("é", False), ("\u2800", True), ("\u034f", True)])
def test_a_blank_that_is_a_symbol_is_hidden_from_a_reader_and_allowed_in_a_manifest(character: str, is_: bool) -> None:
    assert is_hidden(character) == is_
    assert hidden("\u2800") == []
