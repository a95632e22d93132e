"""Old versions of releases: so many newer ones are kept for a rollback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.upkeep.gc.orphans import Group, Orphan
from reconciler.upkeep.gc.survey import Survey, state_of
from reconciler.upkeep.gc.uses import User, number_of

KEPT = 10
"""So many releases of an assistant are kept, the newest ones."""


def find_old(survey: Survey) -> dict[str, list[str]]:
    """By object id, the versions of ours behind the tenth newest release, oldest first; none that is pointed at."""
    old: dict[str, list[str]] = {}
    for item in survey.objects:
        mine = survey.our_versions(item.id)
        releases = [version for version in mine if version.tags.confirmed]
        if item.tags is None or state_of(item) != "ready" or len(releases) <= KEPT:
            continue
        oldest = number_of(releases[KEPT - 1].number)
        hold = survey.found.snapshot.holds.get(item.tags.address)
        keep = survey.pointed_at(item)
        keep |= {version.number for version in releases if version.tags.spec == hold}
        behind = [version for version in mine if -1 < number_of(version.number) < oldest]
        numbers = [version.number for version in reversed(behind) if version.number not in keep]
        old |= {item.id: numbers} if numbers else {}
    return old


def orphans_of(survey: Survey, old: Mapping[str, Sequence[str]]) -> Iterator[Orphan]:
    """Old versions, each with the Files that no version which stays, or comes after it, names."""
    items = {item.id: item for item in survey.objects}
    for object_id, numbers in old.items():
        versions = {version.number: version for version in survey.versions[object_id]}
        readable = all(version.paths is not None for version in versions.values())
        mine: set[User] = set()
        for number in numbers:
            mine.add((object_id, number))
            version, tags = versions[number], items[object_id].tags
            files = [file_id for file_id in version.own if survey.uses.of(file_id) <= mine] if readable else []
            yield Orphan(
                Group.VERSIONS,
                items[object_id].kind,
                object_id,
                f"more than {KEPT} newer releases",
                tags.address if tags else None,
                number,
                version.tags,
                created=version.created,
                files=tuple(dict.fromkeys(files)),
            )
