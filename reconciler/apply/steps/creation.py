"""Creating something exactly once, as far as that can be had; and writing to something that may have been written to.

The API has no idempotency keys. A create that ended ambiguously is looked for by the op in its tags until the settle
window has passed, and only then tried again under a new op (docs/guarantees.md).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any

from reconciler.account.failures import stop_for
from reconciler.account.limiter import passes
from reconciler.account.looks import Looks
from reconciler.account.objects import get_object, is_id, is_missing
from reconciler.account.paging import list_all
from reconciler.account.port import BUSY, Call, Failure, Reply, Sort
from reconciler.apply.run import Run, StepFailed
from reconciler.kinds.kind import Kind
from reconciler.model.errors import Exit

ATTEMPTS = 3
"""One create and at most two more."""
BUSY_ATTEMPTS = 3
"""So often a write is sent again that was not executed because the service is busy."""

FIRST_LOOK = 0.5

Send = Callable[[str], Awaitable[Reply]]
Find = Callable[[str], Awaitable[Mapping[str, Any] | None]]
Accepts = Callable[[Mapping[str, Any], str], bool]


class Seen(Enum):
    """What a read shows after a write whose answer was lost: its target, what was there before, or neither."""

    TARGET = "target"
    BEFORE = "before"
    OTHER = "other"


def in_lists(run: Run, path: str, beta: str | None, accepts: Accepts) -> Find:
    """Looks for an op in a list, in both orders: one of them may not show what was just made."""

    async def find(op: str) -> Mapping[str, Any] | None:
        for order in ("desc", "asc"):
            listed = await list_all(run.account, path, order=order, beta=beta)
            found = next((raw for raw in listed if accepts(raw, op)), None)
            if found is not None:
                return found
        return None

    return find


async def create_once(run: Run, what: str, *, send: Send, find: Find, accepts: Accepts) -> Mapping[str, Any]:
    """The created object. `send` posts under an op, `find` looks for an op in the lists, `accepts` checks its echo.

    No two requests carry one op. Raises Failure when the server definitely refused, StepFailed when it stays in doubt.
    """
    last = ""
    for attempt in range(ATTEMPTS):
        op = run.op()
        try:
            reply = await send(op)
        except Failure as failure:
            if last and not failure.ambiguous:
                raise _unseen(what, failure) from failure  # an earlier attempt may have been executed all the same
            if not failure.ambiguous and (failure.sort not in BUSY or attempt == ATTEMPTS - 1):
                raise
            if not failure.ambiguous:
                await run.clock.sleep(FIRST_LOOK * 2**attempt)  # a Retry-After is waited for before the next request
                continue
            last = failure.told
            bare = ""
        else:
            bare = str(reply.data["id"]) if is_id(reply.data.get("id")) else ""
            if bare and accepts(reply.data, op):
                return reply.data
            last = "the answer does not show what was created"
        found = await _look(run, what, op, find)
        if found is not None:
            return found
        if bare:
            raise StepFailed(
                f"{what} was answered with {bare}, which does not carry our tag: this server does not keep it, or not "
                "all of it. Nothing more was sent; look at the object, and delete it if nothing else uses it",
                in_doubt=True,
            )
    raise StepFailed(
        f"{what} may or may not have been created ({last}); it was looked for, and tried {ATTEMPTS} times",
        in_doubt=True,
    )


async def _look(run: Run, what: str, op: str, find: Find) -> Mapping[str, Any] | None:
    """What carries the op, or None once the settle window is over and a list was read that does not show it."""
    looks = Looks(run.clock, run.settle)
    while True:
        found, failed = None, None
        try:
            found = await find(op)
        except Failure as failure:
            failed = failure
        if found is not None:
            return found
        if await looks.again():
            continue
        if failed is not None:
            raise _unseen(what, failed) from failed
        return None


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
                    raise _unseen(what, failure) from failure
                raise
            last = failure.told
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
        return min(failure.retry_after or 0.0, run.settle) if failure.sort is Sort.CONFLICT else 0.0
    return FIRST_LOOK * 2.0 ** (waits - 1)


async def _reached(what: str, seen: Callable[[], Awaitable[Seen]], last: str) -> bool:
    """Whether a write whose answer was lost is seen to have arrived; raises StepFailed when that cannot be told."""
    try:
        shown = await seen()
    except Failure as failure:
        raise _unseen(what, failure) from failure
    if shown is Seen.OTHER:
        raise StepFailed(
            f"{what} may or may not have arrived ({last}), and somebody else wrote there meanwhile; plan again",
            code=Exit.STALE,
        )
    return shown is Seen.TARGET


async def delete_object(run: Run, kind: Kind, before: Mapping[str, Any]) -> None:
    """Delete an object that was read just now and showed that it is ours. What is gone already is as good as deleted.

    After an answer that was lost, absence is believed only if neither the id nor the lists show the object.
    """
    object_id = str(before["id"])
    call = Call("DELETE", f"{kind.collection}/{object_id}", beta=kind.beta, once=True)

    async def send() -> Reply:
        try:
            return await run.account.send(call)
        except Failure as failure:
            if is_missing(failure):
                return Reply(404, {})
            raise

    async def seen() -> Seen:
        raw = await get_object(run.account, kind, object_id)
        if raw is None:
            return Seen.BEFORE if await _listed(run, kind, object_id) else Seen.TARGET
        same = all(raw.get(key) == before.get(key) for key in ("metadata", "description"))
        return Seen.BEFORE if same else Seen.OTHER

    await write(run, f"the deletion of {object_id}", send=send, seen=seen)


async def _listed(run: Run, kind: Kind, object_id: str) -> bool:
    """Whether a list still shows an object, also after the settle window: lists lag behind deletions too."""
    looks = Looks(run.clock, run.settle)
    while True:
        shown = False
        for order in ("desc", "asc"):
            listed = await list_all(run.account, kind.collection, order=order, beta=kind.beta)
            shown = shown or any(raw["id"] == object_id for raw in listed)
        if not shown or not await looks.again():
            return shown


def _unseen(what: str, failure: Failure) -> StepFailed:
    """Nobody knows whether a write arrived, and it cannot be looked for."""
    code = stop_for(failure).code
    done = "looking for it" if failure.call.reads else "sending it again"
    summary = f"{what} may or may not have happened, and {done} failed ({failure.told})"
    return StepFailed(summary, in_doubt=True, code=code if code is Exit.DENIED else Exit.INCOMPLETE)
