"""Looking again and again for something that is shown late, more and more rarely, until the time for it is over."""

from __future__ import annotations

from reconciler.account.port import Clock


class Looks:
    """Further looks within `seconds` from now; the pauses between them double from `first` to `longest` seconds."""

    def __init__(self, clock: Clock, seconds: float, *, first: float = 0.5, longest: float = 8.0) -> None:
        self._clock = clock
        self._until = clock.monotonic() + seconds
        self._pause = first
        self._longest = longest

    async def again(self) -> bool:
        """Wait for the next look; False, at once, when the time is over. The last look is when it is over."""
        left = self._until - self._clock.monotonic()
        if left <= 0:
            return False
        await self._clock.sleep(min(self._pause, left))
        self._pause = min(self._pause * 2, self._longest)
        return True
