"""Manifest kinds: what users write, and what lowering one may ask of the tree that it stands in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import ClassVar, Protocol

from reconciler.kinds.manifest import FileEntry, Manifest, Reference
from reconciler.kinds.words import MEANINGS
from reconciler.model.desired import Desired, Document
from reconciler.model.diagnostics import Problems
from reconciler.model.json import Json, Path


class Shape(StrEnum):
    """What a manifest is drawn as in graphs."""

    BOX = "box"
    """What stands for itself."""
    STORE = "store"
    """What holds documents."""
    PART = "part"
    """What is compiled into others."""


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


class Form(ABC):
    """A manifest kind: what users write. Most lower to one resource, some (a Tool) are compiled into others."""

    name: ClassVar[str]
    title: ClassVar[str]
    """For messages: `vector store`."""
    meanings: ClassVar[Mapping[str, str]] = MEANINGS
    """One sentence for each field, as editors show it; by the end of its dotted path, of which the longest counts."""
    drawn_as: ClassVar[Shape] = Shape.BOX
    shared: ClassVar[bool] = False
    """Whether it is there to be used by others, so that one that nothing uses is worth saying."""

    @property
    def plural(self) -> str:
        """The title of several."""
        return f"{self.title}s"

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

    def references(self, manifest: Manifest) -> Iterator[Reference]:
        """What a manifest refers to, in the order in which it is written."""
        del manifest
        yield from ()

    def compiled_into(self) -> str:
        """For what stands for nothing of its own in the account: whose part it becomes, in the plural; else nothing."""
        return ""

    def defaults(self) -> Mapping[str, Json]:
        """The fields that the Stack may give a value for where a manifest has none, with their schemas."""
        return {}
