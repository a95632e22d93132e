"""`collision`: where several objects claim one address, or another stack claims the object, a person decides.

Without it a copy that somebody made of an object, with its tags, would be deleted as surplus or kept in place of the
real one; and an object of another stack would be changed under its owner, who would change it back, for ever.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.address import Address
from reconciler.model.observed import Observed
from reconciler.model.plan import Blocked
from reconciler.ownership import anchor as anchors
from reconciler.planning.matching import Match, is_current, tags_of


def twins_of(match: Match) -> Sequence[Observed]:
    """Confirmed objects of one kind that claim one address, also of the kind that the manifest moves away from."""
    if match.rivals and match.current is not None:
        return (match.current, *match.rivals)
    groups: dict[tuple[Address, str], list[Observed]] = {}
    for item in match.old:
        if is_current(item):
            groups.setdefault((tags_of(item).address, item.kind), []).append(item)
    return next((group for group in groups.values() if len(group) > 1), ())


def one_of_them(twins: Sequence[Observed]) -> Blocked:
    """Twins at an address that a manifest has."""
    return _several(twins, "Keep one and remove our tags from the others.")


def none_but_one(items: Sequence[Observed]) -> Blocked | None:
    """Twins at an address that no manifest has."""
    twins = [item for item in items if is_current(item)]
    return _several(twins, "Remove our tags from all but one.") if len(twins) > 1 else None


def _several(twins: Sequence[Observed], way_out: str) -> Blocked:
    named = ", ".join(item.id for item in twins)
    return Blocked("collision", f"Several live objects say that they are this one: {named}. {way_out}")


def owned_already(found: Observed) -> Blocked | None:
    """An object that a manifest wants to take over, and a stack has it."""
    record = anchors.part_of(found.raw.get("metadata"))
    if record is not None:
        summary = f"{found.id} is the anchor of {record[0]}, which holds its record. Correct the id, or remove `adopt`."
        return Blocked("collision", summary)
    if found.tags is None:
        return None
    owner = f"{found.tags.stack}, {found.tags.address}"
    return Blocked("collision", f"{found.id} belongs to {owner}. Nothing is taken from another stack.")
