"""A vector store, and the VectorStore manifest that describes it with its documents."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.kinds.field import Field
from reconciler.kinds.form import Context, Form, Shape
from reconciler.kinds.kind import Kind
from reconciler.kinds.manifest import FileEntry, Manifest
from reconciler.kinds.vector_store_file import ATTRIBUTES, CHUNKING, VECTOR_STORE_FILE
from reconciler.kinds.words import MEANINGS, closed, integer, text
from reconciler.model.desired import Desired
from reconciler.model.json import Json


def _entry(how: str) -> dict[str, Json]:
    properties: dict[str, Json] = {how: text(256), "attributes": ATTRIBUTES, "chunking_strategy": CHUNKING}
    if how == "glob":
        properties["exclude"] = {"type": "array", "items": text(256)}
    else:
        properties |= {"name": text(256), "as": text(256)}
    return closed(properties, how)


_STATIC_EXAMPLE: Json = {"type": "static", "static": {"max_chunk_size_tokens": 400, "chunk_overlap_tokens": 100}}


class VectorStore(Kind):
    """A vector store. Its documents are `vector_store_file`s; a store that expired can only be replaced."""

    name = "vector_store"
    title = "vector store"
    form = "VectorStore"
    collection = "/vector_stores"
    beta = "assistants=v2"
    documents = VECTOR_STORE_FILE
    gone = "The account has no /v1/vector_stores. The reconciler keeps its anchor there and cannot work without them."
    fields = (
        Field("name", text(256), ("Documents", "More documents"), manifest="display_name"),
        Field(
            "expires_after",
            closed({"anchor": {"const": "last_active_at"}, "days": integer(1, 365)}, "anchor", "days"),
            ({"anchor": "last_active_at", "days": 30}, {"anchor": "last_active_at", "days": 60}),
        ),
    )

    inputs = (
        Field(
            "files",
            {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "oneOf": [_entry("glob"), _entry("path")]},
                "description": "Documents, relative to the manifest. The first entry that matches a file counts.",
            },
            ([{"glob": "guides/*.md"}], [{"path": "guides/tea.md", "name": "All about tea.md"}]),
        ),
        Field("files", CHUNKING, ({"type": "auto"}, _STATIC_EXAMPLE), manifest="chunking_strategy"),
    )

    def unusable(self, raw: Mapping[str, Json]) -> str | None:
        """Nothing revives an expired store: its files are gone."""
        return "the store expired and its documents are gone" if raw.get("status") == "expired" else None


class VectorStoreForm(Form):
    """What users write as `kind: VectorStore`."""

    name = "VectorStore"
    title = "vector store"
    meanings = MappingProxyType(
        {
            **MEANINGS,
            "expires_after": "When the store is deleted if nobody uses it.",
            "expires_after.anchor": "What the days count from.",
            "days": "Days without use.",
            "chunking_strategy": "How documents are cut for searching; of the store, or of one entry.",
            "static": "Chunks of a fixed size.",
            "max_chunk_size_tokens": "Tokens of a chunk, 100 to 4096.",
            "chunk_overlap_tokens": "Tokens that two chunks share: at most half of a chunk.",
            "exclude": "Patterns of files to leave out.",
            "as": "Upload under this name: for types that search does not take, such as prices.csv.txt.",
        }
    )
    drawn_as = Shape.STORE
    shared = True

    def spec_schema(self, choice: str | None = None) -> dict[str, Json]:
        """The store's fields, and the files that go into it."""
        del choice
        written = (*VECTOR_STORE.fields, *VECTOR_STORE.inputs)
        return closed({**{f.source: dict(f.schema or {}) for f in written}, "raw": VECTOR_STORE.raw})

    def lower(self, manifest: Manifest, context: Context) -> Desired | None:
        """The store; where the manifest gives no display name, the store is called like the manifest."""
        before = len(context.problems.errors)
        spec = {f.name: manifest.spec[f.source] for f in VECTOR_STORE.fields if f.source in manifest.spec}
        spec.setdefault("name", manifest.name)
        if "raw" in manifest.spec:
            spec["raw"] = dict(manifest.spec["raw"])
        entries = [
            _file_entry(entry, manifest, position) for position, entry in enumerate(manifest.spec.get("files", []))
        ]
        documents = context.documents(manifest, entries, retrieval=True)
        if len(context.problems.errors) > before:
            return None
        return manifest.desired(VECTOR_STORE, spec, documents)


def _file_entry(entry: Mapping[str, Json], manifest: Manifest, position: int) -> FileEntry:
    how = "glob" if "glob" in entry else "path"
    return FileEntry(
        entry[how],
        glob=how == "glob",
        span=manifest.at("spec", "files", position, how),
        exclude=tuple(entry.get("exclude", ())),
        attributes=entry.get("attributes", {}),
        chunking=entry.get("chunking_strategy", manifest.spec.get("chunking_strategy")),
        name=entry.get("name"),
        as_name=entry.get("as"),
    )


VECTOR_STORE = VectorStore()
VECTOR_STORE_FORM = VectorStoreForm()
