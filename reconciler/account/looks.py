"""Looking again and again for something that is shown late, more and more rarely, until the time for it is over."""

from __future__ import annotations

from reconciler.account.port import Clock


class Looks:
    """Looks within `seconds` from now, the first of them at once; the pauses double from `first` to `longest` seconds.

    One look at least begins when the time is over: one that began before and took long saw what was there before.
    """

    def __init__(self, clock: Clock, seconds: float, *, first: float = 0.5, longest: float = 8.0) -> None:
        self._clock = clock
        self._until = clock.monotonic() + seconds
        self._pause = first
        self._longest = longest
        self._last = seconds <= 0

    async def again(self) -> bool:
        """Wait for the next look; False, at once, when a look that began after the time was over has been taken."""
        if self._last:
            return False
        left = self._until - self._clock.monotonic()
        if left > 0:
            await self._clock.sleep(min(self._pause, left))
        self._last = self._clock.monotonic() >= self._until
        self._pause = min(self._pause * 2, self._longest)
        return True
