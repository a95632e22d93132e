"""The Files that the versions of an object name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.account.objects import get_object, is_id, read_version, version_of
from reconciler.account.paging import list_all
from reconciler.apply.requests.looking import looks_of
from reconciler.apply.run import Run
from reconciler.apply.steps.planned import desired_of
from reconciler.apply.uploads.uploading import upload_file
from reconciler.kinds.kind import VersionedKind
from reconciler.model.json import Json
from reconciler.model.plan import Step
from reconciler.ownership import tags as tagging


async def bring_files(run: Run, step: Step, uploaded: list[str]) -> list[Mapping[str, Json]]:
    """`files.json`: unchanged files keep their File, others are uploaded. Old versions keep theirs, for rollback."""
    desired = desired_of(step)
    live = {item.path: item for item in (step.observed.documents if step.observed else None) or ()}
    renewed = {item.path for item in (*step.files.added, *step.files.changed)} if step.files else set()
    listed: list[Mapping[str, Json]] = []
    for document in desired.documents:
        address = desired.address.document(document.path)
        there = live.get(document.path)
        if there is None or document.path in renewed:
            run.ids[address] = await upload_file(run, document)
            uploaded.append(run.ids[address])
        else:
            run.ids[address] = there.file_id
        identity = {"path": document.path, "name": document.name, "sha256": document.sha256, "bytes": document.bytes}
        listed.append({**identity, "id": run.ids[address]})
    return sorted(listed, key=lambda item: str(item["path"]))


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
    looks = looks_of(run)
    while True:
        listed = await list_all(run.account, f"{kind.collection}/{object_id}/versions", beta=kind.beta)
        raw = await get_object(run.account, kind, object_id)
        newest = {version_of(raw, key) for key in ("latest_version", "default_version")} - {""} if raw else set()
        if newest <= {version_of(item) for item in listed} or not await looks.again():
            return listed
