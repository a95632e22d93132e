"""Reading an object just before it is written to: it has to show that it is ours, or that it is nobody's."""

from __future__ import annotations

from typing import Any

from reconciler.account.objects import get_object
from reconciler.apply.run import Run
from reconciler.apply.steps.planned import not_ours, tagged_meanwhile, vanished
from reconciler.kinds.kind import Kind
from reconciler.model.address import Address
from reconciler.ownership import anchor as anchors
from reconciler.ownership import tags as tagging


async def read_ours(run: Run, kind: Kind, object_id: str, address: Address) -> dict[str, Any]:
    """The object, read just now, if it still shows that it is ours; raises StepFailed."""
    raw = await get_object(run.account, kind, object_id)
    if raw is None:
        raise vanished(object_id)
    if not run.ours(tagging.decode(raw.get("metadata")), address):
        raise not_ours(object_id, address)
    return raw


async def read_untagged(run: Run, kind: Kind, object_id: str) -> dict[str, Any]:
    """The object, read just now, if nobody's tags are on it; raises StepFailed."""
    raw = await get_object(run.account, kind, object_id)
    pairs = raw.get("metadata") if raw is not None else None
    if raw is None or tagging.decode(pairs) is not None or anchors.part_of(pairs) is not None:
        raise tagged_meanwhile(object_id)
    return raw
