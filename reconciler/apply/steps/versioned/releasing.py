"""Making the version that a manifest asks for the current one: a new object, a new version, or an old one again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.account.objects import is_id, newer, read_version, version_of
from reconciler.account.paging import list_all
from reconciler.apply.requests.deleting import deleted_if_refused
from reconciler.apply.run import Run
from reconciler.apply.states import Object
from reconciler.apply.steps.planned import desired_of, observed_of, versioned_kind
from reconciler.apply.steps.versioned.deleting import delete_surplus
from reconciler.apply.steps.versioned.evidence import check_unmoved, read_ours, read_unchanged, read_untagged
from reconciler.apply.steps.versioned.files import bring_files
from reconciler.apply.steps.versioned.posting import create_stub, point, post_version
from reconciler.kinds.kind import VersionedKind
from reconciler.model.desired import Desired
from reconciler.model.events import Outcome
from reconciler.model.json import Json
from reconciler.model.plan import Step
from reconciler.ownership import tags as tagging
from reconciler.ownership.anchor import Entry
from reconciler.ownership.digests import refs_digest


async def create(run: Run, step: Step) -> tuple[Outcome, str]:
    """A stub that says pending, then the first real version, then the pointer."""
    desired, kind = desired_of(step), versioned_kind(step)
    if step.observed is not None:
        raw: Mapping[str, Any] = await read_ours(run, kind, step.observed, desired.address)
    else:
        raw = await create_stub(run, kind, desired)
    await _release(run, kind, step, raw, desired.address.name)
    await delete_surplus(run, kind, step)
    return Outcome.DONE, str(raw["id"])


async def update(run: Run, step: Step) -> tuple[Outcome, str]:
    """A new version and the pointer; or the pointer alone (rollback); or only what the anchor says of it."""
    desired, kind, planned = desired_of(step), versioned_kind(step), observed_of(step)
    raw = await read_ours(run, kind, planned, planned.tags.address if planned.tags else desired.address)
    check_unmoved(raw, planned)
    if step.version is not None:
        return await _point_back(run, kind, step, raw)
    if step.keeps_version:
        entry = run.ledger.entry(step.kind, desired.address)
        version = entry.version if entry else planned.version
        run.ledger.note(_entry(step.kind, desired, planned.id, version))
        run.ledger.hold(desired.address, None)
        await delete_surplus(run, kind, step)
        return Outcome.DONE, planned.id
    await _release(run, kind, step, raw, str(raw.get("name") or desired.address.name))
    if planned.tags and planned.tags.address != desired.address:
        run.ledger.drop(step.kind, planned.tags.address)
        run.ledger.hold(planned.tags.address, None)
    await delete_surplus(run, kind, step)
    return Outcome.DONE, planned.id


async def adopt(run: Run, step: Step) -> tuple[Outcome, str]:
    """A new version of an object that nobody tagged."""
    kind, planned = versioned_kind(step), observed_of(step)
    raw = await read_untagged(run, kind, planned)
    check_unmoved(raw, planned)
    await _release(run, kind, step, raw, str(raw.get("name") or desired_of(step).address.name))
    return Outcome.DONE, planned.id


def _entry(kind: str, desired: Desired, object_id: str, version: str | None) -> Entry:
    return Entry(kind, desired.address, object_id, version, desired.lifecycle.protect, desired.lifecycle.retain)


async def _point_back(run: Run, kind: VersionedKind, step: Step, raw: Mapping[str, Any]) -> tuple[Outcome, str]:
    desired, version, object_id = desired_of(step), str(step.version), str(raw["id"])
    if str(raw.get("default_version")) != version:
        await point(run, kind, raw, version)
    run.changed.add(object_id)
    run.ledger.note(_entry(step.kind, desired, object_id, version))
    run.ledger.hold(desired.address, desired.digest())
    return Outcome.DONE, object_id


async def _release(run: Run, kind: VersionedKind, step: Step, raw: Mapping[str, Any], name: str) -> None:
    """Upload what is new, post the version, set the pointer, note it in the inventory."""
    desired, uploaded, object_id = desired_of(step), list[str](), str(raw["id"])
    version = await _made_before(run, kind, desired, raw, name)
    if version is None:
        async with deleted_if_refused(run, uploaded):
            files = await bring_files(run, step, uploaded)

            def bundle(op: str) -> Mapping[str, bytes]:
                return _bundle(run, kind, desired, name, files, op)

            version = await post_version(run, kind, object_id, name, bundle, tagged=True)
    await point(run, kind, await read_unchanged(run, kind, raw), version)
    run.ids[desired.address] = object_id
    run.changed.add(object_id)
    run.ledger.note(_entry(step.kind, desired, object_id, version))
    run.ledger.hold(desired.address, None)


def _bundle(
    run: Run, kind: VersionedKind, desired: Desired, name: str, files: Sequence[Mapping[str, Json]], op: str
) -> Mapping[str, bytes]:
    """The files of the version that the manifest asks for, posted under an op."""
    tags = replace(run.tags(desired, op, state=Object.READY), protect=False, retain=False, refs=_refs(run, desired))
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
        run.ids[desired.address.document(path)] = str(file["id"])
    return kind.unbundle(_bundle(run, kind, desired, name, content["files"], "")) == content
