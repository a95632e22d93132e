"""Text to values with positions: the strict YAML reader."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.manifest.text import source
from reconciler.manifest.text.limits import Limits
from reconciler.manifest.text.source import lines, parse
from reconciler.manifest.text.written import Written
from reconciler.model.address import Span
from reconciler.model.diagnostics import Problems
from reconciler.model.json import canonical

BACKENDS = [yaml.CSafeLoader, yaml.SafeLoader]


@pytest.fixture(params=BACKENDS, ids=["libyaml", "python"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LOADER", request.param)


def read(text: str | bytes, limits: Limits | None = None) -> tuple[list[Any], list[str]]:
    """The values of a text, and its problems as `code line:column`."""
    problems = Problems()
    data = text if isinstance(text, bytes) else text.encode()
    parsed = parse(data, "f.yaml", problems, limits or Limits())
    return [item.value for item in parsed], [
        f"{d.code} {d.span.line}:{d.span.column}" for d in problems.found if d.span
    ]


def only(text: str) -> Written:
    problems = Problems()
    (parsed,) = parse(text.encode(), "f.yaml", problems)
    assert not problems.found
    return parsed


def detail(text: str | bytes) -> str:
    problems = Problems()
    parse(text if isinstance(text, bytes) else text.encode(), "f.yaml", problems)
    return f"{problems.found[0].summary}. {problems.found[0].detail}"


# --- scalars ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        ("012", "012"),
        ("-012", "-012"),
        ("012.5", "012.5"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        ("tRue", "tRue"),
        ("0b11", "0b11"),
        ("True", True),
        ("false", False),
        ("~", None),
        ("null", None),
        ("''", ""),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("-0", 0),
        ("+7", 7),
        ("0o14", 12),
        ("0x1F", 31),
        ("18446744073709551615", 2**64 - 1),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e5", 100000.0),
        ("-1.5E-3", -0.0015),
        ("|-\n  1", "1"),
    ],
)
def test_plain_scalars_follow_the_core_schema(backend: None, text: str, value: Any) -> None:
    assert canonical(read(f"a: {text}\n")[0]) == canonical([{"a": value}])
    assert type(read(f"a: {text}\n")[0][0]["a"]) is type(value)


@pytest.mark.parametrize("text", [".inf", "-.Inf", ".nan", "1e999", "-1e999", "1" * 21, "0x1" + "0" * 16, "1" * 10_000])
def test_numbers_that_json_cannot_hold_are_refused(text: str) -> None:
    values, problems = read(f"a: {text}\nb: 1")
    assert problems == ["E209 1:4"]
    assert values == [{"a": 0, "b": 1}]
    assert "quotes" in detail(f"a: {text}")


def test_an_empty_file_has_no_documents_and_an_empty_document_is_null() -> None:
    assert read("# nothing\n") == ([], [])
    assert read("---\n---\na: 1\n") == ([None, {"a": 1}], [])


# --- structure --------------------------------------------------------------------------------------------------------


def test_a_duplicate_key_names_both_lines_and_reading_goes_on(backend: None) -> None:
    assert read("a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}\n") == ([{"a": 1, "b": 2, "c": {"d": 1}}], ["E205 3:1", "E205 4:11"])
    assert "line 1 and again on line 3" in detail("a: 1\nb: 2\na: 3")


def test_a_merge_key_is_refused_unless_it_is_quoted_text() -> None:
    assert read("a: &x {b: 1}\nc:\n  <<: *x\n  d: 1\n") == ([{"a": {"b": 1}, "c": {"d": 1}}], ["E206 3:3"])
    assert read('"<<": 1') == ([{"<<": 1}], [])
    assert "Write the fields out" in detail("<<: {}")


@pytest.mark.parametrize("key", ["1", "true", "~", "1.5", "? [a]\n", "? {a: b}\n", ".nan"])
def test_a_key_that_is_not_text_is_refused(key: str) -> None:
    values, problems = read(f"{key}: x\nb: 1\n")
    assert values == [{"b": 1}]
    assert problems[-1].startswith("E207 1:")


def test_an_alias_as_a_key_is_refused() -> None:
    assert read("a: &x k\n*x : 1\n") == ([{"a": "k"}], ["E207 2:1"])


@pytest.mark.parametrize(
    ("text", "place"),
    [("a: !!int '1'", "1:4"), ("a: !x y", "1:4"), ("! a", "1:1"), ("a: !!map {b: 1}", "1:4"), ("a: !!str []", "1:4")],
)
def test_tags_are_refused_and_named(backend: None, text: str, place: str) -> None:
    assert read(text)[1] == [f"E208 {place}"]
    assert "tag" in detail(text)


def test_aliases_are_copies_with_the_position_of_the_alias() -> None:
    parsed = only("a: &x\n  b: [1]\nc: *x\n")
    assert parsed.value == {"a": {"b": [1]}, "c": {"b": [1]}}
    assert parsed.value["a"] is not parsed.value["c"]
    assert parsed.spans["c",] == Span("f.yaml", 3, 4)
    assert parsed.spans["c", "b", 0] == Span("f.yaml", 2, 7)


def test_unknown_and_recursive_aliases_are_refused() -> None:
    assert read("a: *x\nb: &y [*y]\nc: &z {d: *z}\n") == (
        [{"a": None, "b": [None], "c": {"d": None}}],
        ["E210 1:4", "E210 2:8", "E210 3:11"],
    )
    assert read("a: &x 1\n---\nb: *x\n")[1] == ["E210 3:4"]


def test_another_yaml_version_is_refused() -> None:
    assert read("%YAML 1.1\n---\na: no\n") == ([{"a": "no"}], ["E212 1:1"])
    assert read("%YAML 1.2\n---\na: no\n") == ([{"a": "no"}], [])


# --- positions --------------------------------------------------------------------------------------------------------


def test_values_and_keys_have_positions() -> None:
    parsed = only('a: 1\nb:\n  - x\n  - {c: "é", d: [2]}\n')
    assert parsed.spans == {
        (): Span("f.yaml", 1, 1),
        ("a",): Span("f.yaml", 1, 4),
        ("b",): Span("f.yaml", 3, 3),
        ("b", 0): Span("f.yaml", 3, 5),
        ("b", 1): Span("f.yaml", 4, 5),
        ("b", 1, "c"): Span("f.yaml", 4, 9),
        ("b", 1, "d"): Span("f.yaml", 4, 17),
        ("b", 1, "d", 0): Span("f.yaml", 4, 18),
    }
    assert parsed.keys["b", 1, "d"] == Span("f.yaml", 4, 14)
    assert set(parsed.keys) == {("a",), ("b",), ("b", 1, "c"), ("b", 1, "d")}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(backend: None, newline: str) -> None:
    text = newline.join(["a: 1", "# c", "b: x", ""])
    assert only(text).spans["b",] == Span("f.yaml", 3, 4)
    assert lines(text)[2] == "b: x"


# --- bytes ------------------------------------------------------------------------------------------------------------


def test_a_byte_order_mark_is_accepted_and_moves_nothing() -> None:
    assert read(b"\xef\xbb\xbfa: *x") == ([{"a": None}], ["E210 1:4"])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_other_encodings_are_refused(encoding: str) -> None:
    values, problems = read("a: é\n".encode(encoding))
    assert values == []
    assert problems[0].startswith("E20")


def test_a_byte_that_is_not_utf8_is_found() -> None:
    assert read(b"a: 1\nb: \xc3\xa9\xff") == ([], ["E201 2:5"])
    assert "0xff" in detail(b"\xff")


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ufeff", "\uffff"])
def test_control_characters_and_hidden_line_ends_are_refused(character: str) -> None:
    assert read(f"a: 1\n# é{character}\n") == ([], ["E202 2:4"])
    assert f"U+{ord(character):04X}" in detail(f"# {character}")


def test_half_a_surrogate_pair_is_refused(backend: None) -> None:
    _, problems = read('a: "\\ud83d"')
    assert problems[0][:4] in {"E202", "E203"}  # libyaml does not even read it


# --- syntax errors ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("\ta: 1", "E204 1:1", "Indent with spaces"),
        ("a:\n\t- b", "E204 2:1", "Indent with spaces"),
        ("a: foo\n\tb: c", "E204 2:1", "Indent with spaces"),
        ("a: >\n\tfoo", "E204 2:1", "Indent with spaces"),
        ("a: b: c", "E203 1:5", "second colon"),
        ("a\nb: c", "E203 2:2", "second colon"),
        ("a: 'b", "E203 1:6", "quote opened on line 1"),
        ("a: 'b\n---\nc'", "E203 2:1", "quote opened on line 1"),
        ("a: [1, 2\nb: c", "E203 2:2", "bracket opened on line 1"),
        ("a: {b: 1]", "E203 1:9", "bracket opened on line 1"),
        ("a: 1\n---\nb:\n  - c\n d: e", "E203 5:2", "block on line 3"),
        ("a: ]", "E203 1:4", "value is missing"),
        ("a: @b", "E203 1:4", "cannot start with '@'"),
        ("a: `b`", "E203 1:4", "cannot start with '`'"),
        ("a: &", "E203 1:5", "`&` and `*`"),
        ("a: - b", "E203 1:4", "list item"),
        ("{a: 1}}", "E203 1:7", "ended before this line"),
        ("a: |x\n b", "E203 1:5", "starts on the next line"),
        ("a: 1\n%TAG ! x\n%TAG ! x\n", "E203 2:1", "quote the text"),
        ("? a: - b", "E203", ""),
        ("a: !<x y", "E203 1:7", "quotes"),
    ],
)
def test_a_syntax_error_is_one_sentence_with_its_place(backend: None, text: str, place: str, words: str) -> None:
    _, problems = read(text)
    assert len(problems) == 1
    if words not in {"quote the text", "quotes", ""}:
        assert problems[0] == place
        assert words in detail(text)
    for jargon in ("token", "expected <", "scanning", "parsing", "simple key", "<unicode"):
        assert jargon not in detail(text)


def test_an_unknown_escape_is_explained(backend: None) -> None:
    assert "single quotes" in detail('a: "\\q"')


def test_the_documents_before_a_syntax_error_are_kept() -> None:
    assert read("a: 1\n---\nb: [\n")[0] == [{"a": 1}]
    assert read("key with spaces\nother: 1\n")[0] == []


# --- limits -----------------------------------------------------------------------------------------------------------

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMBS = {
    "billion laughs": LAUGHS,
    "long text repeated": "a: &a " + "x" * 500_000 + "\nb: [" + "*a," * 1000 + "]\n",
    "100 kB of [": "[" * 100_000,
    "100 kB of {": "{" * 100_000,
    "[ with spaces": "[ " * 50_000,
    "dashes": "- " * 50_000,
    "question marks": "? " * 50_000,
    "deep block": "".join(" " * i + "a:\n" for i in range(1000)),
    "deep by alias": "".join(f"k{i}: &k{i} [{'' if i == 0 else f'*k{i - 1}'}]\n" for i in range(50)),
    "documents": "---\n" * 2_000,
    "anchors within anchors": "&a [" * 100,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_stopped_before_it_is_built(backend: None, name: str) -> None:
    values, problems = read(BOMBS[name])
    assert [problem[:4] for problem in problems] == ["E211"]
    assert len(values) <= 1000


def test_a_merge_bomb_is_only_a_refused_key() -> None:
    lines = ["a0: &a0 {k: 1}"] + [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 8)]
    assert {problem[:4] for problem in read("\n".join(lines))[1]} <= {"E206", "E211"}


def test_a_file_over_the_limit_is_not_looked_at() -> None:
    assert read(b"\xff" * 1_000_001) == ([], ["E211 1:1"])


def test_each_limit_can_be_reached_exactly() -> None:
    assert read("[[1]]", Limits(depth=3)) == ([[[1]]], [])
    assert read("[[1]]", Limits(depth=2))[1] == ["E211 1:3"]
    assert read("[1, 2]", Limits(nodes=3)) == ([[1, 2]], [])
    assert read("[1, 2]", Limits(nodes=2))[1] == ["E211 1:5"]
    assert read("[ab, cd]", Limits(characters=3))[1] == ["E211 1:6"]


def test_after_many_problems_the_rest_is_not_checked() -> None:
    _, problems = read("- !x y\n" * 60)
    assert problems[-1] == "E213 51:3"
    assert len(problems) == 51


def test_a_long_key_is_cut_in_a_message() -> None:
    assert len(detail(f"{'k' * 500}: 1\n{'k' * 500}: 2\n")) < 200


# --- properties -------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | st.text("-?:,[]{}#&*!|>'\"%@` \n\t01eE.xo~y<=", max_size=6)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64) + 1, 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


class Quoted(yaml.SafeDumper):
    """Dumps text quoted, since YAML 1.1 and 1.2 differ in which plain words are text."""

    text_style = '"'

    def ignore_aliases(self, data: Any) -> bool:
        return True


Quoted.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style=dumper.text_style)
)


class Literal(Quoted):
    text_style = "|"


class Single(Quoted):
    text_style = "'"


@pytest.mark.parametrize("loader", BACKENDS)
@given(value=JSON)
def test_what_yaml_dumps_is_read_back(loader: Any, value: Any) -> None:
    before, source.LOADER = source.LOADER, loader
    try:
        for dumper, flow in ((Quoted, True), (Quoted, False), (Single, True), (Literal, False)):
            text = yaml.dump(value, Dumper=dumper, default_flow_style=flow, sort_keys=False, width=10_000)
            values, problems = read(text)
            assert problems == []
            assert canonical(values) == canonical([value])
    finally:
        source.LOADER = before


def jsonable(text: str) -> bool:
    return source._FORBIDDEN.search(text) is None


JSON_TEXT = TEXT.filter(jsonable)
JSON_ONLY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(JSON_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(value=JSON_ONLY, indent=st.sampled_from([None, 0, 2, "\t"]))
@example(value={"a": "/"}, indent=None)
def test_json_is_read_as_it_is(value: Any, indent: int | str | None) -> None:
    values, problems = read(json.dumps(value, ensure_ascii=False, indent=indent))
    assert problems == []
    assert canonical(values) == canonical([value])


@given(data=st.binary(max_size=200) | st.text("ab:-?[]{},&*!|>'\"%@`#\n \t~<01.", max_size=60).map(str.encode))
@example(data=b"\xef\xbb\xbf")
@example(data=b"%")
@example(data=b"? ? ?")
def test_reading_never_raises_and_both_parsers_agree_on_what_is_good(data: bytes) -> None:
    results = []
    for loader in BACKENDS:
        before, source.LOADER = source.LOADER, loader
        try:
            problems = Problems()
            parsed = parse(data, "f.yaml", problems)
        finally:
            source.LOADER = before
        for item in problems.found:
            assert item.span is not None
            assert item.span.line >= 1
            assert item.detail
        canonical([item.value for item in parsed])
        results.append(([item.value for item in parsed], bool(problems.found)))
    if not any(bad for _, bad in results):
        assert canonical(results[0][0]) == canonical(results[1][0])


WORD = st.text(string.ascii_lowercase, min_size=1, max_size=6).map(lambda text: "w" + text)
TREE = st.recursive(
    WORD,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(WORD, inner, min_size=1, max_size=3),
    max_leaves=10,
)


@given(value=TREE, flow=st.booleans())
def test_positions_point_at_the_value(value: Any, *, flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, sort_keys=False)
    parsed = only(text)

    def check(item: Any, path: tuple[str | int, ...]) -> None:
        span = parsed.spans[path]
        rest = lines(text)[span.line - 1][span.column - 1 :]
        if isinstance(item, str):
            assert rest.startswith(item)
        elif isinstance(item, list):
            assert rest.startswith("[" if flow else "-")
            for index, part in enumerate(item):
                check(part, (*path, index))
        else:
            for key, part in item.items():
                at = parsed.keys[*path, key]
                assert lines(text)[at.line - 1][at.column - 1 :].startswith(key)
                check(part, (*path, key))

    check(value, ())
