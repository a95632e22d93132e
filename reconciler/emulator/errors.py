"""Refusals in OpenAI's format, one constructor per sentence the service says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMES = ((bool, "a boolean"), (int, "an integer"), (float, "a decimal"), (str, "a string"), (list, "an array"))

WRONG_LENGTHS = {
    "minLength": ("string too short", "a string with minimum length {}", "string_below_min_length"),
    "maxLength": ("string too long", "a string with maximum length {}", "string_above_max_length"),
    "minItems": ("array too short", "an array with minimum length {}", "array_below_min_length"),
    "maxItems": ("array too long", "an array with maximum length {}", "array_above_max_length"),
    "maxProperties": (
        "object has too many properties",
        "an object with maximum {} properties",
        "object_above_max_properties",
    ),
}
"""Keyword of JSON Schema → complaint, what was expected, code."""
_WRONG_NUMBERS = {"minimum": ("below minimum", ">="), "maximum": ("above maximum", "<=")}


class EmulatorError(Exception):
    """The emulator cannot start or cannot use its database; the message is meant for the person who started it."""


class ApiError(Exception):
    """A request the account refuses; becomes `{"error": {"message", "type", "code", "param"}}`."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self._error = {"message": message, "type": kind, "param": param, "code": code}

    def body(self) -> bytes:
        """Give the response body."""
        return json.dumps({"error": self._error}).encode()


def type_name(value: Any) -> str:
    """Say what a JSON value is, the way the service's messages do."""
    if value is None:
        return "null"
    return next((name for kind, name in _NAMES if isinstance(value, kind)), "an object")


def bad_request(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """400 with a message of its own."""
    return ApiError(400, message, param=param, code=code)


def unknown_parameter(path: str) -> ApiError:
    """400: a field or query parameter that does not exist."""
    return bad_request(f"Unknown parameter: '{path}'.", param=path, code="unknown_parameter")


def missing_parameter(path: str) -> ApiError:
    """400: a required field is absent."""
    return bad_request(f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter")


def wrong_type(path: str, expected: str, value: Any) -> ApiError:
    """400: a value of the wrong JSON type."""
    return bad_request(
        f"Invalid type for '{path}': expected {expected}, but got {type_name(value)} instead.",
        param=path,
        code="invalid_type",
    )


def invalid(path: str, complaint: str, *, code: str = "invalid_value") -> ApiError:
    """400: a value of the right type that is not allowed."""
    return bad_request(f"Invalid '{path}': {complaint}.", param=path, code=code)


def wrong_value(path: str, value: str, allowed: Sequence[str]) -> ApiError:
    """400: a string outside its enumeration."""
    listed = ", ".join(repr(item) for item in allowed)
    return bad_request(
        f"Invalid value: {value[:80]!r}. Supported values are: {listed}.", param=path, code="invalid_value"
    )


def out_of_range(path: str, keyword: str, kind: str, *, bound: float, value: float) -> ApiError:
    """400: a number (`kind` is `integer` or `decimal`) beyond a `minimum` or `maximum`."""
    where, sign = _WRONG_NUMBERS[keyword]
    complaint = f"{kind} {where} value. Expected a value {sign} {bound}, but got {value} instead"
    return invalid(path, complaint, code=f"{kind}_{where.replace(' ', '_')}_value")


def wrong_length(path: str, keyword: str, limit: int, length: int) -> ApiError:
    """400: a string, array or object of the wrong size; `keyword` is JSON Schema's for the limit."""
    complaint, expected, code = WRONG_LENGTHS[keyword]
    return invalid(path, f"{complaint}. Expected {expected.format(limit)}, but got {length} instead", code=code)


def no_such(what: str, object_id: str, *, where: str = "") -> ApiError:
    """404 as vector stores and assistants say it."""
    return ApiError(404, f"No {what} found with id '{object_id}'{where}.")


def no_such_store(store_id: str) -> ApiError:
    """404 for a vector store, wherever it is named."""
    return no_such("vector store", store_id)


def no_such_file(file_id: str) -> ApiError:
    """404 as the Files API says it."""
    return ApiError(404, f"No such File object: {file_id}", param="id")


def not_found(what: str, object_id: str) -> ApiError:
    """404 as the Agents API says it, where type and code are the same word."""
    return ApiError(404, f"{what} '{object_id}' was not found.", kind="not_found_error", code="not_found_error")
