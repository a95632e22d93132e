"""What a resource kind declares, and the defaults that hold for most of them.

A kind answers every question that the engine asks about one sort of live object: where it lives, which fields it has,
what the server fills in, what removing a field sends, how its values become a request and a reply becomes values. The
engine, the JSON Schemas, the reference tables and the contract tests are generic over these declarations; nothing
outside this package names a kind.

All methods are pure: JSON in, JSON out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import ClassVar

from reconciler.kinds.field import Field
from reconciler.kinds.words import raw_schema
from reconciler.model.desired import Document
from reconciler.model.json import ABSENT, Json, same
from reconciler.model.observed import Attachment
from reconciler.model.reasons import ReasonCode


class TagPlace(StrEnum):
    """Where an object keeps our tags, and with that how it is created and changed."""

    METADATA = "metadata"
    """In its metadata: created as pending with the tags in the same request, updated in place."""
    VERSIONS = "versions"
    """In the description of immutable versions: created as a stub, changed by a new version and the default pointer."""
    ATTACHED = "attached"
    """In the attributes of its attachment to a parent, or in the parent's own list."""


class Kind(ABC):
    """One sort of live object."""

    name: ClassVar[str]
    title: ClassVar[str]
    """For messages: `vector store`."""
    collection: ClassVar[str]
    """The path of the collection below the base URL."""
    beta: ClassVar[str | None] = None
    tag_place: ClassVar[TagPlace] = TagPlace.METADATA
    fields: ClassVar[tuple[Field, ...]]
    form: ClassVar[str]
    """The manifest kind that it realises."""
    chosen_by: ClassVar[str | None] = None
    """The value of its form's selector that asks for this kind; None where the form has no other."""
    documents: ClassVar[DocumentKind | None] = None
    """The kind of the files that belong to it."""
    gone: ClassVar[str] = ""
    """What to say and do when the whole collection answers 404."""
    shut_down: ClassVar[bool] = False
    """Whether the service ended the API for good: where it answers 404, what it had is gone too."""
    inputs: ClassVar[tuple[Field, ...]] = ()
    """What users may write beside `fields`, folded into the field that each input names."""
    sessions: ClassVar[str] = ""
    """The path that lists the sessions of an object, filtered by `<name>_id`; empty for what has none."""

    @property
    def attaches(self) -> bool:
        """Whether files are attached to its objects, and with that parsed, indexed and charged."""
        return self.documents is not None and self.documents.attached

    @property
    def raw(self) -> dict[str, Json]:
        """The schema of what a manifest may pass through."""
        return raw_schema("metadata", *(f.name for f in self.fields), *self.sources)

    @property
    def sources(self) -> dict[str, str]:
        """Manifest field → the field of the live object that it ends up in."""
        return {f.source: f.name for f in (*self.fields, *self.inputs) if f.schema is not None}

    def field(self, name: str) -> Field | None:
        """The declaration of a field by the API's name."""
        return next((f for f in self.fields if f.name == name), None)

    def readable(self, name: str) -> bool:
        """Whether the server shows the field as it was sent; nobody knows that of what `raw` passes through."""
        declared = self.field(name)
        return declared is not None and declared.readable

    def normalise(self, spec: Mapping[str, Json]) -> dict[str, Json]:
        """A spec with everything spelled out that the server would fill in; applied to both sides of a comparison."""
        return dict(spec)

    def encode(self, spec: Mapping[str, Json], changed: Sequence[str]) -> dict[str, Json]:
        """The request body that sets the changed fields; a changed field that `spec` lacks is cleared."""
        body: dict[str, Json] = {}
        for name in changed:
            declared = self.field(name)
            if name == "raw":
                body |= spec.get("raw", {})
            elif name in spec:
                body[name] = spec[name]
            elif declared is not None and declared.clear is not ABSENT:
                body[name] = declared.clear
        return body

    def decode(self, raw: Mapping[str, Json], like: Mapping[str, Json]) -> dict[str, Json]:
        """The spec of a live object. What `like` does not mention and this kind does not know is left out."""
        spec = {f.name: raw[f.name] for f in self.fields if f.name in raw}
        if "raw" in like:
            spec["raw"] = {key: _like(raw[key], wanted) for key, wanted in like["raw"].items() if key in raw}
        return spec

    def models(self, spec: Mapping[str, Json]) -> list[str]:
        """The models that an object with these values runs, the one that is asked first before the others."""
        del spec
        return []

    def unusable(self, raw: Mapping[str, Json]) -> str | None:
        """Why a live object can only be replaced, or None."""
        del raw
        return None

    def file_ids(self, raw: Mapping[str, Json]) -> list[str] | None:
        """The ids of the files that a live object itself names; None where files are attached to it instead."""
        del raw
        return None

    def asks_first(self) -> bool:
        """Whether its MCP tools wait for a person's approval where they say nothing else."""
        return True

    def is_default(self, name: str, value: Json) -> bool:
        """Whether a live value is what the server has when the field was never sent."""
        if value is ABSENT or value is None or value in ([], {}):
            return True
        declared = self.field(name)
        return declared is not None and same(value, declared.default)


class VersionedKind(Kind):
    """A kind whose objects are immutable versions behind one pointer (`TagPlace.VERSIONS`).

    A version is a set of files. Its description is the only place for our tag, so a description comes in from outside.
    """

    tag_place = TagPlace.VERSIONS

    @abstractmethod
    def bundle(
        self,
        name: str,
        *,
        description: str,
        spec: Mapping[str, Json],
        labels: Mapping[str, str],
        files: Sequence[Mapping[str, Json]],
    ) -> dict[str, bytes]:
        """The files of a version. `spec` has ids in place of refs; `files` are `{path, name, sha256, bytes, id}`."""

    @abstractmethod
    def stub(self, name: str, *, description: str) -> dict[str, bytes]:
        """The files of the first version, that only says that a creation is under way."""

    @abstractmethod
    def unbundle(self, files: Mapping[str, bytes]) -> dict[str, Json] | None:
        """`{spec, labels, files}` of a version, or None when the files are not such a version."""

    @abstractmethod
    def names(self, spec: Mapping[str, Json], files: Sequence[Mapping[str, Json]]) -> list[str]:
        """The paths of the objects that a version needs, below the base URL; ids in `spec` as they stand in it."""

    @abstractmethod
    def describe(self, spec: Mapping[str, Json]) -> str:
        """The part of the description that is for people."""


class DocumentKind(Kind):
    """A kind whose objects are files of another object (`TagPlace.ATTACHED`)."""

    tag_place = TagPlace.ATTACHED

    uploads: ClassVar[str] = "/files"
    """The collection of the uploaded Files behind them."""
    purpose: ClassVar[str] = "assistants"
    """What these Files are uploaded for."""
    batch: ClassVar[str] = ""
    """The path that attaches many files at once, with `{parent}` for the parent's id; empty for files named by id."""

    @property
    def attached(self) -> bool:
        """Whether the files live below their parent (`{parent}` stands in `collection`), which otherwise names ids."""
        return bool(self.batch)

    def tags(self, document: Document, op: str) -> dict[str, Json]:
        """What the attachment carries: the user's attributes and ours. Kinds whose files carry nothing have none."""
        del op
        return dict(document.attributes)

    @abstractmethod
    def read(self, raw: Mapping[str, Json]) -> Attachment:
        """A file as the server lists it."""

    @abstractmethod
    def difference(self, document: Document, live: Attachment) -> ReasonCode | None:
        """Why the live file is not the document, or None; `ATTRIBUTES` needs no upload."""


def _like(live: Json, wanted: Json) -> Json:
    """The part of a live value that a wanted value speaks of (a server may add keys of its own)."""
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        return {key: _like(live.get(key), value) for key, value in wanted.items()}
    if isinstance(live, list) and isinstance(wanted, list) and len(live) == len(wanted):
        return [_like(a, b) for a, b in zip(live, wanted, strict=True)]
    return live


def document_kind_of(kind: Kind) -> DocumentKind:
    """The kind of a kind's files. Raises TypeError for one that has none."""
    if kind.documents is None:
        raise TypeError(f"{kind.name} has no documents")
    return kind.documents
