"""Objects that an interrupted run did not confirm, or did not delete after their replacement."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from reconciler.account.objects import list_attachments
from reconciler.kinds import KINDS
from reconciler.kinds.kind import VersionedKind
from reconciler.model.observed import Observed
from reconciler.upkeep.gc.orphans import Group, Orphan
from reconciler.upkeep.gc.survey import Survey, state_of
from reconciler.upkeep.gc.uses import has_attachments


def find_halves(survey: Survey) -> list[tuple[Observed, str]]:
    """The halves of creations and replacements that no apply would complete, and why each is one."""
    wanted = {(item.kind, item.address) for item in survey.desired}
    found: list[tuple[Observed, str]] = []
    for address, kind in sorted({(item.tags.address, item.kind) for item in survey.objects if item.tags}):
        here = [item for item in survey.found.snapshot.of(address) if item.kind == kind]
        found += _of_one_place(here, wanted=(kind, address) in wanted)
    return found


def _of_one_place(items: Sequence[Observed], *, wanted: bool) -> Iterator[tuple[Observed, str]]:
    """Of the objects at one address, oldest first: doubles, and what was replaced."""
    ready = [item for item in items if state_of(item) == "ready"]
    pending = [item for item in items if state_of(item) == "pending"]
    counts = (ready or (pending if wanted else []))[:1]
    for item in pending:
        if not counts:
            yield item, "its creation was interrupted, and no manifest speaks of it"
        elif item is not counts[0]:
            yield item, f"its creation was interrupted, and {counts[0].id} is the one that counts"
    for item in items if ready else ():
        if state_of(item) == "retiring":
            yield item, f"it was replaced by {ready[0].id}, and not deleted"


def orphans_of(survey: Survey, halves: Iterable[tuple[Observed, str]]) -> Iterator[Orphan]:
    """Those that nothing uses, and that are not protected; of the others there is a note."""
    for item, why in halves:
        tags = item.tags
        if tags is None:
            continue
        others = (other for other in survey.objects if other is not item)
        user = next((other.id for other in others if _mentions(survey, other, item.id)), None)
        if user is not None:
            survey.notes.append(
                f"{item.id} ({tags.address}) is left alone: {user} still uses it; apply moves it first."
            )
        elif tags.protect:
            survey.notes.append(f"{item.id} ({tags.address}) is left alone: it is protected.")
        else:
            created = item.raw.get("created_at")
            seconds = created if isinstance(created, int) else None
            yield Orphan(Group.OBJECTS, item.kind, item.id, why, tags.address, tags=tags, created=seconds)


def _mentions(survey: Survey, item: Observed, object_id: str) -> bool:
    """Whether an object that is in use holds an id anywhere."""
    if state_of(item) != "ready":
        return False
    versions = survey.versions.get(item.id)
    if versions is None:
        return f'"{object_id}"' in json.dumps(dict(item.raw))
    pointed = survey.pointed_at(item)
    paths = [version.paths for version in versions if version.number in pointed]
    return any(found is None or any(path.endswith(f"/{object_id}") for path in found) for found in paths)


async def own_files(survey: Survey, orphan: Orphan) -> tuple[str, ...]:
    """The Files that an object's own evidence shows to be uploaded for it; a bare id is no such evidence."""
    kind = KINDS[orphan.kind]
    if isinstance(kind, VersionedKind):
        own = (file_id for version in survey.our_versions(orphan.id) for file_id in version.own)
        return tuple(dict.fromkeys(own))
    if not has_attachments(kind):
        return ()
    attached = await list_attachments(survey.account, kind, orphan.id)
    return tuple(item.file_id for item in attached if item.path is not None)


def nobody_elses(survey: Survey, object_id: str, files: Iterable[str]) -> tuple[str, ...]:
    """Those of some Files that nothing but one object uses."""
    return tuple(file_id for file_id in files if {user[0] for user in survey.uses.of(file_id)} <= {object_id})
