"""What changed in a JSON Schema (a tool's parameters, a response's format), as sentences instead of paths.

`required: ["order_id"] → ["order_id", "region"]` is true and says little; that the property "region" became required is
what a reviewer has to know. A sentence is used only where it tells the whole of a difference; everything else stands as
it is, before and after, under a name that can be read. Where in a set (`required`, `enum`) a new member stands has no
meaning in JSON Schema and is not told; that old members changed places is.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from reconciler.render import escape, values
from reconciler.render.diff import lists

FREE_FORM = frozenset({"parameters", "schema"})
"""Keys whose values are schemas of the user's own, and whose differences a plan has leaf by leaf."""

ABSENT: Any = object()
"""Stands for a side that is not there."""

_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SCHEMAS = frozenset(
    {"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"}
    | {"unevaluatedItems", "unevaluatedProperties", "contentSchema"}
)
_TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_DEFINITIONS = frozenset({"$defs", "definitions"})

Step = tuple[str, str | int]


class Part(NamedTuple):
    """Where in a schema a difference is: the subschema, step by step, and the keyword in it ("": the whole of it)."""

    steps: tuple[Step, ...]
    keyword: str
    rest: tuple[Any, ...]


class Statement(NamedTuple):
    """One difference: its sign and a name; then `text` tells all of it, or `before` and `after` are to be shown.

    `rank`: what breaks a caller comes first. `is_set`: where in the list a new member stands means nothing.
    """

    sign: str
    name: str
    text: str = ""
    before: Any = ABSENT
    after: Any = ABSENT
    rank: int = 3
    is_set: bool = False


def split(path: Sequence[Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]] | None:
    """The path of the schema that a field is inside of, and the path inside it; None outside of schemas."""
    for position, step in enumerate(path[:-1]):
        if step in FREE_FORM and isinstance(step, str) and position:
            return tuple(path[: position + 1]), tuple(path[position + 1 :])
    return None


def statements(differences: Iterable[tuple[Sequence[Any], Any, Any]]) -> list[Statement]:
    """The differences (path inside the schema, before, after) in words; what goes together is one statement."""
    parts = [part for path, before, after in differences for part in _opened(_part(path), before, after)]
    became, ceased = _requirements(parts)
    found: list[Statement] = []
    for part, before, after in parts:
        if _is_requirement(part, before, after):
            found += _reordered(part, before, after)
        elif _is_property(part) and (before is ABSENT or after is ABSENT):
            found.append(_property(part, before, after, became, ceased))
        else:
            found.append(_keyword(part, before, after))
    found += _required(parts, became, ceased)
    return sorted(found, key=lambda item: item.rank)


def phrase(schema: Any) -> str | None:
    """A small schema in words, `array of string, "What it means."`; None where that would lose something."""
    if not isinstance(schema, Mapping) or not schema.keys() <= _PHRASES.keys():
        return None
    parts = [written(schema) for key, written in _PHRASES.items() if key in schema]
    if None in parts or not {"type", "enum"} & schema.keys():
        return None
    return ", ".join(part for part in parts if part)


def _kind_phrase(schema: Mapping[str, Any]) -> str | None:
    if "items" not in schema:
        return _type(schema["type"])
    items = schema["items"]
    inner = _type(items.get("type")) if isinstance(items, Mapping) and len(items) == 1 else None
    return f"array of {inner}" if schema["type"] == "array" and inner else None


def _items_phrase(schema: Mapping[str, Any]) -> str | None:
    return "" if "type" in schema else None


def _enum_phrase(schema: Mapping[str, Any]) -> str | None:
    enum = schema["enum"]
    plain = isinstance(enum, list) and enum and not any(isinstance(value, dict | list) for value in enum)
    return f"one of {', '.join(map(values.inline, enum))}" if plain else None


def _description_phrase(schema: Mapping[str, Any]) -> str | None:
    text = schema["description"]
    return values.inline(text) if isinstance(text, str) and "\n" not in text else None


_PHRASES = {
    "type": _kind_phrase,
    "items": _items_phrase,
    "enum": _enum_phrase,
    "description": _description_phrase,
}
"""What is said of each keyword; "" where another one says it, None where it cannot be said."""


# --- where ------------------------------------------------------------------------------------------------------------


def _part(path: Sequence[Any]) -> Part:
    steps: list[Step] = []
    left = list(path)
    while left:
        key = left[0]
        if len(left) > 1 and (
            (key in _MAPS and isinstance(left[1], str)) or (key in _LISTS and isinstance(left[1], int))
        ):
            steps.append((key, left[1]))
            left = left[2:]
        elif len(left) > 1 and key in _SCHEMAS:
            steps.append((key, ""))
            left = left[1:]
        else:
            return Part(tuple(steps), str(key), tuple(left[1:]))
    return Part(tuple(steps), "", ())


def _subject(steps: Iterable[Step]) -> str:
    """`"address.lines[].street"`; a place that only the grammar of schemas knows stands in parentheses."""
    written = ""
    for key, name in steps:
        if key == "properties":
            plain = values.path([name])
            written += plain if plain.startswith("[") or not written else f".{plain}"
        elif key == "items":
            written += "[]"
        else:
            label = f"{key} {name + 1}" if isinstance(name, int) else f"{key} {values.path([name])}" if name else key
            written += f"({escape.line(label)})"
    return written if '"' in written or not written else f'"{written}"'


def _name(part: Part) -> str:
    """`maximum of "limit"`."""
    subject = _subject(part.steps)
    if not part.keyword:
        return f"{_noun(part)} {subject}"
    keyword = values.path([part.keyword, *part.rest])
    return f"{keyword} of {subject}" if subject else keyword


def _noun(part: Part) -> str:
    kind = part.steps[-1][0]
    return "property" if kind == "properties" else "definition" if kind in _DEFINITIONS else "schema"


def _is_property(part: Part) -> bool:
    return bool(part.steps) and not part.keyword and part.steps[-1][0] in {"properties", *_DEFINITIONS}


# --- what -------------------------------------------------------------------------------------------------------------

Names = dict[tuple[Step, ...], list[str]]
"""Names of properties by the schema that they belong to."""


def _opened(part: Part, before: Any, after: Any) -> list[tuple[Part, Any, Any]]:
    """A whole collection of properties that came or went, one by one."""
    value = after if before is ABSENT else before
    whole = part.keyword in {"properties", *_DEFINITIONS} and not part.rest and (before is ABSENT or after is ABSENT)
    if not (whole and isinstance(value, Mapping) and value):
        return [(part, before, after)]
    sides = {name: (ABSENT, item) if before is ABSENT else (item, ABSENT) for name, item in value.items()}
    return [(Part((*part.steps, (part.keyword, name)), "", ()), *both) for name, both in sides.items()]


def _requirements(parts: Iterable[tuple[Part, Any, Any]]) -> tuple[Names, Names]:
    """Which properties became required, and which no longer are."""
    became: Names = {}
    ceased: Names = {}
    for part, before, after in parts:
        if _is_requirement(part, before, after):
            ceased[part.steps], became[part.steps], _ = lists.items(*_sides(before, after))
    return became, ceased


def _sides(before: Any, after: Any) -> tuple[list[Any], list[Any]]:
    return [] if before is ABSENT else before, [] if after is ABSENT else after


def _is_requirement(part: Part, before: Any, after: Any) -> bool:
    """Whether a list of required properties changed that names each of them once."""
    if part.keyword != "required" or part.rest:
        return False
    sides = [side for side in (before, after) if side is not ABSENT]
    return all(
        isinstance(side, list) and side and all(isinstance(name, str) for name in side) and len(set(side)) == len(side)
        for side in sides
    )


def _reordered(part: Part, before: Any, after: Any) -> list[Statement]:
    order = lists.items(*_sides(before, after), is_set=True)[2]
    return [Statement("~", f"order of {_name(part)}", f"now {values.inline(order)}")] if order else []


def _property(part: Part, before: Any, after: Any, became: Names, ceased: Names) -> Statement:
    """A property that came or went, with whether it is one that must be given."""
    if before is ABSENT:
        sign, verb, value, names, rank = "+", "added", after, became, 2
    else:
        sign, verb, value, names, rank = "-", "removed", before, ceased, 0
    name, parent = part.steps[-1][1], part.steps[:-1]
    required = part.steps[-1][0] == "properties" and name in names.get(parent, ())
    if required:
        names[parent].remove(str(name))
    said = f"{'required ' if required else ''}{_name(part)} {verb}"
    text = phrase(value)
    if text is not None:
        return Statement(sign, said, text, rank=rank)
    return Statement(sign, said, before=before, after=after, rank=rank)


def _required(parts: Iterable[tuple[Part, Any, Any]], became: Names, ceased: Names) -> list[Statement]:
    """The properties of which nothing else is to be said than that they must be given now, or need not be."""
    found: list[Statement] = []
    for steps in dict.fromkeys(part.steps for part, _, _ in parts):
        for names, one, several in (
            (became.get(steps, ()), "became required", "became required"),
            (ceased.get(steps, ()), "is no longer required", "are no longer required"),
        ):
            subjects = [_subject((*steps, ("properties", name))) for name in names]
            if len(subjects) == 1:
                found.append(Statement("~", f"property {subjects[0]} {one}", rank=1))
            elif subjects:
                said = f"{values.number(len(subjects))} properties {several}"
                found.append(Statement("~", said, ", ".join(subjects), rank=1))
    return found


def _keyword(part: Part, before: Any, after: Any) -> Statement:
    """Any other difference: both sides, named."""
    sign = "+" if before is ABSENT else "-" if after is ABSENT else "~"
    if part.keyword == "type" and not part.rest:
        types = [_type(side) for side in (before, after) if side is not ABSENT]
        if None not in types:
            return Statement(sign, _name(part), " → ".join(map(str, types)))
    return Statement(sign, _name(part), before=before, after=after, is_set=part.keyword == "enum" and not part.rest)


def _type(kind: Any) -> str | None:
    """`string`, `string or null`."""
    if kind == "null":
        return values.inline(kind)  # the word, and not JSON's null
    if isinstance(kind, str):
        return kind if kind in _TYPES else None
    known = isinstance(kind, list) and len(kind) > 1 and all(isinstance(one, str) and one in _TYPES for one in kind)
    return " or ".join(kind) if known else None
