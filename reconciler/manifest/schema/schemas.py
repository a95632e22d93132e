"""The JSON Schemas of whole documents: what editors use, `validate` checks, and `schema/` publishes."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from reconciler.kinds import FORMS
from reconciler.kinds.words import closed, text
from reconciler.manifest.schema import stack
from reconciler.manifest.schema.meanings import described
from reconciler.model.json import Json

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
            "description": "What removing the manifest does. retain: forget the live object, leave it running.",
        },
        "moved_from": {
            "type": "string",
            "pattern": r"^[A-Z][A-Za-z]{0,39}/(?=.{1,40}$)[a-z0-9]+(?:-[a-z0-9]+)*$",
            "description": "The address it had before, such as Assistant/support: a rename is an update.",
        },
        "ignore_changes": {
            "type": "array",
            "items": text(64),
            "uniqueItems": True,
            "description": "Top-level fields whose drift is left alone; a change of the manifest still applies.",
        },
        "adopt": {
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]{1,128}$",
            "description": "The id of a live object to take over, such as vs_123.",
        },
    },
    description="How the live object is treated: protection, renames, adoption.",
)


def kinds() -> tuple[str, ...]:
    """Every manifest kind."""
    return ("Stack", *FORMS)


@functools.cache
def spec_schema(kind: str, choice: str | None = None) -> Mapping[str, Json]:
    """The schema of `spec`; `choice` narrows it where a kind has several shapes. Shared: not to be changed."""
    return stack.spec_schema() if kind == "Stack" else FORMS[kind].spec_schema(choice)


@functools.cache
def document_schema(kind: str, choice: str | None = None) -> Mapping[str, Json]:
    """The schema of a whole document of a kind, with everything included. Shared: not to be changed."""
    return _document(kind, spec_schema(kind, choice))


def _document(kind: str, spec: Mapping[str, Json]) -> dict[str, Json]:
    is_stack = kind == "Stack"
    metadata = {"name": stack.NAME_SCHEMA} if is_stack else {"name": stack.NAME_SCHEMA, "labels": LABELS}
    properties: dict[str, Json] = {
        "apiVersion": {"const": API_VERSION, "description": "Makes the document one of the reconciler's."},
        "kind": {"const": kind, "description": "What the manifest describes."},
        "metadata": closed(metadata, "name", description="Its name: with the kind, the address. And labels."),
    }
    if not is_stack:
        properties["lifecycle"] = LIFECYCLE
    properties["spec"] = dict(spec)
    return closed(properties, "apiVersion", "kind", "metadata", *(() if is_stack else ("spec",)))


def file_name(kind: str) -> str:
    """`VectorStore` → `vector-store.schema.json`."""
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in kind).strip("-")
    return f"{words}.schema.json"


def published(kind: str) -> dict[str, Json]:
    """What `schema KIND` prints. Where a file may stand in for a value, the schema says so."""
    meanings = FORMS[kind].meanings if kind in FORMS else {}
    schema = _with_files(_document(kind, described(spec_schema(kind), meanings)))
    return {"$schema": DRAFT, "$id": file_name(kind), "title": f"{kind}, a manifest of the reconciler", **schema}


INCLUDABLE: Mapping[str, bool] = {"instructions": False, "parameters": True, "schema": True}
"""Keys whose value may be `{file: …}`, and whether that file is JSON."""

INCLUDE: Mapping[str, Json] = closed(
    {
        "file": {**text(256), "description": "A file, relative to the manifest, that stands for this value."},
        "interpolate": {"type": "boolean", "description": "Whether ${var.NAME} in it is filled in. Default: false."},
    },
    "file",
)


def _with_files(schema: Json) -> Json:
    if isinstance(schema, list):
        return [_with_files(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    full = {key: _with_files(item) for key, item in schema.items()}
    properties = full.get("properties")
    if isinstance(properties, dict):
        full["properties"] = {
            key: _or_file(item) if key in INCLUDABLE and isinstance(item, dict) else item
            for key, item in properties.items()
        }
    return full


def _or_file(schema: dict[str, Json]) -> dict[str, Json]:
    """Either the value or a file; the description stays outside, where editors look for it."""
    described: dict[str, Json] = {key: schema[key] for key in ("title", "description") if key in schema}
    inner = {key: item for key, item in schema.items() if key not in described}
    return {**described, "anyOf": [dict(INCLUDE), inner]}
