"""The real time. The engine gets it as an argument, and the simulation hands in its own."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """The machine's clocks and the running event loop's timer."""

    def now(self) -> float:
        """Epoch seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some fixed point, never going back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
