"""One document of a vector store: an uploaded File and its attachment, whose attributes carry our tags.

The attachment's attributes are the only thing that says which document it is. `attributes` alone can be changed in
place; whatever else differs is another File, uploaded beside the old one until it is ready.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.kinds.field import Field
from reconciler.kinds.kind import DocumentKind
from reconciler.kinds.words import closed, integer
from reconciler.model.desired import Document
from reconciler.model.json import Json, same
from reconciler.model.observed import Attachment, created_at
from reconciler.model.reasons import ReasonCode

PREFIX = "reconciler_"
PATH, SHA256, NAME, OP = (f"{PREFIX}{key}" for key in ("path", "sha256", "name", "op"))

ATTRIBUTES: Json = {
    "type": "object",
    "maxProperties": 12,
    "propertyNames": {"maxLength": 64, "pattern": f"^(?!{PREFIX})"},
    "additionalProperties": {"anyOf": [{"type": "string", "maxLength": 256}, {"type": "number"}, {"type": "boolean"}]},
    "description": "Up to 12 pairs that searches can filter by.",
}
CHUNKING: Json = {
    "type": "object",
    "oneOf": [
        closed({"type": {"const": "auto"}}, "type"),
        closed(
            {
                "type": {"const": "static"},
                "static": closed(
                    {"max_chunk_size_tokens": integer(100, 4096), "chunk_overlap_tokens": integer(0, 2048)},
                    "max_chunk_size_tokens",
                    "chunk_overlap_tokens",
                ),
            },
            "type",
            "static",
        ),
    ],
}
AUTO: Mapping[str, Json] = {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}
"""What `auto` is, and is returned as (OpenAI's vector-store documentation)."""


class VectorStoreFile(DocumentKind):
    """The attachment of a File to a vector store."""

    name = "vector_store_file"
    title = "document"
    form = "VectorStore"
    collection = "/vector_stores/{parent}/files"
    batch = "/vector_stores/{parent}/file_batches"
    beta = "assistants=v2"
    fields = (
        Field("path", None, replaces=True),
        Field("sha256", None, replaces=True),
        Field("name", None, replaces=True),
        Field("attributes", ATTRIBUTES, ({"audience": "public"}, {"audience": "staff", "year": 2026})),
        Field(
            "chunking_strategy",
            CHUNKING,
            (
                {"type": "static", "static": {"max_chunk_size_tokens": 400, "chunk_overlap_tokens": 100}},
                {"type": "auto"},
            ),
            replaces=True,
        ),
    )

    def tags(self, document: Document, op: str) -> dict[str, Json]:
        """The attributes of the attachment: the user's, and ours."""
        ours = {PATH: document.path, SHA256: document.sha256, NAME: document.name, OP: op}
        return {**document.attributes, **ours}

    def read(self, raw: Mapping[str, Json]) -> Attachment:
        """An attachment as the server lists it. Without our attributes it is somebody else's."""
        attributes = raw.get("attributes")
        attributes = attributes if isinstance(attributes, Mapping) else {}
        error = raw.get("last_error")
        path = attributes.get(PATH)
        usage = raw.get("usage_bytes")
        chunking = raw.get("chunking_strategy")
        return Attachment(
            file_id=str(raw["id"]),
            path=path if isinstance(path, str) else None,
            sha256=_text(attributes.get(SHA256)),
            name=_text(attributes.get(NAME)),
            status=str(raw.get("status", "completed")),
            error=f"{error.get('code')}: {error.get('message')}" if isinstance(error, Mapping) else None,
            attributes={key: value for key, value in attributes.items() if not key.startswith(PREFIX)},
            chunking=chunking if isinstance(chunking, Mapping) else None,
            op=_text(attributes.get(OP)),
            created_at=created_at(raw),
            usage=usage if isinstance(usage, int) else None,
        )

    def difference(self, document: Document, live: Attachment) -> ReasonCode | None:
        """Why the live attachment is not the document."""
        if live.status in {"failed", "cancelled"}:
            return ReasonCode.FAILED
        if live.sha256 != document.sha256:
            return ReasonCode.CONTENT
        if live.name != document.name:
            return ReasonCode.NAME
        if not same(chunking(live.chunking), chunking(document.chunking)):
            return ReasonCode.CHUNKING
        return None if same(dict(live.attributes), dict(document.attributes)) else ReasonCode.ATTRIBUTES


def chunking(value: Mapping[str, Json] | None) -> Json:
    """A strategy in the form that the server returns: `auto`, and none at all, are static 800/400."""
    if value is None or value.get("type") in {"auto", "other"}:
        return AUTO
    return value.get("static", AUTO)


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


VECTOR_STORE_FILE = VectorStoreFile()
