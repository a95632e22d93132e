"""Taking a stack, without a compare-and-swap: read the record, write the run's id, wait, read it back.

A run that needed longer than `most` from its read to the end of its write gives up, so no rival that saw the stack free
can still write after the pause: `pause` has to be longer than `most`. A busy record whose run died is taken over.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from reconciler.account.limiter import passes
from reconciler.account.looks import Looks
from reconciler.account.port import Failure
from reconciler.model.errors import Exit, Stop
from reconciler.ownership.anchor import Anchor
from reconciler.ownership.lease import STALE_AFTER, Lease
from reconciler.ownership.liveness import Liveness
from reconciler.ownership.record import Record, run_state
from reconciler.ownership.stores import ATTEMPTS, FIRST_LOOK

TAKEOVER = 600
"""Seconds without a sign of life after which a busy anchor may be taken over."""


@dataclass(frozen=True, slots=True)
class Timing:
    """All runs of a stack have to use the same. In seconds."""

    pause: float = 3.0
    most: float = 2.0


SERVICE = Timing()
"""For accounts behind a network."""
EMBEDDED = Timing(pause=1.0, most=0.8)
"""For the account on this machine, where two requests take milliseconds."""


async def take(
    record: Record,
    run_id: str,
    *,
    plan: str,
    kinds: Iterable[str],
    lineage: str,
    timing: Timing,
    liveness: Liveness,
) -> Lease:
    """Mark the stack as busy with this run, or raise Stop when another run has it.

    If the process dies after the write, the stack is busy with a run that shows no sign of life: others wait for the
    takeover, and take it for an unclean run although it did nothing.
    """
    if not record.anchor.ids:
        everything = tuple(sorted(set(kinds)))
        record.anchor = replace(record.anchor, lineage=lineage, busy=True, run=run_id, plan=plan, kinds=everything)
        return await _take_first(record, timing)
    clock = record.stores.clock
    lease = Lease(record, run_id)
    claim = _Claim(lease, plan, tuple(kinds), liveness)
    await claim.make()
    took = clock.monotonic() - claim.began
    if took > timing.most:
        await clock.sleep(STALE_AFTER + timing.most)  # a rival whose id was overwritten looks, and stops
        await _unclaim(lease)
        raise Stop(
            Exit.UNAVAILABLE,
            f"The stack could not be taken: reading and writing its anchor took {took:.1f} s, and more than "
            f"{timing.most:g} s leave room for another run.",
            "The service is slow just now. Nothing else was written; run the same command again.",
        )
    await clock.sleep(timing.pause)
    await _read_back(lease)
    return lease


@dataclass(slots=True)
class _Claim:
    """Writing the run's id into a record that nobody has."""

    lease: Lease
    plan: str
    kinds: tuple[str, ...]
    liveness: Liveness
    began: float = 0.0
    """When (monotonic) the look began after which the run's id was written."""

    async def make(self) -> None:
        """Claim the stack. A claim is never sent again unread: another run may have been here meanwhile."""
        record = self.lease.record
        planned = record.anchor
        for last in (*[False] * (ATTEMPTS - 1), True):
            try:
                await self._try()
            except Failure as failure:
                if last or not passes(failure):
                    raise
                record.anchor = planned
                await record.stores.clock.sleep(FIRST_LOOK)
                with suppress(Failure, Stop):
                    await record.read()  # a Retry-After is waited for here, and not within the next claim
            else:
                return

    async def _try(self) -> None:
        lease, record, clock = self.lease, self.lease.record, self.lease.record.stores.clock
        began = clock.monotonic()
        current = await record.read()
        if _held_by_another(lease, current, self.liveness):
            raise _locked(record, current)
        inventory = record.anchor.inventory
        if current.busy and current.run == lease.run_id:  # the answer to an attempt was lost, and so was every look
            record.anchor = current
        else:
            if run_state(current) != run_state(record.anchor):
                raise Stop(Exit.STALE, "Another run applied something since this plan was made.", "Plan again.")
            everything = tuple(sorted({*current.kinds, *self.kinds}))
            record.anchor = replace(current, busy=True, run=lease.run_id, plan=self.plan, kinds=everything)
            lease.found, self.began = current, began
            await record.write_over(current)
            lease.shown_alive = clock.monotonic()
        # The inventory goes with the next write: on some servers there is no room for it, and the claim must not fail.
        record.anchor = replace(record.anchor, inventory=inventory)


def _held_by_another(lease: Lease, current: Anchor, liveness: Liveness) -> bool:
    alive = abs(lease.record.stores.server_time - current.beat) < TAKEOVER
    held = current.busy and current.run not in {"", lease.run_id} and alive
    return held and not liveness.died(current.run)


def _locked(record: Record, current: Anchor) -> Stop:
    age = max(0, int(record.stores.server_time - current.beat))
    return Stop(
        Exit.LOCKED,
        f"Another run ({current.run}) has this stack; its last sign of life is {age} s old.",
        f"Wait for it (--lock-timeout 11m): if it died, it is taken over {TAKEOVER} s after that sign. "
        "If you know that it died: `reconciler unlock`.",
    )


async def _read_back(lease: Lease) -> None:
    """Raise Stop unless the stack is still ours after the pause: of two runs that wrote, the later one has it."""
    began = lease.record.stores.clock.monotonic()
    current = await lease.record.read()
    if run_state(current) == run_state(lease.found):
        raise lease.record.keeps_nothing()
    if current.run != lease.run_id:
        raise Stop(Exit.LOCKED, "Another run took this stack at the same moment.", "Run again when it has ended.")
    lease.seen = began


async def _unclaim(lease: Lease) -> None:
    """Put back what stood there before this run wrote its id, unless another run has written since."""
    lease.record.anchor = replace(lease.found, ids=lease.record.anchor.ids)
    with suppress(Stop):
        await lease.save(beat=lease.found.beat)


# --- the first apply --------------------------------------------------------------------------------------------------


async def _take_first(record: Record, timing: Timing) -> Lease:
    """Make the record, which says from its first moment on that this run has it."""
    await record.create()
    lease = Lease(record, record.anchor.run)
    await _refuse_rivals(lease, timing)
    lease.seen = lease.shown_alive = record.stores.clock.monotonic()
    return lease


async def _refuse_rivals(lease: Lease, timing: Timing) -> None:
    """Two first applies at once: the older anchor wins, and the younger run removes its own and stops.

    Lists show objects in the order in which they were made: once ours is shown, every older one is. Of two in the same
    second whoever sees the other stops: the other may have looked before this one was there.
    """
    record, stores = lease.record, lease.record.stores
    looks = Looks(stores.clock, stores.settle)
    while await record.rivals() is None:
        if not await looks.again():
            with suppress(Failure, Stop):
                await lease.remove()
            raise Stop(
                Exit.INCOMPLETE,
                f"The stack's anchor {record.anchor.ids[0]} was created, but the list of vector stores does not show "
                f"it after {int(stores.settle)} s; it was deleted again.",
                "Nothing else was written. Run the same command again later, or wait longer (--settle).",
            )
    await stores.clock.sleep(timing.pause)
    if await record.rivals() != []:
        await lease.remove()
        raise Stop(Exit.LOCKED, "Another first apply of this stack is under way.", "Run again when it has ended.")
