"""One look at the account: what all that read it share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.account.port import Account
from reconciler.kinds.kind import Kind
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.observed import Tags
from reconciler.model.plan import Notice
from reconciler.observing.lists import Lists
from reconciler.observing.scope import Scope
from reconciler.ownership.anchor import Anchor, Entry


@dataclass(frozen=True, slots=True)
class Look:
    """Whose stack it is, what the manifests want and the record says; and what came to light meanwhile.

    `recorded` is the inventory by object id, `verified` says by object id how its documents were checked, `applied`
    which version of it we applied last.
    """

    scope: Scope
    lists: Lists
    anchor: Anchor | None
    recorded: Mapping[str, Sequence[Entry]]
    verified: dict[str, str] = field(default_factory=dict)
    applied: dict[str, str] = field(default_factory=dict)
    warnings: list[Notice] = field(default_factory=list)
    _wanted: Mapping[tuple[str, Address], Desired] = field(default_factory=dict)

    @classmethod
    def of(cls, scope: Scope, lists: Lists, anchor: Anchor | None) -> Look:
        """A look that begins: whatever is asked for more than once is put where it is found at once."""
        recorded: dict[str, list[Entry]] = {}
        for entry in anchor.inventory if anchor else ():
            recorded.setdefault(entry.id, []).append(entry)
        desired = scope.desired[::-1]  # of two that want the same address the first one counts
        moved = {(item.kind, item.lifecycle.moved_from): item for item in desired if item.lifecycle.moved_from}
        wanted = moved | {(item.kind, item.address): item for item in desired}
        return cls(scope, lists, anchor, recorded, _wanted=wanted)

    @property
    def account(self) -> Account:
        """What is looked at."""
        return self.lists.account

    @property
    def unclean(self) -> bool:
        """After an interrupted run no tag vouches for anything: it may have died between a change and the tag."""
        return self.anchor is not None and self.anchor.busy

    def entries(self, kind: Kind) -> list[Entry]:
        """What the record says of a kind."""
        return [entry for entry in (self.anchor.inventory if self.anchor else ()) if entry.kind == kind.name]

    def ours(self, tags: Tags | None) -> bool:
        """Whether tags show that an object is this stack's; without a record nobody knows its lineage."""
        if tags is None or tags.stack != self.scope.owner:
            return False
        return self.anchor is None or tags.lineage == self.anchor.lineage

    def reads_fully(self, object_id: str) -> bool:
        """Whether an object is read whatever its tags say."""
        return self.scope.refresh == "full" or self.unclean or object_id in self.scope.full

    def wanted(self, kind: Kind, address: Address) -> Desired | None:
        """What the manifests want of a kind at an address, or of what was there and moved."""
        return self._wanted.get((kind.name, address))

    def names(self, kind: Kind, address: Address) -> set[Address]:
        """An address, and what it was called before: after a crash the inventory may still say so."""
        desired = self.wanted(kind, address)
        return {address, desired.lifecycle.moved_from or address} if desired else {address}

    def all_names(self, kind: Kind, address: Address, object_id: str) -> set[Address]:
        """The same, and what the inventory calls the object: the manifest may not say any more what it was called."""
        return self.names(kind, address) | {entry.address for entry in self.recorded.get(object_id, ())}

    def warn(self, code: str, summary: str, address: Address | None = None) -> None:
        """Note what people should know."""
        self.warnings.append(Notice(code, summary, address))
