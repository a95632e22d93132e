"""Keeps the anchor during a run: takes it, journals what is about to be deleted, and gives it back.

The lease is advisory. The pipeline's own concurrency group is the lock; the lease detects the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.account.paging import list_all
from reconciler.account.port import Account, Call, Clock, Failure, Reply, Sort
from reconciler.errors import Exit, Stop
from reconciler.model import ID_PATTERN, Address
from reconciler.observe import ANCHOR_BETA, ANCHOR_COLLECTION
from reconciler.ownership import anchor as anchors
from reconciler.ownership.anchor import Anchor, Entry
from reconciler.ownership.tags import ADDRESS, PREFIX, STACK

TAKEOVER = 600
"""Seconds without a sign of life after which a busy anchor may be taken over."""
BEAT = 20.0
"""Seconds between two signs of life."""


@dataclass(slots=True)
class Keeper:
    """Holds the stack's record and writes it; one writer at a time."""

    account: Account
    clock: Clock
    owner: str
    run_id: str
    anchor: Anchor
    created: bool = False
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _journal: asyncio.Lock = field(default_factory=asyncio.Lock)
    _server_time: float = 0.0
    _earlier_beat: float = 0.0
    _live: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    async def take(self, *, plan: str, kinds: Iterable[str], lineage: str) -> None:
        """Mark the stack as busy with this run, or raise Stop when another run has it."""
        if not self.anchor.ids:
            await self._create(plan, kinds, lineage)
            return
        current = await self._read()
        if self._held_by_another(current):
            age = max(0, int(self._server_time - current.beat))
            raise Stop(
                Exit.LOCKED,
                f"Another run ({current.run}) has this stack; its last sign of life is {age} s old.",
                f"Wait for it. If it died, it can be taken over {TAKEOVER} s after its last sign of life.",
            )
        if current.serial != self.anchor.serial:
            raise Stop(Exit.STALE, "Another run applied something since this plan was made.", "Plan again.")
        self._earlier_beat = current.beat if current.busy else 0.0
        self.anchor = replace(
            current,
            inventory=self.anchor.inventory,
            busy=True,
            run=self.run_id,
            plan=plan,
            kinds=tuple(sorted({*current.kinds, *kinds})),
        )
        await self._write()

    @asynccontextmanager
    async def journalled(self, files: Sequence[str]) -> AsyncIterator[None]:
        """Name Files that are about to be deleted (they fit: see `journal_chunks`); inside, they are deleted.

        One group at a time. What was not deleted when the block ends with an error stays in the journal.
        """
        if not files:
            yield
            return
        async with self._journal:
            self.anchor = replace(self.anchor, journal=tuple(files))
            await self._write()
            yield
            self.anchor = replace(self.anchor, journal=())

    def forget_journal(self) -> None:
        """Nothing that the journal names is to be deleted any more; written with the next write."""
        self.anchor = replace(self.anchor, journal=())

    def note(self, entry: Entry) -> None:
        """Put an object into the inventory; written with the next write."""
        self.anchor = self.anchor.with_entry(entry)

    def drop(self, kind: str, address: Address) -> None:
        """Take an object out of the inventory; written with the next write."""
        self.anchor = self.anchor.without(kind, address)

    def hold(self, address: Address, spec: str | None) -> None:
        """Note that an address was rolled back (`spec`: what it was rolled away from), or that the hold is over."""
        holds = {key: value for key, value in self.anchor.holds.items() if key != address}
        self.anchor = replace(self.anchor, holds=holds if spec is None else {**holds, address: spec})

    async def beat(self) -> None:
        """Show signs of life until cancelled."""
        while True:
            await self.clock.sleep(BEAT)
            async with self._lock:
                await self._write_locked()

    async def give_back(self, *, clean: bool, in_doubt: bool = False) -> None:
        """End the run. The serial grows only when it ended clean; else the anchor stays busy, held by nobody.

        `in_doubt`: something may still happen that this run asked for, so the next one waits for it.
        """
        if clean:
            self.anchor = replace(self.anchor, busy=False, run="", plan="", serial=self.anchor.serial + 1)
        else:
            self.anchor = replace(self.anchor, run="")
        await self._write(beating=in_doubt)

    def calm(self, settle: float) -> float:
        """Seconds to wait until nothing of an earlier, unclean run can happen any more."""
        return max(0.0, self._earlier_beat + settle - self._server_time)

    def _held_by_another(self, current: Anchor) -> bool:
        alive = self._server_time - current.beat < TAKEOVER
        return current.busy and current.run not in {"", self.run_id} and alive

    async def remove(self) -> None:
        """Delete the anchor itself: the last thing that destroy does."""
        await self._read()
        for store in reversed(self.anchor.ids):
            try:
                await self.account.send(Call("DELETE", f"{ANCHOR_COLLECTION}/{store}", beta=ANCHOR_BETA))
            except Failure as failure:
                if failure.sort is not Sort.NOT_FOUND:
                    raise

    # --- reading and writing ---

    async def _create(self, plan: str, kinds: Iterable[str], lineage: str) -> None:
        self.anchor = replace(
            self.anchor,
            lineage=lineage,
            busy=True,
            run=self.run_id,
            plan=plan,
            kinds=tuple(sorted(kinds)),
            beat=self._now(),
        )
        for metadata in anchors.encode(self.anchor):
            store = await self._create_part(metadata)
            self.anchor = replace(self.anchor, ids=(*self.anchor.ids, store))
        self.created = True
        await self._refuse_rivals()

    async def _create_part(self, metadata: Mapping[str, str]) -> str:
        body = {"name": f"reconciler anchor {self.owner}", "metadata": dict(metadata)}
        try:
            reply = await self.account.send(Call("POST", ANCHOR_COLLECTION, json=body, beta=ANCHOR_BETA))
        except Failure as failure:
            if not failure.ambiguous:
                raise
        else:
            if self._echoes(reply.data, metadata):
                self._note_time(reply)
                return str(reply.data["id"])
        for pause in (1, 2, 4, 8, 15, 30):
            for store in await list_all(self.account, ANCHOR_COLLECTION, beta=ANCHOR_BETA):
                if self._echoes(store, metadata):
                    return str(store["id"])
            await self.clock.sleep(pause)
        raise Stop(
            Exit.INCOMPLETE,
            "The stack's anchor may or may not have been created.",
            "Nothing else was written. Run the same command again in a minute.",
        )

    def _echoes(self, raw: Mapping[str, Any], metadata: Mapping[str, str]) -> bool:
        live = raw.get("metadata")
        if not isinstance(live, Mapping) or not ID_PATTERN.match(str(raw.get("id"))):
            return False
        return all(live.get(key) == value for key, value in metadata.items() if key.startswith(PREFIX))

    async def _refuse_rivals(self) -> None:
        """Two first applies at once: the older anchor wins, and the younger run removes its own and stops."""
        stores = await list_all(self.account, ANCHOR_COLLECTION, beta=ANCHOR_BETA)
        mine = next((store for store in stores if store["id"] == self.anchor.ids[0]), None)
        for store in stores:
            if store["id"] in self.anchor.ids or anchors.is_part(store.get("metadata"), self.owner) != 1:
                continue
            if mine is None or (store.get("created_at", 0), store["id"]) < (mine.get("created_at", 0), mine["id"]):
                await self.remove()
                raise Stop(
                    Exit.LOCKED, "Another first apply of this stack is under way.", "Run again when it has ended."
                )

    async def _read(self) -> Anchor:
        """The record as it is now; raises Stop when it is no longer ours to write."""
        stores = []
        for store in self.anchor.ids:
            try:
                reply = await self.account.send(Call("GET", f"{ANCHOR_COLLECTION}/{store}", beta=ANCHOR_BETA))
            except Failure as failure:
                if failure.sort is Sort.NOT_FOUND:
                    raise Stop(Exit.STALE, f"The anchor {store} disappeared.", "Plan again.") from failure
                raise
            self._note_time(reply)
            stores.append(reply.data)
            self._live[store] = reply.data
        if anchors.is_part(stores[0].get("metadata"), self.owner) != 1:
            raise Stop(Exit.STALE, f"{self.anchor.ids[0]} is no longer the anchor of {self.owner}.", "Plan again.")
        current = anchors.decode(self.owner, stores)
        if current is None or current.lineage != self.anchor.lineage:
            raise Stop(Exit.STALE, f"The anchor {self.anchor.ids[0]} changed hands.", "Plan again.")
        return current

    async def _write(self, *, beating: bool = True) -> None:
        async with self._lock:
            await self._write_locked(beating=beating)

    async def _write_locked(self, *, beating: bool = True) -> None:
        current = await self._read()
        if self._held_by_another(current):
            raise Stop(Exit.LOCKED, f"Another run ({current.run}) took this stack over.", "Nothing more was written.")
        self.anchor = replace(self.anchor, beat=self._now() if beating else 0)
        parts = anchors.encode(self.anchor)
        for number, metadata in enumerate(parts):
            if number < len(self.anchor.ids):
                await self._update_part(self.anchor.ids[number], metadata)
            else:
                store = await self._create_part(metadata)
                self.anchor = replace(self.anchor, ids=(*self.anchor.ids, store))
        for number, store in enumerate(self.anchor.ids[len(parts) :], len(parts) + 1):
            await self._update_part(store, {STACK: parts[0][STACK], ADDRESS: f"{anchors.KIND}/{number}"})

    async def _update_part(self, store: str, metadata: Mapping[str, str]) -> None:
        path = f"{ANCHOR_COLLECTION}/{store}"
        for _ in range(3):
            live = self._live[store].get("metadata") or {}
            if all(live.get(key) == metadata.get(key) for key in {*live, *metadata} if key.startswith(PREFIX)):
                return
            foreign = {key: value for key, value in live.items() if not key.startswith(PREFIX)}
            body = {"metadata": {**foreign, **metadata}}
            try:
                self._live[store] = (await self.account.send(Call("POST", path, json=body, beta=ANCHOR_BETA))).data
            except Failure as failure:
                if not failure.ambiguous:
                    raise
                self._live[store] = (await self.account.send(Call("GET", path, beta=ANCHOR_BETA))).data
            else:
                return
        raise Stop(Exit.INCOMPLETE, f"The anchor {store} could not be written.", "Run the same command again.")

    def _note_time(self, reply: Reply) -> None:
        self._server_time = reply.date if reply.date is not None else self.clock.now()

    def _now(self) -> int:
        return int(max(self._server_time, 0) or self.clock.now())
