"""JSON Schema errors → messages for people: place, what is wrong, what was expected, the nearest name.

The schemas are our own (generated from the kinds), so their few keywords are known and each has a sentence here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reconciler.diagnostics import Problems, did_you_mean
from reconciler.model import Address, Json, Path, Span, canonical

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "null",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a checked value stands: `span` gives the position of a value, `key` of a mapping key, by path.

    `advice` says what to do about a field that is known elsewhere but not here (or None).
    """

    span: Callable[[Path], Span | None]
    key: Callable[[Path], Span | None]
    address: Address | None = None
    advice: Callable[[str], str | None] = lambda _: None


def conform(value: Json, schema: Mapping[str, Json], place: Place, problems: Problems, base: Path = ()) -> bool:
    """Report everything in which a value does not fit a schema; True when it fits."""
    errors = list(_validator(canonical(schema)).iter_errors(value))
    for error in sorted(errors, key=lambda item: [str(part) for part in item.absolute_path]):
        for code, summary, detail, span in _explain(error, place, (*base, *error.absolute_path)):
            problems.add(code, summary, detail, span, address=place.address)
    return not errors


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    import json  # noqa: PLC0415 - beside its only use

    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import, and not every command validates

    return Draft202012Validator(json.loads(schema))


_Message = tuple[str, str, str, Span | None]


def _explain(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    handler = _HANDLERS.get(error.validator)
    if handler is not None:
        yield from handler(error, place, path)
    else:
        yield ("E305", f"{_name(path)} is not valid", str(error.message)[:200], place.span(path))


def _unknown_fields(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    known = error.schema.get("properties", {})
    for name in error.instance:
        if name in known:
            continue
        detail = place.advice(name) or did_you_mean(name, known)
        code = "E304" if place.advice(name) else "E303"
        summary = f"Unknown field {name!r}" if code == "E303" else f"{name!r} is not available here"
        yield (code, summary, detail, place.key((*path, name)) or place.span(path))


def _bad_names(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    name = str(error.instance)
    choices = error.schema.get("propertyNames", error.schema).get("enum") if isinstance(error.schema, Mapping) else None
    advice = place.advice(name)
    detail = advice or (did_you_mean(name, choices) if choices else "The name does not fit the rule for keys here.")
    yield ("E303", f"Key {name!r} is not allowed", detail, place.key((*path, name)) or place.span(path))


def _missing(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    for name in error.validator_value:
        if name not in error.instance:
            yield ("E306", f"Missing field {name!r}", f"{_name(path)} needs it.", place.span(path))


def _wrong_type(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    wanted = error.validator_value
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    expected = " or ".join(_TYPES[name] for name in names)
    yield ("E307", f"{_name(path)} is {_found(error.instance)}", f"Expected {expected}.", place.span(path))


def _not_one_of(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    values = [str(item) for item in error.validator_value]
    found = error.instance
    hint = did_you_mean(found, values) if isinstance(found, str) else f"Known: {', '.join(values)}."
    hint = hint if hint.startswith("Known") else f"{hint} Known: {', '.join(values)}."
    yield ("E310", f"{_name(path)} is {_found(found)}", hint, place.span(path))


def _not_the_value(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    wanted = canonical(error.validator_value)
    yield ("E310", f"{_name(path)} is {_found(error.instance)}", f"Expected {wanted}.", place.span(path))


def _out_of_bounds(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    rule, limit = error.validator, error.validator_value
    sentence = {
        "minimum": f"At least {limit}.",
        "maximum": f"At most {limit}.",
        "minLength": "It must not be empty." if limit == 1 else f"At least {limit} characters.",
        "maxLength": f"At most {limit} characters.",
        "minItems": "It must not be empty." if limit == 1 else f"At least {limit} entries.",
        "maxItems": f"At most {limit} {'entry' if limit == 1 else 'entries'}.",
        "minProperties": "It must not be empty.",
        "maxProperties": f"At most {limit} entries.",
        "uniqueItems": "No entry may stand twice.",
    }[rule]
    what = _found(error.instance)
    if rule in {"minLength", "maxLength"}:
        what = f"{len(error.instance)} characters long"
    elif rule in {"minItems", "maxItems"}:
        what = f"a list of {len(error.instance)}"
    elif rule in {"minProperties", "maxProperties"}:
        what = f"a mapping of {len(error.instance)}"
    elif rule == "uniqueItems":
        what = "a list with doubles"
    yield ("E311", f"{_name(path)} is {what}", sentence, place.span(path))


def _bad_pattern(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    rule = error.schema.get("description") or f"It has to match {error.validator_value}."
    yield ("E312", f"{_name(path)} is {_found(error.instance)}", rule, place.span(path))


def _no_branch(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    """One of several shapes: the one that the value means to be is told by its `type`, its keys, or its JSON type."""
    branches = error.validator_value
    chosen = _branch(error.instance, branches)
    if chosen is None:
        yield from _which_branch(error, place, path, branches)
        return
    inner = [item for item in error.context if item.schema_path and item.schema_path[0] == chosen]
    for item in inner:
        yield from _explain(item, place, (*path, *item.relative_path))
    if not inner:
        yield ("E305", f"{_name(path)} fits several shapes", "Remove what does not belong together.", place.span(path))


def _branch(value: Json, branches: list[Mapping[str, Any]]) -> int | None:
    if isinstance(value, Mapping):
        for number, branch in enumerate(branches):
            properties = branch.get("properties", {})
            constant = properties.get("type", {}).get("const")
            if constant is not None and value.get("type") == constant:
                return number
        for number, branch in enumerate(branches):
            required = branch.get("required", [])
            if "type" not in required and required and all(key in value for key in required):
                return number
        shapes = [
            n
            for n, branch in enumerate(branches)
            if "properties" in branch and "const" not in branch["properties"].get("type", {})
        ]
        return shapes[0] if len(shapes) == 1 and "type" not in value else None
    matching = [number for number, branch in enumerate(branches) if _is_of(value, branch.get("type"))]
    return matching[0] if len(matching) == 1 else None


def _is_of(value: Json, wanted: Any) -> bool:
    checks: dict[str, Callable[[Json], bool]] = {
        "string": lambda item: isinstance(item, str),
        "boolean": lambda item: isinstance(item, bool),
        "integer": lambda item: isinstance(item, int) and not isinstance(item, bool),
        "number": lambda item: isinstance(item, int | float) and not isinstance(item, bool),
        "array": lambda item: isinstance(item, list),
        "object": lambda item: isinstance(item, Mapping),
    }
    return wanted in checks and checks[wanted](value)


def _which_branch(error: Any, place: Place, path: Path, branches: list[Mapping[str, Any]]) -> Iterator[_Message]:
    value = error.instance
    types = [
        branch["properties"]["type"]["const"]
        for branch in branches
        if "const" in branch.get("properties", {}).get("type", {})
    ]
    if isinstance(value, Mapping) and types and isinstance(value.get("type"), str):
        name = value["type"]
        advice = place.advice(name)
        code, summary = ("E304", f"{name!r} is not available here") if advice else ("E310", f"Unknown type {name!r}")
        yield (code, summary, advice or did_you_mean(name, types), place.span((*path, "type")))
        return
    yield ("E307", f"{_name(path)} is {_found(value)}", f"Expected {_alternatives(branches, types)}.", place.span(path))


def _alternatives(branches: Iterable[Mapping[str, Any]], types: list[str]) -> str:
    found: list[str] = [f"`type: {name}`" for name in types]
    for branch in branches:
        if "const" in branch.get("properties", {}).get("type", {}):
            continue
        if branch.get("required"):
            found.append("a mapping with " + " and ".join(f"`{key}`" for key in branch["required"]))
        elif "const" in branch:
            found.append(canonical(branch["const"]))
        elif branch.get("type") in _TYPES:
            found.append(_TYPES[branch["type"]])
    unique = list(dict.fromkeys(found))
    return " or ".join(unique) if unique else "another value"


def _condition(error: Any, place: Place, path: Path) -> Iterator[_Message]:
    for item in error.context or ():
        yield from _explain(item, place, (*path, *item.relative_path))


def _name(path: Path) -> str:
    """The dotted name of a place, as people would say it."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "The document"


def _found(value: Json) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "…")
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return canonical(value)


_HANDLERS: dict[str, Callable[[Any, Place, Path], Iterator[_Message]]] = {
    "additionalProperties": _unknown_fields,
    "propertyNames": _bad_names,
    "required": _missing,
    "type": _wrong_type,
    "enum": _not_one_of,
    "const": _not_the_value,
    "pattern": _bad_pattern,
    "oneOf": _no_branch,
    "anyOf": _no_branch,
    "if": _condition,
    **dict.fromkeys(
        (
            "minimum",
            "maximum",
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "minProperties",
            "maxProperties",
            "uniqueItems",
        ),
        _out_of_bounds,
    ),
}
