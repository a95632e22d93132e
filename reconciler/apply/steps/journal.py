"""Finishing what an interrupted run had begun to delete: the Files that its journal names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reconciler.account.port import Call
from reconciler.apply.requests.deleting import delete_files
from reconciler.apply.requests.looking import gone
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.steps.versioned.files import files_of_all_versions
from reconciler.kinds import KINDS
from reconciler.kinds.kind import Kind, VersionedKind
from reconciler.model.observed import Observed
from reconciler.model.plan import Step, Verb


async def clear_journal(run: Run, objects: Sequence[Observed], steps: Sequence[Step]) -> None:
    """Delete the journalled Files that no object of ours uses any more; raises StepFailed naming those that stay.

    A File that is still in use was journalled by a run that died before it detached it, or that does not know whether
    it is in use: the plan decides about it. Where the record alone says whose it is, and does not, it stays journalled;
    and so it does where one of the `steps` works on its user: an attachment is shown for a while after it was detached,
    and the step that would have deleted the File may fail. What an object uses that is let go is not ours any more.
    """
    recorded = {entry.id for entry in run.ledger.entries}
    leaving, touched = let_go(steps), worked_on(steps)
    uses = _Uses(run, objects)
    orphans, kept, released = [], [], []
    for file_id in run.ledger.journal.files:
        user = await uses.user(file_id)
        if user is None:
            orphans.append(file_id)
        elif user.id in leaving:
            released.append(file_id)
        elif user.id in touched or (_names_bare_ids(KINDS[user.kind]) and file_id not in recorded):
            kept.append(file_id)
    refused = await delete_files(run, orphans, note_refusals=True)
    run.ledger.journal.keep([*kept, *refused])
    if released:
        await run.ledger.save()  # or a run that dies after the object was let go leaves it to the next one
    if refused:
        more = f" ({len(refused) - 1} more could not be deleted either)" if len(refused) > 1 else ""
        raise StepFailed(f"{next(iter(refused.values()))}{more}")


def let_go(steps: Iterable[Step]) -> set[str]:
    """Ids of the objects that lose our tags and stay."""
    return {step.observed.id for step in steps if step.verb is Verb.FORGET and step.observed is not None}


def worked_on(steps: Sequence[Step]) -> set[str]:
    """Ids of the objects that steps work on, but for those that they let go."""
    return {item.id for step in steps for item in step.objects} - let_go(steps)


def _names_bare_ids(kind: Kind) -> bool:
    return kind.file_ids({}) is not None and not isinstance(kind, VersionedKind)


@dataclass(slots=True)
class _Uses:
    """Which object of ours uses a File. What the versions of a release name is read once, and last: it takes long."""

    run: Run
    objects: Sequence[Observed]
    released: dict[str, list[str]] = field(default_factory=dict)

    async def user(self, file_id: str) -> Observed | None:
        for item in sorted(self.objects, key=lambda item: isinstance(KINDS[item.kind], VersionedKind)):
            if await self._is_user(item, KINDS[item.kind], file_id):
                return item
        return None

    async def _is_user(self, item: Observed, kind: Kind, file_id: str) -> bool:
        if kind.documents is None:
            return False
        if isinstance(kind, VersionedKind):
            if item.id not in self.released:
                self.released[item.id] = await files_of_all_versions(self.run, kind, item.id)
            return file_id in self.released[item.id]
        own = kind.file_ids(item.raw)
        if own is not None:
            return file_id in own
        document_kind = kind.documents
        path = f"{document_kind.collection.replace('{parent}', item.id)}/{file_id}"
        return not await gone(self.run, Call("GET", path, beta=document_kind.beta))
