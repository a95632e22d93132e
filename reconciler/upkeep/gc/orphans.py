"""What nothing in the account needs any more, as values: each orphan with its evidence, and why it is one.

Four groups, by what proves that nothing needs a thing any more: the journal, an unconfirmed object's own tags, the
number of newer releases; and for a File that nobody is seen to use, nothing at all, so that only a person deletes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.model.address import Address
from reconciler.model.json import Json
from reconciler.model.observed import Tags
from reconciler.observing.scope import Found
from reconciler.ownership.anchor import Anchor
from reconciler.upkeep.gc.uses import File, Uses
from reconciler.upkeep.moments import moment


class Group(StrEnum):
    """Why something is an orphan."""

    JOURNAL = "journal"
    """A File that an interrupted run was about to delete."""
    OBJECTS = "objects"
    """An object that an interrupted run did not confirm, or did not delete after its replacement."""
    VERSIONS = "versions"
    """An old version of a release."""
    FILES = "files"
    """A File that nothing in the account is seen to use."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """One thing that nothing needs. `id` is that of a File, an object, or (with `version`) of a release's object.

    `tags` is the evidence as it was read, `files` are the ids of Files that go with it.
    """

    group: Group
    kind: str
    id: str
    why: str
    address: Address | None = None
    version: str | None = None
    tags: Tags | None = None
    file: File | None = None
    created: int | None = None
    files: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Group, str, str | None]:
        """What tells it from others, at another look too."""
        return (self.group, self.id, self.version)

    def to_json(self) -> dict[str, Json]:
        """What `gc` prints of it."""
        created = self.file.created if self.file else self.created
        return {
            "group": self.group.value,
            "resource": self.kind,
            "id": self.id,
            "address": str(self.address) if self.address else None,
            "version": self.version,
            "name": self.file.name if self.file else None,
            "bytes": self.file.bytes if self.file else None,
            "created": moment(created),
            "files": list(self.files),
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Orphans:
    """All orphans, in the order in which they are shown, and what they were found from.

    `gone` are Files that the journal names and that are not there any more. `notes` say what could not be found out.
    """

    found: Found
    items: tuple[Orphan, ...] = ()
    gone: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    uses: Uses | None = field(default=None, compare=False)

    @property
    def anchor(self) -> Anchor | None:
        """The stack's record; without one nothing is known to be ours."""
        return self.found.anchor

    def of(self, group: Group) -> tuple[Orphan, ...]:
        """Those of one group."""
        return tuple(item for item in self.items if item.group is group)
