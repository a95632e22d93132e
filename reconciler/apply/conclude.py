"""The end of a run: wait for what may still happen, release the lease, read the account back.

Only a fresh plan that is empty makes a run a success.
"""

from __future__ import annotations

import itertools
from contextlib import suppress

from reconciler.account.objects import get_object
from reconciler.account.port import Failure
from reconciler.apply.healing import clear_leftovers
from reconciler.apply.job import Job
from reconciler.apply.run import Run
from reconciler.apply.steps.journal import worked_on
from reconciler.kinds import KINDS
from reconciler.model.errors import Exit, Stop
from reconciler.model.events import Event, Outcome
from reconciler.model.plan import Action, Change
from reconciler.ownership.lease import Ended, Lease

LOOK_AGAIN = (1.0, 2.0, 4.0, 8.0)
"""Seconds between further looks at an account that does not show yet what was written."""
LAGGING = frozenset({Action.CREATE, Action.DELETE, Action.REPLACE})
"""Differences that lists make which lag behind: what is missing or still there may be so for the settle window."""
NOT_WRITTEN = "The anchor could not be written"


async def conclude(job: Job, run: Run, lease: Lease) -> None:
    """End a run whose steps have ended, and say in its conclusion how it went."""
    await _settle(job, run, lease)
    conclusion = job.report.conclusion
    if not conclusion.clean:
        await _end_unclean(job, run, lease)
    elif job.options.destroy:
        await _end_destroy(job, run, lease)
    else:
        await _end_clean(job, run, lease)
    if conclusion.interrupted:
        conclusion.exit = Exit.INTERRUPTED


async def _end_unclean(job: Job, run: Run, lease: Lease) -> None:
    conclusion = job.report.conclusion
    in_doubt = job.unsettled or conclusion.interrupted or conclusion.count(Outcome.IN_DOUBT) > 0
    await job.report.guard(NOT_WRITTEN, lease.release(Ended.IN_DOUBT if in_doubt else Ended.UNCLEAN))
    await _settle(job, run, lease)


async def _end_clean(job: Job, run: Run, lease: Lease) -> None:
    """The lease goes before the read-back: it takes long, and a run that dies in it has done all that it was to do."""
    conclusion = job.report.conclusion
    as_found = job.options.again is None or job.options.partial
    await job.report.guard(NOT_WRITTEN, lease.release(Ended.AS_FOUND if as_found else Ended.CLEAN))
    await _settle(job, run, lease)
    if conclusion.exit is Exit.DONE:
        await job.report.guard("The account could not be read back", _read_back(job, run, lease))
    if not as_found and not conclusion.clean:
        # If the process dies here, the record says clean and something differs: the next plan shows it all the same,
        # from the account, but what its tags vouch for is not looked into.
        with suppress(Failure, Stop):
            await lease.reopen(in_doubt=job.unsettled)


async def _end_destroy(job: Job, run: Run, lease: Lease) -> None:
    """The record goes last, and only when nothing is left that it would be needed for."""
    report = job.report
    await report.guard("Leftovers could not be deleted", clear_leftovers(job, run, (), gone=worked_on(job.plan.steps)))
    await report.guard(NOT_WRITTEN, lease.save())
    await report.guard("The account could not be read back", _read_back(job, run, lease))
    if report.conclusion.clean:
        await report.guard("The anchor could not be deleted", lease.remove())
    if not report.conclusion.clean:
        await report.guard(NOT_WRITTEN, lease.release(Ended.UNCLEAN))


async def _settle(job: Job, run: Run, lease: Lease) -> None:
    """Wait until nothing that was asked for twice can arrive once more: the end would not be the end."""
    until = max([*run.doubts.values(), lease.record.stores.in_doubt_until])
    seconds = until - job.clock.monotonic()
    if seconds <= 0 or job.report.conclusion.interrupted or job.unsettled:
        return
    if not job.limits.leaves_room_until(until):
        job.unsettled = True
        job.report.conclusion.worsen(Exit.UNAVAILABLE)
        summary = "The time for this run is over, and requests whose answers were lost may still be executed."
        job.report.warn(f"{summary} The next run waits for them.")
        return
    job.report.warn(
        f"Waiting {int(seconds) + 1} s for requests whose answers were lost, and which may still be executed."
    )
    await job.limits.pause(seconds)


async def _read_back(job: Job, run: Run, lease: Lease) -> None:
    """Exit 0 means that a fresh read equals the manifests."""
    began = job.clock.monotonic()
    shown: dict[str, Change] = {}
    for pause in itertools.chain(LOOK_AGAIN, itertools.repeat(LOOK_AGAIN[-1])):
        late = job.clock.monotonic() + pause > began + run.settle
        try:
            different = await _different(job, run, lease)
            shown |= {change.id: change for change in different if change.action is Action.DELETE and change.id}
            if not different:  # the list of a later look may be an older one
                different = [change for change in shown.values() if await _is_there(run, change)]
        except Stop as stop:
            if late or stop.code not in {Exit.DENIED, Exit.REFUSED}:
                raise
        else:
            lagging = any(change.action in LAGGING or change.files for change in different)
            if not different or late or not (lagging or job.clock.monotonic() < began + sum(LOOK_AGAIN)):
                break
        if await job.limits.pause(pause):
            return
    for change in different:
        _report_difference(job, change)


async def _is_there(run: Run, change: Change) -> bool:
    return await get_object(run.account, KINDS[change.kind], str(change.id)) is not None


def _report_difference(job: Job, change: Change) -> None:
    blocked = change.blocked.summary if change.blocked else ""
    if change.action is Action.CREATE and change.id is not None:
        blocked = "metadata (the server did not keep what confirms it)"
    named = ", ".join(sorted({delta.field for delta in change.fields}))
    fields = blocked or named or change.reason or "documents"
    job.report.conclusion.worsen(Exit.INCOMPLETE)
    summary = f"{change.address} ({KINDS[change.kind].title}) still differs after apply: {fields}"
    event = {"address": str(change.address), "fields": fields, "summary": summary}
    job.report.emit(Event("not_converged", event))


async def _different(job: Job, run: Run, lease: Lease) -> list[Change]:
    fresh = await job.options.check(frozenset(run.changed), lease.record.anchor.ids[0])
    rest, anchor = fresh.plan, fresh.found.anchor
    if anchor is not None and anchor.busy and anchor.run == run.run_id and not job.options.destroy:
        raise lease.record.keeps_nothing()
    touched = {step.address for step in job.plan.steps}
    return [
        change
        for change in rest.changes
        if (change.action is not Action.NONE or change.blocked) and (change.address in touched or not job.plan.rollback)
    ]
