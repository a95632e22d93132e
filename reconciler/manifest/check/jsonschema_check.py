"""Check a JSON Schema that a manifest holds (a tool's parameters, a response's format) without ever running it.

The schema is data from a pull request: it is measured before anything looks at it, its regular expressions are never
compiled, its references never fetched. What OpenAI's strict mode would refuse with a 400 is said here, with its place.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from reconciler.model.json import Json, Path

Complaint = tuple[Path, str]
Part = tuple[Path, int, Mapping[str, Json]]
"""A schema object inside a schema: its path, how many object levels down it is, and itself."""

MAX_DEPTH = 32
MAX_NODES = 15_000
MAX_CHARACTERS = 256_000
_MOST = 50

_SCHEMA_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_SCHEMA_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SCHEMAS = (
    "items",
    "additionalProperties",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
)

_STRICT_REFUSES = {
    "allOf": "merge its branches into one schema",
    "oneOf": "use anyOf",
    "not": "say what is allowed instead",
    "dependentRequired": "make optional fields nullable",
    "dependentSchemas": "make optional fields nullable",
    "if": "use anyOf",
    "then": "use anyOf",
    "else": "use anyOf",
    "patternProperties": "use a list of key and value",
    "propertyNames": "use a list of key and value",
    "minProperties": "remove it",
    "maxProperties": "remove it",
    "unevaluatedProperties": "use additionalProperties: false",
    "unevaluatedItems": "remove it",
    "prefixItems": "use an object with one field per position",
    "contains": "remove it",
    "minContains": "remove it",
    "maxContains": "remove it",
    "uniqueItems": "remove it",
}
"""Keywords outside of what OpenAI documents for strict mode (Structured Outputs), and the way out."""

_STRICT_PROPERTIES = 5_000
_STRICT_LEVELS = 10
_STRICT_ENUM_VALUES = 1_000
_STRICT_TEXT = 120_000
_STRICT_LONG_ENUM = (250, 15_000)


def check_schema(schema: Json, *, strict: bool) -> list[Complaint]:
    """What is wrong with a schema of the user's: places and sentences, at most 50, in a fixed order."""
    size = _too_big(schema)
    if size is not None:
        return [size]
    if not isinstance(schema, Mapping):
        return [((), "It has to be a JSON Schema object, such as {type: object, properties: {…}}.")]
    complaints: list[Complaint] = []
    parts = _subschemas(schema, complaints)
    if not any(path == ("type",) for path, _ in complaints):
        complaints = [*_root(schema), *complaints]
    if not complaints:
        complaints = [*_references(schema, parts), *(_strict(schema, parts) if strict else ())]
    return list(dict.fromkeys(complaints))[:_MOST]


def _too_big(schema: Json) -> Complaint | None:
    """Measure depth, values and text, level by level, before anything recursive sees the schema."""
    level: list[Json] = [schema]
    nodes = characters = 0
    for _ in range(MAX_DEPTH):
        below: list[Json] = []
        for value in level:
            if isinstance(value, Mapping):
                characters += sum(map(len, value))
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif isinstance(value, str):
                characters += len(value)
        nodes += len(level)
        if nodes + len(below) > MAX_NODES or characters > MAX_CHARACTERS:
            return (), f"The schema is too large: {MAX_NODES:,} values and {MAX_CHARACTERS:,} characters are allowed."
        if not below:
            return None
        level = below
    return (), f"The schema nests deeper than {MAX_DEPTH} levels."


def _root(schema: Mapping[str, Json]) -> Iterator[Complaint]:
    if schema.get("type") != "object":
        yield (), "It has to describe an object: write `type: object` at the top."


def _subschemas(schema: Mapping[str, Json], complaints: list[Complaint]) -> list[Part]:
    """Every schema object inside a schema, from the top; what is not valid is a complaint."""
    pending: list[Part] = [((), 1, schema)]
    parts: list[Part] = []
    while pending and len(complaints) < _MOST:
        path, level, item = pending.pop()
        errors = sorted(_metaschema().iter_errors(item), key=lambda error: (list(map(str, error.path)), error.message))
        complaints.extend(((*path, *error.path), _sentence(error)) for error in errors)
        complaints.extend(_repeated(path, item))
        parts.append((path, level, item))
        children = [child for child in _children(path, level, item) if isinstance(child[2], Mapping)]
        pending.extend(reversed(children))
    return parts


def _repeated(path: Path, schema: Mapping[str, Json]) -> Iterator[Complaint]:
    """Lists of names that have one twice (the library's own test is quadratic in the worst case)."""
    for key in ("required", "type"):
        listed = schema.get(key)
        texts = [item for item in listed if isinstance(item, str)] if isinstance(listed, list) else []
        if len(set(texts)) < len(texts):
            yield (*path, key), f"{key!r} may not contain the same name twice."


@functools.cache
def _metaschema() -> Any:
    """The validator for one schema without those inside it: draft 2020-12's own vocabularies, made flat.

    The whole metaschema takes twenty times longer and reports in an order that changes from run to run. There is no
    format checker, so that no user's pattern is ever compiled.
    """
    from jsonschema import Draft202012Validator as Validator  # noqa: PLC0415 - slower to import than most commands run
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # noqa: PLC0415 - the same

    whole = Validator.META_SCHEMA
    flat: dict[str, Any] = {"type": whole["type"], "properties": dict(whole["properties"]), "$defs": {}}
    for part in whole["allOf"]:
        vocabulary: Any = REGISTRY.contents(urljoin(whole["$id"], part["$ref"]))
        flat["properties"] |= vocabulary["properties"]
        flat["$defs"] |= vocabulary.get("$defs", {})
    return Validator(_shallow(flat, whole["type"]))


def _shallow(meta: Json, types: list[str]) -> Json:
    """A metaschema that, where it would go into a schema, asks only that there be one."""
    if isinstance(meta, list):
        return [_shallow(item, types) for item in meta]
    if not isinstance(meta, Mapping):
        return meta
    if meta.get("$dynamicRef") == "#meta":
        return {"type": types}
    return {key: _shallow(value, types) for key, value in meta.items() if (key, value) != ("uniqueItems", True)}


def _sentence(error: Any) -> str:
    where = f"{error.path[-1]!r}" if error.path else "The schema"
    value = json.dumps(error.instance, default=str)
    shown = value if len(value) <= 60 else value[:59] + "…"
    rule = _RULES.get(str(error.validator))
    expected = rule(error.validator_value) if rule else "does not follow JSON Schema (draft 2020-12)"
    return f"{where} {expected}; it is {shown}."


_RULES: dict[str, Callable[[Any], str]] = {
    "type": lambda value: f"has to be {' or '.join(value) if isinstance(value, list) else value}",
    "enum": lambda value: f"has to be one of {', '.join(map(str, value))}",
    "anyOf": lambda _: "has to be one type name or a list of them",
    "minimum": lambda value: f"has to be at least {value}",
    "exclusiveMinimum": lambda value: f"has to be more than {value}",
    "minItems": lambda value: f"needs at least {value} item",
}


def _children(path: Path, level: int, schema: Mapping[str, Json]) -> Iterator[tuple[Path, int, Json]]:
    """The schemas directly inside a schema; what should hold schemas and does not is somebody else's complaint."""
    for key in _SCHEMA_MAPS:
        below = 1 if key in {"$defs", "definitions"} else level + 1
        inside = schema.get(key)
        for name, value in inside.items() if isinstance(inside, Mapping) else ():
            yield (*path, key, name), below, value
    for key in _SCHEMA_LISTS:
        listed = schema.get(key)
        for index, value in enumerate(listed if isinstance(listed, list) else ()):
            yield (*path, key, index), level, value
    for key in _SCHEMAS:
        if isinstance(schema.get(key), Mapping):
            yield (*path, key), level + (key == "items"), schema[key]


# --- references -------------------------------------------------------------------------------------------------------


def _references(root: Json, parts: list[Part]) -> Iterator[Complaint]:
    anchors = {f"#{schema[key]}" for _, _, schema in parts for key in ("$anchor", "$dynamicAnchor") if key in schema}
    for path, _, schema in parts:
        for key in ("$id", "$schema") if path else ("$id",):
            if key in schema:
                yield (*path, key), f"{key!r} is not allowed here: it would change what references mean. Remove it."
        for key in ("$ref", "$dynamicRef"):
            target = schema.get(key, "#")
            if not target.startswith("#"):
                yield (*path, key), f"{target[:80]!r} is not in this schema. Copy it to $defs, and write #/$defs/NAME."
            elif target not in anchors and not _exists(root, target[1:]):
                yield (*path, key), f"{target[:80]!r} does not exist in this schema."


def _exists(root: Json, pointer: str) -> bool:
    """Whether a JSON pointer leads to something."""
    value = root
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and len(name) < 6 and int(name) < len(value):
            value = value[int(name)]
        else:
            return False
    return not pointer or pointer.startswith("/")


# --- strict mode ------------------------------------------------------------------------------------------------------


def _strict(root: Mapping[str, Json], parts: list[Part]) -> Iterator[Complaint]:
    if "anyOf" in root:
        yield ("anyOf",), "Strict mode does not allow anyOf at the top. Put it into a field."
    yield from _strict_totals([schema for _, _, schema in parts], parts)
    for path, level, schema in parts:
        for key in schema:
            if key in _STRICT_REFUSES:
                yield (*path, key), f"Strict mode does not support {key!r}: {_STRICT_REFUSES[key]}."
        if _is_object(schema):
            yield from _strict_object(path, schema)
        if level > _STRICT_LEVELS:
            yield path, f"Strict mode allows {_STRICT_LEVELS} levels of nesting. Flatten the schema."


def _is_object(schema: Mapping[str, Json]) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema


def _strict_object(path: Path, schema: Mapping[str, Json]) -> Iterator[Complaint]:
    if schema.get("additionalProperties") is not False:
        yield path, "Strict mode wants `additionalProperties: false` on every object."
    properties, required = schema.get("properties", {}), dict.fromkeys(schema.get("required", ()))
    for name in properties:
        if name not in required:
            yield (
                (*path, "properties", name),
                (f"Strict mode wants every field in `required`: add {name!r}; optional ones are nullable."),
            )
    for name in required:
        if name not in properties:
            yield (*path, "required"), f"`required` names {name!r}, which is not among the properties."


def _strict_totals(schemas: list[Mapping[str, Json]], parts: list[Part]) -> Iterator[Complaint]:
    properties = sum(len(schema.get("properties", ())) for schema in schemas)
    enums = [(path, schema["enum"]) for path, _, schema in parts if "enum" in schema]
    values = [value for _, enum in enums for value in enum]
    constants = [schema["const"] for schema in schemas if "const" in schema]
    named = [
        name for schema in schemas for key in ("properties", "$defs", "definitions") for name in schema.get(key, ())
    ]
    text = sum(len(value) for value in (*named, *values, *constants) if isinstance(value, str))
    for count, limit, what in (
        (properties, _STRICT_PROPERTIES, "properties"),
        (len(values), _STRICT_ENUM_VALUES, "enum values"),
        (text, _STRICT_TEXT, "characters in names, enum and const values"),
    ):
        if count > limit:
            yield (), f"Strict mode allows {limit:,} {what}; the schema has {count:,}."
    for path, enum in enums:
        if len(enum) > _STRICT_LONG_ENUM[0] and sum(map(len, map(str, enum))) > _STRICT_LONG_ENUM[1]:
            yield (*path, "enum"), f"Strict mode allows {_STRICT_LONG_ENUM[1]:,} characters in an enum this long."
