"""Patches: what merges, what is replaced, what goes, and where each value then stands."""

from __future__ import annotations

from reconciler.manifest.load.patches import merge, paths_in
from reconciler.manifest.text.source import parse
from reconciler.manifest.text.written import Written
from reconciler.model.diagnostics import Problems


def written(text: str, file: str) -> Written:
    problems = Problems()
    (parsed,) = parse(text.encode(), file, problems)
    assert not problems.found
    return Written(parsed.value, parsed.spans, parsed.keys)


def merged(base: str, patch: str) -> Written:
    return merge(written(base, "base"), written(patch, "patch"))


def test_maps_merge_lists_replace_and_null_removes() -> None:
    result = merged("{a: {b: 1, c: 2}, d: [1, 2], e: 3}", "{a: {c: 4, f: 5}, d: [6], e: null}")
    assert result.value == {"a": {"b": 1, "c": 4, "f": 5}, "d": [6]}


def test_null_where_there_is_nothing_leaves_nothing() -> None:
    assert merged("{a: 1}", "{b: null, c: {d: null, e: 1}}").value == {"a": 1, "c": {"e": 1}}
    assert merged("{a: [1]}", "{a: [null, {b: null}]}").value == {"a": [None, {"b": None}]}


def test_a_map_replaces_what_is_none_and_the_other_way_round() -> None:
    assert merged("{a: 1, b: {c: 1}}", "{a: {d: 2}, b: 3}").value == {"a": {"d": 2}, "b": 3}


def test_positions_are_those_of_whoever_wrote_the_value() -> None:
    result = merged("a: {b: 1, c: 2}\nd: [1, {x: 1}]\n", "\n\na: {c: 3}\nd: [4]\n")
    assert str(result.span(("a", "b"))) == "base:1:8"
    assert str(result.span(("a", "c"))) == "patch:3:8"
    assert str(result.key(("a", "c"))) == "patch:3:5"
    assert str(result.span(("d", 0))) == "patch:4:5"
    assert ("d", 1, "x") not in result.spans
    assert str(result.span(("d", 1, "x"))) == "patch:4:4"


def test_what_is_removed_stands_nowhere() -> None:
    result = merged("{a: {b: 1}, c: 2}", "{a: null}")
    assert set(result.spans) == {(), ("c",)}
    assert set(result.keys) == {("c",)}


def test_the_base_is_left_as_it_was() -> None:
    base = written("{a: {b: 1}}", "base")
    merge(base, written("{a: {b: 2}}", "patch"))
    assert (base.value, str(base.span(("a", "b")))) == ({"a": {"b": 1}}, "base:1:9")


def test_every_path_of_a_value() -> None:
    assert list(paths_in({"a": [1, {"b": 2}]})) == [(), ("a",), ("a", 0), ("a", 1), ("a", 1, "b")]
