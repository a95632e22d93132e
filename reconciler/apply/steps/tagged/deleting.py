"""Deleting objects with metadata, with their documents and Files; and letting objects go that stay."""

from __future__ import annotations

from reconciler.account.objects import get_object
from reconciler.apply.documents.detaching import all_attachments, discard
from reconciler.apply.requests.deleting import delete_object, deleted_with_user
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.steps.planned import not_ours, observed_of
from reconciler.apply.steps.tagged.evidence import read_ours
from reconciler.apply.steps.tagged.files import drop_files
from reconciler.apply.steps.tagged.writing import remove_tags
from reconciler.kinds import KINDS
from reconciler.kinds.kind import Kind
from reconciler.model.errors import Exit
from reconciler.model.events import Outcome
from reconciler.model.observed import Observed
from reconciler.model.plan import Step
from reconciler.ownership import tags as tagging


async def delete(run: Run, step: Step) -> tuple[Outcome, str]:
    """Delete the object, its documents and their Files, and further objects of ours at the address."""
    kind, planned = KINDS[step.kind], observed_of(step)
    for item in (planned, *step.surplus):
        await _delete_one(run, kind, item)
        entry = run.ledger.entry(step.kind, step.address)
        if entry is not None and entry.id == item.id:
            run.ledger.drop(step.kind, step.address)  # or a double would leave the Files to one that is gone
    return Outcome.DONE, planned.id


async def forget(run: Run, step: Step) -> tuple[Outcome, str]:
    """Remove our tags and leave the object as it is."""
    kind, planned = KINDS[step.kind], observed_of(step)
    await remove_tags(run, kind, await read_ours(run, kind, planned.id, step.address))
    await delete_surplus(run, kind, step)
    run.ledger.drop(step.kind, step.address)
    drop_files(run, step.address)
    return Outcome.DONE, planned.id


async def delete_surplus(run: Run, kind: Kind, step: Step) -> None:
    """Delete further pending objects of ours at this address: what earlier, interrupted runs left."""
    for item in step.surplus:
        await _delete_one(run, kind, item, double=True)


async def _delete_one(run: Run, kind: Kind, item: Observed, *, double: bool = False) -> None:
    """Delete an object, its documents and their Files; those that a `double` names may be the other one's too."""
    if item.tags is None:
        raise ValueError("only an object of ours is deleted")
    raw = await get_object(run.account, kind, item.id)
    if raw is None:
        return
    tags = tagging.decode(raw.get("metadata"))
    if tags is None or not run.ours(tags, item.tags.address):
        raise not_ours(item.id)
    if (item.tags.state, tags.state) == ("pending", "ready"):
        raise StepFailed(f"{item.id} was confirmed since the plan was made; plan again", code=Exit.STALE)
    confirmed = run.ledger.entry(kind.name, item.tags.address)
    double = double or (tags.state == "pending" and confirmed is not None and confirmed.id != item.id)
    own = kind.file_ids(raw)
    if kind.documents is not None and own is None:
        mine = [one.file_id for one in await all_attachments(run, kind, item.id) if one.path is not None]
        await discard(run, kind.documents, item.id, mine)
        raw = await read_ours(run, kind, item.id, item.tags.address)
    entries = {entry.id for entry in run.ledger.entries if entry.address.owner == item.tags.address}
    entries.update(run.ledger.journal.files)
    async with deleted_with_user(run, [file_id for file_id in own or () if file_id in entries and not double]):
        await delete_object(run, kind, raw)
    if own and not double:
        drop_files(run, item.tags.address)
