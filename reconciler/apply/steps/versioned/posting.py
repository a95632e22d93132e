"""Every request that makes a version, or moves the pointer to one."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from reconciler.account.bundles import pack
from reconciler.account.objects import version_of
from reconciler.account.paging import list_all
from reconciler.account.port import Call, Reply, Upload
from reconciler.apply.requests.creating import create_once
from reconciler.apply.requests.writing import Seen, change_object
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.states import Object
from reconciler.apply.steps.planned import check_move
from reconciler.kinds.kind import VersionedKind
from reconciler.model.desired import Desired
from reconciler.model.observed import Tags
from reconciler.ownership import tags as tagging


async def create_stub(run: Run, kind: VersionedKind, desired: Desired) -> Mapping[str, Any]:
    """An object whose one version says that it is not confirmed yet."""
    name = desired.address.name

    async def send(op: str) -> Reply:
        tags = Tags(run.owner, run.ledger.lineage, desired.address, state=Object.PENDING, op=op)
        archive = pack(name, kind.stub(name, description=tagging.encode_line(tags)))
        # A death after it leaves a pending object: the next plan finds it by its tag line, completes or deletes it.
        return await run.account.send(_post(kind.collection, name, archive, kind))

    def accepts(raw: Mapping[str, Any], op: str) -> bool:
        tags = tagging.decode_line(raw.get("description"))
        return tags is not None and run.ours(tags, desired.address) and tags.op == op

    what = str(desired.address)
    return await create_once(run, what, send=send, accepts=accepts, listed=kind.collection, beta=kind.beta)


async def post_version(
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
        # A death after it leaves a version that nothing points at: the next run points at it if it is still wanted.
        return await run.account.send(_post(path, name, pack(name, bundle(op)), kind))

    def accepts(raw: Mapping[str, Any], op: str) -> bool:
        tags = tagging.decode_line(raw.get("description"))
        if not tagged:
            return tags is None and str(raw.get("version")) not in known
        return tags is not None and tags.op == op

    what = f"a version of {object_id}"
    raw = await create_once(run, what, send=send, accepts=accepts, listed=path, beta=kind.beta)
    version = version_of(raw)
    if not version:
        raise StepFailed(f"{object_id} answered with a version that has no number", in_doubt=True)
    return version


async def point(
    run: Run, kind: VersionedKind, before: Mapping[str, Any], version: str, state: Object = Object.READY
) -> None:
    """Move the pointer of an object that was read just now to a version that gives it this state."""
    object_id, was = str(before["id"]), str(before.get("default_version"))
    check_move(object_id, tagging.decode_line(before.get("description")), state)

    def seen(raw: Mapping[str, Any] | None) -> Seen:
        now = str(raw.get("default_version")) if raw else ""
        return {version: Seen.TARGET, was: Seen.BEFORE}.get(now, Seen.OTHER)

    # A death after it leaves a release that the inventory does not name yet: its tag line says whose it is.
    await change_object(run, kind, object_id, {"default_version": version}, seen, what="the default version")


def _post(path: str, name: str, archive: bytes, kind: VersionedKind) -> Call:
    def opened() -> BinaryIO:
        return io.BytesIO(archive)

    upload = Upload("files", f"{name}.zip", opened, len(archive), "application/zip")
    return Call("POST", path, uploads=(upload,), beta=kind.beta, once=True)
