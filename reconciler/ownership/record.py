"""A stack's record in the account, as a whole: the anchor with all its parts, read, made, written and deleted.

It does not know who has the stack; that is the lease's matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.model.errors import Exit, Stop
from reconciler.model.observed import created_at
from reconciler.ownership import anchor as anchors
from reconciler.ownership.anchor import Anchor
from reconciler.ownership.stores import Again, Stores
from reconciler.ownership.tags import ADDRESS, STACK, user_pairs


@dataclass(slots=True)
class Record:
    """`anchor` is what the record is to say; the next write writes all of it."""

    stores: Stores
    anchor: Anchor

    async def read(self) -> Anchor:
        """What it says now; raises Stop when it is not the record that this run knows."""
        stores = [await self.stores.read(number, store) for number, store in enumerate(self.anchor.ids, 1)]
        current = anchors.decode(self.stores.owner, stores)
        if current is None or current.lineage != self.anchor.lineage:
            raise Stop(Exit.STALE, f"The anchor {self.anchor.ids[0]} changed hands.", "Plan again.")
        return current

    async def create(self) -> None:
        """Make its stores. If the process dies among them, the next run meets a busy anchor, and takes it over."""
        self.anchor = replace(self.anchor, beat=self.stores.now())
        for metadata in anchors.encode(self.anchor):
            await self._add(metadata)

    async def write(self, *, beat: int | None = None, again: Again | None = None) -> None:
        """Write all of it over what was read just now, with a sign of life from now unless `beat` says otherwise.

        Parts that follow come before the first: what it says of their number is true after every single write. If the
        process dies between two of them, the run state is older than some of the inventory, and still says busy.
        """
        self.anchor = replace(self.anchor, beat=self.stores.now() if beat is None else beat)
        foreign = [len(user_pairs(self.stores.known[store].get("metadata"))) for store in self.anchor.ids]
        parts = anchors.encode(self.anchor, foreign)
        for metadata in parts[len(self.anchor.ids) :]:
            await self._add(metadata)
        for store, metadata in reversed(list(zip(self.anchor.ids, parts, strict=False))):
            await self.stores.write(store, metadata, again=again)
        for number, store in enumerate(self.anchor.ids[len(parts) :], len(parts) + 1):
            empty = {STACK: parts[0][STACK], ADDRESS: f"{anchors.KIND}/{number}"}
            await self.stores.write(store, empty, again=again)

    async def write_over(self, before: Anchor, *, beat: int | None = None) -> None:
        """Write it, unless somebody has written since `before` was read. Of two at one moment the later one wins."""
        current = await self.read()
        if run_state(current) != run_state(before):
            raise Stop(Exit.LOCKED, "Another run took this stack at the same moment.", "Wait for it.")
        await self.write(beat=beat)

    async def delete(self) -> None:
        """Delete its stores, the first one last: until then it says whose record this is."""
        for store in reversed(self.anchor.ids):
            await self.stores.delete(store)

    async def rivals(self) -> list[str] | None:
        """First parts of this stack that are not younger than ours; None as long as the lists do not show ours.

        A twin of ours, which a proxy made that sent the request twice, carries this run's own lineage and is deleted.
        """
        stores = await self.stores.listed()
        for twin in [store for store in stores if self._is_twin(store)]:
            await self.stores.delete(twin["id"])
            stores.remove(twin)
        mine = next((store for store in stores if store["id"] == self.anchor.ids[0]), None)
        if mine is None:
            return None
        return [store["id"] for store in stores if self._is_other_head(store) and created_at(store) <= created_at(mine)]

    def keeps_nothing(self) -> Stop:
        """The end of a run on a server that says yes to the anchor's updates and keeps none."""
        return Stop(
            Exit.UNAVAILABLE,
            f"The anchor {self.anchor.ids[0]} does not keep what is written into its metadata.",
            "This server acknowledges updates and does not store them; nothing can be managed on it.",
        )

    async def _add(self, metadata: Mapping[str, str]) -> None:
        store = await self.stores.create(metadata)
        self.anchor = replace(self.anchor, ids=(*self.anchor.ids, store))

    def _is_twin(self, store: Mapping[str, Any]) -> bool:
        if not self._is_other_head(store):
            return False
        other = anchors.decode(self.stores.owner, [store])
        return other is not None and (other.lineage, other.run) == (self.anchor.lineage, self.anchor.run)

    def _is_other_head(self, store: Mapping[str, Any]) -> bool:
        """Whether a store is a first part of this stack's record, and not the one that is kept."""
        return store["id"] not in self.anchor.ids and anchors.is_part(store.get("metadata"), self.stores.owner) == 1


def run_state(anchor: Anchor) -> tuple[object, ...]:
    """What tells whether another run did something."""
    return (anchor.serial, anchor.busy, anchor.run, anchor.plan, anchor.beat)
