"""Writing to something that may have been written to: again only after a read has shown what was there before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from functools import partial
from typing import Any

from reconciler.account.failures import stop_for
from reconciler.account.limiter import passes
from reconciler.account.objects import get_object
from reconciler.account.port import Call, Failure, FailureKind, Reply
from reconciler.apply.run import Run, StepFailed
from reconciler.kinds.kind import Kind
from reconciler.model.errors import Exit
from reconciler.model.json import Json

ATTEMPTS = 3
"""One write and at most two more."""
BUSY_ATTEMPTS = 3
"""So often a write is sent again that was not executed because the service is busy."""
FIRST_LOOK = 0.5


class Seen(Enum):
    """What a read shows after a write whose answer was lost: its target, what was there before, or neither."""

    TARGET = "target"
    BEFORE = "before"
    OTHER = "other"


async def change_object(
    run: Run,
    kind: Kind,
    object_id: str,
    body: Mapping[str, Json],
    seen: Callable[[Mapping[str, Any] | None], Seen],
    *,
    what: str = "the update",
) -> None:
    """Post to an object; `seen` judges what a read of it shows, None where it is gone. Raises like `write`."""
    call = Call("POST", f"{kind.collection}/{object_id}", json=dict(body), beta=kind.beta, once=True)

    async def look() -> Seen:
        return seen(await get_object(run.account, kind, object_id))

    await write(run, f"{what} of {object_id}", path=call.path, send=partial(run.account.send, call), seen=look)


async def write(
    run: Run,
    what: str,
    *,
    path: str = "",
    send: Callable[[], Awaitable[Reply]],
    seen: Callable[[], Awaitable[Seen]],
) -> None:
    """Send an update or a delete whose target can be read back; again only after a read shows what was there before.

    So `send` asks for no repetition by itself (`once`): what people do while the service is busy would be overwritten.
    `path` is where it writes, unless a second arrival does no harm: one that seemed lost may still arrive in the settle
    window, and would then undo what is written there next. Raises StepFailed: stale when somebody else wrote meanwhile,
    in doubt when it did not arrive or cannot be seen.
    """
    last, tries, waits = "", 0, 0
    await run.settled(path)
    while tries < ATTEMPTS:
        try:
            await send()
        except Failure as failure:
            if not failure.ambiguous and not (passes(failure) and waits < BUSY_ATTEMPTS):
                if tries:
                    raise unseen(what, failure) from failure
                raise
            last = failure.summary
            tries, waits = (tries + 1, waits) if failure.ambiguous else (tries, waits + 1)
            await run.clock.sleep(_pause(run, failure, waits))
        else:
            return
        arrived = False  # what did not may come later, also over what somebody else wrote
        try:
            arrived = await _reached(what, seen, last)
        finally:
            if path and tries and not arrived:
                run.doubt(path)
        if arrived:
            return
    raise StepFailed(f"{what} did not arrive ({last}); tried {ATTEMPTS} times", in_doubt=True)


def _pause(run: Run, failure: Failure, waits: int) -> float:
    """Seconds before the next look; for a Retry-After of the whole service the next request waits by itself."""
    if failure.ambiguous:
        return min(failure.retry_after or 0.0, run.settle) if failure.kind is FailureKind.CONFLICT else 0.0
    return FIRST_LOOK * 2.0 ** (waits - 1)


async def _reached(what: str, seen: Callable[[], Awaitable[Seen]], last: str) -> bool:
    """Whether a write whose answer was lost is seen to have arrived; raises StepFailed when that cannot be told."""
    try:
        shown = await seen()
    except Failure as failure:
        raise unseen(what, failure) from failure
    if shown is Seen.OTHER:
        raise StepFailed(
            f"{what} may or may not have arrived ({last}), and somebody else wrote there meanwhile; plan again",
            code=Exit.STALE,
        )
    return shown is Seen.TARGET


def unseen(what: str, failure: Failure) -> StepFailed:
    """Nobody knows whether a write arrived, and it cannot be looked for."""
    code = stop_for(failure).code
    done = "looking for it" if failure.call.reads else "sending it again"
    summary = f"{what} may or may not have happened, and {done} failed ({failure.summary})"
    return StepFailed(summary, in_doubt=True, code=code if code is Exit.DENIED else Exit.INCOMPLETE)
