"""What a request may contain: a JSON Schema, and the service's words for a value that does not fit it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend

from reconciler.emulator.errors import (
    WRONG_LENGTHS,
    ApiError,
    invalid,
    missing_parameter,
    out_of_range,
    unknown_parameter,
    wrong_length,
    wrong_type,
    wrong_value,
)
from reconciler.emulator.multipart import Part

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

Schema: TypeAlias = dict[str, Any]
_Error: TypeAlias = Any
"""The library's ValidationError, of whose members its stubs say that each may be unset."""

_FORMATS = FormatChecker(())
_FORMATS.checks("binary")(lambda value: isinstance(value, Part))
_FORMATS.checks("double")(lambda value: not isinstance(value, int) or abs(value) < 2**63)


def _pattern(_: Validator, pattern: str, value: object, __: Schema) -> Iterator[ValidationError]:
    """Search to the very end: Python's `$` would let a line feed through."""
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError(f"not {pattern}")


_extend: Any = extend
_VALIDATOR = _extend(
    Draft202012Validator,
    {"pattern": _pattern},
    # For JSON Schema 1.0 is an integer; for the service it is a decimal.
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int),
)


class Parameters:
    """What a body or a query may contain, in JSON Schema (draft 2020-12).

    Beyond the standard, `format` has OpenAPI's words `binary` for an uploaded file and `double` for a number that one
    can hold. A `$` at the end of a pattern is the end of the text.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._validator = _VALIDATOR(schema, format_checker=_FORMATS)

    def check(self, value: Any) -> None:
        """Refuse what does not fit; raises ApiError for the first place, and there for the first keyword."""
        if not value and not self.schema["required"]:
            return  # as most requests are
        error = min(self._validator.iter_errors(value), key=lambda error: error.path, default=None)
        if error is not None:
            raise _REFUSALS[error.validator](error)

    def read(self, text: Mapping[str, Any]) -> Any:
        """Turn what came as text (query, form) into the values that are wanted; what does not parse stays."""
        return _read(self.schema, text)


def _read(schema: Schema, text: Any) -> Any:
    match schema.get("type"):
        case "object" if isinstance(text, Mapping):
            return {name: _read(schema["properties"].get(name, {}), item) for name, item in text.items()}
        case "array":
            return [_read(schema["items"], item) for item in (text if isinstance(text, list) else [text])]
        case "integer" if isinstance(text, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            return int(text)
        case "boolean" if text in ("true", "false"):
            return text == "true"
    return text


def _place(error: _Error, *more: str) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in (*error.path, *more)]
    return "".join(steps).removeprefix(".")


def _wrong_type(error: _Error) -> ApiError:
    types = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
    expected = " or ".join(_NAMED[name] for name in types if name != "null")
    return wrong_type(_place(error), expected, error.instance)


def _unknown(error: _Error) -> ApiError:
    return unknown_parameter(
        _place(error, next(name for name in error.instance if name not in error.schema["properties"]))
    )


def _missing(error: _Error) -> ApiError:
    return missing_parameter(_place(error, next(name for name in error.validator_value if name not in error.instance)))


def _wrong_value(error: _Error) -> ApiError:
    return wrong_value(_place(error), error.instance, [value for value in error.validator_value if value is not None])


def _wrong_length(error: _Error) -> ApiError:
    place = _place(error, error.instance) if "propertyNames" in error.schema_path else _place(error)
    return wrong_length(place, error.validator, error.validator_value, len(error.instance))


def _out_of_range(error: _Error) -> ApiError:
    kind = "integer" if "integer" in error.schema["type"] else "decimal"
    return out_of_range(_place(error), error.validator, kind, bound=error.validator_value, value=error.instance)


def _wrong_format(error: _Error) -> ApiError:
    if error.validator_value == "binary":
        return wrong_type(_place(error), "an uploaded file", error.instance)
    return invalid(_place(error), "number out of range")


def _wrong_pattern(error: _Error) -> ApiError:
    expected = f"Expected a string that matches the pattern '{error.validator_value}'"
    return invalid(_place(error), f"string does not match pattern. {expected}")


_NAMED = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "array": "an array",
    "object": "an object",
}
_REFUSALS: Mapping[str, Callable[[_Error], ApiError]] = {
    "type": _wrong_type,
    "additionalProperties": _unknown,
    "required": _missing,
    "enum": _wrong_value,
    "pattern": _wrong_pattern,
    "format": _wrong_format,
    "minimum": _out_of_range,
    "maximum": _out_of_range,
    **dict.fromkeys(WRONG_LENGTHS, _wrong_length),
}
"""The sentence for each keyword of the tables."""
