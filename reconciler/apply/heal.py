"""Finishing what an interrupted run had begun to delete: the Files that its journal names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.account.port import Call
from reconciler.apply.removal import delete_files, gone
from reconciler.apply.run import Run
from reconciler.apply.versioned import files_of_all_versions
from reconciler.kinds import KINDS
from reconciler.kinds.base import Kind, VersionedKind
from reconciler.model import Observed, Step
from reconciler.observe import document_kind_of


async def clear_journal(run: Run, objects: Sequence[Observed], steps: Iterable[Step]) -> None:
    """Delete the journalled Files that no object of ours uses any more.

    A File that is still in use was journalled by a run that died before it detached it, or that does not know whether
    it is in use: the plan decides about it. Where the record alone says whose it is, and does not, it stays journalled;
    and so it does where one of the `steps` works on its user: an attachment is shown for a while after it was detached,
    and the step that would have deleted the File may fail.
    """
    recorded = {entry.id for entry in run.keeper.anchor.inventory}
    touched = {item.id for step in steps for item in step.objects}
    orphans, kept = [], []
    for file_id in run.keeper.anchor.journal:
        user = await _user(run, objects, file_id)
        if user is None:
            orphans.append(file_id)
        elif user.id in touched or (_names_bare_ids(KINDS[user.kind]) and file_id not in recorded):
            kept.append(file_id)
    await delete_files(run, orphans)
    run.keeper.keep_journal(kept)


def _names_bare_ids(kind: Kind) -> bool:
    return kind.file_ids({}) is not None and not isinstance(kind, VersionedKind)


async def _user(run: Run, objects: Sequence[Observed], file_id: str) -> Observed | None:
    for item in objects:
        kind = KINDS[item.kind]
        if kind.documents is None:
            continue
        own = kind.file_ids(item.raw)
        if isinstance(kind, VersionedKind):
            own = await files_of_all_versions(run, kind, item.id)
        if own is not None:
            if file_id in own:
                return item
            continue
        document_kind = document_kind_of(kind)
        path = f"{document_kind.collection.replace('{parent}', item.id)}/{file_id}"
        if not await gone(run, Call("GET", path, beta=document_kind.beta)):
            return item
    return None
