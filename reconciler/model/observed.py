"""One live object as the account shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.address import Address
from reconciler.model.json import Json


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

    @property
    def confirmed(self) -> bool:
        """Whether its creation was completed: people may know its id."""
        return self.state == "ready"

    @property
    def current(self) -> bool:
        """Whether people know it as the object at its address: confirmed, and not about to be replaced."""
        return self.confirmed and not self.retiring


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


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """Which account a plan is for: bound in its digest."""

    host: str
    organization: str | None = None
    project: str | None = None


def created_at(raw: Mapping[str, Json]) -> int:
    """When a server says that an object was made, in seconds since 1970; 0 where it does not say."""
    value = raw.get("created_at")
    return value if isinstance(value, int) else 0
