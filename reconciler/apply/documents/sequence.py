"""Rolling out the documents of one object without a gap.

New Files are uploaded and attached beside the old ones; only when the new one is processed is the old one detached and
its File deleted. A document that fails to process leaves its old version serving.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.account.port import Failure
from reconciler.apply.documents.attaching import take_away
from reconciler.apply.documents.detaching import ENDED, all_attachments, discard
from reconciler.apply.documents.intake import bring_in
from reconciler.apply.documents.processing import look, resume, wait
from reconciler.apply.documents.relabelling import change_attributes
from reconciler.apply.documents.rollout import Rollout
from reconciler.apply.run import Run, StepFailed
from reconciler.kinds.kind import Kind, document_kind_of
from reconciler.model.address import Address
from reconciler.model.desired import Document
from reconciler.model.observed import Attachment
from reconciler.model.plan import FileChanges
from reconciler.planning.documents import diff_documents, settled

ROUND = 500
"""Documents between two looks at those that were attached before: what failed early is tried again early."""


async def roll_out(
    run: Run, kind: Kind, parent: str, address: Address, documents: Sequence[Document], planned: FileChanges | None
) -> bool:
    """Make the object's documents what the plan says; raises StepFailed naming those that could not be.

    The live list is read first: it is the evidence that an attachment is ours, and it makes an interrupted run resume.
    The answer is whether the object shows no other documents of ours than these. A plan that was made from a list that
    lagged behind does not say which others are to go, and nobody has approved of that.
    """
    if planned is None:
        return True
    document_kind = document_kind_of(kind)
    live = await all_attachments(run, kind, parent)
    changes = diff_documents(document_kind, tuple(documents), live)
    by_path = {document.path: document for document in documents}
    current = settled(tuple(documents), live)
    renewed = {item.path for item in changes.changed}
    unfinished = [
        (by_path[path], item)
        for path, item in current.items()
        if path in by_path and path not in renewed and item.status not in ENDED
    ]
    send = [by_path[item.path] for item in (*changes.added, *changes.changed)]
    rollout = Rollout(run, kind, document_kind, parent, address, len(send) + len(unfinished) + len(changes.updated))
    await resume(rollout, unfinished)
    try:
        for start in range(0, len(send), ROUND):
            if start:
                await look(rollout)
            await bring_in(rollout, send[start : start + ROUND])
        await wait(rollout)
    except Failure:
        await take_away(rollout, [file_id for file_id, pending in rollout.waiting.items() if not pending.shown])
        raise
    await change_attributes(rollout, [(by_path[item.path], current[item.path]) for item in changes.updated])
    removable = {item.path for item in planned.removed}
    surplus = _surplus(live, current, by_path, changes, removable, rollout.failed)
    await discard(run, document_kind, parent, [item.file_id for item in surplus])
    if rollout.failed:
        lines = tuple(f"{path}: {why}" for path, why in sorted(rollout.failed.items()))
        rest = "what was there before still serves" if current else "the next run goes on from here"
        raise StepFailed(f"{len(lines)} of {len(documents)} documents failed; {rest}", lines=lines)
    return all(item.path is None or item.path in by_path or item.path in removable for item in live)


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
