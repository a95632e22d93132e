"""Taking documents away: detach, wait until nothing shows the attachment any more, then delete the File.

In that order, because a File that is deleted while attached may stay in the store's list as a ghost. Files about to be
deleted are journalled first, so that a crash leaves none that nobody knows of.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress

from reconciler.account.limiter import PATIENCE
from reconciler.account.looks import Looks
from reconciler.account.objects import attachment_counts, get_object, is_missing, list_attachments
from reconciler.account.paging import list_all
from reconciler.account.port import Call, Failure, Reply, Sort
from reconciler.apply.run import Run, StepFailed, together
from reconciler.kinds.kind import DocumentKind, Kind
from reconciler.model.observed import Attachment
from reconciler.ownership.anchor import journal_chunks

FATAL = frozenset({Sort.AUTHENTICATION, Sort.PERMISSION, Sort.QUOTA})
"""Refusals that every further call would meet; all others are the matter of one document."""
ENDED = frozenset({"completed", "failed", "cancelled"})
"""What becomes of an attachment; every other status means that it is still being processed."""
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0


def is_fatal(failure: Failure) -> bool:
    """Whether a refusal ends all work: every call would meet it, or the wait that it asks for is too long."""
    too_long = failure.sort is Sort.RATE_LIMITED and (failure.retry_after or 0.0) > PATIENCE
    return too_long or failure.sort in FATAL


async def discard(run: Run, kind: DocumentKind, parent: str, files: Sequence[str]) -> None:
    """Detach attachments of ours and delete their Files; raises StepFailed or Failure.

    A File whose attachment is still shown is not deleted: it stays in the journal.
    """
    path = kind.collection.replace("{parent}", parent)
    for chunk in journal_chunks(files):
        async with run.keeper.journalled(chunk):
            await together(detach(run, path, kind, file_id, whole=True) for file_id in chunk)
            shown = await _still_listed(run, path, kind, chunk)
            await delete_journalled(run, [file_id for file_id in chunk if file_id not in shown])
            if shown:
                listed = ", ".join(sorted(shown)[:5])
                raise StepFailed(f"{path} still lists what was detached: {listed}; run again", in_doubt=True)


async def delete_files(run: Run, files: Sequence[str]) -> None:
    """Delete Files that nothing names any more."""
    for chunk in journal_chunks(files):
        async with run.keeper.journalled(chunk):
            await delete_journalled(run, chunk)


async def delete_each(run: Run, files: Sequence[str]) -> dict[str, str]:
    """Delete Files that the journal names already; those that cannot be deleted, with the reason, hold up no others.

    Raises other failures.
    """
    refused: dict[str, str] = {}

    async def one(file_id: str) -> None:
        try:
            await _delete_file(run, file_id)
        except StepFailed as failed:
            refused[file_id] = failed.summary
        except Failure as failure:
            if failure.sort not in {Sort.REFUSED, Sort.PERMISSION, Sort.CONFLICT}:
                raise
            refused[file_id] = failure.told

    async with run.keeper.journalled(files):
        await together(one(file_id) for file_id in files)
    return {file_id: refused[file_id] for file_id in files if file_id in refused}


async def delete_journalled(run: Run, files: Sequence[str]) -> None:
    """Delete Files that the journal names."""
    await together(_delete_file(run, file_id) for file_id in files)


@asynccontextmanager
async def withdrawn(run: Run, uploaded: Sequence[str]) -> AsyncIterator[None]:
    """Inside, Files are uploaded for an object; when the object is definitely refused, they are deleted again.

    What cannot be deleted, or may be in use, is in the journal, which is written when the stack is given back.
    """
    try:
        yield
    except StepFailed as failed:
        await _withdraw(run, uploaded, in_doubt=failed.in_doubt)
        raise
    except Failure as failure:
        await _withdraw(run, uploaded, in_doubt=failure.ambiguous)
        raise
    except BaseException:
        run.keeper.remember(uploaded)  # the run ends here, and may write no more than its record
        raise


async def _withdraw(run: Run, uploaded: Sequence[str], *, in_doubt: bool) -> None:
    if in_doubt:
        run.keeper.remember(uploaded)
        return
    with suppress(StepFailed, Failure):
        await delete_files(run, uploaded)


async def all_attachments(run: Run, kind: Kind, parent: str) -> tuple[Attachment, ...]:
    """Every file of one object, from a list that does not lag behind: it shows as many as the object says it has.

    What a lagging list does not show would be left behind as a File that nobody knows of. After the settle window the
    list is believed: some servers count wrongly.
    """
    looks = Looks(run.clock, run.settle, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
    while True:
        listed = await list_attachments(run.account, kind, parent)
        raw = await get_object(run.account, kind, parent)
        total, _ = attachment_counts(raw or {})
        if len(listed) >= (total or 0) or not await looks.again():
            return listed


# --- one file ---------------------------------------------------------------------------------------------------------


async def detach(run: Run, path: str, kind: DocumentKind, file_id: str, *, whole: bool) -> None:
    """Detach, and wait until it is gone; a file that is still processing answers 404 although it is there.

    `whole`: the File is to go too, and the journal names it. Then the file gets the time that it may take, and after
    that the File is deleted, which takes it out of every store. Raises StepFailed when it is still there all the same.
    """
    delete = Call("DELETE", f"{path}/{file_id}", beta=kind.beta)
    get = Call("GET", f"{path}/{file_id}", beta=kind.beta)
    left = await _until_gone(run, delete, get)
    if left is not None and whole and _is_pending(kind, left):
        left = await _until_gone(run, delete, get, patience=run.file_deadline - _age(run, kind, left))
        if left is not None and _is_pending(kind, left):
            await _delete_file(run, file_id)
            left = await _until_gone(run, delete, get)
    if left is None:
        return
    if not _is_pending(kind, left):
        raise _still_there(run, delete)
    advice = "delete this File and run again" if whole else "run again"
    raise StepFailed(f"{file_id} is still being processed, and the service does not detach it; {advice}", in_doubt=True)


def _is_pending(kind: DocumentKind, reply: Reply) -> bool:
    return kind.read(reply.data).status not in ENDED


def _age(run: Run, kind: DocumentKind, reply: Reply) -> float:
    """For how many seconds a file is attached, by the server's own clock."""
    now = run.clock.now() if reply.date is None else reply.date
    return now - kind.read(reply.data).created_at


async def _delete_file(run: Run, file_id: str) -> None:
    delete = Call("DELETE", f"{DocumentKind.uploads}/{file_id}")
    if await _until_gone(run, delete, Call("GET", f"{DocumentKind.uploads}/{file_id}")) is not None:
        raise _still_there(run, delete)


async def _until_gone(run: Run, delete: Call, get: Call, *, patience: float | None = None) -> Reply | None:
    """Delete until a GET finds nothing; the last answer to it if `patience`, or the settle window, is over before."""
    seconds = run.settle if patience is None else patience
    looks = Looks(run.clock, seconds, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
    while True:
        try:
            await run.account.send(delete)
        except Failure as failure:
            if not (failure.ambiguous or is_missing(failure)):
                raise
            if failure.ambiguous:
                run.doubt_removal(delete.path)
        left = await _read(run, get)
        if left is None or not await looks.again():
            return left


async def _read(run: Run, get: Call) -> Reply | None:
    """The answer to a GET; None when there is no such object."""
    try:
        return await run.account.send(get)
    except Failure as failure:
        if is_missing(failure):
            return None
        raise


async def gone(run: Run, get: Call) -> bool:
    """Whether a GET answers 404 (or 400 "not found", as compatible servers do)."""
    return await _read(run, get) is None


async def _still_listed(run: Run, path: str, kind: DocumentKind, files: Collection[str]) -> set[str]:
    """Those of some files that the list shows, also after the settle window; one list is read for all of them."""
    looks = Looks(run.clock, run.settle, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
    while True:
        try:
            listed = await list_all(run.account, path, beta=kind.beta)
        except Failure as failure:
            if is_missing(failure):
                return set()  # the whole store is gone
            raise
        shown = {str(item["id"]) for item in listed} & set(files)
        if not shown or not await looks.again():
            return shown


def _still_there(run: Run, delete: Call) -> StepFailed:
    return StepFailed(f"{delete.path} is still there after {run.settle:.0f} s", in_doubt=True)
