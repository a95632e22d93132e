"""Bringing documents in: uploads side by side, attached in groups while others are still on their way.

Nothing says whose an uploaded File is until it is attached. So the number of Files that are uploaded, or being so, and
not attached is bounded for the whole run (`Traffic.unattached`): that many are lost if the process dies, not more.
Groups and not single files, because a store takes 300 attachments a minute and a batch counts as one of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from reconciler.account.port import Failure
from reconciler.apply.documents.attaching import attach
from reconciler.apply.documents.rollout import Pending, Rollout
from reconciler.apply.run import StepFailed
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
