"""An event loop without real time, so that hours of concurrent work are one short, repeatable computation.

`run(seed, main)` runs a coroutine on one thread. Nothing ever waits: when no callback is ready, the clock jumps to the
next timer. Which of several ready callbacks runs next is drawn from a generator seeded with the seed, so one seed is
one schedule and many seeds are many interleavings; asyncio promises an order among ready callbacks only by accident,
and code must not lean on it. `to_thread` and executors run inline. When nothing is ready and no timer is set, nothing
will ever happen again: that is reported as a `Deadlock` which names every waiting task and its line.
"""

from __future__ import annotations

import asyncio
import hashlib
import types
from asyncio.base_events import BaseEventLoop
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random
from typing import Any, Generic, TypeVar

EPOCH = 1_795_000_000.0
"""The virtual wall clock at the start of every run: 2026-11-18."""

HORIZON = 60 * 24 * 3600.0
"""Virtual seconds after which a run is taken to be one that never ends."""

MOST_WAITS = 200_000
"""Waits, however short, after which it is as well."""

T = TypeVar("T")

_FAMILY: ContextVar[Family | None] = ContextVar("family", default=None)


class Deadlock(Exception):  # noqa: N818 - it is what it is called
    """Nothing is ready, no timer is set: the tasks that are left wait for each other, or for nobody."""


class Endless(Exception):  # noqa: N818 - as above
    """The run goes on beyond the horizon, or waits for nothing again and again."""


class _Shuffled(deque[Any]):
    """The loop's queue of ready callbacks, from which it is handed a random one instead of the oldest."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random

    def popleft(self) -> Any:
        at = self._random.randrange(len(self)) if len(self) > 1 else 0
        self.rotate(-at)
        item = super().popleft()
        self.rotate(at)
        return item


class _Jump:
    """Stands where the selector is: instead of waiting for sockets it moves the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Deadlock("\n".join(["nothing will ever happen again; waiting are:", *self._loop.waiting()]))
        self._loop.pass_time(timeout)
        return []


class Family:
    """The tasks of one simulated process: what dies with it."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []

    def add(self, task: asyncio.Task[Any]) -> None:
        """Note a task that one of its tasks started."""
        self._tasks.append(task)

    async def within(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine; every task that it starts, and that those start, belongs to the family."""
        _FAMILY.set(self)
        return await main

    def unfinished(self) -> list[asyncio.Task[Any]]:
        """The tasks that are still under way, in the order in which they were started."""
        left = [task for task in self._tasks if not task.done()]
        if not left:
            for task in self._tasks:
                _ = task.cancelled() or task.exception()  # somebody has heard of it: the process that ended
        return left


class VirtualLoop(BaseEventLoop):
    """The loop: `time()` is virtual and starts at 0; the seed decides among ready callbacks."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._now = 0.0
        self._waits = 0
        self.ending = False
        self._tasks = 0
        self._born: list[asyncio.Task[Any]] = []
        self._selector = _Jump(self)
        self._ready = _Shuffled(Random(f"schedule {seed}"))

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._now

    def pass_time(self, seconds: float) -> None:
        """Jump ahead."""
        self._now += seconds
        self._waits += 1
        if not self.ending and (self._now > HORIZON or self._waits > MOST_WAITS):
            raise Endless("\n".join([f"still running after {self._now:.0f} virtual seconds:", *self.waiting()]))

    def waiting(self) -> list[str]:
        """One line per unfinished task: its name and where it waits."""
        return [f"  {task.get_name()}: {_place(task.get_coro())}" for task in self.unfinished()]

    def unfinished(self) -> list[asyncio.Task[Any]]:
        """The tasks that are under way, in the order of their birth."""
        self._born = [task for task in self._born if not task.done()]
        return list(self._born)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Run it here and now: threads have a schedule of their own."""
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whatever it raises belongs to whoever awaits it
            future.set_exception(error)
        return future

    def create_task(  # type: ignore[override]
        self, coro: Any, *, name: str | None = None, **options: Any
    ) -> asyncio.Task[Any]:
        """Number tasks per loop: asyncio counts per process, and names are part of what must repeat."""
        self._tasks += 1
        task = super().create_task(coro, name=name or f"task {self._tasks}", **options)
        self._born.append(task)
        if self._tasks % 500 == 0:
            self.unfinished()
        family = _FAMILY.get()
        if family is not None:
            family.add(task)
        return task

    def _process_events(self, event_list: list[Any]) -> None:
        """Take the selector's events: there are none."""

    def _write_to_self(self) -> None:
        """Wake the selector: it never sleeps."""


def _place(coro: Any) -> str:
    """The innermost frame of a suspended coroutine."""
    where = "finished"
    while coro is not None:
        frame: types.FrameType | None = getattr(coro, "cr_frame", None) or getattr(coro, "gi_frame", None)
        if frame is not None:
            where = f"{frame.f_code.co_qualname} at {frame.f_code.co_filename}:{frame.f_lineno}"
        coro = getattr(coro, "cr_await", None) or getattr(coro, "gi_yieldfrom", None)
        if not isinstance(coro, Coroutine | Generator):
            break
    return where


class VirtualClock:
    """The clock of a run, for everything that takes a `Clock`."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return EPOCH + self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(slots=True)
class Trace:
    """What happened, line by line; equal runs have equal hashes. Not `kept`, for runs whose trace nobody asks for."""

    lines: list[str] = field(default_factory=list)
    kept: bool = True

    def note(self, line: str) -> None:
        if self.kept:
            self.lines.append(line)

    @property
    def hash(self) -> str:
        return hashlib.sha256("\n".join(self.lines).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the code under simulation is given: a clock, randomness of its own, and the trace."""

    seed: int
    clock: VirtualClock
    random: Random
    trace: Trace


@dataclass(frozen=True, slots=True)
class Run(Generic[T]):
    """How a run ended: what `main` returned, what happened, and how many virtual seconds it took."""

    result: T
    trace: Trace
    seconds: float


def run(seed: int, main: Callable[[Conditions], Coroutine[Any, Any, T]], trace: Trace | None = None) -> Run[T]:
    """Run a coroutine to its end; raises what it raises, Deadlock, or Endless. `trace`: where to write to."""
    loop = VirtualLoop(seed)
    conditions = Conditions(seed, VirtualClock(loop), Random(f"world {seed}"), trace or Trace())
    try:
        result = loop.run_until_complete(main(conditions))
        return Run(result, conditions.trace, loop.time())
    finally:
        _finish(loop)


def _finish(loop: VirtualLoop) -> None:
    """Cancel what is left over, in a fixed order, and close the loop."""
    loop.ending = True
    try:
        while left := loop.unfinished():
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
