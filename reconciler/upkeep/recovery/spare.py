"""Anchors beside the one that counts: which of them may go, and whether a run that is alive has one."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.account.objects import get_object
from reconciler.account.port import Account, Call
from reconciler.apply.session import Session
from reconciler.kinds import KINDS
from reconciler.kinds.kind import TagPlace
from reconciler.model.errors import Exit, Stop
from reconciler.ownership import anchor as anchors
from reconciler.ownership.anchor import ANCHOR_BETA, ANCHOR_COLLECTION
from reconciler.upkeep.recovery.recovery import NEWER, Part, salvaged
from reconciler.upkeep.recovery.survey import Survey
from reconciler.upkeep.unlock import Held, check_dead


async def removable(
    session: Session, survey: Survey, lineage: str, *, besides: str | None, refuse: bool
) -> tuple[Part, ...]:
    """The anchors that may go, with their parts: all `besides` one, but for those that name what exists.

    One that can be read and names something stands in the way of every plan: with `refuse` that is said.
    """
    parts: list[Part] = []
    for head in survey.heads_but(besides):
        parts += await _removable(session, survey, head, lineage, refuse=refuse)
    return tuple(parts)


async def _removable(session: Session, survey: Survey, head: Part, lineage: str, *, refuse: bool) -> list[Part]:
    if head.lineage is None or NEWER.search(head.state):
        return []
    if head.lineage == lineage:
        return [head]
    owner = session.scope().owner
    parts = [part for part in survey.parts if part.lineage == head.lineage]
    living = await _living(session.account, owner, parts)
    if not living:
        return parts
    if refuse and anchors.decode(owner, [head.store]) is not None:
        raise Stop(
            Exit.REFUSED,
            f"The anchor {head.id} of lineage {head.lineage} names what is there: {', '.join(living[:5])}.",
            "Nothing was written. Delete those that are the wrong ones, then run this again.",
            lines=survey.lines({head.lineage, lineage}),
        )
    return []


async def _living(account: Account, owner: str, parts: Sequence[Part]) -> list[str]:
    """The ids of the objects that an anchor names and that are still there."""
    found = []
    for entry in salvaged(owner, parts).inventory:
        kind = KINDS.get(entry.kind)
        if kind is None or kind.tag_place is TagPlace.ATTACHED:
            continue
        if await get_object(account, kind, entry.id) is not None:
            found.append(entry.id)
    return found


async def refuse_the_living(session: Session, parts: Sequence[Part]) -> None:
    """Raise Stop when a run has one of these anchors and showed a sign of life a moment ago."""
    for part in parts:
        anchor = anchors.decode(session.scope().owner, [part.store]) if part.number == 1 else None
        if anchor is None or not anchor.busy or not anchor.run:
            continue
        reply = await session.account.send(Call("GET", f"{ANCHOR_COLLECTION}/{part.id}", beta=ANCHOR_BETA))
        now = reply.date if reply.date is not None else session.clock.now()
        check_dead(Held(anchor, int(now - anchor.beat)), session.liveness)
