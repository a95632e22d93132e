"""Walking a plan: steps run as soon as their edges allow, concurrently, and every one of them is reported.

A failure skips only its dependants.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from reconciler.account.failures import stop_for
from reconciler.account.port import Failure, FailureKind
from reconciler.apply.job import Job
from reconciler.apply.limits import GRACE
from reconciler.apply.reporting import NOT_DONE, Report
from reconciler.apply.requests.refusals import is_fatal
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.steps.handlers import HANDLERS
from reconciler.kinds import KINDS
from reconciler.model.errors import Exit, Stop
from reconciler.model.events import Event, Outcome
from reconciler.model.plan import Step


async def walk(job: Job, run: Run) -> None:
    """Carry out the steps of the plan, as far as it goes; how each of them ended stands in the report."""
    await _Walk(job, run, {str(step): step for step in job.plan.steps}).to_the_end()


def skip(report: Report, steps: Iterable[Step], why: str) -> None:
    """Say of steps that they were not begun."""
    for step in steps:
        report.step(step, Outcome.SKIPPED, summary=why)


@dataclass(slots=True)
class _Walk:
    job: Job
    run: Run
    waiting: dict[str, Step]
    running: dict[asyncio.Task[Any], Step] = field(default_factory=dict)
    stopped: Stop | None = None
    """Why nothing more is begun: what every further step would meet."""

    async def to_the_end(self) -> None:
        ends = self.job.limits.watch()
        try:
            while self.waiting or self.running:
                self._start_free()
                if not self.running:
                    break
                done, _ = await asyncio.wait([*self.running, *ends], return_when=asyncio.FIRST_COMPLETED)
                why = next((end.result() for end in ends if end in done), None)
                if why is not None:
                    await self._wind_down(why)
                    return
                for task in done:
                    self.running.pop(task)
                    task.result()
        finally:
            for task in (*ends, *self.running):
                task.cancel()
        skip(self.job.report, self.waiting.values(), "something it needs failed")

    def _start_free(self) -> None:
        outcomes = self.job.report.conclusion.outcomes
        for name, step in list(self.waiting.items()):
            blocker = next((need for need in step.needs if outcomes.get(need) in NOT_DONE), None)
            if self.stopped is not None or blocker is not None:
                del self.waiting[name]
                skip(self.job.report, [step], f"needs {blocker}" if blocker else "the run stopped")
            elif all(need in outcomes for need in step.needs):
                del self.waiting[name]
                self.job.report.emit(Event("started", {"step": name}))
                self.running[asyncio.ensure_future(self._step(step))] = step

    async def _wind_down(self, why: str) -> None:
        """No new step; what is in flight gets a few seconds; what does not end in them is in doubt."""
        if self.running:
            await asyncio.wait(list(self.running), timeout=GRACE)
        late = {task: step for task, step in self.running.items() if not task.done()}
        for task, step in late.items():
            task.cancel()
            self.job.report.step(step, Outcome.IN_DOUBT, summary=f"{why} while a request was under way")
        await asyncio.gather(*late, return_exceptions=True)
        skip(self.job.report, self.waiting.values(), why)

    async def _step(self, step: Step) -> None:
        report, began = self.job.report, self.job.clock.monotonic()
        handler = HANDLERS[KINDS[step.kind].tag_place, step.verb]
        try:
            outcome, object_id = await handler(self.run, step)
        except StepFailed as failed:
            report.conclusion.worsen(failed.code)
            outcome = Outcome.IN_DOUBT if failed.in_doubt else Outcome.FAILED
            report.step(step, outcome, summary=failed.summary, lines=failed.lines)
        except Stop as stop:
            self.stopped = stop
            report.conclusion.worsen(stop.code)
            report.step(step, Outcome.FAILED, summary=stop.summary)
        except Failure as failure:
            self._fail(step, failure)
        else:
            report.step(step, outcome, object_id=object_id, seconds=self.job.clock.monotonic() - began)

    def _fail(self, step: Step, failure: Failure) -> None:
        report, summary = self.job.report, failure.summary
        report.conclusion.worsen(Exit.INCOMPLETE)
        if is_fatal(failure):
            self.stopped = stop = stop_for(failure)
            report.conclusion.worsen(stop.code)
            summary = f"{stop.summary} {stop.detail}"
        elif failure.kind is FailureKind.REFUSED:  # what is wrong with the manifest matters, not the call
            param = f" ({failure.param})" if failure.param and failure.param not in failure.message else ""
            request = f" [request {failure.request_id}]" if failure.request_id else ""
            summary = f"{failure.message}{param}{request}"
        report.step(step, Outcome.IN_DOUBT if failure.ambiguous else Outcome.FAILED, summary=summary)
