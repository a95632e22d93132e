"""Deleting one orphan: another look at its evidence first, and Files noted in the journal before they go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from reconciler.account.objects import get_object, is_missing, version_of
from reconciler.account.port import Call, Failure, Reply
from reconciler.apply.documents.detaching import discard
from reconciler.apply.requests.deleting import delete_files, delete_journalled, delete_object
from reconciler.apply.requests.looking import gone
from reconciler.apply.requests.writing import Seen, write
from reconciler.apply.run import Run
from reconciler.kinds import KINDS
from reconciler.kinds.kind import VersionedKind, document_kind_of
from reconciler.model.json import Json
from reconciler.model.observed import Tags
from reconciler.ownership import tags as tagging
from reconciler.ownership.anchor import journal_chunks
from reconciler.upkeep.gc.orphans import Group, Orphan, Orphans
from reconciler.upkeep.gc.uses import FILES, PURPOSE, File, Store, User, has_attachments, is_attached, list_stores


class Result(StrEnum):
    """What became of an orphan."""

    DELETED = "deleted"
    GONE = "gone"
    """It was not there any more."""
    LEFT = "left"
    """It is no orphan any more, or does not show any more that it is ours."""
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    SKIPPED = "skipped"
    """The run ended before its turn came."""


class NotDeleted(Exception):  # noqa: N818 - how it ends for one orphan, not a bug
    """An orphan that is not deleted after all: it is gone already, or it is to be left alone."""

    def __init__(self, result: Result, detail: str) -> None:
        super().__init__(detail)
        self.result = result
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Deleting:
    """Deletes orphans under a lease. `found` is from a look that was taken under it, `deleted` what is gone since."""

    run: Run
    found: Orphans
    deleted: set[User] = field(default_factory=set)

    async def delete(self, orphan: Orphan) -> None:
        """Delete one; raises NotDeleted, StepFailed, Failure or Stop."""
        await BY_GROUP[orphan.group](self, orphan)
        self.deleted.add((orphan.id, orphan.version))

    async def journalled_file(self, orphan: Orphan) -> None:
        """A File that an interrupted run was about to delete: no object of ours may have it attached again."""
        ours = [(KINDS[item.kind], item.id) for item in self.found.found.snapshot.objects]
        await self._check_detached([(kind, store) for kind, store in ours if has_attachments(kind)], orphan.id)
        await delete_files(self.run, [orphan.id])

    async def named_file(self, orphan: Orphan) -> None:
        """A File that a person named: it has to be the very one that was listed, and in no store of the account."""
        raw = await self._read(Call("GET", f"{FILES}/{orphan.id}"))
        if raw is None:
            raise NotDeleted(Result.GONE, "")
        if File.read({**raw, "id": orphan.id}) != orphan.file or raw.get("purpose") != PURPOSE:
            raise NotDeleted(Result.LEFT, "it is another File than the one that was listed")
        await self._check_detached(await list_stores(self.run.account), orphan.id)
        await delete_files(self.run, [orphan.id])

    async def unfinished_object(self, orphan: Orphan) -> None:
        """An object of ours that was not confirmed, or was replaced, and its Files."""
        run, kind = self.run, KINDS[orphan.kind]
        raw = await get_object(run.account, kind, orphan.id)
        if raw is None:
            raise NotDeleted(Result.GONE, "")
        tags = tagging.decode_line(raw.get("description")) if isinstance(kind, VersionedKind) else None
        tags = tags or tagging.decode(raw.get("metadata"))
        if orphan.address is None or not run.ours(tags, orphan.address) or not _same_half(tags, orphan.tags):
            raise NotDeleted(Result.LEFT, "it does not show any more that it is ours and unfinished")
        if has_attachments(kind):
            await discard(run, document_kind_of(kind), orphan.id, orphan.files)
            await delete_object(run, kind, raw)
            return
        async with self._journalled_in_parts(orphan.files) as last:
            await delete_object(run, kind, raw)
            await delete_journalled(run, last)

    async def old_version(self, orphan: Orphan) -> None:
        """A version of ours that nothing points at, and the Files that only deleted versions name."""
        run, kind, number, address = self.run, KINDS[orphan.kind], str(orphan.version), orphan.address
        raw = await get_object(run.account, kind, orphan.id)
        path = f"{kind.collection}/{orphan.id}/versions/{number}"
        live = await self._read(Call("GET", path, beta=kind.beta))
        if raw is None or live is None:
            raise NotDeleted(Result.GONE, "")
        tags = tagging.decode_line(live.get("description"))
        entry = run.ledger.entry(orphan.kind, address) if address else None
        mine = entry is not None and entry.id == orphan.id and tags is not None and run.ours(tags, tags.address)
        if not mine or tags != orphan.tags:
            raise NotDeleted(Result.LEFT, "it does not show any more that it is ours")
        if version_of(raw, "default_version") == number:
            raise NotDeleted(Result.LEFT, "it is the current version now")
        async with self._journalled_in_parts(self._only_there(orphan)) as last:
            await self._delete_version(Call("DELETE", path, beta=kind.beta))
            await delete_journalled(run, last)

    def _only_there(self, orphan: Orphan) -> list[str]:
        """The Files of a version that nothing names but versions which are deleted by now."""
        users, uses = self.deleted | {(orphan.id, orphan.version)}, self.found.uses
        return [file_id for file_id in orphan.files if uses is not None and uses.of(file_id) <= users]

    async def _check_detached(self, stores: Sequence[Store], file_id: str) -> None:
        if await is_attached(self.run.account, stores, file_id):
            raise NotDeleted(Result.LEFT, "a vector store has it attached now")

    async def _read(self, get: Call) -> Mapping[str, Json] | None:
        try:
            return (await self.run.account.send(get)).data
        except Failure as failure:
            if is_missing(failure):
                return None
            raise

    @asynccontextmanager
    async def _journalled_in_parts(self, files: Sequence[str]) -> AsyncIterator[Sequence[str]]:
        """Inside, Files stand in the journal, to be deleted with what names them; what does not fit goes before."""
        *early, last = journal_chunks(files) or [[]]
        for chunk in early:
            await delete_files(self.run, chunk)
        async with self.run.ledger.journal.deleting(last):
            yield last

    async def _delete_version(self, delete: Call) -> None:
        """What is gone already is as good as deleted."""
        run, get = self.run, replace(delete, method="GET")

        async def send() -> Reply:
            try:
                return await run.account.send(delete)
            except Failure as failure:
                if is_missing(failure):
                    return Reply(404, {})
                raise

        async def seen() -> Seen:
            return Seen.TARGET if await gone(run, get) else Seen.BEFORE

        await write(run, f"the deletion of {delete.path}", send=send, seen=seen)


BY_GROUP: Mapping[Group, Callable[[Deleting, Orphan], Coroutine[Any, Any, None]]] = {
    Group.JOURNAL: Deleting.journalled_file,
    Group.OBJECTS: Deleting.unfinished_object,
    Group.VERSIONS: Deleting.old_version,
    Group.FILES: Deleting.named_file,
}


def _same_half(tags: Tags | None, shown: Tags | None) -> bool:
    """Whether an object is still in the very state in which it was seen."""
    if tags is None or shown is None:
        return False
    return (tags.state, tags.op, tags.retiring, tags.protect) == (shown.state, shown.op, shown.retiring, shown.protect)
