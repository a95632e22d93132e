"""Keeps the anchor during a run: takes it, journals what is about to be deleted, and gives it back.

The lease is advisory. The pipeline's own concurrency group is the lock; the lease detects the rest.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.account.limiter import passes
from reconciler.account.looks import Looks
from reconciler.account.objects import is_missing
from reconciler.account.paging import list_all
from reconciler.account.port import Account, Call, Clock, Failure, Reply, Sort
from reconciler.model.address import Address
from reconciler.model.errors import Exit, Stop
from reconciler.model.json import ID_PATTERN, Json
from reconciler.model.observed import created_at
from reconciler.ownership import anchor as anchors
from reconciler.ownership.anchor import ANCHOR_BETA, ANCHOR_COLLECTION, Anchor, Entry, journal_chunks
from reconciler.ownership.liveness import Liveness, Unknown
from reconciler.ownership.tags import ADDRESS, PREFIX, STACK, user_pairs

TAKEOVER = 600
"""Seconds without a sign of life after which a busy anchor may be taken over."""
BEAT = 20.0
"""Seconds between two signs of life."""
SILENCE = 1.5 * BEAT
"""No write leaves a run whose last sign of life is older, in seconds: it shows a new one first."""
STALE_AFTER = 5.0
"""Seconds after which a write is preceded by a look whether the stack is still ours."""
LONGEST_WAIT = 60.0
"""The longest wait that the service may ask for before the anchor is given back, in seconds."""
GIVE_BACK_PAUSES = (1.0, 3.0)
"""Seconds between attempts to give the stack back: if none succeeds, others are locked out until the takeover."""
ATTEMPTS = 3
FIRST_LOOK = 0.5


_HOPELESS = frozenset({Sort.AUTHENTICATION, Sort.PERMISSION, Sort.QUOTA})


@dataclass(frozen=True, slots=True)
class Lease:
    """How a stack is taken without a compare-and-swap: read, write the run's id, wait `pause`, read it back.

    A run that needed longer than `most` from its read to the end of its write gives up, so no rival that saw the stack
    free can still write after the pause: `pause` has to be longer than `most`. All runs of a stack have to use the same
    values. In seconds.
    """

    pause: float = 3.0
    most: float = 2.0


SERVICE = Lease()
"""For accounts behind a network."""
EMBEDDED = Lease(pause=1.0, most=0.8)
"""For the account on this machine, where two requests take milliseconds."""


@dataclass(slots=True)
class Keeper:
    """Holds the stack's record and writes it; one writer at a time."""

    account: Account
    clock: Clock
    owner: str
    run_id: str
    anchor: Anchor
    lease: Lease = SERVICE
    liveness: Liveness = field(default_factory=Unknown)
    settle: float = 60.0
    created: bool = False
    lost: Stop | None = None
    """Why this run must not write any more."""
    doubt: float = 0.0
    """Until when (monotonic) a write to the anchor that seemed lost, and was sent again, may still be executed."""
    _taken: bool = False
    _claiming: float = 0.0
    """When the look began after which the run's id was written, by our clock."""
    _parting: bool = False
    _seen: float = 0.0
    _shown_alive: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _journal: asyncio.Lock = field(default_factory=asyncio.Lock)
    _server_time: float = 0.0
    _found: Anchor = field(default_factory=lambda: Anchor("", ""))
    _live: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    async def take(self, *, plan: str, kinds: Iterable[str], lineage: str) -> None:
        """Mark the stack as busy with this run, or raise Stop when another run has it."""
        if not self.anchor.ids:
            await self._create(plan, kinds, lineage)
            return
        planned = self.anchor
        for last in (*[False] * (ATTEMPTS - 1), True):
            try:
                before = await self._claim(plan, kinds)
                break
            except Failure as failure:
                if last or not passes(failure):
                    raise
                self.anchor = planned  # a claim is never sent again unread: another run may have been here
                await self.clock.sleep(FIRST_LOOK)
                with suppress(Failure, Stop):
                    await self._read()  # a Retry-After is waited for here, and not within the next claim
        took = self.clock.monotonic() - self._claiming
        if took > self.lease.most:
            await self.clock.sleep(STALE_AFTER + self.lease.most)  # a rival whose id was overwritten looks, and stops
            await self._unclaim(before)
            raise Stop(
                Exit.UNAVAILABLE,
                f"The stack could not be taken: reading and writing its anchor took {took:.1f} s, and more than "
                f"{self.lease.most:g} s leave room for another run.",
                "The service is slow just now. Nothing else was written; run the same command again.",
            )
        await self.clock.sleep(self.lease.pause)
        await self._read_back()

    async def _claim(self, plan: str, kinds: Iterable[str]) -> Anchor:
        """Write the run's id into an anchor that nobody has; what stood there before."""
        began = self.clock.monotonic()
        current = await self._read()
        if self._held_by_another(current):
            age = max(0, int(self._server_time - current.beat))
            raise Stop(
                Exit.LOCKED,
                f"Another run ({current.run}) has this stack; its last sign of life is {age} s old.",
                f"Wait for it (--lock-timeout 11m): if it died, it is taken over {TAKEOVER} s after that sign. "
                "If you know that it died: `reconciler unlock`.",
            )
        inventory = self.anchor.inventory
        if current.busy and current.run == self.run_id:  # an attempt whose answer was lost, and so was every look at it
            self.anchor = current
        else:
            if _run_state(current) != _run_state(self.anchor):
                raise Stop(Exit.STALE, "Another run applied something since this plan was made.", "Plan again.")
            self._found = current
            everything = tuple(sorted({*current.kinds, *kinds}))
            self.anchor = replace(current, busy=True, run=self.run_id, plan=plan, kinds=everything)
            self._claiming = began
            await self._write()
        # The inventory goes with the next write: on some servers there is no room for it, and the claim must not fail.
        self.anchor = replace(self.anchor, inventory=inventory)
        self._taken = True
        return self._found

    async def _read_back(self) -> None:
        """Raise Stop unless the stack is still ours after the pause: of two runs that wrote, the later one has it."""
        async with self._lock:
            began = self.clock.monotonic()
            current = await self._read()
            self._seen = began
        if _run_state(current) == _run_state(self._found):
            raise self.forgetful()
        if current.run != self.run_id:
            raise Stop(Exit.LOCKED, "Another run took this stack at the same moment.", "Run again when it has ended.")

    async def _unclaim(self, before: Anchor) -> None:
        """Put back what stood there before this run wrote its id, unless another run has written since."""
        self.anchor = replace(before, ids=self.anchor.ids)
        with suppress(Stop):
            await self._write(beat=before.beat)

    async def confirm(self, *, at_once: bool = False) -> None:
        """Look whether the stack is still ours, unless that was seen a moment ago; raises Stop when it is not."""
        if self.lost is None and self.clock.monotonic() - self._shown_alive > SILENCE:
            await self._write()
        elif self.lost is None and (at_once or self.clock.monotonic() - self._seen > STALE_AFTER):
            async with self._lock:
                await self._read_ours()
        if self.lost is not None:
            raise self.lost

    @asynccontextmanager
    async def journalled(self, files: Sequence[str]) -> AsyncIterator[None]:
        """Name Files that are about to be deleted (they fit: see `journal_chunks`); inside, they are deleted.

        One group at a time. What was not deleted when the block ends with an error stays in the journal, and what an
        earlier group left there stays as far as there is room. A write to the anchor that was lost, and that may still
        arrive, would undo the journal: it is waited for.
        """
        if not files:
            yield
            return
        async with self._journal:
            await self.clock.sleep(max(0.0, self.doubt - self.clock.monotonic()))
            left = tuple(file_id for file_id in self.anchor.journal if file_id not in files)
            self.anchor = replace(self.anchor, journal=tuple(journal_chunks([*files, *left])[0]))
            await self._write()
            yield
            now = [file_id for file_id in self.anchor.journal if file_id not in files]
            self.anchor = replace(self.anchor, journal=())
            self.remember(list(dict.fromkeys([*now, *left])))

    def remember(self, files: Sequence[str]) -> None:
        """Name Files that may be in use or not, as far as there is room: the next run finds out; written later."""
        if files:
            self.anchor = replace(self.anchor, journal=tuple(journal_chunks([*self.anchor.journal, *files])[0]))

    def keep_journal(self, files: Sequence[str]) -> None:
        """Of what the journal names, only these Files are still in question; written with the next write."""
        self.anchor = replace(self.anchor, journal=tuple(files))

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
        """Show signs of life until another run has the stack. One that cannot be shown is made up for by the next."""
        while self.lost is None:
            await self.clock.sleep(BEAT)
            with suppress(Failure, Stop):
                await self._write()

    async def still(self, beat: asyncio.Task[None]) -> None:
        """End the signs of life between two writes: one that is cut off could arrive after the anchor's last state."""
        async with self._lock:
            beat.cancel()

    async def give_back(self, *, clean: bool, in_doubt: bool = False, as_found: bool = False) -> None:
        """End the run. The serial grows only when it ended clean; else the anchor stays busy, held by nobody.

        `in_doubt`: something may still happen that this run asked for, so the next one waits for it. `as_found`: this
        run did not repair what an earlier one left; if that ended unclean, the anchor still says so.
        """
        beat = None if in_doubt else 0
        if clean and as_found and self._found.busy:
            self.anchor = replace(self.anchor, run="", plan=self._found.plan)
            beat = self._found.beat
        elif clean:
            self.anchor = replace(self.anchor, busy=False, run="", plan="", serial=self.anchor.serial + 1)
        else:
            self.anchor = replace(self.anchor, run="")
        self._parting = True
        sent: Anchor | None = None
        for pause in (*GIVE_BACK_PAUSES, None):
            try:
                if sent is None or _run_state(await self._read()) != _run_state(sent):
                    await self._write(beat=beat)
            except Failure as failure:
                if failure.sort is Sort.REFUSED and not failure.ambiguous and not failure.call.reads:
                    await self._let_go(beat)
                    raise
                wait = failure.retry_after or 0.0
                if pause is None or wait > LONGEST_WAIT or failure.sort in _HOPELESS:
                    raise
                sent = self.anchor
                await self.clock.sleep(max(wait + 1, pause))
            else:
                return

    async def _let_go(self, beat: int | None) -> None:
        """The record is refused as it is: give back the one that the server has, as after an unclean run."""
        async with self._lock:
            current = await self._read_ours()
        self.anchor = replace(current, run="")
        await self._write(beat=beat)

    def calm(self, settle: float) -> float:
        """Seconds until nothing of an earlier, unclean run can happen any more; negative when that is past.

        A run that gave the stack back did so after its last request; one that died may have sent some after its last
        sign of life. After a clean run there is nothing to wait for: minus infinity.
        """
        if not self._found.busy or not self._found.beat:
            return -math.inf
        window = settle + (SILENCE if self._found.run else 0.0)
        return min(window, self._found.beat + window - self._server_time)

    async def save(self) -> None:
        """Write the record as it is now, while the run goes on."""
        await self._write()

    async def reopen(self, *, in_doubt: bool) -> None:
        """Say that the run, which gave the stack back, did not end clean after all; unless another one has begun."""
        current = await self._read()
        if current.busy or _run_state(current) != _run_state(self.anchor):
            return
        self._taken, self._found = False, current
        self.anchor = replace(self.anchor, busy=True, serial=self.anchor.serial - 1)
        await self._write(beat=None if in_doubt else 0)

    def forgetful(self) -> Stop:
        """The end of a run on a server that says yes to the anchor's updates and keeps none."""
        return Stop(
            Exit.UNAVAILABLE,
            f"The anchor {self.anchor.ids[0]} does not keep what is written into its metadata.",
            "This server acknowledges updates and does not store them; nothing can be managed on it.",
        )

    def _held_by_another(self, current: Anchor) -> bool:
        alive = abs(self._server_time - current.beat) < TAKEOVER
        held = current.busy and current.run not in {"", self.run_id} and alive
        return held and not self.liveness.died(current.run)

    async def remove(self) -> None:
        """Delete the anchor itself: the last thing that destroy does. Its first part says until the end what it is."""
        if len(self.anchor.ids) > 1:
            self.anchor = replace(self.anchor, inventory=(), holds={}, journal=())
            await self._write()
        else:
            async with self._lock:
                await self._read_ours()
        for store in reversed(self.anchor.ids):
            await self._delete_part(store)

    # --- reading and writing ---

    async def _create(self, plan: str, kinds: Iterable[str], lineage: str) -> None:
        self.anchor = replace(
            self.anchor,
            lineage=lineage,
            busy=True,
            run=self.run_id,
            plan=plan,
            kinds=tuple(sorted(set(kinds))),
            beat=self._now(),
        )
        for metadata in anchors.encode(self.anchor):
            store = await self._create_part(metadata)
            self.anchor = replace(self.anchor, ids=(*self.anchor.ids, store))
        self.created = self._taken = True
        await self._refuse_rivals()
        self._seen = self._shown_alive = self.clock.monotonic()

    async def _create_part(self, metadata: Mapping[str, str]) -> str:
        """Make a store for a part of the record; when the answer was lost it is looked for, and then sent again.

        No other request carries the lineage or the address of the part; an earlier attempt that arrives after all is a
        twin of the part, see `_refuse_rivals`.
        """
        for _ in range(ATTEMPTS):
            store = await self._try_part(metadata)
            if store is not None:
                return store
        raise Stop(
            Exit.INCOMPLETE,
            "The stack's anchor may or may not have been created.",
            "Nothing else was written. Run the same command again in a minute.",
        )

    async def _try_part(self, metadata: Mapping[str, str]) -> str | None:
        """The id of the new part; None when it is not seen within the settle window."""
        body = {"name": f"reconciler anchor {self.owner}", "metadata": dict(metadata)}
        try:
            reply = await self.account.send(
                Call("POST", ANCHOR_COLLECTION, json=body, beta=ANCHOR_BETA, once=True, urgent=True)
            )
        except Failure as failure:
            if not failure.ambiguous:
                raise
        else:
            if self._echoes(reply.data, metadata):
                self._note_time(reply)
                return str(reply.data["id"])
        looks = Looks(self.clock, self.settle)
        while True:
            for store in await self._listed():
                if self._echoes(store, metadata):
                    return str(store["id"])
            if not await looks.again():
                return None

    async def _listed(self) -> list[dict[str, Any]]:
        """All vector stores, in both orders: one of them may not show what was just made."""
        found: dict[str, dict[str, Any]] = {}
        for order in ("desc", "asc"):
            for store in await list_all(self.account, ANCHOR_COLLECTION, order=order, beta=ANCHOR_BETA):
                found[store["id"]] = store
        return list(found.values())

    def _echoes(self, raw: Mapping[str, Any], metadata: Mapping[str, str]) -> bool:
        live = raw.get("metadata")
        if not isinstance(live, Mapping) or not ID_PATTERN.match(str(raw.get("id"))):
            return False
        return all(live.get(key) == value for key, value in metadata.items() if key.startswith(PREFIX))

    async def _refuse_rivals(self) -> None:
        """Two first applies at once: the older anchor wins, and the younger run removes its own and stops.

        Lists show objects in the order in which they were made: once ours is shown, every older one is. Of two in the
        same second whoever sees the other stops: the other may have looked before this one was there. A twin, which
        a proxy made that sent the request twice, carries this run's own lineage and goes.
        """
        looks = Looks(self.clock, self.settle)
        while await self._rivals() is None:
            if not await looks.again():
                with suppress(Failure, Stop):
                    await self.remove()
                raise Stop(
                    Exit.INCOMPLETE,
                    f"The stack's anchor {self.anchor.ids[0]} was created, but the list of vector stores does not show "
                    f"it after {int(self.settle)} s; it was deleted again.",
                    "Nothing else was written. Run the same command again later, or wait longer (--settle).",
                )
        await self.clock.sleep(self.lease.pause)
        if await self._rivals() != []:
            await self.remove()
            raise Stop(Exit.LOCKED, "Another first apply of this stack is under way.", "Run again when it has ended.")

    async def _rivals(self) -> list[str] | None:
        """The anchors of rivals that are not younger than ours; None as long as the lists do not show ours."""
        stores = await self._listed()
        for twin in [store for store in stores if self._is_twin(store)]:
            await self._delete_part(twin["id"])
            stores.remove(twin)
        mine = next((store for store in stores if store["id"] == self.anchor.ids[0]), None)
        if mine is None:
            return None
        return [
            store["id"]
            for store in stores
            if store["id"] not in self.anchor.ids
            and anchors.is_part(store.get("metadata"), self.owner) == 1
            and created_at(store) <= created_at(mine)
        ]

    def _is_twin(self, store: Mapping[str, Any]) -> bool:
        """Whether a store is a first part of this run's own record, and not the one that it keeps."""
        if store["id"] in self.anchor.ids or anchors.is_part(store.get("metadata"), self.owner) != 1:
            return False
        record = anchors.decode(self.owner, [store])
        return record is not None and (record.lineage, record.run) == (self.anchor.lineage, self.run_id)

    async def _read_ours(self) -> Anchor:
        """The record as it is now; from here on `lost`, and raises Stop, when another run has it or it is gone."""
        began = self.clock.monotonic()
        try:
            current = await self._read()
        except Stop as stop:
            self.lost = stop
            raise
        if self._taken and current.run != self.run_id:
            who = f"Another run ({current.run})" if current.run else "Another run"
            self.lost = Stop(Exit.LOCKED, f"{who} took this stack over.", "Nothing more was written. Plan again.")
            raise self.lost
        self._seen = began
        return current

    async def _read(self) -> Anchor:
        """The record as it is now; raises Stop when it is no longer ours to write."""
        stores = [await self._read_part(number, store) for number, store in enumerate(self.anchor.ids, 1)]
        current = anchors.decode(self.owner, stores)
        if current is None or current.lineage != self.anchor.lineage:
            raise Stop(Exit.STALE, f"The anchor {self.anchor.ids[0]} changed hands.", "Plan again.")
        return current

    async def _read_part(self, number: int, store: str) -> Mapping[str, Any]:
        try:
            reply = await self.account.send(self._urgent("GET", store))
        except Failure as failure:
            if is_missing(failure):
                raise Stop(Exit.STALE, f"The anchor {store} disappeared.", "Plan again.") from failure
            raise
        self._note_time(reply)
        part = anchors.is_part(reply.data.get("metadata"), self.owner)
        if part is None or (part == 1) != (number == 1) or reply.data.get("id") != store:
            raise Stop(Exit.STALE, f"{store} is no longer the anchor of {self.owner}.", "Plan again.")
        self._live[store] = reply.data
        return reply.data

    async def _write(self, *, beat: int | None = None) -> None:
        """Write the whole record, with a sign of life from now unless `beat` says otherwise.

        Parts that follow come before the first: what it says of their number is true after every single write.
        """
        async with self._lock:
            current = await self._read_ours()
            if not self._taken and _run_state(current) != _run_state(self._found):
                raise Stop(Exit.LOCKED, "Another run took this stack at the same moment.", "Wait for it.")
            self.anchor = replace(self.anchor, beat=self._now() if beat is None else beat)
            foreign = [len(user_pairs(self._live[store].get("metadata"))) for store in self.anchor.ids]
            parts = anchors.encode(self.anchor, foreign)
            for metadata in parts[len(self.anchor.ids) :]:
                store = await self._create_part(metadata)
                self.anchor = replace(self.anchor, ids=(*self.anchor.ids, store))
                self._live[store] = {"metadata": metadata}
            for store, metadata in reversed(list(zip(self.anchor.ids, parts, strict=False))):
                await self._update_part(store, metadata)
            for number, store in enumerate(self.anchor.ids[len(parts) :], len(parts) + 1):
                await self._update_part(store, {STACK: parts[0][STACK], ADDRESS: f"{anchors.KIND}/{number}"})
            self._shown_alive = self.clock.monotonic()

    async def _update_part(self, store: str, metadata: Mapping[str, str]) -> None:
        for last in (*[False] * (ATTEMPTS - 1), True):
            live = self._live[store].get("metadata")
            live = live if isinstance(live, Mapping) else {}
            keys = {key for key in {*live, *metadata} if key.startswith(PREFIX)}
            if all((live.get(key) or "") == metadata.get(key, "") for key in keys):
                return
            emptied = dict.fromkeys((key for key in sorted(keys) if key not in metadata), "")  # servers that merge
            body = {"metadata": {**user_pairs(live), **emptied, **metadata}}
            try:
                self._live[store] = (await self.account.send(self._urgent("POST", store, body))).data
            except Failure as failure:
                if not failure.ambiguous and self._taken and not last and passes(failure):
                    await self.clock.sleep(FIRST_LOOK)
                    await self._read_ours()
                    continue
                if not failure.ambiguous:
                    raise
                earlier, self.doubt = self.doubt, self.clock.monotonic() + self.settle
                if await self._arrived(store, live, metadata):
                    self.doubt = earlier
            else:
                return
        raise Stop(Exit.INCOMPLETE, f"No write to {store} got through.", "Run the same command again.")

    async def _arrived(self, store: str, before: Mapping[str, Any], target: Mapping[str, str]) -> bool:
        """Whether a write whose answer was lost is seen; raises Stop when neither it nor what was there before is."""
        self._live[store] = (await self.account.send(self._urgent("GET", store))).data
        now = _ours(self._live[store].get("metadata"))
        if now not in (_ours(before), _ours(target)):
            self.lost = Stop(Exit.LOCKED, "Another run wrote to the anchor meanwhile.", "Nothing more was written.")
            raise self.lost
        return now == _ours(target)

    def _urgent(self, method: str, store: str, body: Json = None) -> Call:
        """A call about a part of the record. Those that give the stack back leave even if nothing else may."""
        path = f"{ANCHOR_COLLECTION}/{store}"
        once = method != "GET"  # what was refused as too early is not sent again before another look
        return Call(method, path, json=body, beta=ANCHOR_BETA, once=once, urgent=True, parting=self._parting)

    async def _delete_part(self, store: str) -> None:
        """A deletion may be sent again: what is gone answers 404."""
        for attempt in range(ATTEMPTS):
            try:
                await self.account.send(Call("DELETE", f"{ANCHOR_COLLECTION}/{store}", beta=ANCHOR_BETA))
            except Failure as failure:
                if is_missing(failure):
                    return
                if not failure.ambiguous or attempt == ATTEMPTS - 1:
                    raise
            else:
                return

    def _note_time(self, reply: Reply) -> None:
        self._server_time = reply.date if reply.date is not None else self.clock.now()

    def _now(self) -> int:
        return int(max(self._server_time, 0) or self.clock.now())


@dataclass(frozen=True, slots=True)
class Leased:
    """The account as the steps of a run have it: no write leaves once another run has the stack."""

    account: Account
    keeper: Keeper

    async def send(self, call: Call) -> Reply:
        """Send one call; raises Stop instead of a write that is no longer ours to make."""
        if call.reads:
            return await self.account.send(call)
        await self.keeper.confirm()

        async def guard() -> None:
            if call.guard is not None:
                await call.guard()
            await self.keeper.confirm()

        return await self.account.send(replace(call, guard=guard))


def _ours(metadata: object) -> dict[str, str]:
    """The pairs of a part that are the record's; one that was emptied is as good as gone."""
    pairs = metadata if isinstance(metadata, Mapping) else {}
    return {key: str(value) for key, value in pairs.items() if key.startswith(PREFIX) and value}


def _run_state(anchor: Anchor) -> tuple[object, ...]:
    """What tells whether another run did something."""
    return (anchor.serial, anchor.busy, anchor.run, anchor.plan, anchor.beat)
