"""Tool parameters: JSON Schema, never evaluated, and OpenAI's strict subset."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifest.check.jsonschema_check import check_schema
from reconciler.model.json import Path

STRICT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "a": {"type": "string", "pattern": "^(a+)+$"},
        "b": {"type": ["integer", "null"], "enum": [1, 2, None]},
    },
    "required": ["a", "b"],
    "additionalProperties": False,
}


def complaints(schema: Any, *, strict: bool = False) -> list[tuple[Path, str]]:
    return check_schema(schema, strict=strict)


def places(schema: Any, *, strict: bool = False) -> list[str]:
    return ["/".join(map(str, path)) for path, _ in complaints(schema, strict=strict)]


def in_strict(**changes: Any) -> list[tuple[Path, str]]:
    return check_schema({**STRICT, **changes}, strict=True)


def test_good_schemas_pass() -> None:
    assert complaints(STRICT, strict=True) == []
    assert complaints({"type": "object"}) == []
    assert complaints({"type": "object", "properties": {"$ref": {}, "a": True}, "items": False, "x-mine": 1}) == []


@pytest.mark.parametrize(
    ("schema", "place", "words"),
    [
        ([], "", "JSON Schema object"),
        ({}, "", "type: object"),
        ({"type": "array"}, "", "type: object"),
        ({"type": "objct"}, "type", "type name"),
        ({"type": "object", "properties": []}, "properties", "has to be object"),
        ({"type": "object", "properties": {"a": [1]}}, "properties/a", "object or boolean"),
        ({"type": "object", "properties": {"a": {"minLength": -1}}}, "properties/a/minLength", "at least 0"),
        ({"type": "object", "properties": {"a": {"pattern": 3}}}, "properties/a/pattern", "has to be string"),
        ({"type": "object", "properties": {"a": {"multipleOf": 0}}}, "properties/a/multipleOf", "more than 0"),
        ({"type": "object", "properties": {"a": {"items": [{}]}}}, "properties/a/items", "object or boolean"),
        ({"type": "object", "required": ["a", "a"]}, "required", "twice"),
        ({"type": "object", "allOf": []}, "allOf", "at least 1"),
        ({"type": "object", "allOf": [{"type": 1}]}, "allOf/0/type", "type name"),
        ({"type": "object", "allOf": {}}, "allOf", "has to be array"),
        ({"type": "object", "$anchor": "1"}, "$anchor", "does not follow"),
        ({"type": "object", "definitions": {"a": 1}}, "definitions/a", "object or boolean"),
        ({"type": "object", "not": {"not": {"type": 1}}}, "not/not/type", "type name"),
        ({"type": "object", "title": ["x" * 100]}, "title", "…"),
    ],
)
def test_an_invalid_schema_is_refused_with_its_place(schema: Any, place: str, words: str) -> None:
    found = complaints(schema)
    assert place in places(schema)
    assert any(words in sentence for _, sentence in found)


def test_all_faults_are_reported_in_a_fixed_order() -> None:
    schema = {"type": "object", "properties": {"b": [1], "a": {"type": 1, "minimum": "x"}}, "required": 1}
    assert places(schema) == ["properties/b", "required", "properties/a/minimum", "properties/a/type"]


def test_a_bad_regular_expression_is_never_looked_at() -> None:
    assert (
        complaints(
            {"type": "object", "properties": {"a": {"pattern": "(((" + "a+" * 5000}}, "patternProperties": {"(": {}}}
        )
        == []
    )


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"properties": {"a": {"$ref": "https://example.com/x"}}}, "properties/a/$ref"),
        ({"properties": {"a": {"$ref": "file.json#/a"}}}, "properties/a/$ref"),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "properties/a/$ref"),
        ({"properties": {"a": {"$ref": "#b"}}}, "properties/a/$ref"),
        ({"properties": {"a": {"$ref": "#/anyOf/9"}}, "anyOf": [{}]}, "properties/a/$ref"),
        ({"$dynamicRef": "#x"}, "$dynamicRef"),
        ({"$id": "https://example.com"}, "$id"),
        ({"properties": {"a": {"$schema": "x"}}}, "properties/a/$schema"),
    ],
)
def test_references_stay_inside_the_schema(schema: dict[str, Any], place: str) -> None:
    assert places({"type": "object", **schema}) == [place]


def test_local_references_even_in_circles_pass() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {"a/b~c": {"$ref": "#/$defs/d"}, "d": {"$ref": "#/$defs/a~1b~0c", "$anchor": "here"}},
        "properties": {"x": {"$ref": "#"}, "y": {"$ref": "#here"}, "z": {"$ref": "#/anyOf/0"}},
        "anyOf": [{}],
    }
    assert complaints(schema) == []


def test_size_and_depth_are_bounded() -> None:
    bottom: dict[str, Any] = {}
    for _ in range(5_000):
        bottom = {"not": bottom}
    assert "32 levels" in complaints(bottom)[0][1]
    assert "too large" in complaints({"type": "object", "enum": [1] * 15_000})[0][1]
    assert "too large" in complaints({"type": "object", "description": "x" * 300_000})[0][1]


def test_no_more_than_fifty_faults_are_listed() -> None:
    schema = {"type": "object", "properties": {f"p{i}": {"type": 1} for i in range(60)}}
    assert len(complaints(schema)) == 50


# --- strict mode ------------------------------------------------------------------------------------------------------


def test_strict_wants_closed_objects_with_all_fields_required() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": ["object", "null"], "properties": {"b": {}}}},
        "required": ["z"],
    }
    assert places(schema, strict=True) == ["", "properties/a", "required", "properties/a", "properties/a/properties/b"]
    assert places({"type": "object", "properties": {"a": {"properties": {}}}}, strict=True)[-1] == "properties/a"


@pytest.mark.parametrize(
    "keyword",
    [
        {"allOf": [{}]},
        {"oneOf": [{}]},
        {"not": {}},
        {"if": {}},
        {"then": {}},
        {"else": {}},
        {"dependentRequired": {}},
        {"dependentSchemas": {}},
        {"patternProperties": {}},
        {"minProperties": 1},
        {"uniqueItems": True},
        {"contains": {}},
    ],
)
def test_strict_refuses_keywords_and_says_what_instead(keyword: dict[str, Any]) -> None:
    (found,) = in_strict(**keyword)
    assert found[0] == tuple(keyword)
    assert "Strict mode does not support" in found[1]
    assert check_schema({**STRICT, **keyword}, strict=False) == []


def test_strict_allows_any_of_below_the_top_only() -> None:
    assert [path for path, _ in in_strict(anyOf=[{}])] == [("anyOf",)]
    properties = {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "b": {}}
    assert in_strict(properties=properties) == []


def test_strict_limits_nesting() -> None:
    closed = {"type": "object", "additionalProperties": False}

    def nested(levels: int) -> dict[str, Any]:
        schema = closed
        for _ in range(levels):
            schema = {**closed, "properties": {"a": schema}, "required": ["a"]}
        return schema

    assert complaints(nested(9), strict=True) == []
    assert "10 levels" in complaints(nested(10), strict=True)[0][1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"$defs": {"e": {"enum": list(range(1001))}}}, "1,000 enum values"),
        ({"$defs": {"e": {"enum": [f"{i:0>60}" for i in range(251)]}}}, "15,000 characters"),
        ({"$defs": {"e": {"const": "x" * 120_000}}}, "120,000 characters"),
    ],
)
def test_strict_limits_totals(changes: dict[str, Any], words: str) -> None:
    assert any(words in sentence for _, sentence in in_strict(**changes))


def closed_with(count: int) -> dict[str, Any]:
    names = [f"p{i}" for i in range(count)]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": dict.fromkeys(names, True),
        "required": names,
    }


def test_strict_limits_the_number_of_properties() -> None:
    assert complaints(closed_with(5_000), strict=True) == []
    assert "5,000 properties" in complaints(closed_with(5_001), strict=True)[0][1]


KEYWORD = st.sampled_from(
    [
        "type",
        "properties",
        "required",
        "items",
        "enum",
        "anyOf",
        "not",
        "$ref",
        "$defs",
        "minimum",
        "pattern",
        "additionalProperties",
        "title",
        "maxItems",
        "dependentRequired",
    ]
)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["object", "string", "#", "#/x", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORD, inner, max_size=3),
    max_leaves=8,
)


@given(schema=st.dictionaries(KEYWORD, VALUE, max_size=4), strict=st.booleans())
def test_what_the_librarys_metaschema_refuses_is_refused(schema: dict[str, Any], *, strict: bool) -> None:
    schema = {**schema, "type": "object"}
    validator = jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)
    valid = validator.is_valid(schema)
    found = check_schema(schema, strict=strict)
    if not valid:
        assert found
    elif not strict:
        assert all(path[-1] in {"$ref", "$id", "$schema"} for path, _ in found)
