"""Steps on objects that keep our tags in their metadata: created as pending, filled, confirmed; updated in place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from reconciler.account.objects import get_object
from reconciler.account.port import Call, Reply
from reconciler.apply.documents.rolling import roll_out
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.steps.creation import Seen, create_once, delete_object, in_lists, write
from reconciler.apply.steps.removal import all_attachments, delete_files, delete_journalled, discard, withdrawn
from reconciler.apply.uploads.uploading import upload_file
from reconciler.kinds import KINDS
from reconciler.kinds.kind import Kind
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.errors import Exit
from reconciler.model.events import Outcome
from reconciler.model.json import Json, canonical, refs
from reconciler.model.observed import Observed, Tags
from reconciler.model.plan import Step, Verb
from reconciler.observing.tagged import observed_from, our_labels
from reconciler.ownership import anchor as anchors
from reconciler.ownership import tags as tagging
from reconciler.ownership.anchor import Entry, journal_chunks
from reconciler.ownership.digests import field_digests, files_tag, observed_digest, stale_tags
from reconciler.planning.diff import Ids, diff


async def create(run: Run, step: Step) -> tuple[Outcome, str]:
    """Create as pending with the tags in the same request, bring in the documents, confirm."""
    desired, kind = _desired(step), KINDS[step.kind]
    if step.replaces is not None and step.replaces.kind == step.kind:
        await _retire(run, kind, step.replaces)
    uploaded: list[str] = []
    if step.observed is not None:
        raw = await _evidence(run, kind, step.observed.id, desired.address)
        object_id = step.observed.id
        async with withdrawn(run, uploaded):
            old = await _bring_files(run, kind, step, uploaded)
            spec = run.resolve(dict(desired.spec))
            body = kind.encode(spec, [*spec, *_unwanted(kind, raw, desired)])
            async with _outdated(run, old):
                await _send_update(run, kind, raw, body, _tags(run, kind, desired, "pending"), desired)
                uploaded.clear()  # they are in use from here on
                _note_files(run, kind, step)
    else:
        async with withdrawn(run, uploaded):
            await _bring_files(run, kind, step, uploaded)
            object_id = await _create(run, kind, desired)
    run.ids[desired.address] = object_id
    run.changed.add(object_id)
    _note_files(run, kind, step)  # whatever becomes of the confirmation, they are ours
    await _finish(run, kind, step, object_id, changed=())
    await _remove_surplus(run, kind, step)
    return Outcome.DONE, object_id


async def update(run: Run, step: Step) -> tuple[Outcome, str]:
    """Bring in the documents, then send what differs together with the tags, in one request."""
    desired, kind, planned = _desired(step), KINDS[step.kind], _observed(step)
    address = planned.tags.address if planned.tags else desired.address
    raw = await _evidence(run, kind, planned.id, address)
    fresh = observed_from(kind, raw, tagging.decode(raw.get("metadata")), desired.spec)
    fresh = replace(fresh, documents=planned.documents)
    if observed_digest(fresh) != observed_digest(planned):
        files = bool(step.files)
        if not files and not diff(kind, desired, fresh, Ids(run.ids, {})) and not stale_tags(kind, desired, fresh):
            return Outcome.UNCHANGED, planned.id
        raise StepFailed(f"{planned.id} was changed since the plan was made; plan again", code=Exit.STALE)
    run.ids[desired.address] = planned.id
    run.changed.add(planned.id)
    uploaded: list[str] = []
    fields = list(dict.fromkeys(delta.field for delta in step.fields if delta.field != "labels"))
    async with withdrawn(run, uploaded):
        old = await _bring_files(run, kind, step, uploaded)
        if old is not None:
            fields = list(dict.fromkeys([*fields, *_fields_with_files(desired)]))
        async with _outdated(run, old):
            await _finish(run, kind, step, planned.id, changed=fields, uploaded=uploaded)
    await _remove_surplus(run, kind, step)
    return Outcome.DONE, planned.id


async def adopt(run: Run, step: Step) -> tuple[Outcome, str]:
    """Take over an object: the approved plan names it, and no other stack's tag is on it."""
    desired, kind, planned = _desired(step), KINDS[step.kind], _observed(step)
    raw = await _untagged(run, kind, planned.id)
    fresh = replace(observed_from(kind, raw, None, desired.spec), documents=planned.documents)
    if observed_digest(fresh) != observed_digest(planned):
        raise StepFailed(f"{planned.id} was changed since the plan was made; plan again", code=Exit.STALE)
    run.ids[desired.address] = planned.id
    run.changed.add(planned.id)
    uploaded: list[str] = []
    fields = list(dict.fromkeys(delta.field for delta in step.fields if delta.field != "labels"))
    async with withdrawn(run, uploaded):
        await _bring_files(run, kind, step, uploaded)
        await _finish(run, kind, step, planned.id, changed=fields, uploaded=uploaded)
    return Outcome.DONE, planned.id


async def delete(run: Run, step: Step) -> tuple[Outcome, str]:
    """Delete the object, its documents and their Files, and further objects of ours at the address."""
    kind, planned = KINDS[step.kind], _observed(step)
    for item in (planned, *step.surplus):
        await _delete_one(run, kind, item)
        entry = run.keeper.anchor.entry(step.kind, step.address)
        if entry is not None and entry.id == item.id:
            run.keeper.drop(step.kind, step.address)  # or a double would leave the Files to one that is gone
    return Outcome.DONE, planned.id


async def forget(run: Run, step: Step) -> tuple[Outcome, str]:
    """Remove our tags and leave the object as it is."""
    kind, planned = KINDS[step.kind], _observed(step)
    raw = await _evidence(run, kind, planned.id, step.address)
    path = f"{kind.collection}/{planned.id}"
    body = {"metadata": tagging.user_pairs(raw.get("metadata"))}

    async def seen() -> Seen:
        live = await get_object(run.account, kind, planned.id)
        if live is not None and tagging.decode(live.get("metadata")) is None:
            return Seen.TARGET
        return Seen.BEFORE if live is not None and live.get("metadata") == raw.get("metadata") else Seen.OTHER

    call = Call("POST", path, json=body, beta=kind.beta, once=True)
    await write(run, f"the update of {planned.id}", path=path, send=lambda: run.account.send(call), seen=seen)
    if await seen() is not Seen.TARGET:
        raise StepFailed(f"{planned.id} still carries our tags: this server merges metadata instead of replacing it")
    await _remove_surplus(run, kind, step)
    run.keeper.drop(step.kind, step.address)
    _drop_files(run, step.address)
    return Outcome.DONE, planned.id


# --- pieces -----------------------------------------------------------------------------------------------------------


def _desired(step: Step) -> Desired:
    if step.desired is None:
        raise ValueError(f"{step} has nothing to make so")
    return step.desired


def _bytes(value: Json) -> int:
    return value if isinstance(value, int) else 0


def _observed(step: Step) -> Observed:
    if step.observed is None:
        raise ValueError(f"{step} has no live object")
    return step.observed


def _tags(run: Run, kind: Kind, desired: Desired, state: str, op: str | None = None) -> Tags:
    tags = run.tags(desired, op or run.op(), state=state)
    return replace(tags, fields=field_digests(kind, desired))


async def _evidence(run: Run, kind: Kind, object_id: str, address: Address) -> dict[str, Any]:
    """The object, read just now, if it still shows that it is ours; raises StepFailed."""
    raw = await get_object(run.account, kind, object_id)
    if raw is None:
        raise StepFailed(f"{object_id} is gone since the plan was made; plan again", code=Exit.STALE)
    if not run.ours(tagging.decode(raw.get("metadata")), address):
        raise StepFailed(f"{object_id} no longer shows that it is ours ({address}); left alone", code=Exit.STALE)
    return raw


async def _untagged(run: Run, kind: Kind, object_id: str) -> dict[str, Any]:
    """The object, read just now, if nobody's tags are on it; raises StepFailed."""
    raw = await get_object(run.account, kind, object_id)
    pairs = raw.get("metadata") if raw is not None else None
    if raw is None or tagging.decode(pairs) is not None or anchors.part_of(pairs) is not None:
        raise StepFailed(f"{object_id} is gone, or somebody tagged it since the plan was made", code=Exit.STALE)
    return raw


def _unwanted(kind: Kind, raw: Mapping[str, Any], desired: Desired) -> list[str]:
    """Fields that an unconfirmed object was created with, and that the manifest has no more: all of it is ours."""
    live = kind.normalise(kind.decode(raw, desired.spec))
    named = [item.name for item in kind.fields if item.name not in desired.spec and kind.readable(item.name)]
    return [name for name in named if not kind.is_default(name, live.get(name))]


async def _create(run: Run, kind: Kind, desired: Desired) -> str:
    spec = run.resolve(dict(desired.spec))
    body = kind.encode(spec, list(spec))

    async def send(op: str) -> Reply:
        metadata = {**desired.labels, **tagging.encode(_tags(run, kind, desired, "pending", op))}
        return await run.account.send(
            Call("POST", kind.collection, json={**body, "metadata": metadata}, beta=kind.beta, once=True)
        )

    def accepts(raw: Mapping[str, Any], op: str) -> bool:
        tags = tagging.decode(raw.get("metadata"))
        return tags is not None and run.ours(tags, desired.address) and tags.op == op

    find = in_lists(run, kind.collection, kind.beta, accepts)
    raw = await create_once(run, str(desired.address), send=send, find=find, accepts=accepts)
    return str(raw["id"])


async def _finish(
    run: Run, kind: Kind, step: Step, object_id: str, *, changed: Sequence[str], uploaded: list[str] | None = None
) -> None:
    """Documents, then one request with the fields that differ and the tags that say ready."""
    desired = _desired(step)
    attached = kind.documents is not None and kind.file_ids({}) is None
    whole = True
    if attached:
        whole = await roll_out(run, kind, object_id, desired.address, desired.documents, step.files)
    if step.verb is Verb.ADOPT:
        raw = await _untagged(run, kind, object_id)
    else:
        renamed = step.observed is not None and step.observed.id == object_id and step.observed.tags
        raw = await _evidence(run, kind, object_id, renamed.address if renamed else desired.address)
    files = ""  # the tag speaks for all of them, or the next plan looks at each
    if whole or "files" in desired.lifecycle.ignore_changes:
        ignored = step.files is None and step.observed is not None and step.observed.documents is not None
        files = files_tag(desired, _bytes(raw.get("usage_bytes")) if attached and not ignored else None)
    spec = run.resolve(dict(desired.spec))
    body = kind.encode(spec, changed)
    tags = replace(_tags(run, kind, desired, "ready"), files=files)
    await _send_update(run, kind, raw, body, tags, desired)
    if uploaded is not None:
        uploaded.clear()  # they are in use from here on
    cleared = [name for name in changed if name not in desired.spec and kind.field(name) is not None]
    if cleared:
        await _keep_managing(run, kind, step, cleared, tags)
    run.keeper.note(
        Entry(step.kind, desired.address, object_id, None, desired.lifecycle.protect, desired.lifecycle.retain)
    )
    run.keeper.hold(desired.address, None)  # of a release that this replaces
    _note_files(run, kind, step)
    if step.observed is not None and step.observed.tags and step.observed.tags.address != desired.address:
        run.keeper.drop(step.kind, step.observed.tags.address)


async def _keep_managing(run: Run, kind: Kind, step: Step, cleared: Sequence[str], tags: Tags) -> None:
    """A field that the server did not clear stays one of ours: else nobody would ever hear of it again."""
    desired, planned = _desired(step), _observed(step)
    raw = await _evidence(run, kind, planned.id, desired.address)
    before = planned.tags.fields if planned.tags else {}
    live = kind.normalise(kind.decode(raw, desired.spec))
    shown = [name for name in cleared if name in before and kind.readable(name)]
    kept = {name: before[name] for name in shown if not kind.is_default(name, live.get(name))}
    if kept:
        fields = {**tags.fields, **kept}
        await _send_update(run, kind, raw, {}, replace(tags, op=run.op(), fields=fields), desired)


async def _send_update(
    run: Run, kind: Kind, raw: Mapping[str, Any], body: Mapping[str, Json], tags: Tags, desired: Desired
) -> None:
    """One request with fields and metadata: other people's pairs stay, ours are replaced, removed labels go."""
    object_id = str(raw["id"])
    path = f"{kind.collection}/{object_id}"
    live = observed_from(kind, raw, tagging.decode(raw.get("metadata")), desired.spec)
    stale = our_labels(live).keys() - desired.labels.keys()
    wanted = desired.labels
    if "labels" in desired.lifecycle.ignore_changes:
        told = {delta.path[-1] for delta in diff(kind, desired, live, Ids(run.ids, {})) if delta.field == "labels"}
        stale, wanted = stale & told, {key: value for key, value in wanted.items() if key in told}
    kept = {key: value for key, value in live.labels.items() if key not in stale}
    metadata = {**kept, **wanted, **tagging.encode(tags)}
    call = Call("POST", path, json={**body, "metadata": metadata}, beta=kind.beta, once=True)

    async def seen() -> Seen:
        fresh = await get_object(run.account, kind, object_id)
        found = tagging.decode(fresh.get("metadata")) if fresh else None
        if found is not None and found.op == tags.op:
            return Seen.TARGET
        return Seen.BEFORE if fresh and _same(kind, raw, fresh, desired) else Seen.OTHER

    await write(run, f"the update of {object_id}", path=path, send=lambda: run.account.send(call), seen=seen)


def _same(kind: Kind, one: Mapping[str, Any], other: Mapping[str, Any], desired: Desired) -> bool:
    """Whether nobody wrote to an object between two reads: activity times and counts aside."""
    specs = [canonical(dict(kind.decode(raw, desired.spec))) for raw in (one, other)]
    return specs[0] == specs[1] and (one.get("metadata") or {}) == (other.get("metadata") or {})


async def _retire(run: Run, kind: Kind, old: Observed) -> None:
    """Mark the object that is about to be replaced, so that an interrupted replacement is recognised."""
    if old.tags is None or old.tags.retiring:
        return
    raw = await _evidence(run, kind, old.id, old.tags.address)
    op = run.op()
    metadata = {**tagging.user_pairs(raw.get("metadata")), **tagging.encode(replace(old.tags, retiring=op))}
    path = f"{kind.collection}/{old.id}"

    async def seen() -> Seen:
        fresh = await get_object(run.account, kind, old.id)
        found = tagging.decode(fresh.get("metadata")) if fresh else None
        if found is not None and found.retiring == op:
            return Seen.TARGET
        return Seen.BEFORE if fresh and fresh.get("metadata") == raw.get("metadata") else Seen.OTHER

    call = Call("POST", path, json={"metadata": metadata}, beta=kind.beta, once=True)
    await write(run, f"the update of {old.id}", path=path, send=lambda: run.account.send(call), seen=seen)


async def _delete_one(run: Run, kind: Kind, item: Observed, *, double: bool = False) -> None:
    """Delete an object, its documents and their Files; those that a `double` names may be the other one's too."""
    if item.tags is None:
        raise ValueError("only an object of ours is deleted")
    raw = await get_object(run.account, kind, item.id)
    if raw is None:
        return
    tags = tagging.decode(raw.get("metadata"))
    if tags is None or not run.ours(tags, item.tags.address):
        raise StepFailed(f"{item.id} no longer shows that it is ours; left alone", code=Exit.STALE)
    if (item.tags.state, tags.state) == ("pending", "ready"):
        raise StepFailed(f"{item.id} was confirmed since the plan was made; plan again", code=Exit.STALE)
    confirmed = run.keeper.anchor.entry(kind.name, item.tags.address)
    double = double or (tags.state == "pending" and confirmed is not None and confirmed.id != item.id)
    own = kind.file_ids(raw)
    if kind.documents is not None and own is None:
        mine = [one.file_id for one in await all_attachments(run, kind, item.id) if one.path is not None]
        await discard(run, kind.documents, item.id, mine)
        raw = await _evidence(run, kind, item.id, item.tags.address)
    entries = {entry.id for entry in run.keeper.anchor.inventory if entry.address.owner == item.tags.address}
    entries.update(run.keeper.anchor.journal)
    files = [file_id for file_id in own or () if file_id in entries and not double]
    async with run.keeper.journalled(files):
        await delete_object(run, kind, raw)
        await delete_journalled(run, files)
    if own and not double:
        _drop_files(run, item.tags.address)


async def _remove_surplus(run: Run, kind: Kind, step: Step) -> None:
    """Further pending objects of ours at this address: what earlier, interrupted runs left."""
    for item in step.surplus:
        await _delete_one(run, kind, item, double=True)


# --- files that an object names by id ---------------------------------------------------------------------------------


async def _bring_files(run: Run, kind: Kind, step: Step, uploaded: list[str]) -> list[str] | None:
    """Upload the files that an object names by id. The ids it no longer needs, or None when nothing was uploaded."""
    desired = _desired(step)
    live = step.observed.documents if step.observed else ()
    for item in live or ():
        if item.path is not None:
            run.ids[_file_address(desired, item.path)] = item.file_id
    if kind.file_ids({}) is None or not step.files:
        return None
    wanted = {document.path: document for document in desired.documents}
    for change in (*step.files.added, *step.files.changed):
        document = wanted[change.path]
        file_id = await upload_file(run, document)
        uploaded.append(file_id)
        run.ids[_file_address(desired, change.path)] = file_id
    now = {run.ids[_file_address(desired, path)] for path in wanted}
    ours = [item.file_id for item in live or () if item.path is not None or item.file_id in run.keeper.anchor.journal]
    return [file_id for file_id in ours if file_id not in now]


@asynccontextmanager
async def _outdated(run: Run, files: Sequence[str] | None) -> AsyncIterator[None]:
    """Inside, an object stops naming Files of ours; then they are deleted. As many as fit are journalled before."""
    first, *others = journal_chunks(files or ()) or [[]]
    async with run.keeper.journalled(first):
        yield
        await delete_journalled(run, first)
    for chunk in others:
        await delete_files(run, chunk)


def _note_files(run: Run, kind: Kind, step: Step) -> None:
    """The inventory is the only place that says which file an id is; a renamed object takes its files along."""
    if kind.documents is None or kind.file_ids({}) is None:
        return
    desired = _desired(step)
    before = step.observed.tags.address if step.observed and step.observed.tags else desired.address
    for address in {before, desired.address}:
        _drop_files(run, address)
    for document in desired.documents:
        address = _file_address(desired, document.path)
        run.keeper.note(Entry(kind.documents.name, address, run.ids[address], document.sha256[:16]))


def _file_address(desired: Desired, path: str) -> Address:
    return Address(desired.address.kind, desired.address.name, path)


def _fields_with_files(desired: Desired) -> list[str]:
    """The fields whose value names files of the object itself."""
    return [name for name, value in desired.spec.items() if any(ref.address.path is not None for ref in refs(value))]


def _drop_files(run: Run, address: Address) -> None:
    for entry in run.keeper.anchor.inventory:
        if entry.address.path is not None and entry.address.owner == address:
            run.keeper.drop(entry.kind, entry.address)
