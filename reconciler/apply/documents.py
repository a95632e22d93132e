"""Rolling out the documents of one object without a gap.

New Files are uploaded and attached beside the old ones, in batches; only when the new one is processed is the old one
detached and its File deleted. A document that fails to process leaves its old version serving.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from reconciler.account.port import Call, Failure, Sort
from reconciler.apply.creation import Seen, write
from reconciler.apply.run import Run, StepFailed, together
from reconciler.apply.uploads import upload_file
from reconciler.diff import diff_documents, settled
from reconciler.kinds.base import DocumentKind, Kind
from reconciler.model import Address, Attachment, Document, Event, FileChanges
from reconciler.observe import document_kind_of, is_missing, list_attachments
from reconciler.ownership.anchor import journal_chunks

BATCH = 500
"""Files in one batch request (OpenAI's retrieval guide)."""
SINGLY = 8
"""Up to so many files are asked for one by one; more are looked up in the list."""
RETRIES = 2
"""How often a file that failed with a server error is attached again."""
LONGEST_PAUSE = 5.0
FATAL = frozenset({Sort.AUTHENTICATION, Sort.PERMISSION, Sort.QUOTA})
"""Refusals that every further call would meet; all others are the matter of one document."""
ENDED = frozenset({"completed", "failed", "cancelled"})
UNTAGGED = "the server did not keep the attributes that say which document it is"


@dataclass(slots=True)
class _Rollout:
    run: Run
    owner: Kind
    kind: DocumentKind
    parent: str
    address: Address
    total: int
    done: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    fatal: Failure | None = None

    @property
    def path(self) -> str:
        return self.kind.collection.replace("{parent}", self.parent)

    def fail(self, path: str, why: str | Failure) -> None:
        """Note why a document could not be brought in; what no document can get over ends the rollout."""
        if isinstance(why, Failure) and why.sort in FATAL:
            self.fatal = self.fatal or why
            return
        self.failed[path] = why.message if isinstance(why, Failure) else why
        self.progress(path)

    def check(self) -> None:
        """Raise the Failure that makes going on useless."""
        if self.fatal is not None:
            raise self.fatal

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
    state = _Rollout(run, kind, document_kind, parent, address, len(send) + len(changes.updated))
    renewed = {item.path for item in changes.changed}
    await _settle(state, [item for path, item in current.items() if path in by_path and path not in renewed], by_path)
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
    results = await together(_try_upload(state, item) for item in documents)
    uploaded = {file_id: document for document, file_id in zip(documents, results, strict=True) if file_id is not None}
    attached = await _attach(state, uploaded)
    state.check()
    await _wait(state, attached, retries=RETRIES)


async def _try_upload(state: _Rollout, document: Document) -> str | None:
    if state.fatal is not None:
        return None
    try:
        return await upload_file(state.run, document)
    except StepFailed as failed:
        state.fail(document.path, failed.summary.removeprefix(f"{document.path}: "))
    except Failure as failure:
        state.fail(document.path, failure)
    return None


# --- attaching --------------------------------------------------------------------------------------------------------


async def _attach(state: _Rollout, uploaded: Mapping[str, Document]) -> dict[str, Document]:
    """Attach Files, by their ids, with our attributes in the same request; those that were attached."""
    op = state.run.op()
    items = {file_id: _item(state, document, file_id, op) for file_id, document in uploaded.items()}
    missing = await _attach_batch(state, items) if len(items) > 1 else list(items)
    failures = await together(_attach_one(state, items[file_id]) for file_id in missing)
    refused = {file_id: why for file_id, why in zip(missing, failures, strict=True) if why is not None}
    for file_id, why in refused.items():
        state.fail(uploaded[file_id].path, why)
    await _take_away(state, [file_id for file_id, why in refused.items() if why.sort not in FATAL])
    return {file_id: document for file_id, document in uploaded.items() if file_id not in refused}


def _item(state: _Rollout, document: Document, file_id: str, op: str) -> dict[str, object]:
    chunking = {"chunking_strategy": dict(document.chunking)} if document.chunking else {}
    return {"file_id": file_id, "attributes": state.kind.tags(document, op), **chunking}


async def _attach_batch(state: _Rollout, items: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Attach many at once; those that have to be attached one by one.

    Membership decides, not what the batch says of itself: compatible servers ignore `files` and report success, and a
    batch with one bad document is refused as a whole.
    """
    path = state.kind.batch.replace("{parent}", state.parent)
    call = Call("POST", path, json={"files": list(items.values())}, beta=state.kind.beta)
    try:
        await state.run.account.send(call)
    except Failure as failure:
        if failure.sort in FATAL:
            raise
    try:
        listed = await list_attachments(state.run.account, state.owner, state.parent)
    except Failure as failure:
        if is_missing(failure):
            await delete_files(state.run, list(items))
        raise
    there = {item.file_id for item in listed if item.path is not None}
    return [file_id for file_id in items if file_id not in there]


async def _attach_one(state: _Rollout, item: Mapping[str, object]) -> Failure | None:
    """Attaching the same File twice is one attachment, so this may be repeated; what it failed with in the end."""
    last: Failure | None = None
    for pause in (0.0, 1.0, 4.0):
        await state.run.clock.sleep(pause)
        try:
            await state.run.account.send(Call("POST", state.path, json=item, beta=state.kind.beta))
        except Failure as failure:
            last = failure
            unknown = is_missing(failure) or failure.status == 400  # a new File may not be known everywhere yet
            if not (failure.ambiguous or unknown):
                break
        else:
            return None
    return last


# --- waiting ----------------------------------------------------------------------------------------------------------


async def _wait(state: _Rollout, files: Mapping[str, Document], *, retries: int) -> None:
    """Until each file is processed, or its deadline is over."""
    until = state.run.clock.monotonic() + state.run.file_deadline
    pause = 0.2
    waiting = dict(files)
    again: dict[str, Document] = {}
    dead: list[str] = []
    while waiting:
        for item in await _status(state, waiting):
            document = waiting.get(item.file_id)
            if document is None or item.status not in ENDED:
                continue
            del waiting[item.file_id]
            why = _why_not(item, document)
            if why is None:
                state.done += 1
                state.progress(document.path)
            elif retries and why.startswith("server_error"):
                again[item.file_id] = document
            else:
                state.fail(document.path, why)
                dead.append(item.file_id)
        if waiting and state.run.clock.monotonic() >= until:
            _too_late(state, waiting)
            break
        if waiting:
            await state.run.clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
    await _take_away(state, dead)
    if again:
        await _retry(state, again, retries=retries - 1)


def _why_not(item: Attachment, document: Document) -> str | None:
    """Why a file whose processing has ended is not the document that was sent."""
    if item.status != "completed":
        return item.error or item.status
    return None if item.path == document.path else UNTAGGED


async def _retry(state: _Rollout, again: Mapping[str, Document], *, retries: int) -> None:
    """Detach and attach once more what the service could not process for reasons of its own."""
    stuck = await together(_try_detach(state, file_id, document) for file_id, document in again.items())
    free = {file_id: again[file_id] for file_id, held in zip(again, stuck, strict=True) if not held}
    attached = await _attach(state, free)
    state.check()
    await _wait(state, attached, retries=retries)


async def _try_detach(state: _Rollout, file_id: str, document: Document) -> bool:
    """Whether it could not be detached."""
    try:
        await _detach(state.run, state.path, state.kind, file_id)
    except StepFailed as failed:
        state.fail(document.path, failed.summary)
        return True
    return False


def _too_late(state: _Rollout, waiting: Mapping[str, Document]) -> None:
    """Note the files whose deadline is over. They stay attached: the next run looks once more."""
    seconds = int(state.run.file_deadline)
    for file_id, document in waiting.items():
        state.fail(document.path, f"not processed within {seconds} s ({file_id}); run again to look once more")


async def _settle(state: _Rollout, current: Sequence[Attachment], by_path: Mapping[str, Document]) -> None:
    """Wait for files that an earlier run attached and did not wait for."""
    resumed = {item.file_id: by_path[str(item.path)] for item in current if item.status not in ENDED}
    state.total += len(resumed)
    await _wait(state, resumed, retries=RETRIES)


async def _status(state: _Rollout, waiting: Mapping[str, Document]) -> Sequence[Attachment]:
    """The files as they are; one that was attached a moment ago may not be there yet."""
    if len(waiting) > SINGLY:
        return await list_attachments(state.run.account, state.owner, state.parent)
    found = await together(_read_one(state, file_id) for file_id in waiting)
    return [item for item in found if item is not None]


async def _read_one(state: _Rollout, file_id: str) -> Attachment | None:
    try:
        reply = await state.run.account.send(Call("GET", f"{state.path}/{file_id}", beta=state.kind.beta))
    except Failure as failure:
        if is_missing(failure):
            return None
        raise
    return state.kind.read(reply.data) if reply.data.get("id") == file_id else None


async def _in_place(state: _Rollout, items: Sequence[tuple[Document, Attachment]]) -> None:
    """Give files that stay other attributes."""
    await together(_update_one(state, document, item) for document, item in items)
    state.check()


async def _update_one(state: _Rollout, document: Document, item: Attachment) -> None:
    op = state.run.op()
    body = {"attributes": state.kind.tags(document, op)}
    call = Call("POST", f"{state.path}/{item.file_id}", json=body, beta=state.kind.beta)

    async def seen() -> Seen:
        live = await _read_one(state, item.file_id)
        if live is None:
            return Seen.OTHER
        return {op: Seen.TARGET, item.op: Seen.BEFORE}.get(live.op, Seen.OTHER)

    try:
        await write(state.run, "the update", send=lambda: state.run.account.send(call), seen=seen)
    except StepFailed as failed:
        state.fail(document.path, failed.summary)
    except Failure as failure:
        state.fail(document.path, failure)
    else:
        state.done += 1
        state.progress(document.path)


# --- taking away ------------------------------------------------------------------------------------------------------


async def _take_away(state: _Rollout, files: Sequence[str]) -> None:
    """Discard what failed. If that fails too it stays in the journal, and the next run meets it again."""
    with suppress(StepFailed):
        await discard(state.run, state.kind, state.parent, files)


@asynccontextmanager
async def withdrawn(run: Run, uploaded: Sequence[str]) -> AsyncIterator[None]:
    """Inside, Files are uploaded for an object; when the object is definitely refused, they are deleted again."""
    try:
        yield
    except StepFailed as failed:
        if not failed.in_doubt:
            with suppress(StepFailed, Failure):
                await delete_files(run, uploaded)
        raise
    except Failure as failure:
        if not failure.ambiguous and failure.sort not in FATAL:
            with suppress(StepFailed, Failure):
                await delete_files(run, uploaded)
        raise


async def discard(run: Run, kind: DocumentKind, parent: str, files: Sequence[str]) -> None:
    """Detach attachments of ours and delete their Files: journalled first, so that a crash leaves no unknown orphan."""
    path = kind.collection.replace("{parent}", parent)
    for chunk in journal_chunks(files):
        async with run.keeper.journalled(chunk):
            await together(_detach(run, path, kind, file_id) for file_id in chunk)
            await delete_journalled(run, chunk)


async def delete_files(run: Run, files: Sequence[str]) -> None:
    """Delete Files that nothing names any more: journalled first."""
    for chunk in journal_chunks(files):
        async with run.keeper.journalled(chunk):
            await delete_journalled(run, chunk)


async def delete_journalled(run: Run, files: Sequence[str]) -> None:
    """Delete Files that the journal names."""
    await together(_delete_file(run, file_id) for file_id in files)


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
            if not (failure.ambiguous or is_missing(failure)):
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
        if is_missing(failure):
            return True
        raise
    return False
