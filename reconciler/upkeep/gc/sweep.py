"""Deleting orphans: under the lease, one after the other, each reported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.account.failures import stop_for
from reconciler.account.port import Failure
from reconciler.apply.limits import GRACE
from reconciler.apply.requests.refusals import is_fatal
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.session import Session
from reconciler.model.errors import Exit, Stop
from reconciler.model.events import Event
from reconciler.model.json import Json
from reconciler.ownership.anchor import Anchor
from reconciler.ownership.lease import Ended, Lease, Leased
from reconciler.ownership.ledger import Ledger
from reconciler.ownership.record import Record
from reconciler.ownership.stores import Stores
from reconciler.ownership.taking import take
from reconciler.upkeep.gc.deleting import Deleting, NotDeleted, Result
from reconciler.upkeep.gc.find import find_orphans
from reconciler.upkeep.gc.orphans import Group, Orphan, Orphans

ENDED = frozenset({Result.DELETED, Result.GONE})


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended for one orphan; `detail` says why it was not deleted. Server text in it is not yet escaped."""

    orphan: Orphan
    result: Result
    detail: str = ""

    def to_json(self) -> dict[str, Json]:
        """What `gc --delete` prints of it."""
        return {**self.orphan.to_json(), "outcome": self.result.value, "detail": self.detail or None}


@dataclass(slots=True)
class Swept:
    """How a sweep ended; filled in as it goes, so that it tells the truth after an error too."""

    endings: list[Ending] = field(default_factory=list)
    exit: Exit = Exit.DONE
    notes: list[str] = field(default_factory=list)

    def stop(self, code: Exit) -> None:
        """The first reason to stop is the one that is told; before it, only that something is left to do."""
        if self.exit in {Exit.DONE, Exit.INCOMPLETE}:
            self.exit = code


Tell = Callable[[Ending], None]


async def sweep(
    session: Session,
    shown: Orphans,
    chosen: Sequence[Orphan],
    *,
    swept: Swept,
    tell: Tell,
    interrupt: asyncio.Event | None = None,
) -> None:
    """Delete orphans that were shown, as far as they still are; how it went is left in `swept`.

    Raises Stop when the stack cannot be had; nothing has been written then.
    """
    if shown.anchor is None:
        raise Stop(
            Exit.REFUSED,
            "This stack has nothing in the account, so there is no lease to take while something is deleted.",
            "Nothing was deleted. Apply the stack first.",
        )
    run_id = session.hex(8)
    try:
        with session.liveness.held(run_id):
            lease = await _take(session, run_id, replace(shown.anchor, inventory=shown.found.inventory))
            sweeping = _Sweep(session, lease, chosen, swept, tell, interrupt or asyncio.Event())
            try:
                async with lease.heartbeat():
                    await sweeping.run()
            finally:
                await sweeping.release()
    except Failure as failure:
        raise stop_for(failure) from failure


async def _take(session: Session, run_id: str, anchor: Anchor) -> Lease:
    """The lease; after an unclean run the record goes on naming that one's plan, which nobody else carried out."""
    stores = Stores(session.account, session.clock, session.scope().owner, settle=session.settle)
    return await take(
        Record(stores, anchor),
        run_id,
        plan=anchor.plan if anchor.busy else "",
        kinds=(),
        lineage=anchor.lineage,
        timing=session.timing,
        liveness=session.liveness,
    )


@dataclass(frozen=True, slots=True)
class _Sweep:
    session: Session
    lease: Lease
    chosen: Sequence[Orphan]
    swept: Swept
    tell: Tell
    interrupt: asyncio.Event

    async def run(self) -> None:
        await self._settle()
        fresh = await find_orphans(self.session, {item.group for item in self.chosen})
        ledger, record = Ledger(self.lease), self.lease.record
        ledger.journal.keep([file_id for file_id in ledger.journal.files if file_id not in fresh.gone])
        record.anchor = replace(record.anchor, inventory=fresh.found.inventory)
        run = Run(
            Leased(self.session.account, self.lease),
            self.session.clock,
            record.stores.owner,
            self.lease.run_id,
            ledger,
            lambda document: self.session.loaded.tree.open(document.file),
            _say_nothing,
            settle=self.session.settle,
        )
        deleting, found = Deleting(run, fresh), {item.key: item for item in fresh.items}
        for orphan in self.chosen:
            why = self._why_stop()
            if why:
                self._end(orphan, Result.SKIPPED, why)
            else:
                await self._one(deleting, orphan, found.get(orphan.key))

    async def release(self) -> None:
        """End the lease, once no write to the anchor that seemed lost can arrive any more and undo that."""
        if not self.interrupt.is_set():
            await self.lease.record.stores.settled()
        in_doubt = any(item.result is Result.IN_DOUBT for item in self.swept.endings)
        try:
            await self.lease.release(Ended.IN_DOUBT if in_doubt else Ended.AS_FOUND)
        except (Failure, Stop) as error:
            stop = stop_for(error) if isinstance(error, Failure) else error
            self.swept.stop(stop.code)
            self.swept.notes.append(f"The stack could not be given back: {stop.summary} {stop.detail}".strip())

    async def _settle(self) -> None:
        """What an interrupted run left under way may still confirm an object: wait until it cannot any more."""
        seconds = self.lease.seconds_to_settle()
        if seconds > 0:
            waited = f"waited {int(seconds) + 1} s for what it may have left under way"
            self.swept.notes.append(f"The last run was interrupted; {waited}.")
            await self.session.clock.sleep(seconds)

    def _why_stop(self) -> str:
        """Why nothing more is to be begun; empty as long as something is."""
        if self.interrupt.is_set():
            self.swept.stop(Exit.INTERRUPTED)
            return "interrupted"
        if self.session.deadline is not None and self.session.clock.monotonic() >= self.session.deadline:
            self.swept.stop(Exit.UNAVAILABLE)
            return "the time for this run is over"
        return "" if self.swept.exit in {Exit.DONE, Exit.INCOMPLETE} else "the run stopped"

    async def _one(self, deleting: Deleting, orphan: Orphan, now: Orphan | None) -> None:
        if now is None:
            if orphan.group is Group.JOURNAL and orphan.id in deleting.found.gone:
                self._end(orphan, Result.GONE)
            else:
                self._end(orphan, Result.LEFT, "it is not there any more, or something uses it now")
            return
        try:
            await self._within_grace(deleting.delete(now))
        except NotDeleted as ended:
            self._end(orphan, ended.result, ended.detail)
        except StepFailed as failed:
            self._end(orphan, Result.IN_DOUBT if failed.in_doubt else Result.FAILED, failed.summary)
        except Failure as failure:
            if is_fatal(failure):
                self.swept.stop(stop_for(failure).code)
            self._end(orphan, Result.IN_DOUBT if failure.ambiguous else Result.FAILED, failure.summary)
        except Stop as stop:
            self.swept.stop(stop.code)
            self._end(orphan, Result.FAILED, stop.summary)
        else:
            self._end(orphan, Result.DELETED)

    async def _within_grace(self, doing: Coroutine[Any, Any, None]) -> None:
        """To its end; after an interrupt within some seconds, or it stays in doubt."""
        task = asyncio.ensure_future(doing)
        interrupted = asyncio.ensure_future(self.interrupt.wait())
        try:
            await asyncio.wait([task, interrupted], return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await asyncio.wait([task], timeout=GRACE)
            if not task.done():
                raise StepFailed("interrupted while a request was under way", in_doubt=True)
            task.result()
        finally:
            interrupted.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait([task])

    def _end(self, orphan: Orphan, result: Result, detail: str = "") -> None:
        if result not in ENDED and self.swept.exit is Exit.DONE:
            self.swept.exit = Exit.INCOMPLETE
        ending = Ending(orphan, result, detail)
        self.swept.endings.append(ending)
        self.tell(ending)


def _say_nothing(_: Event) -> None:
    """Deleting tells its own story."""
