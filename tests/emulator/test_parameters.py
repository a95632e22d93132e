from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.emulator import schemas
from reconciler.emulator.errors import ApiError
from reconciler.emulator.parameters import Parameters, Schema
from reconciler.emulator.routes import ROUTES

TEXT: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
INTEGER: Schema = {"type": "integer"}


def closed(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "additionalProperties": False, "required": [*required], "properties": properties}


def complaint(schema: Schema, value: Any) -> str:
    with pytest.raises(ApiError) as caught:
        Parameters(closed({"field": schema})).check({"field": value})
    return str(caught.value)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_the_tables_are_json_schemas(route: Any) -> None:
    Draft202012Validator.check_schema(route.body.schema)
    Draft202012Validator.check_schema(route.query.schema)


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        (TEXT, None, "Invalid type for 'field': expected a string, but got null instead."),
        (
            {"type": "string", "maxLength": 1},
            "ab",
            "Invalid 'field': string too long. Expected a string with maximum length 1, but got 2 instead.",
        ),
        (
            {"type": "string", "minLength": 1},
            "",
            "Invalid 'field': string too short. Expected a string with minimum length 1, but got 0 instead.",
        ),
        (
            {"type": "string", "pattern": "^a+$"},
            "a\n",
            "Invalid 'field': string does not match pattern. Expected a string that matches the pattern '^a+$'.",
        ),
        (INTEGER, True, "Invalid type for 'field': expected an integer, but got a boolean instead."),
        (INTEGER, 1.0, "Invalid type for 'field': expected an integer, but got a decimal instead."),
        (
            {"type": "integer", "maximum": 5},
            6,
            "Invalid 'field': integer above maximum value. Expected a value <= 5, but got 6 instead.",
        ),
        (
            {"type": ["number", "null"], "minimum": 0},
            -0.5,
            "Invalid 'field': decimal below minimum value. Expected a value >= 0, but got -0.5 instead.",
        ),
        ({"type": "number", "format": "double"}, 2**63, "Invalid 'field': number out of range."),
        ({"format": "binary"}, "x", "Invalid type for 'field': expected an uploaded file, but got a string instead."),
        (BOOLEAN, 1, "Invalid type for 'field': expected a boolean, but got an integer instead."),
        ({"type": "string", "enum": ["a", "b"]}, "c", "Invalid value: 'c'. Supported values are: 'a', 'b'."),
        (
            {"type": "string", "enum": ["a"]},
            1,
            "Invalid type for 'field': expected a string, but got an integer instead.",
        ),
        ({"type": ["string", "null"], "enum": ["a", None]}, "c", "Invalid value: 'c'. Supported values are: 'a'."),
        (
            {"type": ["boolean", "null"]},
            "x",
            "Invalid type for 'field': expected a boolean, but got a string instead.",
        ),
        (
            {"type": ["boolean", "number"]},
            [],
            "Invalid type for 'field': expected a boolean or a number, but got an array instead.",
        ),
        (
            {"type": "array", "minItems": 1},
            [],
            "Invalid 'field': array too short. Expected an array with minimum length 1, but got 0 instead.",
        ),
        (
            {"type": "array", "items": BOOLEAN},
            [True, 1],
            "Invalid type for 'field[1]': expected a boolean, but got an integer instead.",
        ),
        (
            {"type": "object", "additionalProperties": TEXT},
            {"b": 2, "a": 1},
            "Invalid type for 'field.a': expected a string, but got an integer instead.",
        ),
        (
            {"type": "object", "propertyNames": {"maxLength": 1}},
            {"ab": 1},
            "Invalid 'field.ab': string too long. Expected a string with maximum length 1, but got 2 instead.",
        ),
        (
            {"type": "object", "maxProperties": 1},
            {"a": 1, "b": 2},
            "Invalid 'field': object has too many properties. Expected an object with maximum 1 properties, but got 2 instead.",
        ),
        (closed({"a": TEXT}), {"b": 1}, "Unknown parameter: 'field.b'."),
        (closed({"a": TEXT}, "a"), {}, "Missing required parameter: 'field.a'."),
        (closed({}), [], "Invalid type for 'field': expected an object, but got an array instead."),
    ],
)
def test_what_does_not_fit_is_told_in_the_service_s_words(schema: Schema, value: Any, message: str) -> None:
    assert complaint(schema, value) == message


def test_the_first_thing_wrong_is_the_unknown_field() -> None:
    schema = closed({"a": TEXT, "b": TEXT}, "b")
    assert complaint(schema, {"a": 1, "z": 1}) == "Unknown parameter: 'field.z'."


@pytest.mark.parametrize(
    ("chunking", "message"),
    [
        ([], "Invalid type for 'chunking_strategy': expected an object, but got an array instead."),
        ({"static": {}}, "Missing required parameter: 'chunking_strategy.type'."),
        ({"type": "other"}, "Invalid value: 'other'. Supported values are: 'auto', 'static'."),
        ({"type": "auto", "static": {}}, "Unknown parameter: 'chunking_strategy.static'."),
        ({"type": "static"}, "Missing required parameter: 'chunking_strategy.static'."),
    ],
)
def test_of_several_objects_the_one_whose_type_was_sent_is_meant(chunking: Any, message: str) -> None:
    with pytest.raises(ApiError) as caught:
        schemas.STORE_CREATE.check({"chunking_strategy": chunking})
    assert str(caught.value) == message


def test_an_alternative_may_be_null() -> None:
    schemas.AGENT_UPDATE.check({"text": {"format": None}})
    schemas.ASSISTANT_UPDATE.check({"response_format": None})


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (INTEGER, "12", 12),
        (INTEGER, "twelve", "twelve"),
        (BOOLEAN, "true", True),
        (BOOLEAN, "1", "1"),
        (TEXT, "12", "12"),
        ({"type": "array", "items": INTEGER}, ["1", "x"], [1, "x"]),
        ({"type": "array", "items": INTEGER}, "1", [1]),
        (closed({"a": INTEGER}), {"a": "1", "b": "2"}, {"a": 1, "b": "2"}),
        (closed({"a": INTEGER}), "1", "1"),
    ],
)
def test_text_becomes_the_value_that_the_schema_wants(schema: Schema, text: Any, value: Any) -> None:
    assert Parameters(closed({"field": schema})).read({"field": text, "x": "1"}) == {"field": value, "x": "1"}
