"""Manifest kinds: what users write, and what lowering one may ask of the tree that it stands in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

from reconciler.kinds.kind import Kind
from reconciler.model.address import Address, Span
from reconciler.model.desired import Desired, Document, Lifecycle
from reconciler.model.diagnostics import Problems
from reconciler.model.json import Json, Path


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


class Context(Protocol):
    """What lowering may ask of the tree that a manifest stands in."""

    problems: Problems

    def declared(self, kind: str) -> Mapping[str, Manifest]:
        """The manifests of one manifest kind, by name."""
        ...

    def documents(self, manifest: Manifest, entries: Sequence[FileEntry], *, retrieval: bool) -> tuple[Document, ...]:
        """The files that entries name, hashed; problems are reported where the entry stands."""
        ...

    def conforms(
        self,
        value: Json,
        schema: Mapping[str, Json],
        manifest: Manifest,
        path: Path,
        unavailable: Mapping[str, str],
    ) -> bool:
        """Whether a part of a manifest fits a schema; `unavailable` says what to do about what others have."""
        ...


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


class Form(ABC):
    """A manifest kind: what users write. Most lower to one resource, some (a Tool) are compiled into others."""

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def spec_schema(self, choice: str | None = None) -> dict[str, Json]:
        """The JSON Schema of `spec`; `choice` narrows it to one of `choices`."""

    choices: ClassVar[Mapping[str, str]] = {}
    """For a form that one field of its spec narrows: value → what it is called in messages."""

    selector: ClassVar[str | None] = None
    """The name of that field."""

    @abstractmethod
    def lower(self, manifest: Manifest, context: Context) -> Desired | None:
        """The resource it stands for, or None when it has problems (they are reported) or stands for none."""

    def unavailable(self, name: str, choice: str) -> str | None:
        """What to do about a field that another choice has but this one lacks; None if no choice has it."""
        del name, choice
        return None
