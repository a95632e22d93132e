"""Taking over an object that somebody else made."""

from __future__ import annotations

from dataclasses import replace

from reconciler.kinds import KINDS
from reconciler.model.plan import Action, Cause, Change, Verb, reason
from reconciler.model.reasons import ReasonCode
from reconciler.ownership.digests import observed_digest
from reconciler.planning.diff import Ids, diff
from reconciler.planning.drafts import Draft, change_of_old, file_changes, step_of
from reconciler.planning.matching import Match, tags_of
from reconciler.planning.replacing import moves, with_old_ended
from reconciler.planning.rules.adopt import no_adoption
from reconciler.planning.rules.protect import no_replacement


def adopted(match: Match, ids: Ids, blank: Change) -> Draft:
    """The live object that the manifest names by its id, taken over; or why it cannot be."""
    desired, kind, found = match.desired, KINDS[match.desired.kind], match.adopt
    change = replace(blank, action=Action.ADOPT, cause=Cause.NEW)
    object_id = desired.lifecycle.adopt or ""
    mine = ids.live.get(object_id) if found is None else None
    blocked = no_adoption(object_id, found, mine)
    if blocked is not None or found is None:
        known = found.id if found is not None else object_id if mine is not None else None
        return Draft(replace(change, id=known, blocked=blocked))
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
    blocked = no_replacement([published], moves(published, match.desired), wanted=True)
    return [Draft(replace(change_of_old(blank, published), blocked=blocked))]
