"""Creating something exactly once, as far as that can be had; and writing to something that may have been written to.

The API has no idempotency keys. A create that ended ambiguously is looked for by the op in its tags until the settle
window has passed, and only then tried again under a new op (docs/guarantees.md).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from reconciler.account.paging import list_all
from reconciler.account.port import Failure, Reply, Sort
from reconciler.apply.run import Run, StepFailed
from reconciler.errors import Exit, stop_for
from reconciler.kinds.base import Kind
from reconciler.observe import is_id

ATTEMPTS = 3
"""One create and at most two more."""

FIRST_LOOK = 0.5
LONGEST_LOOK = 8.0

Send = Callable[[str], Awaitable[Reply]]
Find = Callable[[str], Awaitable[Mapping[str, Any] | None]]
Accepts = Callable[[Mapping[str, Any], str], bool]


def in_lists(run: Run, kind: Kind, accepts: Accepts) -> Find:
    """Looks for an op in a kind's collection, in both orders: one of them may not show what was just made."""

    async def find(op: str) -> Mapping[str, Any] | None:
        for order in ("desc", "asc"):
            listed = await list_all(run.account, kind.collection, order=order, beta=kind.beta)
            found = next((raw for raw in listed if accepts(raw, op)), None)
            if found is not None:
                return found
        return None

    return find


async def create_once(run: Run, what: str, *, send: Send, find: Find, accepts: Accepts) -> Mapping[str, Any]:
    """The created object. `send` posts under an op, `find` looks for an op in the lists, `accepts` checks its echo.

    Raises Failure when the server definitely refused, StepFailed when it stays in doubt.
    """
    last = ""
    for _ in range(ATTEMPTS):
        op = run.op()
        try:
            reply = await send(op)
        except Failure as failure:
            if not failure.ambiguous:
                raise
            last = failure.message
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
    until = run.clock.monotonic() + run.settle
    pause = FIRST_LOOK
    while True:
        found, failed = None, None
        try:
            found = await find(op)
        except Failure as failure:
            failed = failure
        if found is not None:
            return found
        left = until - run.clock.monotonic()
        if left <= 0 and failed is not None:
            raise _unseen(what, failed) from failed
        if left <= 0:
            return None
        await run.clock.sleep(min(pause, left))
        pause = min(pause * 2, LONGEST_LOOK)


async def write(
    run: Run,
    what: str,
    *,
    send: Callable[[], Awaitable[Reply]],
    reached: Callable[[], Awaitable[bool]],
) -> None:
    """Send an update or a delete whose target can be read back; again only after a read shows it did not arrive."""
    last = ""
    for _ in range(ATTEMPTS):
        try:
            await send()
        except Failure as failure:
            if not failure.ambiguous:
                raise
            last = failure.message
            if failure.sort is Sort.CONFLICT and failure.retry_after:
                await run.clock.sleep(min(failure.retry_after, run.settle))
        else:
            return
        try:
            if await reached():
                return
        except Failure as failure:
            raise _unseen(what, failure) from failure
    raise StepFailed(f"{what} did not arrive ({last}); tried {ATTEMPTS} times", in_doubt=True)


def _unseen(what: str, failure: Failure) -> StepFailed:
    """Nobody knows whether a write arrived, and it cannot be looked for."""
    code = stop_for(failure).code
    summary = f"{what} may or may not have happened, and looking for it failed ({failure.message})"
    return StepFailed(summary, in_doubt=True, code=code if code is Exit.DENIED else Exit.INCOMPLETE)
