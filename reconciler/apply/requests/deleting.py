"""Deleting objects and Files, and seeing that they are gone.

The journal names Files before they are deleted, so that a crash leaves none that nobody knows of.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from reconciler.account.looks import Looks
from reconciler.account.objects import get_object, is_missing
from reconciler.account.paging import list_all
from reconciler.account.port import Call, Failure, FailureKind, Reply
from reconciler.apply.requests.looking import looks_of, read
from reconciler.apply.requests.writing import Seen, write
from reconciler.apply.run import Run, StepFailed, together
from reconciler.kinds.kind import DocumentKind, Kind
from reconciler.ownership.anchor import journal_chunks


async def delete_object(run: Run, kind: Kind, before: Mapping[str, Any]) -> None:
    """Delete an object that was read just now and showed that it is ours. What is gone already is as good as deleted.

    After an answer that was lost, absence is believed only if neither the id nor the lists show the object.
    """
    object_id = str(before["id"])
    call = Call("DELETE", f"{kind.collection}/{object_id}", beta=kind.beta, once=True)

    async def send() -> Reply:
        try:
            # A death after it leaves the Files that it named: the journal names them, and the next run deletes them.
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


async def until_gone(run: Run, delete: Call, get: Call, *, patience: float | None = None) -> Reply | None:
    """Delete until a GET finds nothing; the last answer to it if `patience`, or the settle window, is over before."""
    looks = looks_of(run, patience)
    while True:
        try:
            # A death after it leaves what it was part of, or a line of the journal: the next run goes on from there.
            await run.account.send(delete)
        except Failure as failure:
            if not (failure.ambiguous or is_missing(failure)):
                raise
            if failure.ambiguous:
                run.doubt_removal(delete.path)
        left = await read(run, get)
        if left is None or not await looks.again():
            return left


def still_there(run: Run, delete: Call) -> StepFailed:
    """What was deleted is shown all the same."""
    return StepFailed(f"{delete.path} is still there after {run.settle:.0f} s", in_doubt=True)


# --- Files ----------------------------------------------------------------------------------------------------------


async def delete_files(run: Run, files: Sequence[str], *, note_refusals: bool = False) -> dict[str, str]:
    """Delete Files that nothing names any more; raises StepFailed or Failure.

    With `note_refusals` those that cannot be deleted hold up no others, and are the answer, with the reason.
    """
    refused: dict[str, str] = {}
    delete: Callable[[Run, str], Awaitable[str | None]] = _refusal if note_refusals else delete_file
    for chunk in journal_chunks(files):
        async with run.ledger.journal.deleting(chunk):
            reasons = await together(delete(run, file_id) for file_id in chunk)
            refused |= {file_id: why for file_id, why in zip(chunk, reasons, strict=True) if why}
    return refused


async def delete_journalled(run: Run, files: Sequence[str]) -> None:
    """Delete Files that the journal names."""
    await together(delete_file(run, file_id) for file_id in files)


@asynccontextmanager
async def deleted_with_user(run: Run, files: Sequence[str]) -> AsyncIterator[None]:
    """Inside, what names Files is deleted, and then they are. Those that the journal has no room for go before."""
    *early, last = journal_chunks(files) or [[]]
    for chunk in early:
        await delete_files(run, chunk)
    async with run.ledger.journal.deleting(last):
        yield
        await delete_journalled(run, last)


@asynccontextmanager
async def deleted_once_unused(run: Run, files: Sequence[str]) -> AsyncIterator[None]:
    """Inside, an object stops naming Files of ours, and then they are deleted. As many as fit are journalled before."""
    first, *others = journal_chunks(files) or [[]]
    async with run.ledger.journal.deleting(first):
        yield
        await delete_journalled(run, first)
    for chunk in others:
        await delete_files(run, chunk)


async def delete_file(run: Run, file_id: str) -> None:
    """Delete one File that the journal names; raises StepFailed when it is still there."""
    delete = Call("DELETE", f"{DocumentKind.uploads}/{file_id}")
    if await until_gone(run, delete, Call("GET", delete.path)) is not None:
        raise still_there(run, delete)


async def _refusal(run: Run, file_id: str) -> str | None:
    """Delete one File; why it cannot be deleted, where that is the matter of this File alone."""
    try:
        await delete_file(run, file_id)
    except StepFailed as failed:
        return failed.summary
    except Failure as failure:
        if failure.kind not in {FailureKind.REFUSED, FailureKind.PERMISSION, FailureKind.CONFLICT}:
            raise
        return failure.summary
    return None


@asynccontextmanager
async def deleted_if_refused(run: Run, uploaded: Sequence[str]) -> AsyncIterator[None]:
    """Inside, Files are uploaded for an object; when the object is definitely refused, they are deleted again.

    What cannot be deleted, or may be in use, is in the journal, which is written when the stack is given back.
    """
    try:
        yield  # a death in here leaves Files that nothing names: nobody finds them but `gc`
    except StepFailed as failed:
        await _delete_or_remember(run, uploaded, in_doubt=failed.in_doubt)
        raise
    except Failure as failure:
        await _delete_or_remember(run, uploaded, in_doubt=failure.ambiguous)
        raise
    except BaseException:
        run.ledger.journal.add(uploaded)  # the run ends here, and may write no more than its record
        raise


async def _delete_or_remember(run: Run, uploaded: Sequence[str], *, in_doubt: bool) -> None:
    if in_doubt:
        run.ledger.journal.add(uploaded)
        return
    with suppress(StepFailed, Failure):
        await delete_files(run, uploaded)
