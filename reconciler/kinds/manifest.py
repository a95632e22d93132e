"""One manifest as users wrote it, after the checks: its values, where they stand, and what they refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.kinds.kind import Kind
from reconciler.model.address import Address, Span
from reconciler.model.desired import Desired, Document, Lifecycle
from reconciler.model.json import Json, Path


@dataclass(frozen=True, slots=True)
class Manifest:
    """One validated document: `spec` with files included and variables filled in; `spans` by path in the document.

    `included` are the files (relative to the root) that stand in for values, by path in the document.
    """

    kind: str
    name: str
    spec: Mapping[str, Json]
    directory: str
    labels: Mapping[str, str] = field(default_factory=dict)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    spans: Mapping[Path, Span] = field(default_factory=dict)
    included: Mapping[Path, str] = field(default_factory=dict)

    @property
    def address(self) -> Address:
        """`Kind/name`."""
        return Address(self.kind, self.name)

    def at(self, *path: str | int) -> Span | None:
        """The position of a value, or of the nearest enclosing one."""
        whole: Path = path
        while whole and whole not in self.spans:
            whole = whole[:-1]
        return self.spans.get(whole)

    def desired(self, kind: Kind, spec: Mapping[str, Json], documents: tuple[Document, ...] = ()) -> Desired:
        """The resource that this manifest lowers to; field positions are those of the manifest's own fields."""
        spans: dict[Path, Span] = {(): self.spans[()]} if () in self.spans else {}
        ignored = set(self.lifecycle.ignore_changes)
        for declared in (*kind.fields, *kind.inputs):
            if ("spec", declared.source) in self.spans:
                spans[declared.name,] = self.spans["spec", declared.source]
            if declared.source in self.lifecycle.ignore_changes:
                ignored.add(declared.name)
        lifecycle = replace(self.lifecycle, ignore_changes=tuple(sorted(ignored)))
        return Desired(self.address, kind.name, spec, self.labels, documents, lifecycle, spans)


@dataclass(frozen=True, slots=True)
class Reference:
    """One place of a manifest that names something else: another manifest's address, or an id that others own."""

    path: Path
    target: Address | str


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One entry of a list of files, as written: a glob or a path relative to the manifest, and what goes with it."""

    pattern: str
    glob: bool
    span: Span | None
    exclude: tuple[str, ...] = ()
    attributes: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    chunking: Mapping[str, Json] | None = None
    name: str | None = None
    as_name: str | None = None
