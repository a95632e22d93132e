"""Walking a plan: steps run as soon as their edges allow, concurrently, and every one of them is reported.

A failure skips only its dependants. After the last write the account is read again and planned for again; only an empty
plan is a success.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from reconciler.account.failures import stop_for
from reconciler.account.objects import get_object
from reconciler.account.port import Account, Clock, Failure, Sort
from reconciler.apply.options import Conclusion, Options
from reconciler.apply.requests.refusals import is_fatal
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.steps.handlers import HANDLERS
from reconciler.apply.steps.journal import clear_journal, worked_on
from reconciler.kinds import KINDS
from reconciler.model.address import Address
from reconciler.model.errors import Exit, Stop
from reconciler.model.events import Event, Outcome
from reconciler.model.plan import Action, Change, Plan, Step, Verb
from reconciler.observing.scope import Found
from reconciler.ownership.anchor import Anchor
from reconciler.ownership.keeper import Keeper, Leased

GRACE = 7.0
"""Seconds that steps in flight get to finish after a signal, or when the run's time is over."""
WIND_DOWN = 30.0
"""Seconds beyond the time of a run in which it may still end its steps and give the stack back."""
GIVE_BACK = 10.0
"""Those of them that are kept for giving the stack back."""
LOOK_AGAIN = (1.0, 2.0, 4.0, 8.0)
"""Seconds between further looks at an account that does not show yet what was written."""
LAGGING = frozenset({Action.CREATE, Action.DELETE, Action.REPLACE})
"""Differences that lists make which lag behind: what is missing or still there may be so for the settle window."""
SEVERITY = (Exit.DONE, Exit.INCOMPLETE, Exit.STALE, Exit.LOCKED, Exit.REFUSED, Exit.UNAVAILABLE, Exit.DENIED)
"""The most telling exit code is the last of these."""


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
    walker = _Walker(plan, found, account, clock, options, digest, conclusion, queue, interrupt or asyncio.Event())
    task = asyncio.ensure_future(walker.walk())
    task.add_done_callback(lambda _: queue.put_nowait(None))
    try:
        while (event := await queue.get()) is not None:
            yield event
        await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
    yield _summary(conclusion, clock.monotonic() - started)


def _summary(conclusion: Conclusion, seconds: float) -> Event:
    counts = {outcome.value: conclusion.count(outcome) for outcome in Outcome}
    return Event("summary", {**counts, "seconds": round(seconds, 2), "exit_code": int(conclusion.exit)})


def _severity(code: Exit) -> int:
    return SEVERITY.index(code) if code in SEVERITY else SEVERITY.index(Exit.INCOMPLETE)


@dataclass(slots=True)
class _Walker:
    plan: Plan
    found: Found
    account: Account
    clock: Clock
    options: Options
    digest: str
    conclusion: Conclusion
    queue: asyncio.Queue[Event | None]
    interrupt: asyncio.Event
    stopped: Stop | None = None
    unsettled: bool = False
    """Whether something that this run asked for may still happen when it has ended."""

    async def walk(self) -> None:
        unclean = self.found.anchor is not None and self.found.anchor.busy
        whole = self.options.destroy and self.found.anchor is not None
        if not self.plan.steps and not unclean and not whole:
            return
        try:
            with self.options.liveness.held(self.options.run_id):
                await self._work()
        except Failure as failure:
            raise stop_for(failure) from failure

    async def _work(self) -> None:
        keeper = await self._take()
        beat = asyncio.ensure_future(keeper.beat())
        calm = False
        try:
            await self._calm_down(keeper)
            calm = True
            run = self._run(keeper)
            why = await self._heal(run)
            if why is None:
                await self._steps(run)
            else:
                await self._wind_down({str(step): step for step in self.plan.steps}, {}, why)
        except Exception:
            await keeper.still(beat)
            with suppress(Failure, Stop):
                await keeper.give_back(clean=not calm, in_doubt=calm, as_found=not calm)
            raise
        finally:
            await keeper.still(beat)
        await self._conclude(run)

    async def _take(self) -> Keeper:
        owner = self.plan.stack if self.plan.environment is None else f"{self.plan.stack}/{self.plan.environment}"
        anchor = self.found.anchor or Anchor(owner, "")
        anchor = replace(anchor, inventory=self.found.inventory)
        options = self.options
        keeper = Keeper(
            self.account,
            self.clock,
            owner,
            options.run_id,
            anchor,
            lease=options.lease,
            liveness=options.liveness,
            settle=options.settle,
        )
        kinds = [step.kind for step in self.plan.steps]
        await keeper.take(plan=self.digest.removeprefix("sha256:")[:16], kinds=kinds, lineage=options.lineage)
        if keeper.created:
            self.conclusion.anchor = keeper.anchor.ids[0]
            self.emit(Event("anchor", {"id": keeper.anchor.ids[0]}))
        return keeper

    def _run(self, keeper: Keeper) -> Run:
        return Run(
            Leased(self.account, keeper),
            self.clock,
            keeper.owner,
            self.options.run_id,
            keeper,
            self.options.open,
            self.emit,
            self.options.revision,
            self.options.settle,
            self.options.file_deadline,
            ids=_known_ids(self.plan, self.found),
        )

    async def _calm_down(self, keeper: Keeper) -> None:
        """After an unclean run, wait until nothing that it asked for can still happen, and look again.

        Absence means nothing before: what the last run left under way may be there by now. That is so, too, if the
        time was over only while the account was read, or while somebody thought about the plan.
        """
        seconds, again = keeper.calm(self.options.settle), self.options.again
        if again is None or self.clock.monotonic() + seconds <= self.found.began:
            return
        if seconds > 0:
            summary = f"The last run was interrupted; waiting {int(seconds) + 1} s for what it may have left under way."
            self.emit(Event("warning", {"summary": summary}))
            if await self._pause(seconds):
                raise Stop(Exit.INTERRUPTED, "Interrupted; nothing was changed.")
        fresh = await again(keeper.anchor.ids[0])
        self.plan, self.found = fresh.plan, fresh.found
        keeper.anchor = replace(keeper.anchor, inventory=fresh.found.inventory)

    async def _heal(self, run: Run) -> str | None:
        """Finish what an earlier run had begun to delete; the answer says why there was no time for it."""
        healing = asyncio.ensure_future(self._clear_journal(run, self.plan.steps))
        ends = [asyncio.ensure_future(self._interrupted()), asyncio.ensure_future(self._out_of_time())]
        try:
            await asyncio.wait([healing, *ends], return_when=asyncio.FIRST_COMPLETED)
            if not healing.done():
                await asyncio.wait([healing], timeout=GRACE)
                self.unsettled = not healing.done()
                return next(end.result() for end in ends if end.done())
            return healing.result()
        finally:
            for task in (healing, *ends):
                task.cancel()
            await asyncio.gather(healing, *ends, return_exceptions=True)

    async def _clear_journal(self, run: Run, steps: Sequence[Step], gone: Collection[str] = ()) -> None:
        """Files that cannot be deleted stand in no step's way; they stay in the journal."""
        try:
            there = [item for item in self.found.snapshot.objects if item.id not in gone]
            await clear_journal(run, there, steps)
        except StepFailed as failed:
            self._worse(failed.code)
            self.emit(
                Event("warning", {"summary": f"A leftover of an earlier run could not be deleted: {failed.summary}"})
            )

    def emit(self, event: Event) -> None:
        self.queue.put_nowait(event)

    # --- the walk ---

    async def _steps(self, run: Run) -> None:
        waiting = {str(step): step for step in self.plan.steps}
        running: dict[asyncio.Task[Any], str] = {}
        ends = [asyncio.ensure_future(self._interrupted()), asyncio.ensure_future(self._out_of_time())]
        try:
            while waiting or running:
                self._start_free(run, waiting, running)
                if not running:
                    break
                done, _ = await asyncio.wait([*running, *ends], return_when=asyncio.FIRST_COMPLETED)
                why = next((end.result() for end in ends if end in done), None)
                if why is not None:
                    await self._wind_down(waiting, running, why)
                    return
                for task in done:
                    running.pop(task)
                    task.result()
        finally:
            for task in (*ends, *running):
                task.cancel()
        for step in waiting.values():
            self._report(step, Outcome.SKIPPED, summary="something it needs failed")

    async def _interrupted(self) -> str:
        await self.interrupt.wait()
        self.conclusion.interrupted = True
        return "interrupted"

    async def _out_of_time(self) -> str:
        """Unlike an interrupt, this is no person's wish: the exit code says that time was not enough."""
        if self.options.deadline is None:
            await asyncio.Event().wait()
        else:
            await self.clock.sleep(max(0.0, self.options.deadline - self.clock.monotonic()))
        self._worse(Exit.UNAVAILABLE)
        return "the time for this run is over"

    def _start_free(self, run: Run, waiting: dict[str, Step], running: dict[asyncio.Task[Any], str]) -> None:
        for name, step in list(waiting.items()):
            ended = [self.conclusion.outcomes.get(need) for need in step.needs]
            if self.stopped is not None or any(
                item in {Outcome.FAILED, Outcome.SKIPPED, Outcome.IN_DOUBT} for item in ended
            ):
                del waiting[name]
                blocker = next((need for need in step.needs if self._failed(need)), None)
                self._report(step, Outcome.SKIPPED, summary=f"needs {blocker}" if blocker else "the run stopped")
            elif all(item is not None for item in ended):
                del waiting[name]
                self.emit(Event("started", {"step": name}))
                running[asyncio.ensure_future(self._step(run, step))] = name

    def _failed(self, name: str) -> bool:
        return self.conclusion.outcomes.get(name) in {Outcome.FAILED, Outcome.SKIPPED, Outcome.IN_DOUBT}

    async def _wind_down(self, waiting: dict[str, Step], running: dict[asyncio.Task[Any], str], why: str) -> None:
        """No new step; what is in flight gets a few seconds; what does not end in them is in doubt."""
        by_name = {str(step): step for step in self.plan.steps}
        if running:
            await asyncio.wait(list(running), timeout=GRACE)
        late = {task: name for task, name in running.items() if not task.done()}
        for task, name in late.items():
            task.cancel()
            self._report(by_name[name], Outcome.IN_DOUBT, summary=f"{why} while a request was under way")
        await asyncio.gather(*late, return_exceptions=True)
        for step in waiting.values():
            self._report(step, Outcome.SKIPPED, summary=why)

    async def _step(self, run: Run, step: Step) -> None:
        began = self.clock.monotonic()
        handler = HANDLERS[KINDS[step.kind].keeping, step.verb]
        try:
            outcome, object_id = await handler(run, step)
        except StepFailed as failed:
            self._worse(failed.code)
            self._report(
                step,
                Outcome.IN_DOUBT if failed.in_doubt else Outcome.FAILED,
                summary=failed.summary,
                lines=failed.lines,
            )
        except Stop as stop:
            self.stopped = stop
            self._worse(stop.code)
            self._report(step, Outcome.FAILED, summary=stop.summary)
        except Failure as failure:
            self._fail(step, failure)
        else:
            self._report(step, outcome, object_id=object_id, seconds=self.clock.monotonic() - began)

    def _fail(self, step: Step, failure: Failure) -> None:
        stop = stop_for(failure)
        if is_fatal(failure):
            self.stopped = stop
            self._worse(stop.code)
        param = f" ({failure.param})" if failure.param and failure.param not in failure.message else ""
        request = f" [request {failure.request_id}]" if failure.request_id else ""
        self._worse(Exit.INCOMPLETE)
        outcome = Outcome.IN_DOUBT if failure.ambiguous else Outcome.FAILED
        summary = failure.told
        if self.stopped is stop:
            summary = f"{stop.summary} {stop.detail}"
        elif failure.sort is Sort.REFUSED:
            summary = f"{failure.message}{param}{request}"  # what is wrong with the manifest matters, not the call
        self._report(step, outcome, summary=summary)

    def _worse(self, code: Exit) -> None:
        """The most telling exit code wins: denied and unavailable over stale over incomplete."""
        self.conclusion.exit = max(self.conclusion.exit, code, key=_severity)

    def _report(
        self,
        step: Step,
        outcome: Outcome,
        *,
        object_id: str | None = None,
        seconds: float | None = None,
        summary: str = "",
        lines: tuple[str, ...] = (),
    ) -> None:
        self.conclusion.outcomes[str(step)] = outcome
        if outcome in {Outcome.FAILED, Outcome.IN_DOUBT, Outcome.SKIPPED}:
            self._worse(Exit.INCOMPLETE)
        data: dict[str, object] = {"step": str(step), "outcome": outcome.value}
        if object_id is not None:
            data["id"] = object_id
        if seconds is not None:
            data["seconds"] = round(seconds, 2)
        if summary:
            data["summary"] = summary
        if lines:
            data["lines"] = list(lines)
        self.emit(Event("step", data))

    # --- the end ---

    async def _conclude(self, run: Run) -> None:
        await self._settle(run)
        clean = self.conclusion.exit is Exit.DONE and not self.conclusion.interrupted
        as_found = self.options.again is None or self.options.partial
        in_doubt = self.unsettled or self.conclusion.interrupted or self.conclusion.count(Outcome.IN_DOUBT) > 0
        if clean and self.options.destroy:
            clearing = self._clear_journal(run, (), gone=worked_on(self.plan.steps))
            await self._guarded("Leftovers could not be deleted", clearing)
            await self._guarded("The anchor could not be written", run.keeper.save())
            await self._guarded("The account could not be read back", self._read_back(run))
            if self.conclusion.exit is Exit.DONE and not self.conclusion.interrupted:
                await self._guarded("The anchor could not be deleted", run.keeper.remove())
            if self.conclusion.exit is Exit.DONE and not self.conclusion.interrupted:
                return
            await self._guarded("The anchor could not be written", run.keeper.give_back(clean=False))
        elif clean:
            await self._guarded("The anchor could not be written", run.keeper.give_back(clean=True, as_found=as_found))
            await self._settle(run)
            if self.conclusion.exit is Exit.DONE:
                await self._guarded("The account could not be read back", self._read_back(run))
            if not as_found and (self.conclusion.exit is not Exit.DONE or self.conclusion.interrupted):
                with suppress(Failure, Stop):
                    await run.keeper.reopen(in_doubt=self.unsettled)
        else:
            await self._guarded("The anchor could not be written", run.keeper.give_back(clean=False, in_doubt=in_doubt))
            await self._settle(run)
        if self.conclusion.interrupted:
            self.conclusion.exit = Exit.INTERRUPTED

    async def _settle(self, run: Run) -> None:
        """Wait until nothing that was asked for twice can arrive once more: the end would not be the end."""
        until = max([*run.doubts.values(), run.keeper.doubt])
        seconds = until - self.clock.monotonic()
        if seconds <= 0 or self.conclusion.interrupted or self.unsettled:
            return
        deadline = self.options.deadline
        if deadline is not None and until > deadline + WIND_DOWN - GIVE_BACK:
            self.unsettled = True
            self._worse(Exit.UNAVAILABLE)
            summary = "The time for this run is over, and requests whose answers were lost may still be executed."
            self.emit(Event("warning", {"summary": f"{summary} The next run waits for them."}))
            return
        summary = f"Waiting {int(seconds) + 1} s for requests whose answers were lost, and which may still be executed."
        self.emit(Event("warning", {"summary": summary}))
        await self._pause(seconds)

    async def _pause(self, seconds: float) -> bool:
        """Wait; whether a person did not want to."""
        ends = [asyncio.ensure_future(self._interrupted()), asyncio.ensure_future(self.clock.sleep(seconds))]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        return self.conclusion.interrupted

    async def _guarded(self, what: str, doing: Awaitable[None]) -> None:
        """The steps have ended and were reported; what fails after them makes the exit code worse, and is said."""
        try:
            await doing
        except Failure as failure:
            stop = stop_for(failure)
        except Stop as stopped:
            stop = stopped
        else:
            return
        self._worse(stop.code)
        self._worse(Exit.INCOMPLETE)
        self.emit(Event("warning", {"summary": f"{what}: {stop.summary} {stop.detail}".strip()}))

    async def _read_back(self, run: Run) -> None:
        """Exit 0 means that a fresh read equals the manifests."""
        began = self.clock.monotonic()
        shown: dict[str, Change] = {}
        for pause in itertools.chain(LOOK_AGAIN, itertools.repeat(LOOK_AGAIN[-1])):
            late = self.clock.monotonic() + pause > began + run.settle
            try:
                different = await self._different(run)
                shown |= {change.id: change for change in different if change.action is Action.DELETE and change.id}
                if not different:  # the list of a later look may be an older one
                    different = [
                        change
                        for object_id, change in shown.items()
                        if await get_object(run.account, KINDS[change.kind], object_id) is not None
                    ]
            except Stop as stop:
                if late or stop.code not in {Exit.DENIED, Exit.REFUSED}:
                    raise
            else:
                lagging = any(change.action in LAGGING or change.files for change in different)
                if not different or late or not (lagging or self.clock.monotonic() < began + sum(LOOK_AGAIN)):
                    break
            if await self._pause(pause):
                return
        for change in different:
            blocked = change.blocked.summary if change.blocked else ""
            if change.action is Action.CREATE and change.id is not None:
                blocked = "metadata (the server did not keep what confirms it)"
            named = ", ".join(sorted({delta.field for delta in change.fields}))
            fields = blocked or named or change.reason or "documents"
            self._worse(Exit.INCOMPLETE)
            summary = f"{change.address} ({KINDS[change.kind].title}) still differs after apply: {fields}"
            self.emit(Event("not_converged", {"address": str(change.address), "fields": fields, "summary": summary}))

    async def _different(self, run: Run) -> list[Change]:
        fresh = await self.options.check(frozenset(run.changed), run.keeper.anchor.ids[0])
        rest, anchor = fresh.plan, fresh.found.anchor
        if anchor is not None and anchor.busy and anchor.run == run.run_id and not self.options.destroy:
            raise run.keeper.forgetful()
        touched = {step.address for step in self.plan.steps}
        return [
            change
            for change in rest.changes
            if (change.action is not Action.NONE or change.blocked)
            and (change.address in touched or not self.plan.rollback)
        ]


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
