"""One resource as the manifests want it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.address import Address, Span
from reconciler.model.json import Json, Path, sha256


@dataclass(frozen=True, slots=True)
class Document:
    """One file that belongs to a resource: a vector store's document or a code-interpreter file.

    `path` is what people see: relative to the directory of the manifest that names it, with slashes; `file` is the same
    file relative to the tree's root, where its bytes are read; `name` the file name it is uploaded under. `bytes` is a
    size in bytes, `sha256` 64 hex digits of the content.
    """

    path: str
    file: str
    name: str
    bytes: int
    sha256: str
    attributes: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    chunking: Mapping[str, Any] | None = None
    span: Span | None = None

    def identity(self) -> dict[str, Json]:
        """What the digest of a settled set covers: everything that a reader of the store could notice."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "name": self.name,
            "attributes": dict(self.attributes),
            "chunking_strategy": self.chunking,
        }


def documents_digest(documents: tuple[Document, ...] | list[Document]) -> str:
    """32 hex digits over a set of documents, whatever their order."""
    return sha256([doc.identity() for doc in sorted(documents, key=lambda doc: doc.path)])[:32]


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The `lifecycle` block of a manifest (see docs/reference/manifests.md)."""

    protect: bool = False
    retain: bool = False
    moved_from: Address | None = None
    ignore_changes: tuple[str, ...] = ()
    adopt: str | None = None


@dataclass(frozen=True, slots=True)
class Desired:
    """One resource as the manifests want it: `spec` in address form, `kind` the name of a resource kind.

    `spans` maps field paths to the place that says so; the empty path is the manifest itself. `labels` are metadata
    pairs of the live object. `documents` are the files that belong to it.
    """

    address: Address
    kind: str
    spec: Mapping[str, Json]
    labels: Mapping[str, str] = field(default_factory=dict)
    documents: tuple[Document, ...] = ()
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    spans: Mapping[Path, Span] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def span(self) -> Span | None:
        """Where the manifest starts."""
        return self.spans.get(())

    def content(self) -> dict[str, Json]:
        """Everything the `spec` digest covers: fields, labels, and the set of documents."""
        content: dict[str, Json] = dict(self.spec)
        if self.labels:
            content["labels"] = dict(self.labels)
        if self.documents:
            content["files"] = self.documents_digest()
        return content

    def documents_digest(self) -> str:
        """32 hex digits over the documents; made once, for they may be many thousands."""
        if "documents" not in self._known:
            self._known["documents"] = documents_digest(self.documents)
        return self._known["documents"]

    def digest(self) -> str:
        """The 16 hex digits that stand as `spec=` in the live object's tag."""
        if "digest" not in self._known:
            self._known["digest"] = sha256(self.content())[:16]
        return self._known["digest"]
