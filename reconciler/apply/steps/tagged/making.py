"""Making objects with metadata what their manifests say: created, updated in place, or taken over from nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.apply.documents.sequence import roll_out
from reconciler.apply.requests.deleting import deleted_if_refused, deleted_once_unused
from reconciler.apply.run import Run
from reconciler.apply.states import Object
from reconciler.apply.steps.planned import changed, desired_of, fields_of, observed_of
from reconciler.apply.steps.tagged.deleting import delete_surplus
from reconciler.apply.steps.tagged.evidence import read_ours, read_untagged
from reconciler.apply.steps.tagged.files import bring_files, fields_with_files, note_files
from reconciler.apply.steps.tagged.writing import create_pending, retire, send_update, tags_of
from reconciler.kinds import KINDS
from reconciler.kinds.kind import Kind
from reconciler.model.desired import Desired
from reconciler.model.events import Outcome
from reconciler.model.observed import Observed, Tags
from reconciler.model.plan import Step, Verb
from reconciler.observing.tagged import observed_from
from reconciler.ownership import tags as tagging
from reconciler.ownership.anchor import Entry
from reconciler.ownership.digests import files_tag, observed_digest, stale_tags
from reconciler.planning.diff import Ids, diff


async def create(run: Run, step: Step) -> tuple[Outcome, str]:
    """Create as pending with the tags in the same request, bring in the documents, confirm."""
    desired, kind = desired_of(step), KINDS[step.kind]
    if step.replaces is not None and step.replaces.kind == step.kind:
        await retire(run, kind, step.replaces)
    if step.observed is not None:
        object_id = await _take_up(run, kind, step, step.observed)
    else:
        uploaded: list[str] = []
        async with deleted_if_refused(run, uploaded):
            await bring_files(run, kind, step, uploaded)
            object_id = await create_pending(run, kind, desired)
    run.ids[desired.address] = object_id
    run.changed.add(object_id)
    note_files(run, kind, step)  # whatever becomes of the confirmation, they are ours
    await _confirm(run, kind, step, object_id, changed=())
    await delete_surplus(run, kind, step)
    return Outcome.DONE, object_id


async def _take_up(run: Run, kind: Kind, step: Step, pending: Observed) -> str:
    """Make an unconfirmed object what the manifest wants now; its id."""
    desired, uploaded = desired_of(step), list[str]()
    raw = await read_ours(run, kind, pending.id, desired.address)
    async with deleted_if_refused(run, uploaded):
        old = await bring_files(run, kind, step, uploaded)
        spec = run.resolve(dict(desired.spec))
        body = kind.encode(spec, [*spec, *_unwanted(kind, raw, desired)])
        async with deleted_once_unused(run, old or ()):
            await send_update(run, kind, raw, body, tags_of(run, kind, desired, Object.PENDING), desired)
            uploaded.clear()  # they are in use from here on
            note_files(run, kind, step)
    return pending.id


def _unwanted(kind: Kind, raw: Mapping[str, Any], desired: Desired) -> list[str]:
    """Fields that an unconfirmed object was created with, and that the manifest has no more: all of it is ours."""
    live = kind.normalise(kind.decode(raw, desired.spec))
    named = [item.name for item in kind.fields if item.name not in desired.spec and kind.readable(item.name)]
    return [name for name in named if not kind.is_default(name, live.get(name))]


async def update(run: Run, step: Step) -> tuple[Outcome, str]:
    """Bring in the documents, then send what differs together with the tags, in one request."""
    desired, kind, planned = desired_of(step), KINDS[step.kind], observed_of(step)
    address = planned.tags.address if planned.tags else desired.address
    raw = await read_ours(run, kind, planned.id, address)
    fresh = _as_it_is_now(planned, kind, raw, step)
    if observed_digest(fresh) != observed_digest(planned):
        files = bool(step.files)
        if not files and not diff(kind, desired, fresh, Ids(run.ids, {})) and not stale_tags(kind, desired, fresh):
            return Outcome.UNCHANGED, planned.id
        raise changed(planned.id)
    run.ids[desired.address] = planned.id
    run.changed.add(planned.id)
    uploaded: list[str] = []
    fields = fields_of(step)
    async with deleted_if_refused(run, uploaded):
        old = await bring_files(run, kind, step, uploaded)
        if old is not None:
            fields = list(dict.fromkeys([*fields, *fields_with_files(desired)]))
        async with deleted_once_unused(run, old or ()):
            await _confirm(run, kind, step, planned.id, changed=fields, uploaded=uploaded)
    await delete_surplus(run, kind, step)
    return Outcome.DONE, planned.id


async def adopt(run: Run, step: Step) -> tuple[Outcome, str]:
    """Take over an object: the approved plan names it, and no other stack's tag is on it."""
    desired, kind, planned = desired_of(step), KINDS[step.kind], observed_of(step)
    raw = await read_untagged(run, kind, planned.id)
    if observed_digest(_as_it_is_now(planned, kind, raw, step)) != observed_digest(planned):
        raise changed(planned.id)
    run.ids[desired.address] = planned.id
    run.changed.add(planned.id)
    uploaded: list[str] = []
    async with deleted_if_refused(run, uploaded):
        await bring_files(run, kind, step, uploaded)
        await _confirm(run, kind, step, planned.id, changed=fields_of(step), uploaded=uploaded)
    return Outcome.DONE, planned.id


def _as_it_is_now(planned: Observed, kind: Kind, raw: Mapping[str, Any], step: Step) -> Observed:
    """An object as it is now, to be compared with the planned one; its documents are compared elsewhere."""
    fresh = observed_from(kind, raw, tagging.decode(raw.get("metadata")), desired_of(step).spec)
    return replace(fresh, documents=planned.documents)


# --- the last request about an object ---------------------------------------------------------------------------------


async def _confirm(
    run: Run, kind: Kind, step: Step, object_id: str, *, changed: Sequence[str], uploaded: list[str] | None = None
) -> None:
    """Documents, then one request with the fields that differ and the tags that say ready."""
    desired = desired_of(step)
    attached = kind.documents is not None and kind.file_ids({}) is None
    whole = True
    if attached:
        whole = await roll_out(run, kind, object_id, desired.address, desired.documents, step.files)
    before = step.observed.tags if step.observed is not None and step.observed.id == object_id else None
    if step.verb is Verb.ADOPT:
        raw = await read_untagged(run, kind, object_id)
    else:
        raw = await read_ours(run, kind, object_id, before.address if before else desired.address)
    files = ""  # the tag speaks for all of them, or the next plan looks at each
    if whole or "files" in desired.lifecycle.ignore_changes:
        ignored = step.files is None and step.observed is not None and step.observed.documents is not None
        usage = raw.get("usage_bytes")
        files = files_tag(desired, (usage if isinstance(usage, int) else 0) if attached and not ignored else None)
    spec = run.resolve(dict(desired.spec))
    body = kind.encode(spec, changed)
    tags = replace(tags_of(run, kind, desired, Object.READY), files=files)
    await send_update(run, kind, raw, body, tags, desired)
    if uploaded is not None:
        uploaded.clear()  # they are in use from here on
    cleared = [name for name in changed if name not in desired.spec and kind.field(name) is not None]
    if cleared:
        await _keep_managing(run, kind, step, cleared, tags)
    # A death before the record is written loses this: the next plan reads it off the tags, but not whose a File is.
    run.ledger.note(
        Entry(step.kind, desired.address, object_id, None, desired.lifecycle.protect, desired.lifecycle.retain)
    )
    run.ledger.hold(desired.address, None)  # of a release that this replaces
    note_files(run, kind, step)
    if step.observed is not None and step.observed.tags and step.observed.tags.address != desired.address:
        run.ledger.drop(step.kind, step.observed.tags.address)


async def _keep_managing(run: Run, kind: Kind, step: Step, cleared: Sequence[str], tags: Tags) -> None:
    """A field that the server did not clear stays one of ours: else nobody would ever hear of it again."""
    desired, planned = desired_of(step), observed_of(step)
    raw = await read_ours(run, kind, planned.id, desired.address)
    before = planned.tags.fields if planned.tags else {}
    live = kind.normalise(kind.decode(raw, desired.spec))
    shown = [name for name in cleared if name in before and kind.readable(name)]
    kept = {name: before[name] for name in shown if not kind.is_default(name, live.get(name))}
    if kept:
        fields = {**tags.fields, **kept}
        await send_update(run, kind, raw, {}, replace(tags, op=run.op(), fields=fields), desired)
