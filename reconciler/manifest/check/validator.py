"""JSON Schema (draft 2020-12) for our own schemas, applied to what a stranger wrote.

The library's keywords, but for some. Patterns are matched to the very end of a text (`$` alone would let a line feed
through); doubles are found in linear time; a key that breaks a rule, and each missing field, is an error of its own; a
value of the wrong type is not also none of the words. Of several shapes the one that is meant is chosen by `type`
first: a long list of tools costs one attempt per tool, and its mistakes are told as those of that tool.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.model.json import Json, canonical

Branches = Sequence[Mapping[str, Any]]


def errors_in(value: Json, schema: Mapping[str, Json]) -> Iterator[Any]:
    """The library's errors, lazily: whoever takes only the first ones does not pay for the others."""
    return iter(_validator()(schema).iter_errors(value))


@functools.cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import, and not every command validates
    from jsonschema.validators import extend  # noqa: PLC0415 - the same

    keywords = {
        "pattern": _pattern,
        "uniqueItems": _unique,
        "enum": _one_of,
        "propertyNames": _names,
        "required": _required,
        "oneOf": _shapes,
        "anyOf": _shapes,
    }
    make: Any = extend
    return make(Draft202012Validator, keywords)


def _error(message: str, **more: Any) -> Any:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - imported by now

    return ValidationError(message, **more)


def _pattern(_: Any, pattern: str, text: Json, schema: Mapping[str, Any]) -> Iterator[Any]:
    whole = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    if isinstance(text, str) and not re.search(whole, text):
        yield _error(schema.get("description") or f"It has to match {pattern}")


def _unique(_: Any, wanted: bool, items: Json, __: Mapping[str, Any]) -> Iterator[Any]:  # noqa: FBT001 - the library's call
    if wanted and isinstance(items, list) and len({canonical(item) for item in items}) < len(items):
        yield _error("")


def _one_of(validator: Any, words: Sequence[Json], value: Json, schema: Mapping[str, Any]) -> Iterator[Any]:
    of_the_type = "type" not in schema or validator.is_type(value, schema["type"])
    if of_the_type and value not in words:
        yield _error("")


def _names(validator: Any, rule: Mapping[str, Any], mapping: Json, _: Mapping[str, Any]) -> Iterator[Any]:
    for name in mapping if isinstance(mapping, Mapping) else ():
        broken = next(validator.descend(name, rule), None)
        if broken is not None:
            yield _error(rule.get("description") or _rule_for_keys(broken), instance=name)


def _rule_for_keys(broken: Any) -> str:
    """What a key should be, from the part of the rule that it breaks."""
    value = broken.validator_value
    reserved = re.fullmatch(r"\^\(\?!(.+)\)", str(value))
    if reserved and reserved[1].startswith("(?:"):
        return "Here only new fields may stand. This one has its place beside, or none in a manifest."
    if reserved:
        return f"Keys that start with {reserved[1].replace(chr(92), '')} are the reconciler's own."
    return f"A key has at {'least' if broken.validator == 'minLength' else 'most'} {value} characters."


def _required(_: Any, names: Sequence[str], mapping: Json, __: Mapping[str, Any]) -> Iterator[Any]:
    for name in names if isinstance(mapping, Mapping) else ():
        if name not in mapping:
            yield _error(name)


def _shapes(validator: Any, branches: Branches, value: Json, _: Mapping[str, Any]) -> Iterator[Any]:
    number = _told_by_type(value, branches)
    if number is None:
        if any(next(validator.descend(value, branch), None) is None for branch in branches):
            return
        number = _meant(value, branches)
    if number is None:
        yield _error("")
    else:
        yield from validator.descend(value, branches[number], schema_path=number)


def types_of(branches: Branches) -> list[str]:
    """The values of `type` that tell branches apart."""
    return [kind for branch in branches if (kind := _type_of(branch)) is not None]


def _type_of(branch: Mapping[str, Any]) -> str | None:
    kind: str | None = branch.get("properties", {}).get("type", {}).get("const")
    return kind


def _told_by_type(value: Json, branches: Branches) -> int | None:
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str):
        return None
    return next((number for number, branch in enumerate(branches) if _type_of(branch) == value["type"]), None)


def _meant(value: Json, branches: Branches) -> int | None:
    """The one branch that a value can have been meant to fit; None if that cannot be told."""
    fitting = [number for number, branch in enumerate(branches) if _is_of(value, branch.get("type"))]
    if not isinstance(value, Mapping):
        return fitting[0] if len(fitting) == 1 else None
    required = {n: [key for key in branches[n].get("required", ()) if key != "type"] for n in fitting}
    for number, keys in required.items():
        if keys and all(key in value for key in keys):
            return number
    if types_of(branches):
        return None
    return fitting[0] if len(fitting) == 1 else next((number for number in fitting if not required[number]), None)


_CHECKS: Mapping[str, Callable[[Json], bool]] = {
    "string": lambda item: isinstance(item, str),
    "boolean": lambda item: isinstance(item, bool),
    "integer": lambda item: isinstance(item, int) and not isinstance(item, bool),
    "number": lambda item: isinstance(item, int | float) and not isinstance(item, bool),
    "array": lambda item: isinstance(item, list),
    "object": lambda item: isinstance(item, Mapping),
}


def _is_of(value: Json, wanted: Any) -> bool:
    return wanted in _CHECKS and _CHECKS[wanted](value)
