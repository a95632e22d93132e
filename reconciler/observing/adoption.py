"""The live objects that manifests name by their ids, to be taken over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from reconciler.account.objects import get_object, list_attachments, read_version, version_of
from reconciler.account.port import Account
from reconciler.kinds import KINDS
from reconciler.kinds.kind import Kind, VersionedKind
from reconciler.model.desired import Desired
from reconciler.model.observed import Attachment, Observed
from reconciler.observing.look import Look
from reconciler.observing.tagged import observed_from
from reconciler.ownership import tags as tagging


async def adoptable(look: Look, objects: Sequence[Observed]) -> dict[str, Observed]:
    """By id, what manifests want to adopt and is there; what is ours already is no longer adopted."""
    ours = {item.id for item in objects}
    found: dict[str, Observed] = {}
    for desired in look.scope.desired:
        wanted, kind = desired.lifecycle.adopt, KINDS[desired.kind]
        if wanted is None or wanted in ours:
            continue
        raw = await get_object(look.account, kind, wanted)
        if raw is not None:
            found[wanted] = await _read(look.account, kind, raw, desired)
    return found


async def _read(account: Account, kind: Kind, raw: dict[str, Any], desired: Desired) -> Observed:
    if isinstance(kind, VersionedKind):
        return await _read_version(account, kind, raw)
    observed = observed_from(kind, raw, tagging.decode(raw.get("metadata")), desired.spec)
    if kind.documents is None:
        return observed
    files = kind.file_ids(raw)
    if files is None:
        return replace(observed, documents=await list_attachments(account, kind, raw["id"]))
    return replace(observed, documents=tuple(Attachment(item, None, None, None) for item in files))


async def _read_version(account: Account, kind: VersionedKind, raw: dict[str, Any]) -> Observed:
    live = version_of(raw, "default_version")
    content = await read_version(account, kind, raw["id"], live) or {"spec": {}, "labels": {}}
    tags = tagging.decode_line(raw.get("description"))
    return Observed(kind.name, raw["id"], content["spec"], raw, tags, content["labels"], (), version=live)
