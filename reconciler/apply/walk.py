"""Walking a plan: steps run as soon as their edges allow, concurrently, and every one of them is reported.

A failure skips only its dependants. After the last write the account is read again and planned for again; only an empty
plan is a success.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.account.port import Account, Clock, Failure, Sort
from reconciler.apply import tagged, versioned
from reconciler.apply.heal import clear_journal
from reconciler.apply.keeper import Keeper
from reconciler.apply.run import OpenDocument, Run, StepFailed
from reconciler.errors import Exit, Stop, stop_for
from reconciler.kinds import KINDS
from reconciler.kinds.base import Keeping
from reconciler.model import Action, Address, Event, Outcome, Plan, Step, Verb
from reconciler.observe import Found
from reconciler.ownership.anchor import Anchor

Handler = Callable[[Run, Step], Awaitable[tuple[Outcome, str]]]

HANDLERS: Mapping[tuple[Keeping, Verb], Handler] = {
    (Keeping.METADATA, Verb.CREATE): tagged.create,
    (Keeping.METADATA, Verb.UPDATE): tagged.update,
    (Keeping.METADATA, Verb.ADOPT): tagged.adopt,
    (Keeping.METADATA, Verb.DELETE): tagged.delete,
    (Keeping.METADATA, Verb.FORGET): tagged.forget,
    (Keeping.VERSIONS, Verb.CREATE): versioned.create,
    (Keeping.VERSIONS, Verb.UPDATE): versioned.update,
    (Keeping.VERSIONS, Verb.ADOPT): versioned.adopt,
    (Keeping.VERSIONS, Verb.DELETE): versioned.delete,
    (Keeping.VERSIONS, Verb.FORGET): versioned.forget,
}

GRACE = 7.0
"""Seconds that steps in flight get to finish after a signal."""


@dataclass(frozen=True, slots=True)
class Options:
    """`run_id` and `lineage` are random hex digits (8 and 12); `settle` and `file_deadline` are in seconds.

    `check` reads the account and plans again, given the ids of the objects that the run changed, and the anchor's.
    """

    run_id: str
    lineage: str
    open: OpenDocument
    check: Callable[[frozenset[str], str], Awaitable[Plan]]
    revision: str = ""
    settle: float = 60.0
    file_deadline: float = 600.0
    destroy: bool = False


@dataclass(slots=True)
class Conclusion:
    """How a run ended; filled in as it goes. `anchor` is the id to pin, when this run made it."""

    exit: Exit = Exit.DONE
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    interrupted: bool = False
    anchor: str | None = None

    def count(self, outcome: Outcome) -> int:
        """How many steps ended so."""
        return sum(1 for item in self.outcomes.values() if item is outcome)


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

    async def walk(self) -> None:
        unclean = self.found.anchor is not None and self.found.anchor.busy
        whole = self.options.destroy and self.found.anchor is not None
        if not self.plan.steps and not unclean and not whole:
            return
        try:
            await self._work()
        except Failure as failure:
            raise stop_for(failure) from failure

    async def _work(self) -> None:
        owner = self.plan.stack if self.plan.environment is None else f"{self.plan.stack}/{self.plan.environment}"
        anchor = self.found.anchor or Anchor(owner, "")
        anchor = replace(anchor, inventory=self.found.inventory)
        keeper = Keeper(self.account, self.clock, owner, self.options.run_id, anchor)
        kinds = [step.kind for step in self.plan.steps]
        await keeper.take(plan=self.digest.removeprefix("sha256:")[:16], kinds=kinds, lineage=self.options.lineage)
        if keeper.created:
            self.conclusion.anchor = keeper.anchor.ids[0]
            self.emit(Event("anchor", {"id": keeper.anchor.ids[0]}))
        run = Run(
            self.account,
            self.clock,
            owner,
            self.options.run_id,
            keeper,
            self.options.open,
            self.emit,
            self.options.revision,
            self.options.settle,
            self.options.file_deadline,
            ids=_known_ids(self.plan, self.found),
        )
        beat = asyncio.ensure_future(keeper.beat())
        try:
            await self._calm_down(run)
            await clear_journal(run, self.found.snapshot.objects)
            await self._steps(run)
        finally:
            beat.cancel()
        await self._conclude(run)

    async def _calm_down(self, run: Run) -> None:
        """After an unclean run, wait until nothing that it asked for can still happen: absence means nothing before."""
        if not any(step.verb is Verb.CREATE for step in self.plan.steps):
            return
        seconds = run.keeper.calm(run.settle)
        if seconds > 0:
            summary = f"The last run was interrupted; waiting {int(seconds) + 1} s for what it may have left under way."
            self.emit(Event("warning", {"summary": summary}))
            await self.clock.sleep(seconds)

    def emit(self, event: Event) -> None:
        self.queue.put_nowait(event)

    # --- the walk ---

    async def _steps(self, run: Run) -> None:
        waiting = {str(step): step for step in self.plan.steps}
        running: dict[asyncio.Task[None], str] = {}
        signal = asyncio.ensure_future(self.interrupt.wait())
        try:
            while waiting or running:
                self._start_free(run, waiting, running)
                if not running:
                    break
                done, _ = await asyncio.wait([*running, signal], return_when=asyncio.FIRST_COMPLETED)
                if signal in done:
                    await self._wind_down(waiting, running)
                    return
                for task in done:
                    running.pop(task)  # type: ignore[arg-type]
        finally:
            signal.cancel()
        for step in waiting.values():
            self._report(step, Outcome.SKIPPED, summary="something it needs failed")

    def _start_free(self, run: Run, waiting: dict[str, Step], running: dict[asyncio.Task[None], str]) -> None:
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

    async def _wind_down(self, waiting: dict[str, Step], running: dict[asyncio.Task[None], str]) -> None:
        """No new step; what is in flight gets a few seconds; what does not end in them is in doubt."""
        self.conclusion.interrupted = True
        by_name = {str(step): step for step in self.plan.steps}
        if running:
            await asyncio.wait(list(running), timeout=GRACE)
        for task, name in running.items():
            if not task.done():
                task.cancel()
                self._report(by_name[name], Outcome.IN_DOUBT, summary="interrupted while a request was under way")
        for step in waiting.values():
            self._report(step, Outcome.SKIPPED, summary="interrupted")

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
        if failure.sort in {Sort.AUTHENTICATION, Sort.PERMISSION, Sort.QUOTA}:
            self.stopped = stop
            self._worse(stop.code)
        param = f" ({failure.param})" if failure.param and failure.param not in failure.message else ""
        request = f" [request {failure.request_id}]" if failure.request_id else ""
        self._worse(Exit.INCOMPLETE)
        outcome = Outcome.IN_DOUBT if failure.ambiguous else Outcome.FAILED
        self._report(step, outcome, summary=f"{failure.message}{param}{request}")

    def _worse(self, code: Exit) -> None:
        """The most telling exit code wins: denied and unavailable over stale over incomplete."""
        order = [Exit.DONE, Exit.INCOMPLETE, Exit.STALE, Exit.LOCKED, Exit.UNAVAILABLE, Exit.DENIED]
        if order.index(code) > order.index(self.conclusion.exit):
            self.conclusion.exit = code

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
        if self.conclusion.interrupted:
            self.conclusion.exit = Exit.INTERRUPTED
            await run.keeper.give_back(clean=False, in_doubt=True)
            return
        clean = self.conclusion.exit is Exit.DONE
        if clean and self.options.destroy:
            await self._read_back(run)
            if self.conclusion.exit is Exit.DONE:
                await run.keeper.remove()
                return
            clean = False
        await run.keeper.give_back(clean=clean, in_doubt=self.conclusion.count(Outcome.IN_DOUBT) > 0)
        if clean and not self.options.destroy:
            await self._read_back(run)

    async def _read_back(self, run: Run) -> None:
        """Exit 0 means that a fresh read equals the manifests."""
        rest = await self.options.check(frozenset(run.changed), run.keeper.anchor.ids[0])
        if any(step.version is not None for step in self.plan.steps):
            touched = {step.address for step in self.plan.steps}
            rest = replace(rest, changes=tuple(change for change in rest.changes if change.address in touched))
        different = [change for change in rest.changes if change.action is not Action.NONE]
        for change in different:
            fields = ", ".join(sorted({delta.field for delta in change.fields})) or change.reason or "documents"
            self._worse(Exit.INCOMPLETE)
            summary = f"{change.address} ({KINDS[change.kind].title}) still differs after apply: {fields}"
            self.emit(Event("not_converged", {"address": str(change.address), "fields": fields, "summary": summary}))


def _known_ids(plan: Plan, found: Found) -> dict[Address, str]:
    """What each address stands for before the first step. What a step creates anew is not known yet."""
    renewed = {step.address for step in plan.steps if step.verb is Verb.CREATE}
    ids: dict[Address, str] = {}
    for item in found.snapshot.objects:
        if item.tags is None or item.tags.state != "ready" or item.tags.retiring or item.tags.address in renewed:
            continue
        ids[item.tags.address] = item.id
    for step in plan.steps:
        if step.desired is not None and step.observed is not None and step.address not in renewed:
            ids[step.address] = step.observed.id
    return ids
