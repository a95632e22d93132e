"""Rolling out the documents of one object without a gap.

New Files are uploaded and attached beside the old ones, in batches; only when the new one is processed is the old one
detached and its File deleted. A document that fails to process leaves its old version serving.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.account.port import Call, Failure, Sort
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.uploads import upload_file
from reconciler.diff import diff_documents, settled
from reconciler.kinds.base import DocumentKind, Kind
from reconciler.model import Address, Attachment, Document, Event, FileChanges
from reconciler.observe import document_kind_of, list_attachments
from reconciler.ownership.anchor import journal_chunks

BATCH = 500
"""Files in one batch request (OpenAI's retrieval guide)."""
SINGLY = 8
"""Up to so many files are asked for one by one; more are looked up in the list."""
RETRIES = 2
"""How often a file that failed with a server error is attached again."""
LONGEST_PAUSE = 5.0


@dataclass(slots=True)
class _Rollout:
    run: Run
    kind: DocumentKind
    parent: str
    address: Address
    total: int
    done: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return self.kind.collection.replace("{parent}", self.parent)

    def progress(self, path: str) -> None:
        data = {
            "address": str(self.address),
            "document": path,
            "done": self.done,
            "total": self.total,
            "failed": len(self.failed),
        }
        self.run.emit(Event("documents", data))


async def roll_out(
    run: Run, kind: Kind, parent: str, address: Address, documents: Sequence[Document], planned: FileChanges | None
) -> None:
    """Make the object's documents what the plan says; raises StepFailed naming those that could not be.

    The live list is read first: it is the evidence that an attachment is ours, and it makes an interrupted run resume.
    """
    if planned is None:
        return
    document_kind = document_kind_of(kind)
    live = await list_attachments(run.account, kind, parent)
    changes = diff_documents(document_kind, tuple(documents), live)
    removable = {item.path for item in planned.removed}
    by_path = {document.path: document for document in documents}
    current = settled(tuple(documents), live)
    send = [by_path[item.path] for item in (*changes.added, *changes.changed)]
    state = _Rollout(run, document_kind, parent, address, len(send) + len(changes.updated))
    resumed = [item for item in current.values() if item.status == "in_progress" and item.path in by_path]
    await _settle(state, resumed, by_path)
    for start in range(0, len(send), BATCH):
        await _send_batch(state, send[start : start + BATCH])
    await _in_place(state, [(by_path[item.path], current[item.path]) for item in changes.updated])
    surplus = _surplus(live, current, by_path, changes, removable, state.failed)
    await discard(run, document_kind, parent, [item.file_id for item in surplus])
    if state.failed:
        lines = tuple(f"{path}: {why}" for path, why in sorted(state.failed.items()))
        raise StepFailed(
            f"{len(lines)} of {len(documents)} documents failed; what was there before still serves", lines=lines
        )


def _surplus(
    live: Sequence[Attachment],
    current: dict[str, Attachment],
    by_path: dict[str, Document],
    changes: FileChanges,
    removable: set[str],
    failed: dict[str, str],
) -> list[Attachment]:
    """Our attachments that nothing needs any more: old versions of what is settled now, doubles, removed documents."""
    renewed = {item.path for item in changes.changed}
    found = []
    for item in live:
        if item.path is None:
            continue
        if item.path not in by_path:
            if item.path in removable:
                found.append(item)
        elif item.path in failed:
            continue
        elif item.path in renewed or current[item.path] is not item:
            found.append(item)
    return found


async def _send_batch(state: _Rollout, documents: Sequence[Document]) -> None:
    """Upload, attach, wait; whatever fails is noted, and its new File removed."""
    uploaded: list[tuple[Document, str]] = []
    for document, result in zip(
        documents, await asyncio.gather(*(_try_upload(state, item) for item in documents)), strict=True
    ):
        if result is not None:
            uploaded.append((document, result))
    await _attach(state, uploaded)
    await _wait(state, {file_id: document for document, file_id in uploaded}, retries=RETRIES)


async def _try_upload(state: _Rollout, document: Document) -> str | None:
    try:
        return await upload_file(state.run, document)
    except StepFailed as failed:
        state.failed[document.path] = failed.summary
    except Failure as failure:
        if failure.sort in {Sort.AUTHENTICATION, Sort.PERMISSION, Sort.QUOTA}:
            raise
        state.failed[document.path] = failure.message
    state.progress(document.path)
    return None


async def _attach(state: _Rollout, uploaded: Sequence[tuple[Document, str]]) -> None:
    op = state.run.op()
    items = [
        {
            "file_id": file_id,
            "attributes": state.kind.tags(document, op),
            **({"chunking_strategy": dict(document.chunking)} if document.chunking else {}),
        }
        for document, file_id in uploaded
    ]
    if len(items) > 1:
        try:
            await state.run.account.send(
                Call(
                    "POST",
                    state.kind.batch.replace("{parent}", state.parent),
                    json={"files": items},
                    beta=state.kind.beta,
                )
            )
        except Failure as failure:
            if not failure.ambiguous:
                raise
        there = await _attached(state)
        items = [item for item in items if item["file_id"] not in there]
    for item in items:
        await _attach_one(state, item)


async def _attached(state: _Rollout) -> set[str]:
    """Membership decides, not what the batch says of itself (compatible servers ignore `files` and report success)."""
    parent = next(kind for kind in _parents(state.kind))
    return {item.file_id for item in await list_attachments(state.run.account, parent, state.parent)}


def _parents(kind: DocumentKind) -> Iterable[Kind]:
    from reconciler.kinds import KINDS  # noqa: PLC0415 - the table is complete only after every kind is loaded

    return (parent for parent in KINDS.values() if parent.documents == kind.name)


async def _attach_one(state: _Rollout, item: Mapping[str, object]) -> None:
    """Attaching the same File twice is one attachment, so this may be repeated."""
    last: Failure | None = None
    for pause in (0.0, 1.0, 4.0):
        await state.run.clock.sleep(pause)
        try:
            await state.run.account.send(Call("POST", state.path, json=item, beta=state.kind.beta))
        except Failure as failure:
            fresh = (
                failure.sort is Sort.NOT_FOUND or failure.status == 400
            )  # a new File may not be known everywhere yet
            if not (failure.ambiguous or fresh):
                raise
            last = failure
        else:
            return
    raise last if last is not None else AssertionError("a loop that did not run")


async def _wait(state: _Rollout, waiting: dict[str, Document], *, retries: int) -> None:
    """Until each file is processed, or its deadline is over."""
    until = state.run.clock.monotonic() + state.run.file_deadline
    pause = 0.2
    waiting = dict(waiting)
    again: dict[str, Document] = {}
    while waiting:
        for item in await _status(state, waiting):
            document = waiting.get(item.file_id)
            if document is None or item.status == "in_progress":
                continue
            del waiting[item.file_id]
            if item.status == "completed":
                state.done += 1
                state.progress(document.path)
            elif retries and (item.error or "").startswith("server_error"):
                again[item.file_id] = document
            else:
                await _give_up(state, item.file_id, document, item.error or item.status)
        if waiting and state.run.clock.monotonic() >= until:
            _too_late(state, waiting)
            break
        if waiting:
            await state.run.clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
    if again:
        for file_id in again:
            await _detach(state.run, state.path, state.kind, file_id)
        await _attach(state, [(document, file_id) for file_id, document in again.items()])
        await _wait(state, again, retries=retries - 1)


def _too_late(state: _Rollout, waiting: dict[str, Document]) -> None:
    """Note the files whose deadline is over. They stay attached: the next run looks once more."""
    seconds = int(state.run.file_deadline)
    for file_id, document in waiting.items():
        state.failed[document.path] = f"not processed within {seconds} s ({file_id}); run again to look once more"
        state.progress(document.path)


async def _settle(state: _Rollout, resumed: Sequence[Attachment], by_path: dict[str, Document]) -> None:
    """Files that an earlier run attached and did not wait for."""
    state.total += len(resumed)
    await _wait(state, {item.file_id: by_path[str(item.path)] for item in resumed}, retries=0)


async def _status(state: _Rollout, waiting: dict[str, Document]) -> Sequence[Attachment]:
    if len(waiting) <= SINGLY:
        replies = await asyncio.gather(
            *(
                state.run.account.send(Call("GET", f"{state.path}/{file_id}", beta=state.kind.beta))
                for file_id in waiting
            )
        )
        return [state.kind.read(reply.data) for reply in replies]
    parent = next(iter(_parents(state.kind)))
    return await list_attachments(state.run.account, parent, state.parent)


async def _give_up(state: _Rollout, file_id: str, document: Document, why: str) -> None:
    state.failed[document.path] = why
    state.progress(document.path)
    await discard(state.run, state.kind, state.parent, [file_id])


async def _in_place(state: _Rollout, items: Sequence[tuple[Document, Attachment]]) -> None:
    async def one(document: Document, item: Attachment) -> None:
        body = {"attributes": state.kind.tags(document, state.run.op())}
        await state.run.account.send(Call("POST", f"{state.path}/{item.file_id}", json=body, beta=state.kind.beta))
        state.done += 1
        state.progress(document.path)

    await asyncio.gather(*(one(document, item) for document, item in items))


# --- taking away ------------------------------------------------------------------------------------------------------


async def discard(run: Run, kind: DocumentKind, parent: str, files: Sequence[str]) -> None:
    """Detach attachments of ours and delete their Files: journalled first, so that a crash leaves no unknown orphan."""
    path = kind.collection.replace("{parent}", parent)
    for chunk in journal_chunks(files):
        async with run.keeper.journalled(chunk):
            await asyncio.gather(*(_detach(run, path, kind, file_id) for file_id in chunk))
            await delete_journalled(run, chunk)


async def delete_files(run: Run, files: Sequence[str]) -> None:
    """Delete Files that nothing names any more: journalled first."""
    for chunk in journal_chunks(files):
        async with run.keeper.journalled(chunk):
            await delete_journalled(run, chunk)


async def delete_journalled(run: Run, files: Sequence[str]) -> None:
    """Delete Files that the journal names."""
    await asyncio.gather(*(_delete_file(run, file_id) for file_id in files))


async def _detach(run: Run, path: str, kind: DocumentKind, file_id: str) -> None:
    """Detach, and wait until it is gone; a file that is still processing answers 404 although it is there."""
    delete = Call("DELETE", f"{path}/{file_id}", beta=kind.beta)
    await _until_gone(run, delete, Call("GET", f"{path}/{file_id}", beta=kind.beta))


async def _delete_file(run: Run, file_id: str) -> None:
    await _until_gone(run, Call("DELETE", f"/files/{file_id}"), Call("GET", f"/files/{file_id}"))


async def _until_gone(run: Run, delete: Call, get: Call) -> None:
    until = run.clock.monotonic() + run.settle
    pause = 0.2
    while True:
        try:
            await run.account.send(delete)
        except Failure as failure:
            if not (failure.ambiguous or failure.sort is Sort.NOT_FOUND):
                raise
        if await gone(run, get):
            return
        if run.clock.monotonic() >= until:
            raise StepFailed(f"{delete.path} is still there after {int(run.settle)} s", in_doubt=True)
        await run.clock.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


async def gone(run: Run, get: Call) -> bool:
    """Whether a GET answers 404 (or 400 "not found", as compatible servers do)."""
    try:
        await run.account.send(get)
    except Failure as failure:
        if failure.sort is Sort.NOT_FOUND or (failure.status == 400 and "not found" in failure.message.lower()):
            return True
        raise
    return False
