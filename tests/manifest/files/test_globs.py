"""Patterns: linear matching, and the rules of gitignore."""

from __future__ import annotations

import re
import time

import pathspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.manifest.files.globs import Glob, Ignore, has_magic


def matches(pattern: str, path: str) -> bool:
    return Glob.of(pattern.split("/")).matches(path)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("a.md", "a.md", True),
        ("a.md", "b/a.md", False),
        ("*.md", "a.md", True),
        ("*.md", "b/a.md", False),
        ("**/*.md", "a.md", True),
        ("**/*.md", "b/c/a.md", True),
        ("docs/**", "docs/a/b", True),
        ("docs/**", "docs", False),
        ("**", "a", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/**/b", "a/b", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[a-c]x", "bx", True),
        ("[!a-c]x", "bx", False),
        ("[^a-c]x", "dx", True),
        ("[x", "[x", True),
        ("a.md", "a.md/b", False),
        ("*.MD", "a.md", False),
    ],
)
def test_patterns_match_whole_paths(pattern: str, path: str, *, expected: bool) -> None:
    assert matches(pattern, path) is expected


def test_the_base_directory_is_a_name_even_if_it_looks_like_a_pattern() -> None:
    glob = Glob.of(["*.md"], below=["a*b"])
    assert glob.matches("a*b/x.md")
    assert not glob.matches("axb/x.md")
    assert glob.literal == 1


def test_a_pattern_knows_where_nothing_can_match() -> None:
    glob = Glob.of(["docs", "*.md"])
    assert not glob.advance(glob.start(), "other")
    below = glob.advance(glob.start(), "docs")
    assert glob.goes_on(below)
    assert not glob.goes_on(glob.advance(below, "a.md"))
    assert not glob.advance(glob.advance(below, "a.md"), "x")


def test_hostile_patterns_take_no_time() -> None:
    start = time.process_time()
    assert not matches("*a" * 100 + "b", "a" * 255)
    assert not matches("/".join(["**", "a"] * 40 + ["b"]), "/".join("a" * 300))
    assert time.process_time() - start < 1


def test_magic_is_recognised() -> None:
    assert [has_magic(text) for text in ("a", "a*", "?", "[", "**")] == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("rules", "path", "expected"),
    [
        ("", "a", False),
        ("# a\n\n", "a", False),
        ("a", "x/a", True),
        ("a", "a/b", True),
        ("/a", "x/a", False),
        ("x/a", "x/a", True),
        ("x/a", "y/x/a", False),
        ("a/", "a", False),
        ("a/", "a/b", True),
        ("*.md\n!keep.md", "keep.md", False),
        ("*.md\n!keep.md", "x/other.md", True),
        ("drafts\n!drafts/keep.md", "drafts/keep.md", True),
        ("\\#a", "#a", True),
        ("\\!a", "!a", True),
        ("\\*", "b", False),
        ("\\*", "*", True),
        ("a  ", "a", True),
        ("a\\ ", "a ", True),
        ("/", "a", False),
        ("!", "a", False),
        ("**/b/**", "a/b/c", True),
        ("a\n!a\na", "a", True),
        ("**\n!**\na", "a/b", True),
        ("**\n!a", "a/a", False),
    ],
)
def test_ignore_rules_are_those_of_gitignore(rules: str, path: str, *, expected: bool) -> None:
    assert Ignore.parse(rules).covers(path) is expected


def test_a_directory_is_asked_about_as_such() -> None:
    assert Ignore.parse("a/").covers("a", directory=True)


NAME = st.text("ab.*", min_size=1, max_size=3).filter(lambda name: set(name) != {"."} and "**" not in name)
PATTERN = st.lists(NAME | st.just("**"), min_size=1, max_size=3).map("/".join)
PARTS = st.tuples(st.sampled_from(["", "!"]), st.sampled_from(["", "/"]), PATTERN, st.sampled_from(["", "/"]))
RULE = PARTS.map("".join).filter(lambda rule: not rule.endswith("**/") and not re.fullmatch(r"!?/?\*+(/\*+)*/?", rule))
"""But `**/` (git: directories only; pathspec: files too), and `**` alone, after which pathspec re-includes otherwise than
git does (`**`, `!a` and a/a; `**`, `!**`, `a` and a/b)."""


@given(
    rules=st.lists(RULE, max_size=3),
    path=st.lists(st.text("ab.", min_size=1, max_size=3).filter(lambda n: set(n) != {"."}), min_size=1, max_size=4),
)
@example(rules=["a/", "!a/b"], path=["a", "b"])
def test_pathspec_agrees(rules: list[str], path: list[str]) -> None:
    """Each level by itself, as a walk asks: pathspec lets a rule re-include what lies in an excluded directory."""
    spec = pathspec.GitIgnoreSpec.from_lines(rules)
    levels = ["/".join(path[:count]) + ("/" if count < len(path) else "") for count in range(1, len(path) + 1)]
    assert Ignore.parse("\n".join(rules)).covers("/".join(path)) is any(spec.match_file(level) for level in levels)
