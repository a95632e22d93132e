"""Writing the anchor outside of a run: freeing it from a run that died, building it anew, removing one too many."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from reconciler.apply.session import Session
from reconciler.model.errors import Exit, Stop
from reconciler.ownership import anchor as anchors
from reconciler.ownership.anchor import Anchor
from reconciler.ownership.lease import SILENCE
from reconciler.ownership.record import Record
from reconciler.ownership.stores import Stores, own_pairs
from reconciler.ownership.tags import ADDRESS, STACK, user_pairs

AGAIN = "Run the same command again."
REBUILDING = "rebuilding"
"""The first word of a run state that is no run state: while it stands there, nothing can be planned or applied."""


@dataclass(frozen=True, slots=True)
class Mender:
    """Reads and writes the stores of a stack's record without having the stack; `name` is that of this process."""

    record: Record
    name: str

    async def look(self) -> tuple[Anchor, float]:
        """The record as it is now, and the server's time (epoch seconds) when it was read."""
        with _advising_again():
            return await self.record.read(), self.record.stores.server_time

    async def free(self, run: str) -> None:
        """Take the stack from a run: nobody has it then. That it is unclean stays, and so does its plan.

        A run may send requests for some seconds after its last sign of life, and that sign is what the next run counts
        its waiting time from; so the sign is moved to the last moment at which this run can have sent anything.
        """
        with _advising_again():
            current = await self.record.read()
            if not current.busy or current.run != run:
                raise Stop(Exit.STALE, f"The run {run} does not have this stack any more; nothing was written.", AGAIN)
            stores, head = self.record.stores, self.record.anchor.ids[0]
            pairs = own_pairs(stores.known[head])
            words = {"run": "", "beat": str(current.beat + int(SILENCE))}
            await stores.write(head, {**pairs, anchors.ANCHOR: _reworded(pairs[anchors.ANCHOR], words)})
            await stores.settled()

    async def rebuild(self, whole: Anchor, parts: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        """Write a whole record into new stores and those that are left of an older one, by part number from 1.

        Until the last request nobody can read the record, so no apply begins on half of it. If the process dies before,
        nothing is lost: the next attempt starts from what stands there, and nothing but it can be run. Raises Stop when
        somebody else wrote to one of the stores meanwhile.
        """
        with _advising_again():
            stores = self.record.stores
            foreign = [len(user_pairs(group[0].get("metadata"))) if group else 0 for group in parts]
            encoded = anchors.encode(whole, foreign)
            head, mark = await self._claim_head(whole, parts[0][:1] if parts else ())
            for number, metadata in enumerate(encoded[1:], 2):
                there = parts[number - 1] if number <= len(parts) else ()
                if there:
                    await self._write_unchanged(there[0], metadata)
                else:
                    await stores.create(metadata)
            for number, there in enumerate(parts[1:], 2):
                for store in there[1:] if number <= len(encoded) else there:
                    empty = {STACK: encoded[0][STACK], ADDRESS: f"{anchors.KIND}/{number}"}
                    await self._write_unchanged(store, empty)
            await stores.settled()
            await self._still_mine(head, mark)
            state = _reworded(encoded[0][anchors.ANCHOR], {"beat": str(stores.now())})
            await stores.write(head, {**encoded[0], anchors.ANCHOR: state})
            self.record.anchor = replace(whole, ids=(head,))

    async def drop(self, stores: Sequence[Mapping[str, Any]]) -> None:
        """Delete stores that hold a record which names nothing, the first part last; one that changed stays."""
        with _advising_again():
            for store in stores:
                await self._check_unchanged(store)
                await self.record.stores.delete(store["id"])

    async def _claim_head(self, whole: Anchor, there: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
        """The id of the first part, and the mark by which it is known that this process is rebuilding it."""
        mark = f"{REBUILDING};by={self.name}"
        if there:
            pairs = own_pairs(there[0])
            words = re.findall(r"(?:^|;)((?:serial|kinds|parts)=[^;]*)", pairs.get(anchors.ANCHOR, ""))
            mark = ";".join([mark, *words, ""])
            await self._write_unchanged(there[0], {**pairs, ADDRESS: f"{anchors.KIND}/1", anchors.ANCHOR: mark})
            return str(there[0]["id"]), mark
        known = await self._heads()
        metadata = {STACK: f"{whole.stack}#{whole.lineage}", ADDRESS: f"{anchors.KIND}/1", anchors.ANCHOR: mark}
        head = await self.record.stores.create(metadata)
        rivals = [store for store in await self._heads() if store not in {*known, head}]
        if rivals:
            await self.record.stores.delete(head)
            raise Stop(Exit.LOCKED, f"Somebody else is making an anchor ({rivals[0]}).", "Look again in a minute.")
        return head, mark

    async def _heads(self) -> list[str]:
        """The ids of all first parts of this stack."""
        stores = self.record.stores
        listed = await stores.listed()
        return [store["id"] for store in listed if anchors.is_part(store.get("metadata"), stores.owner) == 1]

    async def _write_unchanged(self, store: Mapping[str, Any], metadata: Mapping[str, str]) -> None:
        await self._check_unchanged(store)
        await self.record.stores.write(store["id"], metadata)

    async def _check_unchanged(self, store: Mapping[str, Any]) -> None:
        """Raise Stop unless a store's record is, read just now, what it was when it was shown."""
        number = anchors.is_part(store.get("metadata"), self.record.stores.owner)
        fresh = await self.record.stores.read(number or 0, store["id"])
        if own_pairs(fresh) != own_pairs(store):
            raise Stop(Exit.STALE, f"Somebody wrote to the anchor {store['id']} meanwhile.", AGAIN)

    async def _still_mine(self, head: str, mark: str) -> None:
        fresh = await self.record.stores.read(1, head)
        if own_pairs(fresh).get(anchors.ANCHOR) != mark:
            raise Stop(Exit.LOCKED, f"Somebody else is rebuilding the anchor {head}.", "Look again in a minute.")


def mender(session: Session, anchor: Anchor) -> Mender:
    """One for a session's account; `anchor` says which stores it is about."""
    stores = Stores(session.account, session.clock, session.scope().owner, settle=session.settle)
    return Mender(Record(stores, anchor), session.hex(8))


@contextmanager
def _advising_again() -> Iterator[None]:
    """What a run would answer with a new plan, these commands answer with another attempt."""
    try:
        yield
    except Stop as stop:
        if stop.code is not Exit.STALE:
            raise
        raise Stop(stop.code, stop.summary, AGAIN) from stop


def _reworded(state: str, words: Mapping[str, str]) -> str:
    """A run state with some of its words replaced."""
    parts = [part.partition("=") for part in state.split(";")]
    return ";".join(f"{key}={words[key]}" if key in words else key + equals + value for key, equals, value in parts)
