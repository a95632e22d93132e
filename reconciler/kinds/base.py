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
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar, Protocol

from reconciler.diagnostics import Problems
from reconciler.model import ABSENT, Address, Attachment, Desired, Document, Json, Lifecycle, Path, Span, same


class Keeping(StrEnum):
    """Where an object keeps our tags, and with that how it is created and changed."""

    METADATA = "metadata"
    """In its metadata: created as pending with the tags in the same request, updated in place."""
    VERSIONS = "versions"
    """In the description of immutable versions: created as a stub, changed by a new version and the default pointer."""
    ATTACHED = "attached"
    """In the attributes of its attachment to a parent, or in the parent's own list."""


@dataclass(frozen=True, slots=True)
class Field:
    """One top-level field of a live object.

    `name` is the API's own name, `manifest` what users write (None: the same). `schema` is the JSON Schema of what
    users write; None: the field is derived from the one that `manifest` names. `default` is what the server fills in
    when the field is not sent, `clear` what removing it sends. `replaces`: the field cannot be updated. `item` names
    the keys that identify an item of a list whose order means nothing: after its `type`, the first one that an item
    has. `readable` false: the server need not show what it was sent, or shows it filled up with values of its own
    choice; once the tag says that the value was applied, only what both sides speak of is compared. `examples` are two
    different valid values, as users write them; the contract test changes one into the other.
    """

    name: str
    schema: Mapping[str, Json] | None
    examples: tuple[Json, ...] = ()
    manifest: str | None = None
    required: bool = False
    default: Json = ABSENT
    clear: Json = None
    replaces: bool = False
    item: tuple[str, ...] | None = None
    readable: bool = True

    @property
    def source(self) -> str:
        """The name in the manifest."""
        return self.manifest or self.name


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


class Kind(ABC):
    """One sort of live object."""

    name: ClassVar[str]
    title: ClassVar[str]
    """For messages: `vector store`."""
    collection: ClassVar[str]
    """The path of the collection below the base URL."""
    beta: ClassVar[str | None] = None
    keeping: ClassVar[Keeping] = Keeping.METADATA
    fields: ClassVar[tuple[Field, ...]]
    form: ClassVar[str]
    """The manifest kind that it realises."""
    documents: ClassVar[str | None] = None
    """The kind of the files that belong to it."""
    parent: ClassVar[bool] = False
    """Whether objects of this kind live below another object (`{parent}` stands in `collection`)."""
    gone: ClassVar[str] = ""
    """What to say and do when the whole collection answers 404."""
    shut_down: ClassVar[bool] = False
    """Whether the service ended the API for good: where it answers 404, what it had is gone too."""
    inputs: ClassVar[tuple[Field, ...]] = ()
    """What users may write beside `fields`, folded into the field that each input names."""
    sessions: ClassVar[str] = ""
    """The path that lists the sessions of an object, filtered by `<name>_id`; empty for what has none."""

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

    def is_default(self, name: str, value: Json) -> bool:
        """Whether a live value is what the server has when the field was never sent."""
        if value is ABSENT or value is None or value in ([], {}):
            return True
        declared = self.field(name)
        return declared is not None and same(value, declared.default)


class VersionedKind(Kind):
    """A kind whose objects are immutable versions behind one pointer (`Keeping.VERSIONS`).

    A version is a set of files. Its description is the only place for our tag, so a description comes in from outside.
    """

    keeping = Keeping.VERSIONS

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


IN_PLACE = "attributes changed"
"""The one difference of a document that needs no upload."""
DOUBLE = "attached twice"
"""Why an attachment of a document goes that stays: another one of it counts. Its removal belongs to any step."""


class DocumentKind(Kind):
    """A kind whose objects are files of another object (`Keeping.ATTACHED`)."""

    keeping = Keeping.ATTACHED

    batch: ClassVar[str] = ""
    """The path that attaches many files at once; `{parent}` stands for the parent's id."""

    def tags(self, document: Document, op: str) -> dict[str, Json]:
        """What the attachment carries: the user's attributes and ours. Kinds whose files carry nothing have none."""
        del op
        return dict(document.attributes)

    @abstractmethod
    def read(self, raw: Mapping[str, Json]) -> Attachment:
        """A file as the server lists it."""

    @abstractmethod
    def difference(self, document: Document, live: Attachment) -> str | None:
        """Why the live file is not the document, in a few words, or None; `IN_PLACE` needs no upload."""


def _like(live: Json, wanted: Json) -> Json:
    """The part of a live value that a wanted value speaks of (a server may add keys of its own)."""
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        return {key: _like(live.get(key), value) for key, value in wanted.items()}
    if isinstance(live, list) and isinstance(wanted, list) and len(live) == len(wanted):
        return [_like(a, b) for a, b in zip(live, wanted, strict=True)]
    return live


def identity(item: Json, keys: Sequence[str]) -> str:
    """What tells an item of a list from the others: its type, and the first of some keys that it has (or its name)."""
    if not isinstance(item, Mapping):
        return ""
    found = (item[key].get("name") if isinstance(item[key], Mapping) else item[key] for key in keys if item.get(key))
    name = next(found, None)
    return f"{item.get('type')}:{name}" if name else str(item.get("type") or "")


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
