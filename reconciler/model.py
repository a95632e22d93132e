"""The values that every stage hands to the next: frozen, comparable, printable.

Specs are plain JSON (`dict`, `list`, `str`, `int`, `float`, `bool`, `None`) with one addition: a `Ref` stands wherever
another resource's id belongs. A spec whose ids are replaced by refs is in *address form*; digests and comparisons are
always over address form, so a new id of a referenced object is never mistaken for a change of the object that uses it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

Json = Any
"""A JSON value, possibly with `Ref` leaves."""

Path = tuple[str | int, ...]
"""Where a value stands inside a spec: object keys, list positions, or the identity of a list item."""

ID_PATTERN = re.compile(r"\A[A-Za-z0-9_-]{1,128}\Z")
"""What an object id must look like before it may go into a URL (a hostile server may answer anything)."""


class _Absent(Enum):
    """The type of `ABSENT`: not null, not empty, not there."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Address:
    """`Kind/name`, or `Kind/name:path` for a document of it: the only identity people see.

    Addresses sort by kind, name and path; an object comes before its documents.
    """

    kind: str
    name: str
    path: str | None = None

    def __lt__(self, other: Address) -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[str, str, str]:
        return (self.kind, self.name, self.path or "")

    def __str__(self) -> str:
        base = f"{self.kind}/{self.name}"
        return base if self.path is None else f"{base}:{self.path}"

    @property
    def owner(self) -> Address:
        """The address without the document's path."""
        return self if self.path is None else Address(self.kind, self.name)

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `Kind/name[:path]`; raises ValueError on anything else."""
        match = re.fullmatch(r"([A-Z][A-Za-z]{0,39})/([a-z0-9]+(?:-[a-z0-9]+)*)(?::(.+))?", text, re.DOTALL)
        if match is None or len(match[2]) > 40:
            raise ValueError(f"{text!r} is not an address; expected Kind/name, such as Assistant/customer-support")
        return cls(match[1], match[2], match[3])


@dataclass(frozen=True, slots=True)
class Ref:
    """Stands for the id of the resource at an address until that id is known."""

    address: Address

    def __str__(self) -> str:
        return str(self.address)


@dataclass(frozen=True, slots=True)
class Unknown:
    """In a delta: a reference whose id only apply will know."""

    ref: Ref


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A position in a file: 1-based line and column; the path is relative to the tree's root, with slashes."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


# --- canonical JSON ---------------------------------------------------------------------------------------------------


def _plain(value: Json) -> Json:
    """Refs become tagged objects and whole floats become integers (RFC 8785: `1.0` is written `1`)."""
    if type(value) is str:
        return value  # most values are; asking for the others takes longer
    if isinstance(value, Ref):
        return {"$ref": str(value)}
    if isinstance(value, Unknown):
        return {"known_after_apply": str(value.ref)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def canonical(value: Json) -> str:
    """Canonical JSON: sorted keys, no spaces, no escapes beyond JSON's own; equal values give equal text.

    `1` and `1.0` are one number, `1` and `true` are not one value. NaN and infinities are refused (ValueError).
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def same(left: Json, right: Json) -> bool:
    """Whether two values are equal as canonical JSON."""
    if left is ABSENT or right is ABSENT:
        return left is right
    return canonical(left) == canonical(right)


def sha256(value: Json) -> str:
    """The sha-256 of a value's canonical JSON, 64 hex digits."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def refs(value: Json) -> list[Ref]:
    """Every reference inside a value, in order of appearance (object keys sorted), each once."""
    found: dict[Ref, None] = {}

    def walk(item: Json) -> None:
        if isinstance(item, Ref):
            found.setdefault(item)
        elif isinstance(item, Mapping):
            for key in sorted(item):
                walk(item[key])
        elif isinstance(item, list | tuple):
            for part in item:
                walk(part)

    walk(value)
    return list(found)


def substitute(value: Json, resolve: Callable[[Ref], Json]) -> Json:
    """A copy of a value with every `Ref` replaced by what `resolve` makes of it."""
    if isinstance(value, Ref):
        return resolve(value)
    if isinstance(value, Mapping):
        return {key: substitute(item, resolve) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [substitute(item, resolve) for item in value]
    return value


# --- what is wanted ---------------------------------------------------------------------------------------------------


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


# --- what is there ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attachment:
    """One live file of a resource. `file_id` is the id of the uploaded File; `status` as the API says it.

    `path` is None when the object carries no tag of ours: somebody else added it. `usage` are the bytes that are
    charged for it, None where the server does not say.
    """

    file_id: str
    path: str | None
    sha256: str | None
    name: str | None
    status: str = "completed"
    error: str | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)
    chunking: Mapping[str, Json] | None = None
    op: str | None = None
    created_at: int = 0
    usage: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Tags:
    """What the ownership tags of a live object say (docs/reference/ownership.md). `None`: the tag is not there."""

    stack: str
    lineage: str
    address: Address
    state: str = "ready"
    op: str = ""
    spec: str = ""
    rev: str = ""
    protect: bool = False
    retain: bool = False
    retiring: str = ""
    files: str = ""
    refs: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observed:
    """One live object: `spec` normalised and in address form, `raw` the server's own JSON, `tags` ours or None.

    `documents` is None when they were not listed (the store's tag vouched for them). `version` is the live version of
    an object that has versions. `last_applied` is the spec that we last applied, with its `labels`, where the account
    itself can tell.
    """

    kind: str
    id: str
    spec: Mapping[str, Json]
    raw: Mapping[str, Json]
    tags: Tags | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    documents: tuple[Attachment, ...] | None = None
    version: str | None = None
    last_applied: Mapping[str, Json] | None = None
    usable: bool = True
    why_unusable: str = ""
    complete: bool = True


# --- what differs, what is to do --------------------------------------------------------------------------------------


class Cause(StrEnum):
    """Why a step is in the plan, or a field in a step."""

    MANIFEST = "manifest"
    DRIFT = "drift"
    BOTH = "both"
    NEW = "new"
    REMOVED = "removed"
    REFERENCE = "reference"
    TOOL = "tool"


class Action(StrEnum):
    """What a change does to a resource; the values of the plan's JSON form."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    ADOPT = "adopt"
    FORGET = "forget"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Delta:
    """One differing field. `before` and `after` may be ABSENT; `last_applied` is ABSENT when it cannot be had."""

    path: Path
    before: Json
    after: Json
    cause: Cause
    last_applied: Json = ABSENT

    @property
    def field(self) -> str:
        """The top-level field that the delta is in."""
        return str(self.path[0])


@dataclass(frozen=True, slots=True)
class FileChange:
    """One document in a change; `before` is its sha-256 in the account (None: new, or not known)."""

    path: str
    bytes: int | None
    sha256: str | None
    reason: str = ""
    before: str | None = None


@dataclass(frozen=True, slots=True)
class FileChanges:
    """What happens to the documents of one resource, each list sorted by path.

    `changed` are uploaded anew, `updated` change in place (attributes only), `unmanaged` are somebody else's and stay.
    """

    added: tuple[FileChange, ...] = ()
    changed: tuple[FileChange, ...] = ()
    updated: tuple[FileChange, ...] = ()
    removed: tuple[FileChange, ...] = ()
    unmanaged: tuple[FileChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.updated or self.removed)

    @property
    def upload_bytes(self) -> int:
        """Bytes that apply will send."""
        return sum(item.bytes or 0 for item in (*self.added, *self.changed))


@dataclass(frozen=True, slots=True)
class Blocked:
    """The safety rule that forbids a change, and what to do about it."""

    rule: str
    summary: str


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one resource: for people and policies. Steps are what is approved and walked.

    `revision` is the commit that the live object was last applied at, empty where none is known. `sessions` is how many
    sessions use it, None where nobody asked or nobody knows; `MOST_SESSIONS` stands for as many or more.
    """

    address: Address
    kind: str
    action: Action
    cause: Cause | None = None
    id: str | None = None
    span: Span | None = None
    moved_from: Address | None = None
    fields: tuple[Delta, ...] = ()
    files: FileChanges | None = None
    observed: str | None = None
    verified: str | None = None
    blocked: Blocked | None = None
    affects: tuple[str, ...] = ()
    reason: str = ""
    replaces_kind: str | None = None
    version: str | None = None
    revision: str = ""
    sessions: int | None = None


MOST_SESSIONS = 100
"""As far as sessions of one agent are counted: one page of a list."""


class Verb(StrEnum):
    """What one step does to one object."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ADOPT = "adopt"
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class Step:
    """One unit of work: a verb, a resource, the ids it needs, and the steps that must be done before it.

    `desired` is None for deletions; `observed` is None for creations (a creation that was interrupted has the pending
    object). `surplus` are further objects of ours at the same address and of the same kind that go with this step.
    `ordinal` counts steps that do the same to several objects at one address (two kinds of object, after an interrupted
    change of runtime), so that no two steps of a plan have one name.
    """

    verb: Verb
    address: Address
    kind: str
    change: int
    needs: tuple[str, ...] = ()
    desired: Desired | None = None
    observed: Observed | None = None
    files: FileChanges | None = None
    fields: tuple[Delta, ...] = ()
    surplus: tuple[Observed, ...] = ()
    replaces: Observed | None = None
    version: str | None = None
    ordinal: int = 1

    @property
    def objects(self) -> tuple[Observed, ...]:
        """The live objects that it works on: `observed`, if there is one, and the surplus."""
        return self.surplus if self.observed is None else (self.observed, *self.surplus)

    def __str__(self) -> str:
        return f"{self.verb.value} {self.address}" + (f" #{self.ordinal}" if self.ordinal > 1 else "")


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning or a risk of a plan: a stable code, one sentence, the address it is about."""

    code: str
    summary: str
    address: Address | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """Which account a plan is for: bound in its digest."""

    host: str
    organization: str | None = None
    project: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that apply would do, and why. `digest` is made by planfile and covers all but tool version.

    `usage` are the bytes that the stack's stores are charged for now, None where the account does not say. `known` are
    the ids of what stays, by the address that it will have; not a part of the plan's JSON, since the steps name theirs.
    """

    stack: str
    environment: str | None
    lineage: str
    serial: int
    first_apply: bool
    account: AccountInfo
    manifests: str
    as_of: str
    changes: tuple[Change, ...] = ()
    steps: tuple[Step, ...] = ()
    risks: tuple[Notice, ...] = ()
    warnings: tuple[Notice, ...] = ()
    requests: int = 0
    usage: int | None = None
    known: Mapping[Address, str] = field(default_factory=dict, compare=False)

    @property
    def blocked(self) -> tuple[Change, ...]:
        """The changes that a safety rule forbids."""
        return tuple(change for change in self.changes if change.blocked)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.steps and not self.blocked

    @property
    def rollback(self) -> bool:
        """Whether it only moves the pointer of a release back, whatever else is to be done."""
        return any(change.version is not None for change in self.changes)


# --- what apply did ---------------------------------------------------------------------------------------------------


class Outcome(StrEnum):
    """How a step ended."""

    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    SKIPPED = "skipped"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that apply did or saw; `event` names its sort, `data` its JSON fields in a fixed order."""

    event: str
    data: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """The line that `apply --format json` writes."""
        return {"event": self.event, **self.data}
