"""JSON as every stage sees it: absent, null and empty are three things, and equality is canonical text.

Specs are plain JSON (`dict`, `list`, `str`, `int`, `float`, `bool`, `None`) with one addition: a `Ref` stands wherever
another resource's id belongs. A spec whose ids are replaced by refs is in *address form*; digests and comparisons are
always over address form, so a new id of a referenced object is never mistaken for a change of the object that uses it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from reconciler.model.address import Ref, Unknown

Json = Any
"""A JSON value, possibly with `Ref` leaves."""


Path = tuple[str | int, ...]
"""Where a value stands inside a spec: object keys, list positions, or the identity of a list item."""


ID_PATTERN = re.compile(r"\A[A-Za-z0-9_-]{1,128}\Z")
"""What an object id must look like before it may go into a URL (a hostile server may answer anything)."""


class _Absent(Enum):
    """The type of `ABSENT`: not null, not empty, not there."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent.ABSENT


def _plain(value: Json) -> Json:
    """Refs become tagged objects and whole floats become integers (RFC 8785: `1.0` is written `1`)."""
    if type(value) is str:
        return value  # most values are; asking for the others takes longer
    if isinstance(value, Ref):
        return {"$ref": str(value)}
    if isinstance(value, Unknown):
        return {"known_after_apply": str(value.ref)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def canonical(value: Json) -> str:
    """Canonical JSON: sorted keys, no spaces, no escapes beyond JSON's own; equal values give equal text.

    `1` and `1.0` are one number, `1` and `true` are not one value. NaN and infinities are refused (ValueError).
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def same(left: Json, right: Json) -> bool:
    """Whether two values are equal as canonical JSON."""
    if left is ABSENT or right is ABSENT:
        return left is right
    return canonical(left) == canonical(right)


def sha256(value: Json) -> str:
    """The sha-256 of a value's canonical JSON, 64 hex digits."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def refs(value: Json) -> list[Ref]:
    """Every reference inside a value, in order of appearance (object keys sorted), each once."""
    found: dict[Ref, None] = {}

    def walk(item: Json) -> None:
        if isinstance(item, Ref):
            found.setdefault(item)
        elif isinstance(item, Mapping):
            for key in sorted(item):
                walk(item[key])
        elif isinstance(item, list | tuple):
            for part in item:
                walk(part)

    walk(value)
    return list(found)


def substitute(value: Json, resolve: Callable[[Ref], Json]) -> Json:
    """A copy of a value with every `Ref` replaced by what `resolve` makes of it."""
    if isinstance(value, Ref):
        return resolve(value)
    if isinstance(value, Mapping):
        return {key: substitute(item, resolve) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [substitute(item, resolve) for item in value]
    return value
