"""Looking whether something is there, again and again while the account may not show it yet, or still does."""

from __future__ import annotations

from reconciler.account.looks import Looks
from reconciler.account.objects import is_missing
from reconciler.account.port import Call, Failure, Reply
from reconciler.apply.run import Run

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0


def looks_of(run: Run, seconds: float | None = None) -> Looks:
    """Looks within the settle window, or within so many seconds."""
    return Looks(run.clock, run.settle if seconds is None else seconds, first=FIRST_PAUSE, longest=LONGEST_PAUSE)


async def read(run: Run, get: Call) -> Reply | None:
    """The answer to a GET; None when there is no such object (404, or 400 "not found" of compatible servers)."""
    try:
        return await run.account.send(get)
    except Failure as failure:
        if is_missing(failure):
            return None
        raise


async def gone(run: Run, get: Call) -> bool:
    """Whether a GET finds nothing."""
    return await read(run, get) is None
