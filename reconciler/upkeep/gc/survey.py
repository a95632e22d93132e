"""What is read to find orphans: the stack as a plan sees it, all versions of its releases, and who uses which File."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from reconciler.account.port import Account
from reconciler.kinds import KINDS
from reconciler.kinds.kind import VersionedKind
from reconciler.model.desired import Desired
from reconciler.model.observed import Observed
from reconciler.observing.scope import Found
from reconciler.upkeep.gc.uses import Uses, Version, list_versions, read_contents


@dataclass(slots=True)
class Survey:
    """Filled in by reading, as far as anything depends on it; `notes` say what could not be found out."""

    account: Account
    found: Found
    desired: tuple[Desired, ...]
    uses: Uses
    versions: dict[str, list[Version]] = field(default_factory=dict)
    """By object id, what our releases consist of."""
    read: bool = False
    """Whether it is known what the versions name."""
    notes: list[str] = field(default_factory=list)

    @property
    def objects(self) -> tuple[Observed, ...]:
        """What is there of the stack."""
        return self.found.snapshot.objects

    async def list_releases(self) -> None:
        """The versions of our releases; what they name is not read yet."""
        for item in self.objects:
            kind = KINDS[item.kind]
            if isinstance(kind, VersionedKind):
                self.versions[item.id] = await list_versions(self.account, kind, item.id)

    async def read_releases(self) -> None:
        """What every version of ours names, and what those of other stacks do; read once, if anything depends on it."""
        if self.read:
            return
        self.read = True
        for item in self.objects:
            kind = KINDS[item.kind]
            if not isinstance(kind, VersionedKind):
                continue
            listed = self.versions[item.id]
            self.versions[item.id] = await read_contents(self.account, kind, item.id, listed)
            for version in self.versions[item.id]:
                self.uses.note((item.id, version.number), version.files)
        await self.uses.read_other_releases(self.versions)
        await self.uses.read_bare_ids()

    async def read_uses(self, loose: Iterable[str], ours: Iterable[str]) -> None:
        """Everything that could use some Files. What of the `loose` ones is attached is not looked for in releases."""
        loose, ours = set(loose), set(ours)
        if loose or ours:
            await self.uses.read_attachments(loose | ours)
        if ours or any(file_id not in self.uses.attached for file_id in loose):
            await self.read_releases()

    def our_versions(self, object_id: str) -> list[Version]:
        """The versions of one object that are of this stack and lineage, newest first."""
        anchor = self.found.anchor
        if anchor is None:
            return []
        mine = (anchor.stack, anchor.lineage)
        return [item for item in self.versions.get(object_id, ()) if (item.tags.stack, item.tags.lineage) == mine]

    def pointed_at(self, item: Observed) -> set[str | None]:
        """The versions that the live pointer and the anchor speak of."""
        noted = (*self.found.inventory, *(self.found.anchor.inventory if self.found.anchor else ()))
        return {item.version, *(entry.version for entry in noted if entry.id == item.id)}


def state_of(item: Observed) -> str:
    """`ready`, `pending`, `retiring`; `foreign` when it has no tags of ours."""
    if item.tags is None:
        return "foreign"
    return "retiring" if item.tags.retiring else item.tags.state
