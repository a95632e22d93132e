"""What is said about a value that does not fit its schema: one message a mistake, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.kinds import FORMS
from reconciler.manifest.check import conformity
from reconciler.manifest.check.conformity import MOST, Place, conform
from reconciler.manifest.schema import schemas
from reconciler.model.address import Span
from reconciler.model.diagnostics import Problems
from reconciler.model.json import Json
from tests.manifest.trees import assistant, problems, rejected


def told(value: Json, schema: Mapping[str, Json], **advice: str) -> list[str]:
    found = Problems()
    place = Place(
        lambda path: Span("v:" + "/".join(map(str, path))),
        lambda path: Span("k:" + "/".join(map(str, path))) if path and isinstance(path[-1], str) else None,
        advice=lambda name: advice.get(name.replace(".", "__")),
        here="the moon",
    )
    assert conform(value, schema, place, found, ("spec",)) is not bool(found.found)
    return [f"{item.code} {item.span and item.span.file} {item.summary}: {item.detail}" for item in found.found]


def closed(*required: str, **properties: Json) -> dict[str, Json]:
    return {"type": "object", "properties": properties, "additionalProperties": False, "required": list(required)}


TEXT, NUMBER = {"type": "string"}, {"type": "number"}


@pytest.mark.parametrize(
    ("value", "schema", "message"),
    [
        ({"nam": "x"}, closed("name", name=TEXT), "E303 k:spec/nam Unknown field 'nam': Did you mean 'name'?"),
        ({}, closed("name", name=TEXT), "E306 k:spec Missing field 'name': spec needs it."),
        (True, NUMBER, "E307 v:spec spec is true: Expected a number."),
        ([], {"type": ["string", "null"]}, "E307 v:spec spec is a list: Expected text or null."),
        ({}, TEXT, "E307 v:spec spec is a mapping: Expected text."),
        ("x" * 99, NUMBER, f"E307 v:spec spec is '{'x' * 59}…': Expected a number."),
        ("lo", {"enum": ["low", "high"]}, "E310 v:spec spec is 'lo': Did you mean 'low'? Known: low, high."),
        (1, {"type": "string", "enum": ["low"]}, "E307 v:spec spec is 1: Expected text."),
        (5, {"enum": ["low", "high"]}, "E310 v:spec spec is 5: Known: low, high."),
        ("b", {"const": "a"}, "E310 v:spec spec is 'b': Expected \"a\"."),
        (0, {"minimum": 1}, "E311 v:spec spec is 0: At least 1."),
        ("", {"minLength": 1}, "E311 v:spec spec is 0 characters long: At least 1."),
        ("abc", {"maxLength": 2}, "E311 v:spec spec is 3 characters long: At most 2 characters."),
        ([1, 2], {"maxItems": 1}, "E311 v:spec spec is a list of 2: At most 1."),
        ([1, 1], {"uniqueItems": True}, "E311 v:spec spec is a list with doubles: No entry may stand twice."),
        ([1, "a", 1], {"uniqueItems": True}, "E311 v:spec spec is a list with doubles: No entry may stand twice."),
        ({}, {"minProperties": 1}, "E311 v:spec spec is a mapping of 0: At least 1."),
        ("A", {"pattern": "^[a-z]$", "description": "One letter."}, "E312 v:spec spec is 'A': One letter."),
        ("a\n", {"pattern": "^[a-z]$"}, "E312 v:spec spec is 'a\\n': It has to match ^[a-z]$"),
        (
            {"": 1},
            {"propertyNames": {"minLength": 1}},
            "E303 k:spec/ Key '' is not allowed: A key has at least 1 characters.",
        ),
        (
            {"abc": 1},
            {"propertyNames": {"maxLength": 2}},
            "E303 k:spec/abc Key 'abc' is not allowed: A key has at most 2 characters.",
        ),
        (
            {"our.x": 1},
            {"propertyNames": {"pattern": r"^(?!our\.)"}},
            "E303 k:spec/our.x Key 'our.x' is not allowed: Keys that start with our. are the reconciler's own.",
        ),
        (
            {"old": 1},
            {"propertyNames": {"pattern": "^(?!(?:old)$)"}},
            "E303 k:spec/old Key 'old' is not allowed: Here only new fields may stand. This one has its place beside, or none in a manifest.",
        ),
        (
            {"a": 1},
            {"propertyNames": {"pattern": "^b", "description": "Starts with b."}},
            "E303 k:spec/a Key 'a' is not allowed: Starts with b.",
        ),
    ],
)
def test_every_rule_has_a_sentence(value: Json, schema: Mapping[str, Json], message: str) -> None:
    assert told(value, schema) == [message]


# --- several shapes ---------------------------------------------------------------------------------------------------

TOOLS: Mapping[str, Json] = {
    "oneOf": [
        closed("tool", tool=TEXT),
        closed("type", type={"const": "search"}, limit=NUMBER),
        closed("type", "url", type={"const": "mcp"}, url=TEXT),
    ]
}
STORE: Mapping[str, Json] = {"anyOf": [TEXT, closed("id", id=TEXT)]}


@pytest.mark.parametrize(
    ("value", "schema", "message"),
    [
        ({"type": "search", "limit": "x"}, TOOLS, "E307 v:spec/limit spec.limit is 'x': Expected a number."),
        ({"type": "mcp"}, TOOLS, "E306 k:spec Missing field 'url': spec needs it."),
        ({"type": "serch"}, TOOLS, "E310 v:spec/type Unknown type 'serch': Did you mean 'search'?"),
        ({"tool": 5}, TOOLS, "E307 v:spec/tool spec.tool is 5: Expected text."),
        (
            {"limit": 5},
            TOOLS,
            "E307 v:spec spec is a mapping: Expected a mapping with `tool` or `type: search` or `type: mcp`.",
        ),
        ({"url": "x"}, TOOLS, "E306 k:spec Missing field 'type': spec needs it."),
        ("x", TOOLS, "E307 v:spec spec is 'x': Expected a mapping with `tool` or `type: search` or `type: mcp`."),
        (5, STORE, "E307 v:spec spec is 5: Expected text or a mapping with `id`."),
        ({"ide": "x"}, STORE, "E303 k:spec/ide Unknown field 'ide': Did you mean 'id'?"),
        (
            "x",
            {"anyOf": [{"type": "array"}, {"const": "auto"}]},
            "E307 v:spec spec is 'x': Expected a list or \"auto\".",
        ),
        (
            5,
            {"anyOf": [STORE, {"type": "array"}, {"type": "boolean"}]},
            "E307 v:spec spec is 5: Expected text or a mapping with `id` or a list or true or false.",
        ),
        (
            "x",
            {"oneOf": [{"type": "string", "maxLength": 0}, {"type": "array"}]},
            "E311 v:spec spec is 1 characters long: At most 0 characters.",
        ),
        (
            {"new": 1, "old": 1},
            {"anyOf": [closed(new=NUMBER), closed(new=NUMBER)]},
            "E303 k:spec/old Unknown field 'old': Known: new.",
        ),
        (
            {},
            {"anyOf": [closed("a", a=TEXT), closed("b", b=TEXT)]},
            "E307 v:spec spec is a mapping: Expected a mapping with `a` or a mapping with `b`.",
        ),
    ],
)
def test_of_several_shapes_the_one_that_is_meant_counts(value: Json, schema: Mapping[str, Json], message: str) -> None:
    assert told(value, schema) == [message]


@pytest.mark.parametrize("value", ["x", {"id": "x"}])
def test_what_fits_one_of_several_shapes_fits(value: Json) -> None:
    assert told(value, STORE) == []


def test_where_no_shape_fits_the_types_are_not_confused() -> None:
    numbers = {"anyOf": [{"type": "integer"}, {"type": "number"}]}
    assert told("x", numbers) == ["E307 v:spec spec is 'x': Expected a whole number or a number."]


# --- what another runtime has -----------------------------------------------------------------------------------------


def test_advice_turns_unknown_into_unavailable() -> None:
    schema = closed(a=TEXT)
    assert told({"b": 1}, schema, b="Use a.") == ["E304 k:spec/b 'b' is not available on the moon: Use a."]
    assert told({"b": 1}, schema, spec__b="Use a.") == ["E304 k:spec/b 'b' is not available on the moon: Use a."]
    assert told({"type": "mcp", "url": "", "b": 1}, TOOLS, mcp__b="Not on mcp.", b="Never.")[0].endswith(
        ": Not on mcp."
    )
    assert told({"type": "far"}, TOOLS, far="Go.") == ["E304 v:spec/type 'far' is not available on the moon: Go."]
    assert told([1, 2], {"maxItems": 1}, spec="Merge.") == ["E304 v:spec spec is a list of 2: At most 1. Merge."]


# --- bounds on the work -----------------------------------------------------------------------------------------------


def test_not_more_is_told_than_helps() -> None:
    messages = told([None] * 100_000, {"items": TOOLS})
    assert len(messages) == MOST + 1
    assert messages[-1].startswith("E213 v:spec Too many problems")
    assert len(told({f"key{i}": 1 for i in range(1000)}, closed(a=TEXT))) == MOST


def test_without_a_place_of_its_own_a_value_stands_at_its_document(tmp_path: Path) -> None:
    (found,) = rejected(tmp_path, {"a.yaml": assistant() + "extra: 1\n"})
    assert (found.code, str(found.span)) == ("E303", "a.yaml:6:1")
    assert problems(tmp_path, {"a.yaml": assistant().replace("spec:\n  model: m", "")}) == [
        "E306 a.yaml:1:1 Missing field 'spec'"
    ]
    assert Place(lambda _: None, lambda _: None).advice("x") is None


# --- the schemas that there are ---------------------------------------------------------------------------------------

STRUCTURAL = {"properties", "items", "description", "title"}


def keywords(schema: Any) -> Iterator[str]:
    for key, value in schema.items():
        yield key
        if key == "properties":
            for item in value.values():
                yield from keywords(item)
        elif isinstance(value, Mapping):
            yield from keywords(value)
        elif key in {"oneOf", "anyOf", "allOf"}:
            for item in value:
                yield from keywords(item)


def narrowed() -> list[Mapping[str, Json]]:
    return [
        schemas.document_schema(kind, choice)
        for kind in schemas.kinds()
        for choice in (FORMS[kind].choices or [None] if kind in FORMS else [None])
    ]


def test_every_keyword_of_our_schemas_has_words() -> None:
    used = {key for schema in narrowed() for key in keywords(schema)}
    assert used - STRUCTURAL <= conformity._HANDLERS.keys()


def test_every_schema_that_documents_are_checked_against_is_a_schema() -> None:
    for schema in narrowed():
        Draft202012Validator.check_schema(schema)
