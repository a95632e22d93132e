"""Finishing what an earlier run had begun to delete, within the time that this run has."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from reconciler.apply.job import Job
from reconciler.apply.limits import GRACE
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.steps.journal import clear_journal
from reconciler.model.plan import Step


async def heal(job: Job, run: Run) -> str | None:
    """Delete what the journal names and nothing uses; the answer says why there was no time for it."""
    healing = asyncio.ensure_future(clear_leftovers(job, run, job.plan.steps))
    ends = job.limits.watch()
    try:
        await asyncio.wait([healing, *ends], return_when=asyncio.FIRST_COMPLETED)
        if not healing.done():
            await asyncio.wait([healing], timeout=GRACE)
            job.unsettled = not healing.done()
            return next(end.result() for end in ends if end.done())
        return healing.result()
    finally:
        for task in (healing, *ends):
            task.cancel()
        await asyncio.gather(healing, *ends, return_exceptions=True)


async def clear_leftovers(job: Job, run: Run, steps: Sequence[Step], gone: Collection[str] = ()) -> None:
    """Files that cannot be deleted stand in no step's way; they stay in the journal. `gone` are ids of objects."""
    try:
        there = [item for item in job.found.snapshot.objects if item.id not in gone]
        await clear_journal(run, there, steps)
    except StepFailed as failed:
        job.report.conclusion.worsen(failed.code)
        job.report.warn(f"A leftover of an earlier run could not be deleted: {failed.summary}")
