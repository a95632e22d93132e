"""Finding what interrupted runs and old releases left in the account, by reading alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from reconciler.account.failures import stop_for
from reconciler.account.port import Failure
from reconciler.apply.session import Session
from reconciler.observing.observer import observe
from reconciler.ownership.anchor import Anchor
from reconciler.upkeep.gc import files as loose_files
from reconciler.upkeep.gc import halves as unfinished
from reconciler.upkeep.gc import versions as old_versions
from reconciler.upkeep.gc.orphans import Group, Orphans
from reconciler.upkeep.gc.survey import Survey
from reconciler.upkeep.gc.uses import Uses


async def find_orphans(session: Session, groups: Iterable[Group] = tuple(Group)) -> Orphans:
    """Everything of some groups that nothing needs. GET only; raises Stop."""
    found = await observe(session.account, session.scope())
    survey = Survey(session.account, found, session.loaded.desired, Uses(session.account))
    try:
        return await _find(survey, frozenset(groups))
    except Failure as failure:
        raise stop_for(failure) from failure


async def _find(survey: Survey, groups: Collection[Group]) -> Orphans:
    await survey.list_releases()
    journal = await loose_files.read_journal(survey) if Group.JOURNAL in groups else {}
    files = await loose_files.read_all(survey) if Group.FILES in groups else {}
    old = old_versions.find_old(survey) if Group.VERSIONS in groups else {}
    halves = unfinished.find_halves(survey) if Group.OBJECTS in groups else []
    if journal or old or halves:
        await survey.read_releases()
    objects = list(unfinished.orphans_of(survey, halves))
    own = {item.id: await unfinished.own_files(survey, item) for item in objects}
    named = {file_id for object_id in old for version in survey.versions[object_id] for file_id in version.own}
    await survey.read_uses(files, {*journal, *named, *(file_id for group in own.values() for file_id in group)})
    objects = [replace(item, files=unfinished.nobody_elses(survey, item.id, own[item.id])) for item in objects]
    items = [*loose_files.journalled(survey, journal), *objects, *old_versions.orphans_of(survey, old)]
    going = {file_id for item in items for file_id in (*item.files, item.id)}
    items += loose_files.loose(survey, files, going | await loose_files.recorded(survey, files))
    gone = tuple(file_id for file_id, file in journal.items() if file is None)
    return Orphans(survey.found, tuple(items), gone, (*_about_runs(survey.found.anchor), *survey.notes), survey.uses)


def _about_runs(anchor: Anchor | None) -> Iterator[str]:
    if anchor is not None and anchor.busy and anchor.run:
        yield f"The run {anchor.run} has this stack, or died: what it is making may be listed here."
