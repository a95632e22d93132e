"""Words for schemas: the few JSON Schemas that declarations of fields are made of."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.model.json import Json

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "display_name": "The name that people see in the account. Default of a vector store: the manifest's name.",
        "type": "Which sort it is.",
        "glob": "A pattern relative to the manifest: `*`, `?`, `[…]`, and `**` for any directories.",
        "path": "One file, relative to the manifest.",
        "files.name": "The file name that citations show.",
        "raw": "New fields of the API that the reconciler does not know yet, passed through untouched.",
    }
)
"""What fields mean that several kinds have."""


def raw_schema(*reserved: str) -> dict[str, Json]:
    """The schema of `raw`. What the manifest has a field for does not go around it."""
    return {
        "type": "object",
        "propertyNames": {"pattern": rf"^(?!(?:{'|'.join(sorted(set(reserved)))})$)"},
        "description": "New fields of the API that the reconciler does not know yet, passed through untouched.",
    }


def text(maximum: int, minimum: int = 1) -> dict[str, Json]:
    """The schema of a string; lengths in characters."""
    return {"type": "string", "minLength": minimum, "maxLength": maximum}


def choice(*values: str) -> dict[str, Json]:
    """The schema of one of several words."""
    return {"type": "string", "enum": list(values)}


def number(low: float, high: float) -> dict[str, Json]:
    """The schema of a number in a closed range."""
    return {"type": "number", "minimum": low, "maximum": high}


def integer(low: int, high: int | None = None) -> dict[str, Json]:
    """The schema of an integer in a closed range."""
    schema: dict[str, Json] = {"type": "integer", "minimum": low}
    return schema if high is None else schema | {"maximum": high}


def closed(properties: Mapping[str, Json], *required: str, **more: Json) -> dict[str, Json]:
    """The schema of an object that has these properties and no others."""
    schema: dict[str, Json] = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {}) | more
