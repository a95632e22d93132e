"""Creating something exactly once, as far as that can be had.

The API has no idempotency keys. A create that ended ambiguously is looked for by the op in its tags until the settle
window has passed, and only then tried again under a new op (docs/guarantees.md).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from reconciler.account.looks import Looks
from reconciler.account.objects import is_id
from reconciler.account.paging import list_all
from reconciler.account.port import BUSY, Failure, Reply
from reconciler.apply.requests.writing import ATTEMPTS, FIRST_LOOK, unseen
from reconciler.apply.run import Run, StepFailed

Send = Callable[[str], Awaitable[Reply]]
Find = Callable[[str], Awaitable[Mapping[str, Any] | None]]
Accepts = Callable[[Mapping[str, Any], str], bool]


async def create_once(
    run: Run, what: str, *, send: Send, accepts: Accepts, listed: str, beta: str | None
) -> Mapping[str, Any]:
    """The created object. `send` posts under an op, `accepts` tells whether an object carries that op.

    `listed` is the list in which it is looked for when the answer was lost. No two requests carry one op. Raises
    Failure when the server definitely refused, StepFailed when it stays in doubt.
    """
    last = ""
    for attempt in range(ATTEMPTS):
        op = run.op()
        try:
            reply = await send(op)
        except Failure as failure:
            if last and not failure.ambiguous:
                raise unseen(what, failure) from failure  # an earlier attempt may have been executed all the same
            if not failure.ambiguous and (failure.kind not in BUSY or attempt == ATTEMPTS - 1):
                raise
            if not failure.ambiguous:
                await run.clock.sleep(FIRST_LOOK * 2**attempt)  # a Retry-After is waited for before the next request
                continue
            last = failure.summary
            bare = ""
        else:
            bare = str(reply.data["id"]) if is_id(reply.data.get("id")) else ""
            if bare and accepts(reply.data, op):
                return reply.data
            last = "the answer does not show what was created"
        found = await _look(run, what, op, partial(_in_lists, run, accepts, listed, beta))
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
            raise unseen(what, failed) from failed
        return None


async def _in_lists(run: Run, accepts: Accepts, listed: str, beta: str | None, op: str) -> Mapping[str, Any] | None:
    """In both orders: one of them may not show what was just made."""
    for order in ("desc", "asc"):
        items = await list_all(run.account, listed, order=order, beta=beta)
        found = next((raw for raw in items if accepts(raw, op)), None)
        if found is not None:
            return found
    return None
