"""Recovering a record: what would be written and deleted is found and shown first, and done after another look.

It helps when the anchor was deleted, cannot be read, lacks a part, or when there is one too many. What only the anchor
knew cannot be had from anywhere else; as far as its stores are still there it is kept, and the rest is named.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.account.failures import stop_for
from reconciler.account.port import Failure
from reconciler.apply.session import Session
from reconciler.model.errors import Exit, Stop
from reconciler.observing.anchor import read_anchor
from reconciler.ownership import anchor as anchors
from reconciler.ownership.anchor import Anchor
from reconciler.upkeep.recovery.choosing import choose_head, choose_lineage, refuse_doubles
from reconciler.upkeep.recovery.rebuilding import rebuilding
from reconciler.upkeep.recovery.recovery import Part, Recovery, Tagged, is_whole
from reconciler.upkeep.recovery.spare import refuse_the_living, removable
from reconciler.upkeep.recovery.survey import Survey, judge, read_objects, read_parts
from reconciler.upkeep.repair import AGAIN, mender

LOOK_AGAIN = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each look at what was written."""


async def find_recovery(session: Session, lineage: str | None = None) -> Recovery:
    """What there is to recover, from a fresh look at the whole account. GET only.

    Raises Stop: refused (4) when a person has to decide first, denied (8) when this may be the wrong account, locked
    (6) when a run is alive, invalid (7) for a lineage that is not there.
    """
    try:
        return await _find(session, lineage)
    except Failure as failure:
        raise stop_for(failure) from failure


async def recover(session: Session, shown: Recovery) -> str:
    """Do what was shown; the anchor's id. Raises Stop, with nothing written, when the account changed meanwhile.

    It may be interrupted at any request: until the record is whole nobody can plan or apply with it, and running it
    again starts from what is there.
    """
    fresh = await find_recovery(session, shown.lineage or None)
    if _essence(fresh) != _essence(shown):
        raise Stop(Exit.STALE, "The account changed since this was shown; nothing was written.", AGAIN)
    try:
        head = fresh.sound
        if fresh.anchor is not None:
            repair = mender(session, replace(fresh.anchor, ids=()))
            await repair.rebuild(fresh.anchor, [[part.store for part in group] for group in fresh.parts])
            head = repair.record.anchor.ids[0]
        # If the process dies here, there are two anchors and the new one counts; the next recover removes the other.
        remove = sorted(fresh.remove, key=lambda part: (part.lineage or "", -part.number))
        await mender(session, Anchor(fresh.stack, fresh.lineage)).drop([part.store for part in remove])
    except Failure as failure:
        raise stop_for(failure) from failure
    return await _read_back(session, head, fresh)


async def _read_back(session: Session, head: str | None, done: Recovery) -> str:
    """The anchor's id, once apply can work with it; the lists may need a moment to show new parts."""
    for pause in LOOK_AGAIN:
        await session.clock.sleep(pause)
        try:
            written = await read_anchor(session.account, replace(session.scope(), anchor=head))
        except Stop as stop:
            if stop.code is not Exit.DENIED:
                raise
            continue
        if written is not None and (done.anchor is None or written.inventory == done.anchor.inventory):
            return written.ids[0]
    raise Stop(Exit.INCOMPLETE, f"The anchor {head} does not show yet what was written to it.", AGAIN)


def _essence(recovery: Recovery) -> Recovery:
    """Without what passes: the sign of life that will be written."""
    anchor = replace(recovery.anchor, beat=0, serial=0) if recovery.anchor else None
    return replace(recovery, anchor=anchor)


# --- what there is to recover -----------------------------------------------------------------------------------------


async def _find(session: Session, wanted: str | None) -> Recovery:
    owner, pinned = session.scope().owner, session.scope().anchor
    blank = Recovery(owner, pinned=pinned)
    judged = await judge(session)
    if isinstance(judged, Stop) and judged.code not in {Exit.DENIED, Exit.REFUSED}:
        raise judged
    survey = await read_parts(session)
    if isinstance(judged, Anchor):
        return await _beside_a_sound_one(session, survey, blank, judged, wanted)
    survey = await read_objects(session, survey)
    lineage = choose_lineage(survey, owner, pinned=pinned, wanted=wanted)
    if lineage is None:
        return blank
    mine = tuple(sorted((item for item in survey.objects if item.tags.lineage == lineage), key=_order))
    refuse_doubles(mine)
    head = choose_head(survey, owner, lineage, pinned=pinned)
    remove = await removable(session, survey, lineage, besides=head.id if head else None, refuse=True)
    await refuse_the_living(session, [head, *remove] if head else remove)
    found = replace(blank, lineage=lineage, objects=mine, remove=remove)
    parts = survey.parts_with(head, lineage)
    sound = anchors.decode(owner, [part.store for part in parts]) if head and is_whole(head, parts) else None
    if sound is not None:
        return replace(found, sound=sound.ids[0])
    return _rebuilt(session, survey, found, head, parts)


async def _beside_a_sound_one(
    session: Session, survey: Survey, blank: Recovery, anchor: Anchor, wanted: str | None
) -> Recovery:
    """There is an anchor that apply works with; others beside it name nothing, and may go."""
    if wanted is not None and wanted != anchor.lineage:
        raise Stop(
            Exit.REFUSED,
            f"The anchor {anchor.ids[0]} is sound; its lineage is {anchor.lineage}.",
            "Nothing was written. There is nothing to choose while apply works.",
        )
    remove = await removable(session, survey, anchor.lineage, besides=anchor.ids[0], refuse=False)
    await refuse_the_living(session, remove)
    return replace(blank, lineage=anchor.lineage, sound=anchor.ids[0], remove=remove)


def _rebuilt(session: Session, survey: Survey, found: Recovery, head: Part | None, parts: list[Part]) -> Recovery:
    now = int(session.clock.now())
    made = rebuilding(found.stack, head, parts, found.objects, session.loaded.desired, now=now)
    top = max((part.number for part in parts), default=0)
    grouped = tuple(tuple(part for part in parts if part.number == number) for number in range(1, top + 1))
    return replace(found, anchor=made.anchor(found.lineage), lost=made.lost(survey.missing), parts=grouped)


def _order(item: Tagged) -> tuple[object, str, str]:
    return (item.tags.address, item.kind, item.id)
