"""Steps on objects whose content is immutable versions behind one pointer.

Nothing but the pointer can be changed in place, so the pointer is the confirmation: a new object starts with a stub
version that says pending, every real version is posted without moving the pointer, and then the pointer is set.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

from reconciler.account.bundles import pack
from reconciler.account.looks import Looks
from reconciler.account.objects import get_object, is_id, is_missing, newer, read_version, version_of
from reconciler.account.paging import list_all
from reconciler.account.port import Call, Failure, Reply, Upload
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.steps.creation import Seen, create_once, delete_object, in_lists, write
from reconciler.apply.steps.removal import FIRST_PAUSE, LONGEST_PAUSE, delete_files, delete_journalled, withdrawn
from reconciler.apply.uploads.uploading import upload_file
from reconciler.kinds import KINDS
from reconciler.kinds.kind import VersionedKind
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.errors import Exit
from reconciler.model.events import Outcome
from reconciler.model.json import Json
from reconciler.model.observed import Observed, Tags
from reconciler.model.plan import Step
from reconciler.ownership import tags as tagging
from reconciler.ownership.anchor import Entry, journal_chunks
from reconciler.ownership.digests import refs_digest


async def create(run: Run, step: Step) -> tuple[Outcome, str]:
    """A stub that says pending, then the first real version, then the pointer."""
    desired, kind = _desired(step), _kind(step)
    if step.observed is not None:
        raw: Mapping[str, Any] = await _evidence(run, kind, step.observed, desired.address)
    else:
        raw = await _create_stub(run, kind, desired)
    await _release(run, kind, step, raw, desired.address.name)
    await _remove_surplus(run, kind, step)
    return Outcome.DONE, str(raw["id"])


async def update(run: Run, step: Step) -> tuple[Outcome, str]:
    """A new version and the pointer; or the pointer alone (rollback); or only what the anchor says of it."""
    desired, kind, planned = _desired(step), _kind(step), _observed(step)
    raw = await _evidence(run, kind, planned, planned.tags.address if planned.tags else desired.address)
    _unmoved(raw, planned)
    if step.version is not None:
        return await _point_back(run, kind, step, raw)
    if _content_stays(step, planned, desired):
        entry = run.ledger.entry(step.kind, desired.address)
        version = entry.version if entry else planned.version
        run.ledger.note(_entry(step.kind, desired, planned.id, version))
        run.ledger.hold(desired.address, None)
        await _remove_surplus(run, kind, step)
        return Outcome.DONE, planned.id
    await _release(run, kind, step, raw, str(raw.get("name") or desired.address.name))
    if planned.tags and planned.tags.address != desired.address:
        run.ledger.drop(step.kind, planned.tags.address)
        run.ledger.hold(planned.tags.address, None)
    await _remove_surplus(run, kind, step)
    return Outcome.DONE, planned.id


async def adopt(run: Run, step: Step) -> tuple[Outcome, str]:
    """A new version of an object that nobody tagged."""
    desired, kind, planned = _desired(step), _kind(step), _observed(step)
    raw = await get_object(run.account, kind, planned.id)
    if raw is None or tagging.decode_line(raw.get("description")) is not None:
        raise StepFailed(f"{planned.id} is gone, or somebody tagged it since the plan was made", code=Exit.STALE)
    _unmoved(raw, planned)
    await _release(run, kind, step, raw, str(raw.get("name") or desired.address.name))
    return Outcome.DONE, planned.id


async def delete(run: Run, step: Step) -> tuple[Outcome, str]:
    """Delete the object with all its versions, and the Files that they name."""
    kind = _kind(step)
    for item in (_observed(step), *step.surplus):
        await _delete_one(run, kind, item)
    entry = run.ledger.entry(step.kind, step.address)
    if entry is not None and entry.id in {item.id for item in step.objects}:
        run.ledger.drop(step.kind, step.address)
    return Outcome.DONE, _observed(step).id


async def forget(run: Run, step: Step) -> tuple[Outcome, str]:
    """A last version without the tag line, made default; then the inventory forgets the object.

    Where a person made a version without our tag the default already, the inventory is all that forgets.
    """
    kind, planned = _kind(step), _observed(step)
    raw = await _evidence(run, kind, planned, step.address)
    if tagging.decode_line(raw.get("description")) is None:
        await _remove_surplus(run, kind, step)
        run.ledger.drop(step.kind, step.address)
        return Outcome.DONE, planned.id
    entry = run.ledger.entry(step.kind, step.address)
    content = None
    for version in (version_of(raw, "default_version"), str(entry.version) if entry else ""):
        content = content or await read_version(run.account, kind, planned.id, version)
    if content is None:
        raise StepFailed(f"no version of {planned.id} can be read that could stay without our tag")
    name = str(raw.get("name") or step.address.name)
    bundle = kind.bundle(
        name,
        description=tagging.strip_line(str(raw.get("description", ""))) or name,
        spec=content["spec"],
        labels=content["labels"],
        files=content["files"],
    )
    posted = await _post_version(run, kind, planned.id, name, lambda _: bundle, tagged=False)
    await _point(run, kind, raw, posted)
    await _remove_surplus(run, kind, step)
    run.ledger.drop(step.kind, step.address)
    return Outcome.DONE, planned.id


# --- pieces -----------------------------------------------------------------------------------------------------------


def _kind(step: Step) -> VersionedKind:
    kind = KINDS[step.kind]
    if not isinstance(kind, VersionedKind):
        raise TypeError(f"{step.kind} has no versions")
    return kind


def _desired(step: Step) -> Desired:
    if step.desired is None:
        raise ValueError(f"{step} has nothing to make so")
    return step.desired


def _observed(step: Step) -> Observed:
    if step.observed is None:
        raise ValueError(f"{step} has no live object")
    return step.observed


def _entry(kind: str, desired: Desired, object_id: str, version: str | None) -> Entry:
    return Entry(kind, desired.address, object_id, version, desired.lifecycle.protect, desired.lifecycle.retain)


def _unmoved(raw: Mapping[str, Any], planned: Observed) -> None:
    """Raise StepFailed when somebody moved the pointer since the plan was made."""
    if version_of(raw, "default_version") != planned.version:
        raise StepFailed(f"{planned.id} was changed since the plan was made; plan again", code=Exit.STALE)


def _content_stays(step: Step, planned: Observed, desired: Desired) -> bool:
    """Whether only flags differ, which the anchor keeps for objects with versions."""
    tags = planned.tags
    same_tags = tags is not None and tags.spec == desired.digest() and tags.address == desired.address
    return not step.fields and not step.files and same_tags and not step.needs


async def _evidence(run: Run, kind: VersionedKind, item: Observed, address: Address) -> dict[str, Any]:
    """The object, read just now, if the inventory or its own tag line shows that it is ours; raises StepFailed."""
    raw = await get_object(run.account, kind, item.id)
    if raw is None:
        raise StepFailed(f"{item.id} is gone since the plan was made; plan again", code=Exit.STALE)
    tags = tagging.decode_line(raw.get("description"))
    if run.ours(tags, address):
        return raw
    entry = run.ledger.entry(kind.name, address)
    if entry is not None and entry.id == item.id:
        if tags is None and entry.version:
            tags = tagging.decode_line(await _line_of(run, kind, item.id, entry.version))
        if tags is not None and run.ours(tags, tags.address):
            return raw
    raise StepFailed(f"{item.id} no longer shows that it is ours ({address}); left alone", code=Exit.STALE)


async def _unchanged(run: Run, kind: VersionedKind, before: Mapping[str, Any]) -> dict[str, Any]:
    """The object as it was when it showed that it is ours, read just now; raises StepFailed when it is another."""
    raw = await get_object(run.account, kind, str(before["id"]))
    keys = ("description", "default_version")
    if raw is None or any(raw.get(key) != before.get(key) for key in keys):
        raise StepFailed(f"{before['id']} was changed since the plan was made; plan again", code=Exit.STALE)
    return raw


async def _line_of(run: Run, kind: VersionedKind, object_id: str, version: str) -> Json:
    """The description of one version; None when there is none."""
    call = Call("GET", f"{kind.collection}/{object_id}/versions/{version}", beta=kind.beta)
    try:
        return (await run.account.send(call)).data.get("description")
    except Failure as failure:
        if is_missing(failure):
            return None
        raise


async def _create_stub(run: Run, kind: VersionedKind, desired: Desired) -> Mapping[str, Any]:
    name = desired.address.name

    async def send(op: str) -> Reply:
        tags = Tags(run.owner, run.ledger.lineage, desired.address, state="pending", op=op)
        archive = pack(name, kind.stub(name, description=tagging.encode_line(tags)))
        return await run.account.send(_post(kind.collection, name, archive, kind))

    def accepts(raw: Mapping[str, Any], op: str) -> bool:
        tags = tagging.decode_line(raw.get("description"))
        return tags is not None and run.ours(tags, desired.address) and tags.op == op

    find = in_lists(run, kind.collection, kind.beta, accepts)
    return await create_once(run, str(desired.address), send=send, find=find, accepts=accepts)


async def _release(run: Run, kind: VersionedKind, step: Step, raw: Mapping[str, Any], name: str) -> None:
    """Upload what is new, post the version, set the pointer, note it in the inventory."""
    desired, uploaded, object_id = _desired(step), list[str](), str(raw["id"])
    version = await _made_before(run, kind, desired, raw, name)
    if version is None:
        async with withdrawn(run, uploaded):
            files = await _files(run, step, uploaded)
            version = await _post_release(run, kind, desired, object_id, name, files)
    await _point(run, kind, await _unchanged(run, kind, raw), version)
    run.ids[desired.address] = object_id
    run.changed.add(object_id)
    run.ledger.note(_entry(step.kind, desired, object_id, version))
    run.ledger.hold(desired.address, None)


async def _post_release(
    run: Run, kind: VersionedKind, desired: Desired, object_id: str, name: str, files: Sequence[Mapping[str, Json]]
) -> str:
    def bundle(op: str) -> Mapping[str, bytes]:
        return _bundle(run, kind, desired, name, files, op)

    return await _post_version(run, kind, object_id, name, bundle, tagged=True)


def _bundle(
    run: Run, kind: VersionedKind, desired: Desired, name: str, files: Sequence[Mapping[str, Json]], op: str
) -> Mapping[str, bytes]:
    """The files of the version that the manifest asks for, posted under an op."""
    tags = replace(run.tags(desired, op, state="ready"), protect=False, retain=False, refs=_refs(run, desired))
    description = f"{kind.describe(desired.spec)} {tagging.encode_line(tags)}".strip()
    spec = run.resolve(dict(desired.spec))
    return kind.bundle(name, description=description, spec=spec, labels=desired.labels, files=files)


def _refs(run: Run, desired: Desired) -> str:
    return refs_digest(desired.spec, run.ids)


async def _made_before(
    run: Run, kind: VersionedKind, desired: Desired, raw: Mapping[str, Any], name: str
) -> str | None:
    """A version which an interrupted run posted for just this, and did not get to point at; read and compared."""
    object_id, default = str(raw["id"]), version_of(raw, "default_version")
    for item in await list_all(run.account, f"{kind.collection}/{object_id}/versions", beta=kind.beta):
        tags, number = tagging.decode_line(item.get("description")), version_of(item)
        if tags is None or not run.ours(tags, desired.address) or not newer(number, default):
            continue
        if (tags.state, tags.spec, tags.refs) != ("ready", desired.digest(), _refs(run, desired)):
            continue
        content = await read_version(run.account, kind, object_id, number)
        if content is not None and _is_wanted(run, kind, desired, name, content):
            return number
    return None


def _is_wanted(run: Run, kind: VersionedKind, desired: Desired, name: str, content: Mapping[str, Json]) -> bool:
    """Whether a version holds what would be posted now, its own Files apart; their ids are taken over if so."""
    wanted = {document.path: document.sha256 for document in desired.documents}
    there = {str(file.get("path")): file for file in content["files"] if is_id(file.get("id"))}
    if {path: file.get("sha256") for path, file in there.items()} != wanted:
        return False
    for path, file in there.items():
        run.ids[Address(desired.address.kind, desired.address.name, path)] = str(file["id"])
    return kind.unbundle(_bundle(run, kind, desired, name, content["files"], "")) == content


async def _files(run: Run, step: Step, uploaded: list[str]) -> list[Mapping[str, Json]]:
    """`files.json`: unchanged files keep their File, others are uploaded. Old versions keep theirs, for rollback."""
    desired = _desired(step)
    live = {item.path: item for item in (step.observed.documents if step.observed else None) or ()}
    renewed = {item.path for item in (*step.files.added, *step.files.changed)} if step.files else set()
    listed: list[Mapping[str, Json]] = []
    for document in desired.documents:
        address = Address(desired.address.kind, desired.address.name, document.path)
        there = live.get(document.path)
        if there is None or document.path in renewed:
            run.ids[address] = await upload_file(run, document)
            uploaded.append(run.ids[address])
        else:
            run.ids[address] = there.file_id
        identity = {"path": document.path, "name": document.name, "sha256": document.sha256, "bytes": document.bytes}
        listed.append({**identity, "id": run.ids[address]})
    return sorted(listed, key=lambda item: str(item["path"]))


async def _post_version(
    run: Run,
    kind: VersionedKind,
    object_id: str,
    name: str,
    bundle: Callable[[str], Mapping[str, bytes]],
    *,
    tagged: bool,
) -> str:
    """The number of a new version; an ambiguous one is looked for in the versions list, by the op in its description.

    `bundle` gives the files of a version under an op. One that is not `tagged` carries none, and is told by its number.
    """
    path = f"{kind.collection}/{object_id}/versions"
    known: set[str] = set()
    if not tagged:
        known = {str(raw.get("version")) for raw in await list_all(run.account, path, beta=kind.beta)}

    async def send(op: str) -> Reply:
        return await run.account.send(_post(path, name, pack(name, bundle(op)), kind))

    def accepts(raw: Mapping[str, Any], op: str) -> bool:
        tags = tagging.decode_line(raw.get("description"))
        if not tagged:
            return tags is None and str(raw.get("version")) not in known
        return tags is not None and tags.op == op

    find = in_lists(run, path, kind.beta, accepts)
    raw = await create_once(run, f"a version of {object_id}", send=send, find=find, accepts=accepts)
    version = version_of(raw)
    if not version:
        raise StepFailed(f"{object_id} answered with a version that has no number", in_doubt=True)
    return version


async def _point(run: Run, kind: VersionedKind, before: Mapping[str, Any], version: str) -> None:
    """Move the pointer of an object that was read just now."""
    object_id, was = str(before["id"]), str(before.get("default_version"))
    path = f"{kind.collection}/{object_id}"
    call = Call("POST", path, json={"default_version": version}, beta=kind.beta, once=True)

    async def seen() -> Seen:
        raw = await get_object(run.account, kind, object_id)
        now = str(raw.get("default_version")) if raw else ""
        return {version: Seen.TARGET, was: Seen.BEFORE}.get(now, Seen.OTHER)

    what = f"the default version of {object_id}"
    await write(run, what, path=path, send=lambda: run.account.send(call), seen=seen)


async def _point_back(run: Run, kind: VersionedKind, step: Step, raw: Mapping[str, Any]) -> tuple[Outcome, str]:
    desired, version, object_id = _desired(step), str(step.version), str(raw["id"])
    if str(raw.get("default_version")) != version:
        await _point(run, kind, raw, version)
    run.changed.add(object_id)
    run.ledger.note(_entry(step.kind, desired, object_id, version))
    run.ledger.hold(desired.address, desired.digest())
    return Outcome.DONE, object_id


async def _delete_one(run: Run, kind: VersionedKind, item: Observed, *, besides: str | None = None) -> None:
    """Delete an object and the Files that its versions name, except those that the object `besides` it names too."""
    if item.tags is None:
        raise ValueError("only an object of ours is deleted")
    if await get_object(run.account, kind, item.id) is None:
        return
    raw = await _evidence(run, kind, item, item.tags.address)
    if item.tags.state == "pending":
        _unmoved(raw, item)
    files = await files_of_all_versions(run, kind, item.id)
    kept = await files_of_all_versions(run, kind, besides) if besides and files else []
    *early, last = journal_chunks([file_id for file_id in files if file_id not in kept]) or [[]]
    for chunk in early:
        await delete_files(run, chunk)
    async with run.ledger.journal.deleting(last):
        await delete_object(run, kind, raw)
        await delete_journalled(run, last)


async def _remove_surplus(run: Run, kind: VersionedKind, step: Step) -> None:
    """Further pending objects of ours at this address: what earlier, interrupted runs left."""
    for item in step.surplus:
        await _delete_one(run, kind, item, besides=run.ids[step.address])


async def files_of_all_versions(run: Run, kind: VersionedKind, object_id: str) -> list[str]:
    """The ids of the Files that the versions of ours name."""
    found: dict[str, None] = {}
    for raw in await _all_versions(run, kind, object_id):
        tags = tagging.decode_line(raw.get("description"))
        if tags is None or not tags.confirmed or not run.ours(tags, tags.address):
            continue
        content = await read_version(run.account, kind, object_id, str(raw.get("version")))
        for entry in content["files"] if content else ():
            if is_id(entry.get("id")):
                found.setdefault(str(entry["id"]))
    return list(found)


async def _all_versions(run: Run, kind: VersionedKind, object_id: str) -> list[dict[str, Any]]:
    """Every version of an object, from a list that does not lag behind: it shows the newest one.

    What a lagging list does not show may name Files that nobody would know of. After the settle window it is believed.
    """
    looks = Looks(run.clock, run.settle, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
    while True:
        listed = await list_all(run.account, f"{kind.collection}/{object_id}/versions", beta=kind.beta)
        raw = await get_object(run.account, kind, object_id)
        newest = {version_of(raw, key) for key in ("latest_version", "default_version")} - {""} if raw else set()
        if newest <= {version_of(item) for item in listed} or not await looks.again():
            return listed


def _post(path: str, name: str, archive: bytes, kind: VersionedKind) -> Call:
    upload = Upload("files", f"{name}.zip", lambda: _handle(archive), len(archive), "application/zip")
    return Call("POST", path, uploads=(upload,), beta=kind.beta, once=True)


def _handle(data: bytes) -> AbstractContextManager[BinaryIO]:
    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        yield io.BytesIO(data)

    return opened()
