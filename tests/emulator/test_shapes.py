from __future__ import annotations

from typing import Any

import pytest

from reconciler.emulator.errors import ApiError
from reconciler.emulator.shapes import (
    AnyOf,
    Bool,
    Enum,
    Int,
    ListOf,
    MapOf,
    Nullable,
    Num,
    Obj,
    Shape,
    Str,
    Tagged,
    from_text,
)


def complaint(shape: Shape, value: Any) -> str:
    with pytest.raises(ApiError) as caught:
        shape.check(value, "field")
    return str(caught.value)


@pytest.mark.parametrize(
    ("shape", "value", "message"),
    [
        (Str(), None, "Invalid type for 'field': expected a string, but got null instead."),
        (
            Str(most=1),
            "ab",
            "Invalid 'field': string too long. Expected a string with maximum length 1, but got 2 instead.",
        ),
        (
            Str(least=1),
            "",
            "Invalid 'field': string too short. Expected a string with minimum length 1, but got 0 instead.",
        ),
        (Int(), True, "Invalid type for 'field': expected an integer, but got a boolean instead."),
        (Int(), 1.0, "Invalid type for 'field': expected an integer, but got a decimal instead."),
        (Int(most=5), 6, "Invalid 'field': integer above maximum value. Expected a value <= 5, but got 6 instead."),
        (
            Num(least=0),
            -0.5,
            "Invalid 'field': decimal below minimum value. Expected a value >= 0, but got -0.5 instead.",
        ),
        (Num(), 2**63, "Invalid 'field': number out of range."),
        (Bool(), 1, "Invalid type for 'field': expected a boolean, but got an integer instead."),
        (Enum("a", "b"), "c", "Invalid value: 'c'. Supported values are: 'a', 'b'."),
        (Nullable(Bool()), "x", "Invalid type for 'field': expected a boolean, but got a string instead."),
        (
            AnyOf(Bool(), Num()),
            [],
            "Invalid type for 'field': expected a boolean or a number, but got an array instead.",
        ),
        (
            ListOf(Bool(), least=1),
            [],
            "Invalid 'field': array too short. Expected an array with minimum length 1, but got 0 instead.",
        ),
        (ListOf(Bool()), [True, 1], "Invalid type for 'field[1]': expected a boolean, but got an integer instead."),
        (MapOf(Str()), {"a": 1}, "Invalid type for 'field.a': expected a string, but got an integer instead."),
        (Obj({"a": Str()}), {"b": 1}, "Unknown parameter: 'field.b'."),
        (Obj({"a": Str()}, ("a",)), {}, "Missing required parameter: 'field.a'."),
        (Tagged({"x": Obj()}), {}, "Missing required parameter: 'field.type'."),
        (Tagged({"x": Obj()}), [], "Invalid type for 'field': expected an object, but got an array instead."),
    ],
)
def test_what_does_not_fit_is_told_in_the_service_s_words(shape: Shape, value: Any, message: str) -> None:
    assert complaint(shape, value) == message


def test_the_first_thing_wrong_is_the_unknown_field() -> None:
    assert complaint(Obj({"a": Str(), "b": Str()}, ("b",)), {"a": 1, "z": 1}) == "Unknown parameter: 'field.z'."


@pytest.mark.parametrize(
    ("shape", "text", "value"),
    [
        (Int(), "12", 12),
        (Int(), "twelve", "twelve"),
        (Bool(), "true", True),
        (Bool(), "1", "1"),
        (Str(), "12", "12"),
        (ListOf(Int()), ["1", "x"], [1, "x"]),
        (Obj({"a": Int()}), {"a": "1", "b": "2"}, {"a": 1, "b": "2"}),
    ],
)
def test_text_becomes_the_value_that_the_shape_wants(shape: Shape, text: Any, value: Any) -> None:
    assert from_text(shape, text) == value
