"""Deleting orphans: under the lease, each after another look at its evidence, Files noted in the journal first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from reconciler.account.failures import stop_for
from reconciler.account.objects import get_object, is_missing, version_of
from reconciler.account.port import Call, Failure, Reply
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.session import Session
from reconciler.apply.steps.creation import Seen, delete_object, write
from reconciler.apply.steps.removal import delete_files, delete_journalled, discard, gone, is_fatal
from reconciler.apply.walk import GRACE
from reconciler.kinds import KINDS
from reconciler.kinds.kind import VersionedKind, document_kind_of
from reconciler.model.errors import Exit, Stop
from reconciler.model.events import Event
from reconciler.model.json import Json
from reconciler.model.observed import Tags
from reconciler.ownership import tags as tagging
from reconciler.ownership.anchor import Anchor, journal_chunks
from reconciler.ownership.keeper import Keeper, Leased
from reconciler.upkeep.orphans import Group, Orphan, Orphans, find_orphans
from reconciler.upkeep.uses import FILES, PURPOSE, File, Store, User, has_attachments, is_attached, list_stores


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


ENDED = frozenset({Result.DELETED, Result.GONE})


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended for one orphan; `detail` says why it was not deleted. Server text in it is not yet escaped."""

    orphan: Orphan
    result: Result
    detail: str = ""

    def to_json(self) -> dict[str, Json]:
        """What `gc --delete` prints of it."""
        return {**self.orphan.to_json(), "outcome": self.result.value, "detail": self.detail or None}


@dataclass(slots=True)
class Swept:
    """How a sweep ended; filled in as it goes, so that it tells the truth after an error too."""

    endings: list[Ending] = field(default_factory=list)
    exit: Exit = Exit.DONE
    notes: list[str] = field(default_factory=list)


Tell = Callable[[Ending], None]


class _NotNow(Exception):  # noqa: N818 - how it ends for one orphan, not a bug
    """An orphan that is not deleted after all: it is gone already, or it is to be left alone."""

    def __init__(self, result: Result, detail: str) -> None:
        super().__init__(detail)
        self.result = result
        self.detail = detail


async def sweep(
    session: Session,
    shown: Orphans,
    chosen: Sequence[Orphan],
    *,
    swept: Swept,
    tell: Tell,
    interrupt: asyncio.Event | None = None,
) -> None:
    """Delete orphans that were shown, as far as they still are; how it went is left in `swept`.

    Raises Stop when the stack cannot be had; nothing has been written then.
    """
    if shown.anchor is None:
        raise Stop(
            Exit.REFUSED,
            "This stack has nothing in the account, so there is no lease to take while something is deleted.",
            "Nothing was deleted. Apply the stack first.",
        )
    try:
        await _Sweep(session, shown, shown.anchor, chosen, swept, tell, interrupt or asyncio.Event()).run()
    except Failure as failure:
        raise stop_for(failure) from failure


@dataclass(slots=True)
class _Sweep:
    session: Session
    shown: Orphans
    anchor: Anchor
    chosen: Sequence[Orphan]
    swept: Swept
    tell: Tell
    interrupt: asyncio.Event
    deleted: set[User] = field(default_factory=set)

    async def run(self) -> None:
        session, run_id = self.session, self.session.hex(8)
        keeper = Keeper(
            session.account,
            session.clock,
            session.scope().owner,
            run_id,
            replace(self.anchor, inventory=self.shown.found.inventory),
            lease=session.lease,
            liveness=session.liveness,
            settle=session.settle,
        )
        plan = self.anchor.plan if self.anchor.busy else ""
        with session.liveness.held(run_id):
            await keeper.take(plan=plan, kinds=(), lineage=self.anchor.lineage)
            beat = asyncio.ensure_future(keeper.beat())
            try:
                await self._work(keeper)
            finally:
                await keeper.still(beat)
                await self._give_back(keeper)

    async def _work(self, keeper: Keeper) -> None:
        await self._calm_down(keeper)
        fresh = await find_orphans(self.session, {item.group for item in self.chosen})
        journal = tuple(file_id for file_id in keeper.anchor.journal if file_id not in fresh.gone)
        keeper.anchor = replace(keeper.anchor, inventory=fresh.found.inventory, journal=journal)
        run = Run(
            Leased(self.session.account, keeper),
            self.session.clock,
            keeper.owner,
            keeper.run_id,
            keeper,
            lambda document: self.session.loaded.tree.open(document.file),
            _say_nothing,
            settle=self.session.settle,
        )
        found = {item.key: item for item in fresh.items}
        for orphan in self.chosen:
            why = self._why_stop()
            if why:
                self._end(orphan, Result.SKIPPED, why)
            else:
                await self._one(run, orphan, found.get(orphan.key), fresh)

    async def _calm_down(self, keeper: Keeper) -> None:
        """What an interrupted run left under way may still confirm an object: wait until it cannot any more."""
        seconds = keeper.calm(self.session.settle)
        if seconds > 0:
            waited = f"waited {int(seconds) + 1} s for what it may have left under way"
            self.swept.notes.append(f"The last run was interrupted; {waited}.")
            await self.session.clock.sleep(seconds)

    async def _give_back(self, keeper: Keeper) -> None:
        """End the lease, once no write to the anchor that seemed lost can arrive any more and undo that."""
        if not self.interrupt.is_set():
            await self.session.clock.sleep(max(0.0, keeper.doubt - self.session.clock.monotonic()))
        in_doubt = any(item.result is Result.IN_DOUBT for item in self.swept.endings)
        try:
            await keeper.give_back(clean=not in_doubt, in_doubt=in_doubt, as_found=True)
        except (Failure, Stop) as error:
            stop = stop_for(error) if isinstance(error, Failure) else error
            self._worse(stop.code)
            self.swept.notes.append(f"The stack could not be given back: {stop.summary} {stop.detail}".strip())

    # --- one orphan ---------------------------------------------------------------------------------------------------

    def _why_stop(self) -> str:
        """Why nothing more is to be begun; empty as long as something is."""
        if self.interrupt.is_set():
            self._worse(Exit.INTERRUPTED)
            return "interrupted"
        if self.session.deadline is not None and self.session.clock.monotonic() >= self.session.deadline:
            self._worse(Exit.UNAVAILABLE)
            return "the time for this run is over"
        return "" if self.swept.exit in {Exit.DONE, Exit.INCOMPLETE} else "the run stopped"

    async def _one(self, run: Run, orphan: Orphan, now: Orphan | None, fresh: Orphans) -> None:
        if now is None:
            absent = orphan.group is Group.JOURNAL and orphan.id in fresh.gone
            why = "it is not there any more, or something uses it now"
            self._end(orphan, Result.GONE if absent else Result.LEFT, "" if absent else why)
            return
        try:
            await self._within_grace(DELETE[orphan.group](self, run, now, fresh))
        except _NotNow as ended:
            self._end(orphan, ended.result, ended.detail)
        except StepFailed as failed:
            self._end(orphan, Result.IN_DOUBT if failed.in_doubt else Result.FAILED, failed.summary)
        except Failure as failure:
            if is_fatal(failure):
                self._worse(stop_for(failure).code)
            self._end(orphan, Result.IN_DOUBT if failure.ambiguous else Result.FAILED, failure.told)
        except Stop as stop:
            self._worse(stop.code)
            self._end(orphan, Result.FAILED, stop.summary)
        else:
            self.deleted.add((orphan.id, orphan.version))
            self._end(orphan, Result.DELETED)

    async def _within_grace(self, doing: Coroutine[Any, Any, None]) -> None:
        """To its end; after an interrupt within some seconds, or it stays in doubt."""
        task = asyncio.ensure_future(doing)
        interrupted = asyncio.ensure_future(self.interrupt.wait())
        try:
            await asyncio.wait([task, interrupted], return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await asyncio.wait([task], timeout=GRACE)
            if not task.done():
                raise StepFailed("interrupted while a request was under way", in_doubt=True)
            task.result()
        finally:
            interrupted.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait([task])

    def _end(self, orphan: Orphan, result: Result, detail: str = "") -> None:
        if result not in ENDED and self.swept.exit is Exit.DONE:
            self.swept.exit = Exit.INCOMPLETE
        ending = Ending(orphan, result, detail)
        self.swept.endings.append(ending)
        self.tell(ending)

    def _worse(self, code: Exit) -> None:
        """The first reason to stop is the one that is told; before it, only that something is left to do."""
        if self.swept.exit in {Exit.DONE, Exit.INCOMPLETE}:
            self.swept.exit = code

    # --- by group -----------------------------------------------------------------------------------------------------

    async def file_of_the_journal(self, run: Run, orphan: Orphan, fresh: Orphans) -> None:
        ours = [(KINDS[item.kind], item.id) for item in fresh.found.snapshot.objects]
        await _not_attached(run, [(kind, store) for kind, store in ours if has_attachments(kind)], orphan.id)
        await delete_files(run, [orphan.id])

    async def named_file(self, run: Run, orphan: Orphan, _: Orphans) -> None:
        """A File that a person named: it has to be the very one that was listed, and in no store of the account."""
        try:
            reply = await run.account.send(Call("GET", f"{FILES}/{orphan.id}"))
        except Failure as failure:
            if is_missing(failure):
                raise _NotNow(Result.GONE, "") from failure
            raise
        if File.read({**reply.data, "id": orphan.id}) != orphan.file or reply.data.get("purpose") != PURPOSE:
            raise _NotNow(Result.LEFT, "it is another File than the one that was listed")
        await _not_attached(run, await list_stores(run.account), orphan.id)
        await delete_files(run, [orphan.id])

    async def unfinished_object(self, run: Run, orphan: Orphan, _: Orphans) -> None:
        kind = KINDS[orphan.kind]
        raw = await get_object(run.account, kind, orphan.id)
        if raw is None:
            raise _NotNow(Result.GONE, "")
        tags = tagging.decode_line(raw.get("description")) if isinstance(kind, VersionedKind) else None
        tags = tags or tagging.decode(raw.get("metadata"))
        if orphan.address is None or not run.ours(tags, orphan.address) or not _same_half(tags, orphan.tags):
            raise _NotNow(Result.LEFT, "it does not show any more that it is ours and unfinished")
        if has_attachments(kind):
            await discard(run, document_kind_of(kind), orphan.id, orphan.files)
            await delete_object(run, kind, raw)
            return
        async with _journalled_in_parts(run, orphan.files) as last:
            await delete_object(run, kind, raw)
            await delete_journalled(run, last)

    async def old_version(self, run: Run, orphan: Orphan, fresh: Orphans) -> None:
        kind, number, address = KINDS[orphan.kind], str(orphan.version), orphan.address
        raw = await get_object(run.account, kind, orphan.id)
        path = f"{kind.collection}/{orphan.id}/versions/{number}"
        live = await _read(run, Call("GET", path, beta=kind.beta))
        if raw is None or live is None:
            raise _NotNow(Result.GONE, "")
        tags = tagging.decode_line(live.get("description"))
        entry = run.keeper.anchor.entry(orphan.kind, address) if address else None
        mine = entry is not None and entry.id == orphan.id and tags is not None and run.ours(tags, tags.address)
        if not mine or tags != orphan.tags:
            raise _NotNow(Result.LEFT, "it does not show any more that it is ours")
        if version_of(raw, "default_version") == number:
            raise _NotNow(Result.LEFT, "it is the current version now")
        files = self._only_there(orphan, fresh)
        async with _journalled_in_parts(run, files) as last:
            await _delete_version(run, Call("DELETE", path, beta=kind.beta))
            await delete_journalled(run, last)

    def _only_there(self, orphan: Orphan, fresh: Orphans) -> list[str]:
        """The Files of a version that nothing names but versions which are deleted by now."""
        users = self.deleted | {(orphan.id, orphan.version)}
        return [file_id for file_id in orphan.files if fresh.uses is not None and fresh.uses.of(file_id) <= users]


Delete = Callable[[_Sweep, Run, Orphan, Orphans], Coroutine[Any, Any, None]]

DELETE: Mapping[Group, Delete] = {
    Group.JOURNAL: _Sweep.file_of_the_journal,
    Group.OBJECTS: _Sweep.unfinished_object,
    Group.VERSIONS: _Sweep.old_version,
    Group.FILES: _Sweep.named_file,
}


def _same_half(tags: Tags | None, shown: Tags | None) -> bool:
    """Whether an object is still in the very state in which it was seen."""
    if tags is None or shown is None:
        return False
    return (tags.state, tags.op, tags.retiring, tags.protect) == (shown.state, shown.op, shown.retiring, shown.protect)


async def _not_attached(run: Run, stores: Sequence[Store], file_id: str) -> None:
    if await is_attached(run.account, stores, file_id):
        raise _NotNow(Result.LEFT, "a vector store has it attached now")


async def _read(run: Run, get: Call) -> Mapping[str, Json] | None:
    try:
        return (await run.account.send(get)).data
    except Failure as failure:
        if is_missing(failure):
            return None
        raise


@asynccontextmanager
async def _journalled_in_parts(run: Run, files: Sequence[str]) -> AsyncIterator[Sequence[str]]:
    """Inside, Files stand in the journal, to be deleted with what names them; what does not fit is deleted before."""
    *early, last = journal_chunks(files) or [[]]
    for chunk in early:
        await delete_files(run, chunk)
    async with run.keeper.journalled(last):
        yield last


async def _delete_version(run: Run, delete: Call) -> None:
    """What is gone already is as good as deleted."""
    get = replace(delete, method="GET")

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


def _say_nothing(_: Event) -> None:
    """Deleting tells its own story."""
