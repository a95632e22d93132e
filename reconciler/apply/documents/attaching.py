"""Bringing documents in: uploads side by side, attached in groups while others are still on their way.

Nothing says whose an uploaded File is until it is attached. So the number of Files that are uploaded, or being so, and
not attached is bounded for the whole run (`Traffic.unattached`): that many are lost if the process dies, not more.
Groups and not single files, because a store takes 300 attachments a minute and a batch counts as one of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress

from reconciler.account.objects import is_missing
from reconciler.account.port import Call, Failure
from reconciler.apply.documents.rollout import Pending, Rollout
from reconciler.apply.run import StepFailed, together
from reconciler.apply.steps.removal import discard, is_fatal
from reconciler.apply.uploads.uploading import upload_file
from reconciler.model.desired import Document

GROUP = 24
"""Files that are attached at once, if so many are there: the other 16 that may be under way meanwhile are uploads."""
IDLE = 2.0
"""Seconds without another upload having ended after which a smaller group is attached."""


async def bring_in(rollout: Rollout, documents: Sequence[Document]) -> None:
    """Upload and attach documents; afterwards each of them is waited for, or noted as failed."""
    intake = _Intake(rollout, deque(documents))
    try:
        while intake.todo or intake.uploading or intake.ready:
            await intake.start()
            await intake.collect()
    except asyncio.CancelledError:
        for task in intake.uploading:
            task.cancel()
        raise
    finally:
        rollout.run.ledger.journal.add(await intake.end())
    rollout.check()


class _Intake:
    """What is to be uploaded, what is being uploaded, what is uploaded and not attached yet."""

    def __init__(self, rollout: Rollout, todo: deque[Document]) -> None:
        self.todo = todo
        self.uploading: dict[asyncio.Task[str | None], Pending] = {}
        self.ready: dict[str, Pending] = {}
        self._rollout = rollout
        self._places = rollout.run.traffic.unattached
        self._held = 0

    async def start(self) -> None:
        """Start as many uploads as there are places for; with nothing under way, wait for one place."""
        if self._rollout.fatal is not None:
            self.todo.clear()
        while self.todo and not (self._places.locked() and (self.uploading or self.ready)):
            await self._places.acquire()
            self._held += 1
            pending = Pending(self.todo.popleft(), self._rollout.deadline())
            self.uploading[asyncio.ensure_future(_try_upload(self._rollout, pending))] = pending

    async def collect(self) -> None:
        """Take what was uploaded meanwhile, and attach when a group is full or nothing else comes for a while."""
        ended = set[asyncio.Task[str | None]]()
        if self.uploading:
            ended, _ = await asyncio.wait(self.uploading, timeout=IDLE, return_when=asyncio.FIRST_COMPLETED)
        for task in [task for task in self.uploading if task in ended]:
            pending = self.uploading.pop(task)
            file_id = task.result()
            if file_id is None:
                self._free(1)
            else:
                self.ready[file_id] = pending
        if self.ready and (len(self.ready) >= GROUP or not self.uploading or not ended):
            await attach(self._rollout, self.ready)
            self._free(len(self.ready))
            self.ready = {}

    async def end(self) -> list[str]:
        """Nothing goes on behind the back of a rollout that fails, others get its places; which Files it leaves."""
        ended = await asyncio.gather(*self.uploading, return_exceptions=True)
        self._free(self._held)
        return [*self.ready, *(file_id for file_id in ended if isinstance(file_id, str))]

    def _free(self, count: int) -> None:
        for _ in range(count):
            self._places.release()
        self._held -= count


async def _try_upload(rollout: Rollout, pending: Pending) -> str | None:
    path = pending.document.path
    try:
        return await upload_file(rollout.run, pending.document, pending.deadline)
    except StepFailed as failed:
        rollout.fail(path, failed.summary.removeprefix(f"{path}: "))
    except Failure as failure:
        rollout.fail(path, failure)
    return None


# --- attaching --------------------------------------------------------------------------------------------------------


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
