"""Reading an object with versions just before it is written to: it has to show that it is ours, and unmoved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.account.objects import get_object, version_of
from reconciler.account.port import Call
from reconciler.apply.requests.looking import read
from reconciler.apply.run import Run
from reconciler.apply.steps.planned import changed, not_ours, tagged_meanwhile, vanished
from reconciler.kinds.kind import VersionedKind
from reconciler.model.address import Address
from reconciler.model.json import Json
from reconciler.model.observed import Observed
from reconciler.ownership import tags as tagging


async def read_ours(run: Run, kind: VersionedKind, item: Observed, address: Address) -> dict[str, Any]:
    """The object, read just now, if the inventory or its own tag line shows that it is ours; raises StepFailed."""
    raw = await get_object(run.account, kind, item.id)
    if raw is None:
        raise vanished(item.id)
    tags = tagging.decode_line(raw.get("description"))
    if run.ours(tags, address):
        return raw
    entry = run.ledger.entry(kind.name, address)
    if entry is not None and entry.id == item.id:
        if tags is None and entry.version:
            tags = tagging.decode_line(await _line_of(run, kind, item.id, entry.version))
        if tags is not None and run.ours(tags, tags.address):
            return raw
    raise not_ours(item.id, address)


async def read_untagged(run: Run, kind: VersionedKind, item: Observed) -> dict[str, Any]:
    """The object, read just now, if nobody's tag line is on it; raises StepFailed."""
    raw = await get_object(run.account, kind, item.id)
    if raw is None or tagging.decode_line(raw.get("description")) is not None:
        raise tagged_meanwhile(item.id)
    return raw


async def read_unchanged(run: Run, kind: VersionedKind, before: Mapping[str, Any]) -> dict[str, Any]:
    """The object as it was when it showed that it is ours, read just now; raises StepFailed when it is another."""
    raw = await get_object(run.account, kind, str(before["id"]))
    keys = ("description", "default_version")
    if raw is None or any(raw.get(key) != before.get(key) for key in keys):
        raise changed(before["id"])
    return raw


def check_unmoved(raw: Mapping[str, Any], planned: Observed) -> None:
    """Raise StepFailed when somebody moved the pointer since the plan was made."""
    if version_of(raw, "default_version") != planned.version:
        raise changed(planned.id)


async def _line_of(run: Run, kind: VersionedKind, object_id: str, version: str) -> Json:
    """The description of one version; None when there is none."""
    reply = await read(run, Call("GET", f"{kind.collection}/{object_id}/versions/{version}", beta=kind.beta))
    return reply.data.get("description") if reply else None
