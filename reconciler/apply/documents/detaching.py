"""Taking documents away: detach, wait until nothing shows the attachment any more, then delete the File.

In that order, because a File that is deleted while attached may stay in the store's list as a ghost.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.account.objects import attachment_counts, get_object, is_missing, list_attachments
from reconciler.account.paging import list_all
from reconciler.account.port import Call, Failure, Reply
from reconciler.apply.requests.deleting import delete_file, delete_journalled, still_there, until_gone
from reconciler.apply.requests.looking import looks_of
from reconciler.apply.run import Run, StepFailed, together
from reconciler.kinds.kind import DocumentKind, Kind
from reconciler.model.observed import Attachment
from reconciler.ownership.anchor import journal_chunks

ENDED = frozenset({"completed", "failed", "cancelled"})
"""What becomes of an attachment; every other status means that it is still being processed."""


async def discard(run: Run, kind: DocumentKind, parent: str, files: Sequence[str]) -> None:
    """Detach attachments of ours and delete their Files; raises StepFailed or Failure.

    A File whose attachment is still shown is not deleted: it stays in the journal.
    """
    path = kind.collection.replace("{parent}", parent)
    for chunk in journal_chunks(files):
        async with run.ledger.journal.deleting(chunk):
            # A death from here on leaves Files that the journal names: the next run deletes those that nothing uses.
            await together(detach(run, path, kind, file_id, whole=True) for file_id in chunk)
            shown = await _still_listed(run, path, kind, chunk)
            await delete_journalled(run, [file_id for file_id in chunk if file_id not in shown])
            if shown:
                listed = ", ".join(sorted(shown)[:5])
                raise StepFailed(f"{path} still lists what was detached: {listed}; run again", in_doubt=True)


async def _still_listed(run: Run, path: str, kind: DocumentKind, files: Collection[str]) -> set[str]:
    """Those of some files that the list shows, also after the settle window; one list is read for all of them."""
    looks = looks_of(run)
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


async def all_attachments(run: Run, kind: Kind, parent: str) -> tuple[Attachment, ...]:
    """Every file of one object, from a list that does not lag behind: it shows as many as the object says it has.

    What a lagging list does not show would be left behind as a File that nobody knows of. After the settle window the
    list is believed: some servers count wrongly.
    """
    looks = looks_of(run)
    while True:
        listed = await list_attachments(run.account, kind, parent)
        raw = await get_object(run.account, kind, parent)
        total, _ = attachment_counts(raw or {})
        if len(listed) >= (total or 0) or not await looks.again():
            return listed


async def detach(run: Run, path: str, kind: DocumentKind, file_id: str, *, whole: bool) -> None:
    """Detach, and wait until it is gone; a file that is still processing answers 404 although it is there.

    `whole`: the File is to go too, and the journal names it. Then the file gets the time that it may take, and after
    that the File is deleted, which takes it out of every store. Raises StepFailed when it is still there all the same.
    """
    delete = Call("DELETE", f"{path}/{file_id}", beta=kind.beta)
    get = Call("GET", f"{path}/{file_id}", beta=kind.beta)
    left = await until_gone(run, delete, get)
    if left is not None and whole and _is_pending(kind, left):
        left = await until_gone(run, delete, get, patience=run.file_deadline - _age(run, kind, left))
        if left is not None and _is_pending(kind, left):
            await delete_file(run, file_id)
            left = await until_gone(run, delete, get)
    if left is None:
        return
    if not _is_pending(kind, left):
        raise still_there(run, delete)
    advice = "delete this File and run again" if whole else "run again"
    raise StepFailed(f"{file_id} is still being processed, and the service does not detach it; {advice}", in_doubt=True)


def _is_pending(kind: DocumentKind, reply: Reply) -> bool:
    return kind.read(reply.data).status not in ENDED


def _age(run: Run, kind: DocumentKind, reply: Reply) -> float:
    """For how many seconds a file is attached, by the server's own clock."""
    now = run.clock.now() if reply.date is None else reply.date
    return now - kind.read(reply.data).created_at
