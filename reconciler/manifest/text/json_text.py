"""The text of an included JSON file to a value, with the position of everything in it.

JSON is (all but) YAML, so the strict YAML reader gives the positions, and finds duplicate keys and excessive nesting;
what the value is, and whether the text is JSON at all, is for the JSON reader alone to say.
"""

from __future__ import annotations

import json

from reconciler.manifest.text import source
from reconciler.manifest.text.limits import Limits
from reconciler.manifest.text.written import Written
from reconciler.model.address import Span
from reconciler.model.diagnostics import Problems
from reconciler.model.json import Json, Path

_COUNT_FOR_JSON = frozenset({"E205", "E211"})
"""Duplicate keys and exceeded limits: what the YAML reader finds and JSON means as well."""


def parse_json(text: str, file: str, problems: Problems, limits: Limits) -> Written | None:
    """The value of a text and where its parts stand; None, and a problem (E205, E211, E214), if it has none."""
    found = Problems()
    parsed = source.parse(text.encode("utf-8", "surrogatepass"), file, found, limits)
    serious = [item for item in found.found if item.code in _COUNT_FOR_JSON]
    if serious:
        problems.found += serious
        return None
    try:
        value = json.loads(text, parse_int=source.resolve, parse_float=source.resolve, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        problems.add("E214", "Not JSON", f"{error.msg}.", Span(file, error.lineno, error.colno))
        return None
    except (ValueError, RecursionError) as error:
        problems.add("E214", "Not JSON", str(error), Span(file))
        return None
    if len(parsed) == 1 and _alike(parsed[0].value, value):
        return Written(value, parsed[0].spans, parsed[0].keys)
    nowhere: dict[Path, Span] = {}
    return Written(value, {(): Span(file)}, nowhere)


def _alike(left: Json, right: Json) -> bool:
    """Whether both readers saw one structure, so that the positions of one hold for the other."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_alike(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(_alike(a, b) for a, b in zip(left, right, strict=True))
    return type(left) is type(right)


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not a number that JSON can hold.")
