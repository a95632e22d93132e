"""Having a stack: no write leaves without the certainty, a few seconds old, that no other run has it.

The lease stands in the stack's record: who has it, and the server's time of the last sign of life. It is advisory: the
pipeline's own concurrency group is the lock, the lease detects the rest. It is taken in `taking`; from then on a run
confirms it before each write, shows signs of life, and releases it, saying how it ended.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from reconciler.account.port import Account, Call, Failure, FailureKind, Reply
from reconciler.model.errors import Exit, Stop
from reconciler.ownership.anchor import Anchor
from reconciler.ownership.record import Record, run_state

HEARTBEAT = 20.0
"""Seconds between two signs of life."""
SILENCE = 1.5 * HEARTBEAT
"""No write leaves a run whose last sign of life is older, in seconds: it shows a new one first."""
STALE_AFTER = 5.0
"""Seconds after which a write is preceded by a look whether the stack is still ours."""
LONGEST_WAIT = 60.0
"""The longest wait that the service may ask for before the lease is released, in seconds."""
RELEASE_PAUSES = (1.0, 3.0)
"""Seconds between attempts to release the lease: if none succeeds, others are locked out until the takeover."""
NOBODY = Anchor("", "")
"""What a first apply found: no record, so no earlier run either."""

_HOPELESS = frozenset({FailureKind.AUTHENTICATION, FailureKind.PERMISSION, FailureKind.QUOTA})


class Ended(Enum):
    """How a run ended, as far as the next one has to know."""

    CLEAN = auto()
    """All is as the manifests say; the serial grows."""
    AS_FOUND = auto()
    """Clean, and what an earlier run left was not repaired: if that one ended unclean, the record goes on saying so."""
    UNCLEAN = auto()
    """Something is half done, and nothing that this run asked for can happen any more."""
    IN_DOUBT = auto()
    """Something may still happen that this run asked for: the next one waits for it."""


@dataclass(slots=True)
class Lease:
    """A stack that this run has; one writer at a time. `found` is the record as it was before the run took it."""

    record: Record
    run_id: str
    found: Anchor = NOBODY
    lost: Stop | None = None
    """Why this run must not write any more."""
    seen: float = 0.0
    """When (monotonic) the last look began that showed this run to have the stack."""
    shown_alive: float = 0.0
    """When (monotonic) this run last showed a sign of life."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def confirm(self, *, at_once: bool = False) -> None:
        """Look whether the stack is still ours, unless that was seen a moment ago; raises Stop when it is not."""
        now = self.record.stores.clock.monotonic()
        if self.lost is None and now - self.shown_alive > SILENCE:
            await self.save()
        elif self.lost is None and (at_once or now - self.seen > STALE_AFTER):
            await self.look()
        if self.lost is not None:
            raise self.lost

    async def look(self) -> Anchor:
        """The record as it is now; raises Stop when the stack is not ours any more."""
        async with self._lock:
            return await self._read()

    async def save(self, *, beat: int | None = None) -> None:
        """Write the record as it is to be, with a sign of life from now unless `beat` says otherwise."""
        async with self._lock:
            await self._read()
            try:
                await self.record.write(beat=beat, again=self._read)
            except Stop as stop:
                if stop.code is Exit.LOCKED:
                    self.lost = stop
                raise
            self.shown_alive = self.record.stores.clock.monotonic()

    @asynccontextmanager
    async def heartbeat(self) -> AsyncIterator[None]:
        """Inside, signs of life are shown.

        They end between two writes: one that is cut off could arrive after the record's last state, and undo it.
        """
        beating = asyncio.ensure_future(self._beat())
        try:
            yield
        finally:
            async with self._lock:
                beating.cancel()

    async def _beat(self) -> None:
        """Until another run has the stack. A sign that cannot be shown is made up for by the next."""
        while self.lost is None:
            await self.record.stores.clock.sleep(HEARTBEAT)
            with suppress(Failure, Stop):
                await self.save()

    def seconds_to_settle(self) -> float:
        """Until nothing of an earlier, unclean run can happen any more; negative when that is past.

        A run that released its lease did so after its last request; one that died may have sent some after its last
        sign of life. After a clean run there is nothing to wait for: minus infinity.
        """
        if not self.found.busy or not self.found.beat:
            return -math.inf
        window = self.record.stores.settle + (SILENCE if self.found.run else 0.0)
        return min(window, self.found.beat + window - self.record.stores.server_time)

    async def release(self, ended: Ended) -> None:
        """Give the stack back. If the process dies before, others wait for the takeover, and then settle as after it.

        Of an answer that was lost it is looked whether the write arrived: a second one would undo the next run's claim.
        """
        record, beat = self.record, self._note_ending(ended)
        record.stores.parting = True
        sent: Anchor | None = None
        for pause in (*RELEASE_PAUSES, None):
            try:
                if sent is None or run_state(await record.read()) != run_state(sent):
                    await self.save(beat=beat)
            except Failure as failure:
                if failure.kind is FailureKind.REFUSED and not failure.ambiguous and not failure.call.reads:
                    await self._release_as_stored(beat)
                    raise
                wait = failure.retry_after or 0.0
                if pause is None or wait > LONGEST_WAIT or failure.kind in _HOPELESS:
                    raise
                sent = record.anchor
                await record.stores.clock.sleep(max(wait + 1, pause))
            else:
                return

    def _note_ending(self, ended: Ended) -> int | None:
        """Put into the record how the run ended; the sign of life that goes with it (None: now, 0: none)."""
        anchor = self.record.anchor
        if ended is Ended.AS_FOUND and self.found.busy:
            self.record.anchor = replace(anchor, run="", plan=self.found.plan)
            return self.found.beat
        if ended in {Ended.CLEAN, Ended.AS_FOUND}:
            self.record.anchor = replace(anchor, busy=False, run="", plan="", serial=anchor.serial + 1)
        else:
            self.record.anchor = replace(anchor, run="")
        return None if ended is Ended.IN_DOUBT else 0

    async def _release_as_stored(self, beat: int | None) -> None:
        """The record is refused as it is: release with the one that the server has, as after an unclean run."""
        self.record.anchor = replace(await self.look(), run="")
        await self.save(beat=beat)

    async def reopen(self, *, in_doubt: bool) -> None:
        """Say that the run, which released its lease, did not end clean after all; unless another one has begun."""
        current = await self.record.read()
        if current.busy or run_state(current) != run_state(self.record.anchor):
            return
        self.record.anchor = replace(self.record.anchor, busy=True, serial=self.record.anchor.serial - 1)
        await self.record.write_over(current, beat=None if in_doubt else 0)

    async def remove(self) -> None:
        """Delete the record itself: the last thing that destroy does.

        If the process dies meanwhile, the first part is still there: busy, without an inventory, and one part in all
        of which none is missing. The next destroy takes it over and deletes it.
        """
        if len(self.record.anchor.ids) > 1:
            self.record.anchor = replace(self.record.anchor, inventory=(), holds={}, journal=())
            await self.save()
        else:
            await self.look()
        await self.record.delete()

    async def _read(self) -> Anchor:
        """The record as it is now; from here on `lost`, and raises Stop, when another run has it or it is gone."""
        began = self.record.stores.clock.monotonic()
        try:
            current = await self.record.read()
        except Stop as stop:
            self.lost = stop
            raise
        if current.run != self.run_id:
            who = f"Another run ({current.run})" if current.run else "Another run"
            self.lost = Stop(Exit.LOCKED, f"{who} took this stack over.", "Nothing more was written. Plan again.")
            raise self.lost
        self.seen = began
        return current


@dataclass(frozen=True, slots=True)
class Leased:
    """The account as the steps of a run have it: no write leaves once another run has the stack."""

    account: Account
    lease: Lease

    async def send(self, call: Call) -> Reply:
        """Send one call; raises Stop instead of a write that is no longer ours to make."""
        if call.reads:
            return await self.account.send(call)
        await self.lease.confirm()

        async def guard() -> None:
            # It may have queued for longer than a rival needs: once it has left, nothing calls it back.
            if call.guard is not None:
                await call.guard()
            await self.lease.confirm()

        return await self.account.send(replace(call, guard=guard))
