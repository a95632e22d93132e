"""One apply from its beginning to its end: take the stack, settle, heal, walk the plan, conclude."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

from reconciler.account.failures import stop_for
from reconciler.account.port import Account, Clock, Failure
from reconciler.apply.conclude import conclude
from reconciler.apply.healing import heal
from reconciler.apply.job import Job
from reconciler.apply.limits import Limits
from reconciler.apply.options import Conclusion, Options
from reconciler.apply.reporting import Report
from reconciler.apply.run import Run
from reconciler.apply.walk import skip, walk
from reconciler.model.address import Address
from reconciler.model.errors import Exit, Stop
from reconciler.model.events import Event
from reconciler.model.plan import Plan, Verb
from reconciler.observing.scope import Found
from reconciler.ownership.anchor import Anchor
from reconciler.ownership.lease import Ended, Lease, Leased
from reconciler.ownership.ledger import Ledger
from reconciler.ownership.record import Record
from reconciler.ownership.stores import Stores
from reconciler.ownership.taking import take


async def apply(
    plan: Plan,
    found: Found,
    account: Account,
    *,
    clock: Clock,
    options: Options,
    digest: str,
    conclusion: Conclusion,
    interrupt: asyncio.Event | None = None,
) -> AsyncIterator[Event]:
    """Carry the plan out; yields events as things happen, and leaves how it ended in `conclusion`.

    With nothing to do only GETs are sent. Raises Stop when the run must not begin.
    """
    started = clock.monotonic()
    queue: asyncio.Queue[Event | None] = asyncio.Queue()
    report = Report(conclusion, queue.put_nowait)
    limits = Limits(clock, conclusion, interrupt or asyncio.Event(), options.deadline)
    task = asyncio.ensure_future(_perform(Job(plan, found, digest, account, clock, options, report, limits)))
    task.add_done_callback(lambda _: queue.put_nowait(None))
    try:
        while (event := await queue.get()) is not None:
            yield event
        await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
    yield report.summary(clock.monotonic() - started)


async def _perform(job: Job) -> None:
    anchor = job.found.anchor
    unclean = anchor is not None and anchor.busy
    if not job.plan.steps and not unclean and not (job.options.destroy and anchor is not None):
        return
    try:
        with job.options.liveness.held(job.options.run_id):
            await _work(job)
    except Failure as failure:
        raise stop_for(failure) from failure


async def _work(job: Job) -> None:
    lease = await _take(job)
    # Until an unclean run has settled this one has written nothing but its id, and the record stays as it was found.
    # After that an error may come between any two writes, and nobody knows which of them may still be executed.
    ended = Ended.AS_FOUND
    try:
        async with lease.heartbeat():
            await _settle_earlier(job, lease)
            ended = Ended.IN_DOUBT
            run = _new_run(job, lease)
            why = await heal(job, run)
            if why is None:
                await walk(job, run)
            else:
                skip(job.report, job.plan.steps, why)
    except Exception:
        with suppress(Failure, Stop):
            await lease.release(ended)
        raise
    await conclude(job, run, lease)


async def _take(job: Job) -> Lease:
    plan, options = job.plan, job.options
    owner = plan.stack if plan.environment is None else f"{plan.stack}/{plan.environment}"
    anchor = replace(job.found.anchor or Anchor(owner, ""), inventory=job.found.inventory)
    lease = await take(
        Record(Stores(job.account, job.clock, owner, settle=options.settle), anchor),
        options.run_id,
        plan=job.digest.removeprefix("sha256:")[:16],
        kinds=[step.kind for step in plan.steps],
        lineage=options.lineage,
        timing=options.timing,
        liveness=options.liveness,
    )
    if job.found.anchor is None:
        made = lease.record.anchor.ids[0]
        job.report.conclusion.anchor = made
        job.report.emit(Event("anchor", {"id": made}))
    return lease


async def _settle_earlier(job: Job, lease: Lease) -> None:
    """After an unclean run, wait until nothing that it asked for can still happen, and look again.

    Absence means nothing before: what the last run left under way may be there by now. That is so, too, if the time was
    over only while the account was read, or while somebody thought about the plan.
    """
    seconds, again = lease.seconds_to_settle(), job.options.again
    if again is None or job.clock.monotonic() + seconds <= job.found.began:
        return
    if seconds > 0:
        job.report.warn(
            f"The last run was interrupted; waiting {int(seconds) + 1} s for what it may have left under way."
        )
        if await job.limits.pause(seconds):
            raise Stop(Exit.INTERRUPTED, "Interrupted; nothing was changed.")
    fresh = await again(lease.record.anchor.ids[0])
    job.plan, job.found = fresh.plan, fresh.found
    lease.record.anchor = replace(lease.record.anchor, inventory=fresh.found.inventory)


def _new_run(job: Job, lease: Lease) -> Run:
    """What all steps of this run share."""
    options = job.options
    return Run(
        Leased(job.account, lease),
        job.clock,
        lease.record.stores.owner,
        options.run_id,
        Ledger(lease),
        options.open,
        job.report.emit,
        options.revision,
        options.settle,
        options.file_deadline,
        ids=_known_ids(job.plan, job.found),
    )


def _known_ids(plan: Plan, found: Found) -> dict[Address, str]:
    """What each address stands for before the first step. What a step creates anew is not known yet."""
    renewed = {step.address for step in plan.steps if step.verb is Verb.CREATE}
    ids = {address: object_id for address, object_id in plan.known.items() if address.owner not in renewed}
    for item in found.snapshot.objects:
        if item.tags is None or not item.tags.current or item.tags.address in renewed:
            continue
        ids[item.tags.address] = item.id
    for step in plan.steps:
        if step.desired is not None and step.observed is not None and step.address not in renewed:
            ids[step.address] = step.observed.id
    return ids
