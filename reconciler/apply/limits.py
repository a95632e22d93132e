"""What ends a run before its plan is done: a person, or the time that the run may take."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from reconciler.account.port import Clock
from reconciler.apply.options import Conclusion
from reconciler.model.errors import Exit

GRACE = 7.0
"""Seconds that steps in flight get to finish after a signal, or when the run's time is over."""
WIND_DOWN = 30.0
"""Seconds beyond the time of a run in which it may still end its steps and give the stack back."""
RELEASE = 10.0
"""Those of them that are kept for giving the stack back."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`interrupt` is set by a person; `deadline` (monotonic) is when the run winds down."""

    clock: Clock
    conclusion: Conclusion
    interrupt: asyncio.Event
    deadline: float | None

    def watch(self) -> list[asyncio.Task[str]]:
        """Tasks that end when the run has to; their results say why. They are to be cancelled."""
        return [asyncio.ensure_future(self._interrupted()), asyncio.ensure_future(self._out_of_time())]

    async def pause(self, seconds: float) -> bool:
        """Wait; whether a person did not want to."""
        ends = [asyncio.ensure_future(self._interrupted()), asyncio.ensure_future(self.clock.sleep(seconds))]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        return self.conclusion.interrupted

    def leaves_room_until(self, moment: float) -> bool:
        """Whether the stack can still be given back in time after a moment (monotonic)."""
        return self.deadline is None or moment <= self.deadline + WIND_DOWN - RELEASE

    async def _interrupted(self) -> str:
        await self.interrupt.wait()
        self.conclusion.interrupted = True
        return "interrupted"

    async def _out_of_time(self) -> str:
        """Unlike an interrupt, this is no person's wish: the exit code says that time was not enough."""
        if self.deadline is None:
            await asyncio.Event().wait()
        else:
            await self.clock.sleep(max(0.0, self.deadline - self.clock.monotonic()))
        self.conclusion.worsen(Exit.UNAVAILABLE)
        return "the time for this run is over"
