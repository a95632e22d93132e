"""A small language for what a request may contain: tables of shapes instead of code that checks."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from reconciler.emulator.errors import (
    bad_request,
    missing_parameter,
    out_of_range,
    unknown_parameter,
    wrong_length,
    wrong_type,
    wrong_value,
)
from reconciler.emulator.multipart import Part


class Shape:
    """Something a value is checked against: first its JSON type, then its content."""

    __slots__ = ()
    kinds: ClassVar[tuple[type, ...]] = (dict,)
    named: ClassVar[str] = "an object"

    def accepts(self, value: Any) -> bool:
        """Tell whether the value has the right JSON type; `true` is no number."""
        return isinstance(value, self.kinds) and (bool in self.kinds or not isinstance(value, bool))

    def check(self, value: Any, path: str = "") -> None:
        """Refuse a value that does not fit, naming its path; raises ApiError."""
        if not self.accepts(value):
            raise wrong_type(path, self.named, value)
        self.inspect(value, path)

    def inspect(self, value: Any, path: str) -> None:
        """Check the content of a value of the right type."""


@dataclass(frozen=True, slots=True)
class Str(Shape):
    """A string, with limits in characters and a pattern for the whole of it."""

    kinds: ClassVar = (str,)
    named: ClassVar = "a string"
    least: int = 0
    most: int | None = None
    pattern: str | None = None

    def inspect(self, value: Any, path: str) -> None:
        """Check length and pattern."""
        if len(value) < self.least:
            raise wrong_length(path, "string", f"minimum length {self.least}", len(value))
        if self.most is not None and len(value) > self.most:
            raise wrong_length(path, "string", f"maximum length {self.most}", len(value))
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            message = f"Invalid '{path}': string does not match pattern. Expected a string that matches the pattern "
            raise bad_request(f"{message}'{self.pattern}'.", param=path, code="invalid_value")


@dataclass(frozen=True, slots=True, init=False)
class Enum(Shape):
    """One of a few strings."""

    kinds: ClassVar = (str,)
    named: ClassVar = "a string"
    values: tuple[str, ...]

    def __init__(self, *values: str) -> None:
        object.__setattr__(self, "values", values)

    def inspect(self, value: Any, path: str) -> None:
        """Check membership."""
        if value not in self.values:
            raise wrong_value(path, value, self.values)


@dataclass(frozen=True, slots=True)
class Bool(Shape):
    """`true` or `false`."""

    kinds: ClassVar = (bool,)
    named: ClassVar = "a boolean"


@dataclass(frozen=True, slots=True)
class Int(Shape):
    """An integer."""

    kinds: ClassVar = (int,)
    named: ClassVar = "an integer"
    least: int | None = None
    most: int | None = None

    def inspect(self, value: Any, path: str) -> None:
        """Check the range."""
        _check_range(value, path, "integer", least=self.least, most=self.most)


@dataclass(frozen=True, slots=True)
class Num(Shape):
    """A number that a double can hold."""

    kinds: ClassVar = (int, float)
    named: ClassVar = "a number"
    least: float | None = None
    most: float | None = None

    def inspect(self, value: Any, path: str) -> None:
        """Check the range."""
        if abs(value) >= 2**63 and isinstance(value, int):
            raise bad_request(f"Invalid '{path}': number out of range.", param=path, code="invalid_value")
        _check_range(value, path, "decimal", least=self.least, most=self.most)


def _check_range(value: float, path: str, kind: str, *, least: float | None, most: float | None) -> None:
    if not math.isfinite(value):
        raise wrong_type(path, f"a finite {kind}", value)
    if least is not None and value < least:
        raise out_of_range(path, kind, "below minimum", bound=least, value=value)
    if most is not None and value > most:
        raise out_of_range(path, kind, "above maximum", bound=most, value=value)


@dataclass(frozen=True, slots=True)
class Nullable(Shape):
    """A shape, or null."""

    shape: Shape

    def accepts(self, value: Any) -> bool:
        """Null, and what the shape accepts."""
        return value is None or self.shape.accepts(value)

    def check(self, value: Any, path: str = "") -> None:
        """Check unless null."""
        if value is not None:
            self.shape.check(value, path)


@dataclass(frozen=True, slots=True, init=False)
class AnyOf(Shape):
    """One of several shapes, told apart by JSON type."""

    shapes: tuple[Shape, ...]

    def __init__(self, *shapes: Shape) -> None:
        object.__setattr__(self, "shapes", shapes)

    def accepts(self, value: Any) -> bool:
        """Whatever one of them accepts."""
        return any(shape.accepts(value) for shape in self.shapes)

    def check(self, value: Any, path: str = "") -> None:
        """Check against the first shape of the value's type."""
        shape = next((shape for shape in self.shapes if shape.accepts(value)), None)
        if shape is None:
            raise wrong_type(path, " or ".join(shape.named for shape in self.shapes), value)
        shape.check(value, path)


@dataclass(frozen=True, slots=True)
class ListOf(Shape):
    """An array of one shape."""

    kinds: ClassVar = (list,)
    named: ClassVar = "an array"
    item: Shape
    most: int | None = None
    least: int = 0

    def inspect(self, value: Any, path: str) -> None:
        """Check length, then every item."""
        if self.most is not None and len(value) > self.most:
            raise wrong_length(path, "array", f"maximum length {self.most}", len(value))
        if len(value) < self.least:
            raise wrong_length(path, "array", f"minimum length {self.least}", len(value))
        for index, item in enumerate(value):
            self.item.check(item, f"{path}[{index}]")


@dataclass(frozen=True, slots=True)
class MapOf(Shape):
    """An object with free keys and one shape of value; `most` counts keys, `longest` limits a key's length."""

    value: Shape
    most: int | None = None
    longest: int | None = None

    def inspect(self, value: Any, path: str) -> None:
        """Check the number of keys, each key's length, each value."""
        if self.most is not None and len(value) > self.most:
            raise wrong_length(path, "object", f"maximum {self.most} properties", len(value))
        for key, item in value.items():
            if self.longest is not None and len(key) > self.longest:
                raise wrong_length(f"{path}.{key}", "string", f"maximum length {self.longest} as key", len(key))
            self.value.check(item, f"{path}.{key}")


@dataclass(frozen=True, slots=True)
class Free(Shape):
    """Any JSON object, taken as it is: a JSON Schema, request metadata."""


@dataclass(frozen=True, slots=True)
class Obj(Shape):
    """An object with exactly these fields."""

    fields: Mapping[str, Shape] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    def inspect(self, value: Any, path: str) -> None:
        """Check unknown fields first, then missing ones, then each."""
        prefix = f"{path}." if path else ""
        for key in value:
            if key not in self.fields:
                raise unknown_parameter(prefix + key)
        for key in self.required:
            if key not in value:
                raise missing_parameter(prefix + key)
        for key, item in value.items():
            self.fields[key].check(item, prefix + key)


@dataclass(frozen=True, slots=True)
class Tagged(Shape):
    """One of several objects, told apart by a field (`type`)."""

    choices: Mapping[str, Obj]
    tag: str = "type"

    def inspect(self, value: Any, path: str) -> None:
        """Check the tag, then the object it selects."""
        if self.tag not in value:
            raise missing_parameter(f"{path}.{self.tag}")
        Enum(*self.choices).check(value[self.tag], f"{path}.{self.tag}")
        self.choices[value[self.tag]].inspect(value, path)


@dataclass(frozen=True, slots=True)
class Upload(Shape):
    """One uploaded part of a multipart body."""

    kinds: ClassVar = (Part,)
    named: ClassVar = "an uploaded file"


@dataclass(frozen=True, slots=True)
class Uploads(Shape):
    """One or many uploaded parts under one name."""

    named: ClassVar = "uploaded files"

    def accepts(self, value: Any) -> bool:
        """An uploaded part or an array of them."""
        return isinstance(value, Part) or (isinstance(value, list) and all(isinstance(item, Part) for item in value))


def from_text(shape: Shape, value: Any) -> Any:
    """Turn what came as text (query, form) into the JSON value the shape wants; leave what does not parse."""
    if isinstance(shape, Obj) and isinstance(value, Mapping):
        return {key: from_text(shape.fields.get(key, Str()), item) for key, item in value.items()}
    if isinstance(shape, ListOf) and isinstance(value, Sequence) and not isinstance(value, str):
        return [from_text(shape.item, item) for item in value]
    if isinstance(shape, Int) and isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value):
        return int(value)
    if isinstance(shape, Bool) and value in ("true", "false"):
        return value == "true"
    return value
