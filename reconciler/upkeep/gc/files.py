"""Files that nothing uses: those that the journal names, and those that nobody in the account is seen to use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.account.objects import get_object, is_missing
from reconciler.account.port import Account, Call, Failure, FailureKind
from reconciler.kinds import KINDS
from reconciler.ownership.anchor import Entry
from reconciler.upkeep.gc.orphans import Group, Orphan
from reconciler.upkeep.gc.survey import Survey
from reconciler.upkeep.gc.uses import FILES, File, list_files


async def read_journal(survey: Survey) -> dict[str, File | None]:
    """The Files that the journal names, as they are now; None for those that are gone."""
    journal = survey.found.anchor.journal if survey.found.anchor else ()
    return {file_id: await _file(survey.account, file_id) for file_id in journal}


async def _file(account: Account, file_id: str) -> File | None:
    try:
        reply = await account.send(Call("GET", f"{FILES}/{file_id}"))
    except Failure as failure:
        if is_missing(failure):
            return None
        raise
    return File.read({**reply.data, "id": file_id})


async def read_all(survey: Survey) -> dict[str, File]:
    """All Files of the account, by id; none, and a note, where they cannot be listed."""
    try:
        return await list_files(survey.account)
    except Failure as failure:
        if failure.kind not in {FailureKind.MALFORMED, FailureKind.NOT_FOUND}:
            raise
        survey.notes.append(f"Files that nothing uses cannot be told here: {failure.summary}.")
        return {}


def journalled(survey: Survey, journal: Mapping[str, File | None]) -> Iterator[Orphan]:
    """Of the journal, what nothing uses. The rest was to be detached first: the next apply decides about it."""
    inventory = {entry.id for entry in survey.found.inventory}
    for file_id, file in journal.items():
        if file is not None and file_id not in inventory and not survey.uses.of(file_id):
            yield Orphan(Group.JOURNAL, "file", file_id, "an interrupted run was about to delete it", file=file)


async def recorded(survey: Survey, files: Mapping[str, File]) -> set[str]:
    """The Files that only the record knows to be in use, unless their object, read just now, does not name them."""
    inventory = survey.found.inventory
    kept = {entry.id for entry in inventory}
    owners = {entry.address: entry for entry in inventory if entry.address.path is None}
    unseen: dict[Entry, set[str]] = {}
    for entry in inventory:
        owner = owners.get(entry.address.owner) if entry.address.path is not None else None
        if owner is not None and owner.kind in KINDS and entry.id in files and not survey.uses.of(entry.id):
            unseen.setdefault(owner, set()).add(entry.id)
    for owner, ids in unseen.items():
        kind = KINDS[owner.kind]
        raw = await get_object(survey.account, kind, owner.id)
        named = kind.file_ids(raw) if raw is not None else None
        if named is not None:
            kept -= ids - set(named)
    return kept


def loose(survey: Survey, files: Mapping[str, File], known: set[str]) -> Iterator[Orphan]:
    """Files that nobody is seen to use: not attached, not named, not on record and not `known` otherwise."""
    if survey.uses.unclear:
        survey.notes.append(f"Files that nothing uses cannot be told here: {survey.uses.unclear[0]}.")
        return
    known = known | ({*survey.found.anchor.journal} if survey.found.anchor else set())
    for file_id, file in sorted(files.items(), key=lambda pair: (pair[1].created or 0, pair[0])):
        if file_id not in known and not survey.uses.of(file_id):
            yield Orphan(Group.FILES, "file", file_id, "nothing in this account is seen to use it", file=file)
