"""No character that a terminal, a browser or a CI runner obeys comes through."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.render import escape
from tests.render.plans import HOSTILE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("größer, 漢字, Здравствуйте, नमस्ते", "größer, 漢字, Здравствуйте, नमस्ते"),
        ("\x1b[31mred", r"\u{1b}[31mred"),
        ("a\u202eb", r"a\u{202e}b"),
        ("a\nb", r"a\u{a}b"),
        ("a\tb", "a⇥b"),
        ("a⇥b", r"a\u{21e5}b"),
        ("tag\U000e0041", r"tag\u{e0041}"),
        ("a\u00a0b", r"a\u{a0}b"),
        ("a\u3000b", "a\u3000b"),
        ("©\ufe0f", "©\ufe0f"),
        ("⚠\ufe0f and a\ufe0f", "⚠\ufe0f and a\\u{fe0f}"),
        ("\u0301 first", r"\u{301} first"),
        ("e\u0301", "e\u0301"),
        ("e" + "\u0301" * 5, "e" + "\u0301" * 3 + r"\u{301}\u{301}"),
        (r"\u{202e} \n \x1b", r"\u{5c}u{202e} \n \x1b"),
        ("::add-mask::x", r"\u{3a}:add-mask::x"),
        ("  ::error::x std::vector", r"  \u{3a}:error::x std::vector"),
        ("see ##[group]", r"see \u{23}#[group]"),
        ("##vso[task.complete]", r"\u{23}#vso[task.complete]"),
        ("## Heading [link]", "## Heading [link]"),
        ("", ""),
    ],
)
def test_a_line_shows_what_would_be_invisible_or_obeyed(text: str, shown: str) -> None:
    assert escape.line(text) == shown


@given(st.text())
@settings(deadline=None)
def test_a_line_holds_only_printable_characters(text: str) -> None:
    shown = escape.line(text)
    assert all(char.isprintable() or char == "\u3000" for char in shown)
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for char in shown)


@given(st.text(alphabet=st.sampled_from("\\u{}202e5c\u202e")), st.text(alphabet=st.sampled_from("\\u{}202e5c\u202e")))
@settings(deadline=None)
def test_two_texts_are_shown_alike_only_when_they_are_equal(left: str, right: str) -> None:
    assert (escape.line(left) == escape.line(right)) == (left == right)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_json_parses_to_the_same_value_and_holds_nothing_dangerous(text: str) -> None:
    written = escape.json_text({text: [text, 1, None]})
    assert json.loads(written) == {text: [text, 1, None]}
    assert all(char.isprintable() or char == "\u3000" for char in written)
    assert "##[" not in written
    assert '"::' not in written


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(st.characters()), st.lists))
@settings(deadline=None)
def test_json_keeps_every_value(value: Any) -> None:
    assert json.loads(escape.json_text(value, indent=2)) == value


def test_characters_beyond_the_basic_plane_are_a_pair_of_surrogates_in_json() -> None:
    assert escape.json_text("\U000e0041") == r'"\udb40\udc41"'


def test_a_command_that_comes_about_where_two_lines_meet_is_broken() -> None:
    assert escape.joined("a ##vso[x] b", [(0, 3), (4, 7), (7, 12)]) == (
        r"a \u{23}#vso[x] b",
        [(0, 8), (9, 12), (12, 17)],
    )
    assert escape.joined("a ::b", [(2, 4)]) == (r"a \u{3a}:b", [(2, 9)])
    assert escape.joined("a ## b", [(0, 1)]) == ("a ## b", [(0, 1)])
