"""The record as it would be written anew: tagged objects, what is left of the old one, and what nobody can know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.kinds import KINDS
from reconciler.kinds.kind import TagPlace
from reconciler.model.desired import Desired
from reconciler.model.errors import Exit, Stop
from reconciler.ownership.anchor import Anchor, Entry
from reconciler.upkeep.recovery.recovery import NEWER, Part, Tagged, is_whole, salvaged, still_named


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """What a record is made of. `old` is what its stores still say; `whole`, whether none of them is missing.

    `mine` are the objects of its lineage, `desired` is what the manifests speak of, `now` the time in epoch seconds.
    """

    old: Anchor
    whole: bool
    mine: Sequence[Tagged]
    desired: Sequence[Desired]
    now: int

    def anchor(self, lineage: str) -> Anchor:
        """The new record. It says that the last run ended unclean: so nothing in the account is taken on trust."""
        old = self.old
        entries = [self._entry(item) for item in self.mine if item.published]
        entries += [entry for entry in old.inventory if still_named(entry, self.mine)]
        kinds = {item.kind for item in self.mine} | {item.kind for item in self.desired} | {*old.kinds}
        return Anchor(
            old.stack,
            lineage,
            serial=old.serial or self.now,
            busy=True,
            kinds=tuple(sorted(kind for kind in kinds if kind in KINDS)),
            inventory=tuple(sorted(entries, key=lambda entry: (entry.address, entry.kind))),
            holds=old.holds,
            journal=old.journal,
        )

    def lost(self, missing: Sequence[str]) -> tuple[str, ...]:
        """What nobody can know any more, in words; `missing` are kinds that the account does not serve."""
        lost = []
        if not self.whole:
            others = "Which other" if self.old.holds else "Which"
            lost.append(f"{others} releases were rolled back and held: the next plan moves them forward again.")
            lost.append("Which Files an interrupted run was about to delete: `reconciler gc` lists them.")
        for item in self.mine:
            lost += self._lost_of(item)
        gone = [name for name in missing if name in self.old.kinds]
        lost += [f"Whether there is any {KINDS[name].title} of this stack: {KINDS[name].gone}" for name in gone]
        return tuple(lost)

    def _lost_of(self, item: Tagged) -> list[str]:
        lost, address = [], item.tags.address
        unknown = KINDS[item.kind].tag_place is TagPlace.VERSIONS and item.published
        if unknown and self.old.entry(item.kind, address) is None and self._manifest(item) is None:
            lost.append(
                f"Whether {address} was protected. It has no manifest, so it is noted as protected: to "
                "delete it, put the manifest back with `protect: false` and apply, then delete."
            )
        known = {entry.id for entry in self.old.inventory if entry.address.owner == address}
        files = [file_id for file_id in item.names if file_id not in known]
        if files and item.published:
            lost.append(f"Which files of {address} these are: {', '.join(files)}. The next apply uploads them anew.")
        return lost

    def _entry(self, item: Tagged) -> Entry:
        """The inventory's line of a confirmed object. What has versions carries no flags of its own: see `_flags`."""
        tags = item.tags
        protect, retain = tags.protect, tags.retain
        if KINDS[item.kind].tag_place is TagPlace.VERSIONS:
            protect, retain = self._flags(item)
        return Entry(item.kind, tags.address, item.id, item.version, protect, retain)

    def _flags(self, item: Tagged) -> tuple[bool, bool]:
        """Whether an object with versions is protected and retained, which only anchor and manifest say.

        Without either it is protected: nothing is to be deleted because nobody remembers.
        """
        entry = self.old.entry(item.kind, item.tags.address)
        if entry is not None and entry.id == item.id:
            return entry.protect, entry.retain
        desired = self._manifest(item)
        return (desired.lifecycle.protect, desired.lifecycle.retain) if desired else (True, False)

    def _manifest(self, item: Tagged) -> Desired | None:
        return next((one for one in self.desired if (one.kind, one.address) == (item.kind, item.tags.address)), None)


def rebuilding(
    owner: str,
    head: Part | None,
    parts: Sequence[Part],
    mine: Sequence[Tagged],
    desired: Sequence[Desired],
    *,
    now: int,
) -> Rebuilding:
    """From the `parts` that are left of a record, with the first one or without; raises Stop when one is not ours."""
    newer = next((part for part in parts if NEWER.search(part.state)), None)
    if newer is not None:
        raise Stop(
            Exit.REFUSED,
            f"The anchor {newer.id} was written by another version of the reconciler.",
            "Use that version. If it was edited by hand, delete this vector store and run this again.",
        )
    return Rebuilding(salvaged(owner, parts), is_whole(head, parts), mine, desired, now)
