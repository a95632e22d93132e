"""Which lineage, and which of several first parts, is the stack's own; a person decides where that is not plain."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.errors import Exit, Stop
from reconciler.ownership import anchor as anchors
from reconciler.upkeep.recovery.recovery import Part, Tagged
from reconciler.upkeep.recovery.survey import Survey


def choose_lineage(survey: Survey, owner: str, *, pinned: str | None, wanted: str | None) -> str | None:
    """The lineage to recover; None when there is nothing of this stack in the account."""
    of_objects = {item.tags.lineage for item in survey.objects}
    of_parts = {part.lineage for part in survey.parts if part.lineage is not None}
    known = of_objects or of_parts
    if wanted is not None:
        if wanted not in of_objects | of_parts:
            summary = f"Nothing in the account has the lineage {wanted}."
            raise Stop(Exit.INVALID, summary, lines=survey.lines(of_objects | of_parts))
        return wanted
    if len(known) > 1:
        raise Stop(
            Exit.REFUSED,
            f"Objects of {len(known)} lineages name the stack {owner}; a person has to say which one it is.",
            "Choose with --lineage. What has another lineage is then left alone for good.",
            lines=survey.lines(known),
        )
    if known:
        return next(iter(known))
    if pinned is not None:
        raise Stop(
            Exit.DENIED,
            f"Neither the pinned anchor {pinned} nor any object of {owner} is in this account.",
            "Is this the right key and project? If all is gone on purpose, remove the pin from reconciler.yaml.",
        )
    if survey.parts:
        raise Stop(
            Exit.REFUSED,
            f"{survey.parts[0].id} says that it is the anchor of {owner}, but names no lineage.",
            "Nothing in the account is tagged as ours. Delete that vector store by hand, then apply.",
        )
    return None


def refuse_doubles(mine: Sequence[Tagged]) -> None:
    """Raise Stop when two live objects say that they are the same."""
    seen: dict[tuple[str, object], Tagged] = {}
    for item in mine:
        other = seen.setdefault((item.kind, item.tags.address), item) if item.published else item
        if other is not item:
            raise Stop(
                Exit.REFUSED,
                f"Two live objects say that they are {item.tags.address}: {other.id} and {item.id}.",
                "Nothing was written. Keep one, and remove our tags from the other (or delete it).",
            )


def choose_head(survey: Survey, owner: str, lineage: str, *, pinned: str | None) -> Part | None:
    """The first part that keeps its id: the pinned one, else the one that can be read, else the oldest."""
    heads = [part for part in survey.parts if part.number == 1 and part.lineage == lineage]
    heads.sort(key=lambda part: (part.id != pinned, anchors.decode(owner, [part.store]) is None))
    return heads[0] if heads else None
