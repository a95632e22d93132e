"""Writing the anchor outside of a run: freeing it from a run that died, building it anew, removing one too many."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from reconciler.apply.session import Session
from reconciler.model.errors import Exit, Stop
from reconciler.ownership import anchor as anchors
from reconciler.ownership.anchor import Anchor
from reconciler.ownership.keeper import SILENCE, Keeper
from reconciler.ownership.tags import ADDRESS, PREFIX, STACK, user_pairs

AGAIN = "Run the same command again."
REBUILDING = "rebuilding"
"""The first word of a run state that is no run state: while it stands there, nothing can be planned or applied."""


@dataclass(slots=True)
class Mender(Keeper):
    """Reads and writes the stores of a stack's record without having the stack; `run_id` names this process."""

    async def look(self) -> tuple[Anchor, float]:
        """The record as it is now, and the server's time (epoch seconds) when it was read."""
        async with self._alone():
            return await self._read(), self._server_time

    async def free(self, run: str) -> None:
        """Take the stack from a run: nobody has it then. That it is unclean stays, and so does its plan.

        A run may send requests for some seconds after its last sign of life, and that sign is what the next run counts
        its waiting time from; so the sign is moved to the last moment at which this run can have sent anything.
        """
        async with self._alone():
            current = await self._read()
            if not current.busy or current.run != run:
                raise Stop(Exit.STALE, f"The run {run} does not have this stack any more; nothing was written.", AGAIN)
            head = self.anchor.ids[0]
            pairs = _ours(self._live[head])
            words = {"run": "", "beat": str(current.beat + int(SILENCE))}
            pairs[anchors.ANCHOR] = _reworded(pairs[anchors.ANCHOR], words)
            await self._update_part(head, pairs)
            await self._undoubted()

    async def rebuild(self, whole: Anchor, parts: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        """Write a whole record into new stores and those that are left of an older one, by part number from 1.

        Until the last request nobody can read the record, so no apply begins on half of it, and a crash leaves what the
        next attempt starts from. Raises Stop when somebody else wrote to one of the stores meanwhile.
        """
        async with self._alone():
            foreign = [len(user_pairs(group[0].get("metadata"))) if group else 0 for group in parts]
            encoded = anchors.encode(whole, foreign)
            head, claim = await self._claim_head(whole, parts[0][:1] if parts else ())
            for number, metadata in enumerate(encoded[1:], 2):
                there = parts[number - 1] if number <= len(parts) else ()
                if there:
                    await self._unchanged(there[0])
                    await self._update_part(there[0]["id"], metadata)
                else:
                    await self._create_part(metadata)
            for number, there in enumerate(parts[1:], 2):
                for store in there[1:] if number <= len(encoded) else there:
                    await self._unchanged(store)
                    await self._update_part(
                        store["id"], {STACK: encoded[0][STACK], ADDRESS: f"{anchors.KIND}/{number}"}
                    )
            await self._undoubted()
            await self._still_mine(head, claim)
            state = {"beat": str(self._now())}
            first = {**encoded[0], anchors.ANCHOR: _reworded(encoded[0][anchors.ANCHOR], state)}
            await self._update_part(head, first)
            self.anchor = replace(whole, ids=(head,))

    async def drop_stores(self, stores: Sequence[Mapping[str, Any]]) -> None:
        """Delete stores that hold a record which names nothing, the first part last; one that changed stays."""
        async with self._alone():
            for store in stores:
                await self._unchanged(store)
                await self._delete_part(store["id"])

    # --- pieces -------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """One at a time; what a run would answer with a new plan, these commands answer with another attempt."""
        async with self._lock:
            try:
                yield
            except Stop as stop:
                if stop.code is not Exit.STALE:
                    raise
                raise Stop(stop.code, stop.summary, AGAIN) from stop

    async def _claim_head(self, whole: Anchor, there: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
        """The id of the first part, and the mark by which it is known that this process is rebuilding it."""
        mark = f"{REBUILDING};by={self.run_id}"
        if there:
            store = there[0]
            await self._unchanged(store)
            pairs = _ours(store)
            words = re.findall(r"(?:^|;)((?:serial|kinds|parts)=[^;]*)", pairs.get(anchors.ANCHOR, ""))
            mark = ";".join([mark, *words, ""])
            await self._update_part(store["id"], {**pairs, ADDRESS: f"{anchors.KIND}/1", anchors.ANCHOR: mark})
            return str(store["id"]), mark
        known = {store["id"] for store in await self._heads()}
        metadata = {STACK: f"{whole.stack}#{whole.lineage}", ADDRESS: f"{anchors.KIND}/1", anchors.ANCHOR: mark}
        head = await self._create_part(metadata)
        rivals = [store["id"] for store in await self._heads() if store["id"] not in known | {head}]
        if rivals:
            await self._delete_part(head)
            raise Stop(Exit.LOCKED, f"Somebody else is making an anchor ({rivals[0]}).", "Look again in a minute.")
        return head, mark

    async def _undoubted(self) -> None:
        """Wait until no write that seemed lost can arrive any more: it would undo what is written next."""
        await self.clock.sleep(max(0.0, self.doubt - self.clock.monotonic()))

    async def _heads(self) -> list[dict[str, Any]]:
        return [store for store in await self._listed() if anchors.is_part(store.get("metadata"), self.owner) == 1]

    async def _unchanged(self, store: Mapping[str, Any]) -> None:
        """Raise Stop unless a store's record is, read just now, what it was when it was shown."""
        number = anchors.is_part(store.get("metadata"), self.owner)
        fresh = await self._read_part(number or 0, store["id"])
        if _ours(fresh) != _ours(store):
            raise Stop(Exit.STALE, f"Somebody wrote to the anchor {store['id']} meanwhile.", AGAIN)

    async def _still_mine(self, head: str, mark: str) -> None:
        fresh = await self._read_part(1, head)
        if _ours(fresh).get(anchors.ANCHOR) != mark:
            raise Stop(Exit.LOCKED, f"Somebody else is rebuilding the anchor {head}.", "Look again in a minute.")


def mender(session: Session, anchor: Anchor) -> Mender:
    """One for a session's account; `anchor` says which stores it is about."""
    return Mender(
        session.account,
        session.clock,
        session.scope().owner,
        session.hex(8),
        anchor,
        lease=session.lease,
        settle=session.settle,
    )


def _ours(store: Mapping[str, Any]) -> dict[str, str]:
    """Our pairs of a store's metadata; on servers that merge, an emptied pair is one that is not there."""
    metadata = store.get("metadata")
    pairs = metadata if isinstance(metadata, Mapping) else {}
    return {key: str(value) for key, value in pairs.items() if key.startswith(PREFIX) and value}


def _reworded(state: str, words: Mapping[str, str]) -> str:
    """A run state with some of its words replaced."""
    parts = [part.partition("=") for part in state.split(";")]
    return ";".join(f"{key}={words[key]}" if key in words else key + equals + value for key, equals, value in parts)
