"""Deleting objects with versions, with the Files that these name; and letting objects go that stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.account.objects import get_object, read_version, version_of
from reconciler.apply.requests.deleting import delete_object, deleted_with_user
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.states import Object
from reconciler.apply.steps.planned import observed_of, versioned_kind
from reconciler.apply.steps.versioned.evidence import check_unmoved, read_ours
from reconciler.apply.steps.versioned.files import files_of_all_versions
from reconciler.apply.steps.versioned.posting import point, post_version
from reconciler.kinds.kind import VersionedKind
from reconciler.model.events import Outcome
from reconciler.model.observed import Observed
from reconciler.model.plan import Step
from reconciler.ownership import tags as tagging


async def delete(run: Run, step: Step) -> tuple[Outcome, str]:
    """Delete the object with all its versions, and the Files that they name."""
    kind = versioned_kind(step)
    for item in (observed_of(step), *step.surplus):
        await _delete_one(run, kind, item)
    entry = run.ledger.entry(step.kind, step.address)
    if entry is not None and entry.id in {item.id for item in step.objects}:
        run.ledger.drop(step.kind, step.address)
    return Outcome.DONE, observed_of(step).id


async def forget(run: Run, step: Step) -> tuple[Outcome, str]:
    """A last version without the tag line, made default; then the inventory forgets the object.

    Where a person made a version without our tag the default already, the inventory is all that forgets.
    """
    kind, planned = versioned_kind(step), observed_of(step)
    raw = await read_ours(run, kind, planned, step.address)
    if tagging.decode_line(raw.get("description")) is not None:
        await _leave_untagged(run, kind, step, raw)
    await delete_surplus(run, kind, step)
    run.ledger.drop(step.kind, step.address)
    return Outcome.DONE, planned.id


async def _leave_untagged(run: Run, kind: VersionedKind, step: Step, raw: Mapping[str, Any]) -> None:
    """Post what is current once more, without our tag, and make that the current version."""
    object_id, entry = str(raw["id"]), run.ledger.entry(step.kind, step.address)
    content = None
    for version in (version_of(raw, "default_version"), str(entry.version) if entry else ""):
        content = content or await read_version(run.account, kind, object_id, version)
    if content is None:
        raise StepFailed(f"no version of {object_id} can be read that could stay without our tag")
    name = str(raw.get("name") or step.address.name)
    description = tagging.strip_line(str(raw.get("description", ""))) or name
    bundle = kind.bundle(name, description=description, **content)
    # A death before the pointer moves leaves a version of nobody beside ours: the next run posts another one.
    version = await post_version(run, kind, object_id, name, lambda _: bundle, tagged=False)
    await point(run, kind, raw, version, Object.FOREIGN)


async def delete_surplus(run: Run, kind: VersionedKind, step: Step) -> None:
    """Delete further pending objects of ours at this address: what earlier, interrupted runs left."""
    for item in step.surplus:
        await _delete_one(run, kind, item, besides=run.ids[step.address])


async def _delete_one(run: Run, kind: VersionedKind, item: Observed, *, besides: str | None = None) -> None:
    """Delete an object and the Files that its versions name, except those that the object `besides` it names too."""
    if item.tags is None:
        raise ValueError("only an object of ours is deleted")
    if await get_object(run.account, kind, item.id) is None:
        return
    raw = await read_ours(run, kind, item, item.tags.address)
    if item.tags.state == "pending":
        check_unmoved(raw, item)
    files = await files_of_all_versions(run, kind, item.id)
    kept = await files_of_all_versions(run, kind, besides) if besides and files else []
    async with deleted_with_user(run, [file_id for file_id in files if file_id not in kept]):
        await delete_object(run, kind, raw)
