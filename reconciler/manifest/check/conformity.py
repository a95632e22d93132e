"""JSON Schema errors → messages for people: place, what is wrong, what was expected, the nearest name.

The schemas are our own (generated from the kinds), so their few keywords are known and each has a sentence here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from reconciler.manifest.check.validator import errors_in, types_of
from reconciler.manifest.text.secrets import shown
from reconciler.model.address import Address, Span
from reconciler.model.diagnostics import Problems, did_you_mean, nearest
from reconciler.model.json import Json, Path, canonical

MOST = 50
"""Errors of one value that are told; more would not help anybody, and a stranger chooses how many there are."""

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "null",
}


def _no_advice(_: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a checked value stands: `span` gives the position of a value, `key` of a mapping key, by path.

    `advice` says what to do about a field that is known elsewhere but not here (or None); `here` is what lacks it.
    """

    span: Callable[[Path], Span | None]
    key: Callable[[Path], Span | None]
    address: Address | None = None
    advice: Callable[[str], str | None] = _no_advice
    here: str = "this manifest"

    def named(self, path: Path) -> Span | None:
        """Where a reader looks for a value: at its key if it has one."""
        return self.key(path) or self.span(path)


def conform(value: Json, schema: Mapping[str, Json], place: Place, problems: Problems, base: Path = ()) -> bool:
    """Report everything in which a value does not fit a schema; True when it fits."""
    errors = list(islice(errors_in(value, schema), MOST + 1))
    for error in errors[:MOST]:
        path = (*base, *error.absolute_path)
        for code, summary, detail, span in islice(_HANDLERS[error.validator](error, place, path), MOST):
            problems.add(code, summary, detail, span, address=place.address)
    if len(errors) > MOST:
        problems.add("E213", "Too many problems", "The rest of this manifest was not checked.", place.span(base))
    return not errors


_Message = tuple[str, str, str, Span | None]


def _unknown_fields(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    known = error.schema.get("properties", {})
    for name in error.instance:
        if name not in known:
            advice = _advice(place, error.instance, path, name)
            span = place.named((*path, name))
            if advice:
                yield "E304", f"{shown(name)} is not available on {place.here}", advice, span
            else:
                yield "E303", f"Unknown field {shown(name)}", did_you_mean(name, known), span


def _advice(place: Place, within: Mapping[str, Json], path: Path, name: str) -> str | None:
    """What to do about a field, looked up as part of its tool (`web_search.mode`), of its parent, or by itself."""
    parents = [part for part in path[-1:] if isinstance(part, str)]
    for parent in (within.get("type"), *parents):
        advice = place.advice(f"{parent}.{name}")
        if advice:
            return advice
    return place.advice(name)


def _bad_key(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    name = error.instance
    yield "E303", f"Key {shown(name)} is not allowed", error.message, place.named((*path, name))


def _missing(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    name, known = error.message, error.schema.get("properties", {})
    if not any(nearest(other, known) == name for other in error.instance if other not in known):
        yield "E306", f"Missing field {name!r}", f"{_name(path)} needs it.", place.named(path)


def _wrong_type(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    wanted = error.validator_value
    expected = " or ".join(_TYPES[name] for name in ([wanted] if isinstance(wanted, str) else wanted))
    yield "E307", f"{_name(path)} is {_found(error.instance)}", f"Expected {expected}.", place.span(path)


def _not_one_of(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    values, found = [str(item) for item in error.validator_value], error.instance
    near = nearest(found, values) if isinstance(found, str) else None
    hint = f"Did you mean {near!r}? " if near else ""
    yield "E310", f"{_name(path)} is {_found(found)}", f"{hint}Known: {', '.join(values)}.", place.span(path)


def _not_the_value(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    wanted = canonical(error.validator_value)
    yield "E310", f"{_name(path)} is {_found(error.instance)}", f"Expected {wanted}.", place.span(path)


_BOUNDS: Mapping[str, tuple[str, str]] = {
    "minimum": ("{found}", "At least {limit}."),
    "maximum": ("{found}", "At most {limit}."),
    "minLength": ("{size} characters long", "At least {limit}."),
    "maxLength": ("{size:,} characters long", "At most {limit:,} characters."),
    "minItems": ("a list of {size}", "At least {limit}."),
    "maxItems": ("a list of {size}", "At most {limit}."),
    "minProperties": ("a mapping of {size}", "At least {limit}."),
    "maxProperties": ("a mapping of {size}", "At most {limit}."),
    "uniqueItems": ("a list with doubles", "No entry may stand twice."),
}
"""Keyword → what the value is, and what it may be."""


def _out_of_bounds(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    found, limit, value = _BOUNDS[error.validator], error.validator_value, error.instance
    size = len(value) if isinstance(value, str | list | Mapping) else 0
    summary = f"{_name(path)} is {found[0].format(found=_found(value), size=size)}"
    sentence = found[1].format(limit=limit)
    advice = place.advice(str(path[-1])) if path else None
    code = "E304" if advice else "E311"
    yield code, summary, f"{sentence} {advice or ''}".strip(), place.span(path)


def _bad_form(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    yield "E312", f"{_name(path)} is {_found(error.instance)}", error.message, place.span(path)


def _no_shape(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    """None of several shapes: an unknown `type`, or something that is none of them."""
    value, branches = error.instance, error.validator_value
    types = types_of(branches)
    if types and isinstance(value, Mapping) and isinstance(value.get("type"), str):
        name, span = value["type"], place.span((*path, "type"))
        advice = place.advice(name)
        if advice:
            yield "E304", f"{shown(name)} is not available on {place.here}", advice, span
        else:
            yield "E310", f"Unknown type {shown(name)}", did_you_mean(name, types), span
        return
    yield "E307", f"{_name(path)} is {_found(value)}", f"Expected {_alternatives(branches)}.", place.span(path)


def _alternatives(branches: Iterable[Mapping[str, Any]]) -> str:
    found: list[str] = []
    for branch in branches:
        types = types_of([branch])
        if types:
            found.append(f"`type: {types[0]}`")
        elif branch.get("required"):
            found.append("a mapping with " + " and ".join(f"`{key}`" for key in branch["required"]))
        elif "const" in branch:
            found.append(canonical(branch["const"]))
        elif "anyOf" in branch:
            found.append(_alternatives(branch["anyOf"]))
        else:
            found.append(_TYPES[branch["type"]])
    return " or ".join(dict.fromkeys(found))


def _name(path: Path) -> str:
    """The dotted name of a place, as people would say it."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "The document"


def _found(value: Json) -> str:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list) else canonical(value)


_HANDLERS: Mapping[str, Callable[[Any, Place, Path], Iterator[_Message]]] = {
    "additionalProperties": _unknown_fields,
    "propertyNames": _bad_key,
    "required": _missing,
    "type": _wrong_type,
    "enum": _not_one_of,
    "const": _not_the_value,
    "pattern": _bad_form,
    "oneOf": _no_shape,
    "anyOf": _no_shape,
    **dict.fromkeys(_BOUNDS, _out_of_bounds),
}
