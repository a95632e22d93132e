"""Taking over an object that somebody else made."""

from __future__ import annotations

from dataclasses import replace

from reconciler.kinds import KINDS
from reconciler.model.plan import Action, Blocked, Cause, Change, Verb, reason
from reconciler.model.reasons import ReasonCode
from reconciler.ownership import anchor as anchors
from reconciler.ownership.digests import observed_digest
from reconciler.planning.diff import Ids, diff
from reconciler.planning.drafts import Draft, change_of_old, file_changes, protected_by, step_of
from reconciler.planning.matching import Match, tags_of
from reconciler.planning.replacing import moves, with_old_ended


def adopted(match: Match, ids: Ids, blank: Change) -> Draft:
    """The live object that the manifest names by its id, taken over; or why it cannot be."""
    desired, kind, found = match.desired, KINDS[match.desired.kind], match.adopt
    change = replace(blank, action=Action.ADOPT, cause=Cause.NEW)
    mine = ids.live.get(desired.lifecycle.adopt or "")
    if found is None and mine is not None:
        summary = f"{desired.lifecycle.adopt} already is {mine} of this stack. To rename it: `moved_from: {mine}`."
        return Draft(replace(change, id=desired.lifecycle.adopt, blocked=Blocked("adopt", summary)))
    if found is None:
        summary = f"{desired.lifecycle.adopt} is not there to adopt. Correct the id, or remove `adopt`."
        return Draft(replace(change, blocked=Blocked("adopt", summary)))
    record = anchors.part_of(found.raw.get("metadata"))
    if record is not None:
        summary = f"{found.id} is the anchor of {record[0]}, which holds its record. Correct the id, or remove `adopt`."
        return Draft(replace(change, id=found.id, blocked=Blocked("collision", summary)))
    if found.tags is not None:
        owner = f"{found.tags.stack}, {found.tags.address}"
        summary = f"{found.id} belongs to {owner}. Nothing is taken from another stack."
        return Draft(replace(change, id=found.id, blocked=Blocked("collision", summary)))
    if not found.usable:
        summary = f"{found.id} is of no use any more: {found.why_unusable}. Correct the id, or remove `adopt`."
        return Draft(replace(change, id=found.id, blocked=Blocked("adopt", summary)))
    files = file_changes(kind, desired, found)
    deltas = diff(kind, desired, found, ids)
    change = replace(
        change,
        id=found.id,
        fields=deltas,
        files=files,
        observed=observed_digest(found),
        reasons=(reason(ReasonCode.ADOPTED),),
    )
    return Draft(change, (step_of(Verb.ADOPT, change, desired=desired, observed=found),))


def adopt_instead(match: Match, ids: Ids, blank: Change) -> list[Draft]:
    """Adopt, and end what stands there in another runtime: a replacement, which protection forbids."""
    published = next((item for item in match.old if tags_of(item).confirmed), None)
    if published is None or not match.desired.lifecycle.protect:
        return with_old_ended(adopted(match, ids, blank), match, blank)
    blocked = protected_by(moves(published, match.desired).text)
    return [Draft(replace(change_of_old(blank, published), blocked=blocked))]
