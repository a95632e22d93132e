"""What differs and what is to be done about it: deltas, changes for people, steps for apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.model.address import Address, Span
from reconciler.model.desired import Desired
from reconciler.model.json import ABSENT, Json, Path
from reconciler.model.observed import AccountInfo, Observed
from reconciler.model.reasons import TEXTS, ReasonCode


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
class Reason:
    """One reason for a change or for a document in it. `text` begins small and has no full stop, like a clause."""

    code: ReasonCode
    text: str


def reason(code: ReasonCode, **data: object) -> Reason:
    """The reason with its text from the table, and `data` in it."""
    return Reason(code, TEXTS[code].format(**data))


@dataclass(frozen=True, slots=True)
class FileChange:
    """One document in a change; `before` is its sha-256 in the account (None: new, or not known)."""

    path: str
    bytes: int | None
    sha256: str | None
    reason: Reason | None = None
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
    reasons: tuple[Reason, ...] = ()
    replaces_kind: str | None = None
    version: str | None = None
    revision: str = ""
    sessions: int | None = None

    @property
    def reason(self) -> str:
        """Its reasons as people read them."""
        return "; ".join(reason.text for reason in self.reasons)


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
    change of runtime), so that no two steps of a plan have one name. `keeps_version`: an object with versions gets no
    new one, since only flags differ, which the anchor keeps.
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
    keeps_version: bool = False

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
