"""Wrong versions of the reconciler's own functions: what somebody might have written, or what the SDK does."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from io import BytesIO
from typing import Any

from reconciler.account import objects, outcomes, paging
from reconciler.account.port import Account, Call, Execution, Failure, FailureKind
from reconciler.apply.documents import attaching, detaching
from reconciler.apply.documents import sequence as documents
from reconciler.apply.requests import deleting
from reconciler.apply.run import Run
from reconciler.apply.uploads import uploading as uploads
from reconciler.apply.uploads.sending import Deadline
from reconciler.kinds.kind import Kind, document_kind_of
from reconciler.model.address import Address, Ref
from reconciler.model.desired import Desired, Document
from reconciler.model.json import Json, substitute
from reconciler.model.observed import Attachment, Observed, Tags
from reconciler.model.plan import Step
from reconciler.model.snapshot import age
from reconciler.observing import observer
from reconciler.ownership import tags as tagging
from reconciler.ownership.digests import field_digests
from reconciler.ownership.lease import STALE_AFTER, Ended, Lease
from reconciler.planning import drafts, matching
from reconciler.planning.diff import diff as right_diff

# --- planning ---------------------------------------------------------------------------------------------------------


def minds_everything(kind: Kind, desired: Desired, *args: Any, **more: Any) -> Any:
    lifecycle = replace(desired.lifecycle, ignore_changes=())
    return right_diff(kind, replace(desired, lifecycle=lifecycle), *args, **more)


# --- creation ---------------------------------------------------------------------------------------------------------


def retries_everything(error: Failure) -> bool:
    return error.kind in {
        FailureKind.RATE_LIMITED,
        FailureKind.OVERLOADED,
        FailureKind.TIMEOUT,
        FailureKind.UNREACHABLE,
        FailureKind.CONFLICT,
    }


def definite(*statuses: int) -> Callable[..., Any]:
    right = outcomes._judge

    def judge(status: int, said: Any) -> Any:
        sort, outcome = right(status, said)
        return sort, Execution.NOT_EXECUTED if status in statuses else outcome

    return judge


async def no_settling(run: Run, what: str, op: str, find: Any) -> Mapping[str, Any] | None:
    return None


async def again_until_it_is_over(self: Any) -> bool:
    left = self._until - self._clock.monotonic()
    if left <= 0:
        return False
    await self._clock.sleep(min(self._pause, left))
    self._pause = min(self._pause * 2, self._longest)
    return True


def always_ready(run: Run, kind: Any, desired: Desired, state: Any, op: str | None = None) -> Tags:
    return replace(run.tags(desired, op or run.op(), state="ready"), fields=field_digests(kind, desired))


def same_op(self: Run) -> str:
    return f"{self.run_id}.1"


# --- reading ----------------------------------------------------------------------------------------------------------


def page_is_all(call: Call, data: Mapping[str, Any]) -> tuple[list[Any], bool]:
    return data["data"], False


def empty_ends(call: Call, data: Mapping[str, Any]) -> tuple[list[Any], bool]:
    return data["data"], bool(data["data"]) and data["has_more"]


async def no_get(account: Account, kind: Kind, object_id: str) -> None:
    return None


DECODE = tagging.decode


def prefix_is_enough(metadata: Any) -> Tags | None:
    """Every stack whose name begins like ours is ours."""
    tags = DECODE(metadata)
    return replace(tags, stack="small") if tags is not None and tags.stack.startswith("small") else tags


def without_lineage(self: Run, tags: Tags | None, address: Address) -> bool:
    return tags is not None and (tags.stack, tags.address) == (self.owner, address)


def ours_by_name(look: Any, objects: Any) -> dict[str, Tags]:
    tags = {raw["id"]: tagging.decode(raw.get("metadata")) for raw in objects}
    return {
        object_id: item
        for object_id, item in tags.items()
        if item is not None and item.stack == look.scope.owner and item.address.kind != "Anchor"
    }


# --- planning ---------------------------------------------------------------------------------------------------------


def without_needs(items: Sequence[Observed], needs: tuple[str, ...] = ()) -> tuple[Step, ...]:
    return _DELETIONS(items)


_DELETIONS = drafts.deletions
_MATCH = matching.match_of


def oldest_first(desired: Desired, live: Any, adoptable: Any) -> Any:
    match = _MATCH(desired, live, adoptable)
    here = sorted([*match.pending, *([match.current] if match.current else [])], key=age)
    return match if len(here) < 2 else replace(match, current=None, pending=tuple(here))


def rivals_go(desired: Desired, live: Any, adoptable: Any) -> Any:
    match = _MATCH(desired, live, adoptable)
    return replace(match, rivals=(), pending=(*match.pending, *match.rivals))


def only_same_kind_waits(desired: Desired, live: Any, adoptable: Any) -> Any:
    """Once its successor has been begun, what moves into another runtime is taken for a leftover."""
    match = _MATCH(desired, live, adoptable)
    begun = any(item.kind == desired.kind for item in live.get(desired.address, ()))
    stays = [
        item for item in match.old if item.kind == desired.kind or matching.tags_of(item).address == desired.address
    ]
    return replace(match, old=tuple(stays)) if begun else match


# --- evidence ---------------------------------------------------------------------------------------------------------


def trusting(self: Run, tags: Tags | None, address: Address) -> bool:
    return True


async def unchecked(run: Run, kind: Any, object_id: str, address: Address) -> dict[str, Any]:
    return await objects.get_object(run.account, kind, object_id) or {"id": object_id}


async def deletes_unseen(run: Run, kind: Kind, item: Observed) -> None:
    """What the plan saw is taken to be there still."""
    await deleting.delete_object(run, kind, item.raw)


def every_label(live: Observed) -> dict[str, str]:
    return dict(live.labels)


# --- documents --------------------------------------------------------------------------------------------------------


IN_ONE_REQUEST = uploads._in_one_request


async def adopts_upload(run: Run, document: Document, deadline: Deadline) -> str:
    """What has the name and the size of the document is taken to be it."""
    for raw in await paging.list_all(run.account, "/files"):
        if (raw["filename"], raw["bytes"]) == (document.name, document.bytes):
            return str(raw["id"])
    return await IN_ONE_REQUEST(run, document, deadline)


async def sends_anything(run: Run, document: Document, deadline: Deadline) -> str:
    """The bytes that are there now."""
    with run.open(document) as handle:
        content = handle.read()
    now = replace(document, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    fixed = replace(run, open=lambda _: nullcontext(BytesIO(content)))
    return await IN_ONE_REQUEST(fixed, now, deadline)


@asynccontextmanager
async def no_journal(self: Any, files: Sequence[str]) -> AsyncIterator[None]:
    yield


async def no_waiting(state: Any) -> None:
    state.waiting.clear()


_ROLL_OUT = documents.roll_out


async def old_first(run: Run, kind: Any, parent: str, address: Address, wanted: Any, planned: Any) -> None:
    """What is to be replaced goes before its successor is there."""
    live = await objects.list_attachments(run.account, kind, parent)
    known = {document.path: document.sha256 for document in wanted}
    old = [item.file_id for item in live if item.path is not None and known.get(item.path) != item.sha256]
    await detaching.discard(run, document_kind_of(kind), parent, old)
    await _ROLL_OUT(run, kind, parent, address, wanted, planned)


async def tag_first(run: Run, kind: Any, parent: str, address: Address, wanted: Any, planned: Any) -> None:
    """The tag is written while the documents are still on their way."""
    task = asyncio.ensure_future(_ROLL_OUT(run, kind, parent, address, wanted, planned))
    await run.clock.sleep(0.5)
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())


async def trusts_batch(state: Any, files: Mapping[str, Any]) -> list[str]:
    """Whatever the answer was: the batch says that it will see to it."""
    op = state.run.op()
    body = {"files": [attaching._item(state, file_id, pending, op) for file_id, pending in files.items()]}
    path = state.kind.batch.replace("{parent}", state.parent)
    try:
        await state.run.account.send(Call("POST", path, json=body, beta=state.kind.beta))
    except Failure:
        return []
    return []


def strangers_too(live: Sequence[Attachment], *rest: Any) -> list[Attachment]:
    return [*_SURPLUS(live, *rest), *(item for item in live if item.path is None)]


_SURPLUS = documents._surplus


# --- the stack's record -----------------------------------------------------------------------------------------------


async def no_confirm(self: Any, *, at_once: bool = False) -> None:
    return None


async def reads_only(self: Lease, *, at_once: bool = False) -> None:
    """Looks whether the stack is still ours, and shows no sign of life itself."""
    if self.lost is None and (at_once or self.record.stores.clock.monotonic() - self.seen > STALE_AFTER):
        await self.look()
    if self.lost is not None:
        raise self.lost


async def no_beat(self: Any) -> None:
    await asyncio.Event().wait()


async def no_look(lease: Lease) -> None:
    return None


async def whoever_has_it(self: Lease) -> Any:
    """The record is read, and it is not looked who has it."""
    self.seen = self.record.stores.clock.monotonic()
    return await self.record.read()


_RELEASE = Lease.release


async def counts_always(self: Lease, ended: Ended) -> None:
    if ended in {Ended.UNCLEAN, Ended.IN_DOUBT}:
        self.record.anchor = replace(self.record.anchor, serial=self.record.anchor.serial + 1)
    await _RELEASE(self, ended)


def nobody_holds(self: Any, current: Any) -> bool:
    return False


# --- ends -------------------------------------------------------------------------------------------------------------


async def no_read_back(job: Any, run: Run, lease: Lease) -> None:
    return None


def never_worse(self: Any, code: Any) -> None:
    return None


async def as_planned_before(job: Any, lease: Lease) -> None:
    """The wait after an unclean run, without planning again."""
    await job.clock.sleep(max(0.0, lease.seconds_to_settle()))


def only_what_is_left(self: Lease) -> float:
    """Where there is nothing to wait for any more, what was read before that counts."""
    seconds = _SECONDS_TO_SETTLE(self)
    return seconds if seconds > 0 else -math.inf


_SECONDS_TO_SETTLE = Lease.seconds_to_settle


def approves(approval: Any, fresh: Any, *, resuming: bool) -> None:
    return None


def quotes(self: Any, text: str) -> str:
    return text


async def journal_is_old(run: Run, *_: Any) -> None:
    run.ledger.journal.keep(())


def first_id(self: Run, value: Json) -> Json:
    """Every reference gets the id of the first thing of its kind."""

    def known(ref: Ref) -> str:
        ids = [self.ids[address] for address in sorted(self.ids) if address.kind == ref.address.kind]
        return ids[0]

    return substitute(value, known)


async def never_used(uses: Any, file_id: str) -> None:
    """Whatever the journal names is taken for an orphan."""


_CHANCE = itertools.count(1)


def chance(plan: Any) -> int:
    """No two plans say the same."""
    return next(_CHANCE)


_OBSERVE = observer.observe


async def touching(account: Account, scope: Any) -> Any:
    found = await _OBSERVE(account, scope)
    if found.anchor is not None:
        path = f"/vector_stores/{found.anchor.ids[0]}"
        await account.send(Call("POST", path, json={"name": "planned"}, beta="assistants=v2"))
    return found
