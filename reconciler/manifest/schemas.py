"""The JSON Schemas of whole documents: what editors use, `validate` checks, and `schema/` publishes."""

from __future__ import annotations

from reconciler.kinds import FORMS
from reconciler.kinds.base import closed, text
from reconciler.manifest import stack
from reconciler.model import Json

API_VERSION = "reconciler/v1"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
MAX_LABELS = 12

LABELS: Json = {
    "type": "object",
    "maxProperties": MAX_LABELS,
    "propertyNames": {"minLength": 1, "maxLength": 64, "pattern": r"^(?!reconciler\.)"},
    "additionalProperties": {"type": "string", "maxLength": 512},
    "description": "Become metadata pairs of the live object: at most 12, never `reconciler.…`.",
}

LIFECYCLE: Json = closed(
    {
        "protect": {"type": "boolean", "description": "Never deleted or replaced, not even without its manifest."},
        "on_delete": {
            "type": "string",
            "enum": ["delete", "retain"],
            "description": "retain: forget it, leave it running.",
        },
        "moved_from": {
            "type": "string",
            "pattern": r"^[A-Z][A-Za-z]*/[a-z0-9]+(?:-[a-z0-9]+)*$",
            "description": "The address it had before, Kind/name: a rename is an update.",
        },
        "ignore_changes": {
            "type": "array",
            "items": text(64),
            "uniqueItems": True,
            "description": "Top-level fields whose drift is left alone.",
        },
        "adopt": {
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]{1,128}$",
            "description": "The id of a live object to take over.",
        },
    }
)

KINDS = ("Stack", *FORMS)
"""Every manifest kind."""


def spec_schema(kind: str, choice: str | None = None) -> dict[str, Json]:
    """The schema of `spec`; `choice` narrows it where a kind has several shapes."""
    return stack.spec_schema() if kind == "Stack" else FORMS[kind].spec_schema(choice)


def document_schema(kind: str, spec: Json) -> dict[str, Json]:
    """The schema of a whole document of a kind, around the schema of its spec."""
    metadata: Json = closed({"name": stack.NAME_SCHEMA, "labels": LABELS}, "name")
    properties: dict[str, Json] = {
        "apiVersion": {"const": API_VERSION},
        "kind": {"const": kind},
        "metadata": metadata,
    }
    if kind == "Stack":
        properties["metadata"] = closed({"name": stack.NAME_SCHEMA}, "name")
        return closed({**properties, "spec": spec}, "apiVersion", "kind", "metadata")
    properties |= {"lifecycle": LIFECYCLE, "spec": spec}
    return closed(properties, "apiVersion", "kind", "metadata", "spec")


def file_name(kind: str) -> str:
    """`VectorStore` → `vector-store.schema.json`."""
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in kind).strip("-")
    return f"{words}.schema.json"


def published(kind: str) -> dict[str, Json]:
    """What `schema KIND` prints. Where a file may stand in for a value, the schema says so."""
    schema = document_schema(kind, _with_files(spec_schema(kind)))
    return {"$schema": DRAFT, "$id": file_name(kind), "title": f"{kind}, a manifest of the reconciler", **schema}


INCLUDABLE = ("instructions", "parameters", "schema")
"""Keys whose value may be `{file: …}`."""

_INCLUDE = closed({"file": text(256), "interpolate": {"type": "boolean"}}, "file")


def _with_files(schema: Json) -> Json:
    if isinstance(schema, list):
        return [_with_files(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    full = {key: _with_files(item) for key, item in schema.items()}
    properties = full.get("properties")
    if isinstance(properties, dict):
        full["properties"] = {
            key: {"anyOf": [_INCLUDE, item]} if key in INCLUDABLE else item for key, item in properties.items()
        }
    return full
