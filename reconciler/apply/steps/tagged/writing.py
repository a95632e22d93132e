"""Every request that writes our tags into an object's metadata, or takes them off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.account.objects import get_object
from reconciler.account.port import Call, Reply
from reconciler.apply.requests.creating import create_once
from reconciler.apply.requests.writing import Seen, change_object
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.states import Object, state_of
from reconciler.apply.steps.planned import check_move
from reconciler.apply.steps.tagged.evidence import read_ours
from reconciler.kinds.kind import Kind
from reconciler.model.desired import Desired
from reconciler.model.json import Json, canonical
from reconciler.model.observed import Observed, Tags
from reconciler.observing.tagged import observed_from
from reconciler.ownership import tags as tagging
from reconciler.ownership.digests import field_digests
from reconciler.ownership.evidence import our_labels
from reconciler.planning.diff import Ids, diff


async def create_pending(run: Run, kind: Kind, desired: Desired) -> str:
    """Create an object that says that it is not confirmed yet; its id."""
    spec = run.resolve(dict(desired.spec))
    body = kind.encode(spec, list(spec))

    async def send(op: str) -> Reply:
        metadata = {**desired.labels, **tagging.encode(tags_of(run, kind, desired, Object.PENDING, op))}
        # A death after it leaves a pending object: the next plan finds it by its tags, and completes or deletes it.
        return await run.account.send(
            Call("POST", kind.collection, json={**body, "metadata": metadata}, beta=kind.beta, once=True)
        )

    def accepts(raw: Mapping[str, Any], op: str) -> bool:
        tags = tagging.decode(raw.get("metadata"))
        return tags is not None and run.ours(tags, desired.address) and tags.op == op

    what = str(desired.address)
    raw = await create_once(run, what, send=send, accepts=accepts, listed=kind.collection, beta=kind.beta)
    return str(raw["id"])


def tags_of(run: Run, kind: Kind, desired: Desired, state: Object, op: str | None = None) -> Tags:
    """The tags of an object as this run leaves it."""
    tags = run.tags(desired, op or run.op(), state=state)
    return replace(tags, fields=field_digests(kind, desired))


async def send_update(
    run: Run, kind: Kind, raw: Mapping[str, Any], body: Mapping[str, Json], tags: Tags, desired: Desired
) -> None:
    """One request with fields and metadata: other people's pairs stay, ours are replaced, removed labels go."""
    live = observed_from(kind, raw, tagging.decode(raw.get("metadata")), desired.spec)
    check_move(live.id, live.tags, state_of(tags))
    stale = our_labels(live).keys() - desired.labels.keys()
    wanted = desired.labels
    if "labels" in desired.lifecycle.ignore_changes:
        changes = diff(kind, desired, live, Ids(run.ids, {}))
        differing = {delta.path[-1] for delta in changes if delta.field == "labels"}
        stale, wanted = stale & differing, {key: value for key, value in wanted.items() if key in differing}
    kept = {key: value for key, value in live.labels.items() if key not in stale}
    metadata = {**kept, **wanted, **tagging.encode(tags)}

    def seen(fresh: Mapping[str, Any] | None) -> Seen:
        found = tagging.decode(fresh.get("metadata")) if fresh else None
        if found is not None and found.op == tags.op:
            return Seen.TARGET
        return Seen.BEFORE if fresh and _same(kind, raw, fresh, desired) else Seen.OTHER

    # A death before it leaves what was there, a death after it what the tags say: fields and tags are one request.
    await change_object(run, kind, live.id, {**body, "metadata": metadata}, seen)


def _same(kind: Kind, one: Mapping[str, Any], other: Mapping[str, Any], desired: Desired) -> bool:
    """Whether nobody wrote to an object between two reads: activity times and counts aside."""
    specs = [canonical(dict(kind.decode(raw, desired.spec))) for raw in (one, other)]
    return specs[0] == specs[1] and (one.get("metadata") or {}) == (other.get("metadata") or {})


async def retire(run: Run, kind: Kind, old: Observed) -> None:
    """Mark the object that is about to be replaced, so that an interrupted replacement is recognised."""
    if old.tags is None or old.tags.retiring:
        return
    raw = await read_ours(run, kind, old.id, old.tags.address)
    check_move(old.id, tagging.decode(raw.get("metadata")), Object.RETIRING)
    op = run.op()
    metadata = {**tagging.user_pairs(raw.get("metadata")), **tagging.encode(replace(old.tags, retiring=op))}

    def seen(fresh: Mapping[str, Any] | None) -> Seen:
        found = tagging.decode(fresh.get("metadata")) if fresh else None
        if found is not None and found.retiring == op:
            return Seen.TARGET
        return Seen.BEFORE if fresh and fresh.get("metadata") == raw.get("metadata") else Seen.OTHER

    # A death after it leaves an object that serves and has no successor yet: the next plan goes on replacing it.
    await change_object(run, kind, old.id, {"metadata": metadata}, seen)


async def remove_tags(run: Run, kind: Kind, raw: Mapping[str, Any]) -> None:
    """Leave an object to whoever wants it; raises StepFailed where the server keeps our tags all the same."""
    object_id = str(raw["id"])
    check_move(object_id, tagging.decode(raw.get("metadata")), Object.FOREIGN)

    def seen(live: Mapping[str, Any] | None) -> Seen:
        if live is not None and tagging.decode(live.get("metadata")) is None:
            return Seen.TARGET
        return Seen.BEFORE if live is not None and live.get("metadata") == raw.get("metadata") else Seen.OTHER

    # A death after it leaves entries of the inventory about what is nobody's: the next run drops them.
    await change_object(run, kind, object_id, {"metadata": tagging.user_pairs(raw.get("metadata"))}, seen)
    if seen(await get_object(run.account, kind, object_id)) is not Seen.TARGET:
        raise StepFailed(f"{object_id} still carries our tags: this server merges metadata instead of replacing it")
