"""The Files that an object names by id. Nothing on a File says whose it is, so the inventory does."""

from __future__ import annotations

from reconciler.apply.run import Run
from reconciler.apply.steps.planned import desired_of
from reconciler.apply.uploads.uploading import upload_file
from reconciler.kinds.kind import Kind, document_kind_of
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.json import refs
from reconciler.model.plan import Step
from reconciler.ownership.anchor import Entry


async def bring_files(run: Run, kind: Kind, step: Step, uploaded: list[str]) -> list[str] | None:
    """Upload the files that an object names by id. The ids it no longer needs, or None when nothing was uploaded."""
    desired = desired_of(step)
    live = step.observed.documents if step.observed else ()
    for item in live or ():
        if item.path is not None:
            run.ids[desired.address.document(item.path)] = item.file_id
    if kind.file_ids({}) is None or not step.files:
        return None
    wanted = {document.path: document for document in desired.documents}
    for change in (*step.files.added, *step.files.changed):
        document = wanted[change.path]
        file_id = await upload_file(run, document)
        uploaded.append(file_id)
        run.ids[desired.address.document(change.path)] = file_id
    now = {run.ids[desired.address.document(path)] for path in wanted}
    ours = [item.file_id for item in live or () if item.path is not None or item.file_id in run.ledger.journal.files]
    return [file_id for file_id in ours if file_id not in now]


def note_files(run: Run, kind: Kind, step: Step) -> None:
    """The inventory is the only place that says which file an id is; a renamed object takes its files along."""
    if kind.documents is None or kind.file_ids({}) is None:
        return
    desired = desired_of(step)
    before = step.observed.tags.address if step.observed and step.observed.tags else desired.address
    for address in {before, desired.address}:
        drop_files(run, address)
    for document in desired.documents:
        address = desired.address.document(document.path)
        run.ledger.note(Entry(document_kind_of(kind).name, address, run.ids[address], document.sha256[:16]))


def drop_files(run: Run, address: Address) -> None:
    """Take the Files of an address out of the inventory."""
    for entry in run.ledger.entries:
        if entry.address.path is not None and entry.address.owner == address:
            run.ledger.drop(entry.kind, entry.address)


def fields_with_files(desired: Desired) -> list[str]:
    """The fields whose value names files of the object itself."""
    return [name for name, value in desired.spec.items() if any(ref.address.path is not None for ref in refs(value))]
