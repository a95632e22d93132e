"""Attaching uploaded Files, with the attributes that say which document each one is in the same request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from reconciler.account.objects import is_missing
from reconciler.account.port import Call, Failure
from reconciler.apply.documents.detaching import discard
from reconciler.apply.documents.rollout import Pending, Rollout
from reconciler.apply.requests.refusals import is_fatal
from reconciler.apply.run import StepFailed, together


async def attach(rollout: Rollout, files: Mapping[str, Pending]) -> None:
    """Attach Files, by their ids, with our attributes in the same request. What is refused is taken away again."""
    refused: dict[str, Failure] = {}
    rest = list(files)
    for file_id in files:
        await rollout.run.settled(f"{rollout.path}/{file_id}")
    if len(files) > 1:
        try:
            rest = await _attach_group(rollout, files)
        except Failure as failure:
            rollout.fatal = rollout.fatal or failure
            refused, rest = dict.fromkeys(files, failure), []
    failures = await together(_attach_one(rollout, file_id, files[file_id]) for file_id in rest)
    refused |= {file_id: why for file_id, why in zip(rest, failures, strict=True) if why is not None}
    rollout.waiting.update({file_id: pending for file_id, pending in files.items() if file_id not in refused})
    for file_id, why in refused.items():
        rollout.fail(files[file_id].document.path, why)
    await take_away(rollout, list(refused))


async def take_away(rollout: Rollout, files: Sequence[str]) -> None:
    """Discard what failed. If that fails too it stays in the journal, and the next run meets it again."""
    with suppress(StepFailed, Failure):
        await discard(rollout.run, rollout.kind, rollout.parent, files)


def _item(rollout: Rollout, file_id: str, pending: Pending, op: str) -> dict[str, object]:
    document = pending.document
    chunking = {"chunking_strategy": dict(document.chunking)} if document.chunking else {}
    return {"file_id": file_id, "attributes": rollout.kind.tags(document, op), **chunking}


async def _attach_group(rollout: Rollout, files: Mapping[str, Pending]) -> list[str]:
    """Attach many at once; those that have to be attached one by one. Raises the Failure that no file can get over.

    Membership decides, not what the batch says of itself: compatible servers ignore `files` and report success, and a
    batch with one bad document is refused as a whole.
    """
    op = rollout.run.op()
    body = {"files": [_item(rollout, file_id, pending, op) for file_id, pending in files.items()]}
    path = rollout.kind.batch.replace("{parent}", rollout.parent)
    refused = lost = False
    try:
        # A death before it leaves Files that only `gc` finds, a death after it attachments that the next run waits for.
        await rollout.run.account.send(Call("POST", path, json=body, beta=rollout.kind.beta))
    except Failure as failure:
        if is_fatal(failure):
            raise
        refused, lost = not failure.ambiguous, failure.ambiguous
    try:
        there = await rollout.newest(files)
        for file_id in there:
            files[file_id].shown = True
        rest = [file_id for file_id in files if file_id not in there or there[file_id].path is None]
        there = {} if refused else await rollout.one_by_one(rest)
    except Failure as failure:
        if is_missing(failure) or is_fatal(failure):
            raise
        if lost:
            rollout.run.doubt(path)
        return []  # not to be seen now: whoever waits for them looks again
    missing = [file_id for file_id in rest if file_id not in there]
    if missing and not refused:
        rollout.run.doubt(path)
    return missing


async def _attach_one(rollout: Rollout, file_id: str, pending: Pending) -> Failure | None:
    """Attaching the same File twice is one attachment, so this may be repeated; what it failed with in the end."""
    last: Failure | None = None
    for pause in (0.0, 1.0, 4.0):
        await rollout.run.clock.sleep(pause)
        op = rollout.run.op()
        item = _item(rollout, file_id, pending, op)
        try:
            # The same with one File: before it only `gc` finds it, after it the next run does.
            await rollout.run.account.send(Call("POST", rollout.path, json=item, beta=rollout.kind.beta))
        except Failure as failure:
            last = failure
            if failure.ambiguous:
                if await _arrived(rollout, file_id, op):
                    pending.shown = True
                    return None
                rollout.run.doubt(rollout.path)
            unknown = is_missing(failure) or failure.status == 400  # a new File may not be known everywhere yet
            if not (failure.ambiguous or unknown):
                break
        else:
            pending.shown = True
            return None
    return last


async def _arrived(rollout: Rollout, file_id: str, op: str) -> bool:
    """Whether a file is seen to be attached by the request of this op."""
    try:
        found = await rollout.read(file_id)
    except Failure:
        return False
    return found is not None and found.op == op
