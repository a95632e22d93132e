"""What happens to one wanted resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.kinds import KINDS
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.observed import Observed
from reconciler.model.plan import Action, Cause, Change, Notice, Reason, Verb, reason
from reconciler.model.reasons import ReasonCode
from reconciler.model.rules import Rules
from reconciler.model.snapshot import Snapshot
from reconciler.ownership.digests import observed_digest, stale_tags
from reconciler.planning.adopting import adopt_instead
from reconciler.planning.diff import Ids
from reconciler.planning.drafts import Draft, all_fields, deletions, doubles_told, file_changes, half_made, step_of
from reconciler.planning.matching import Match, is_held, tags_of
from reconciler.planning.replacing import old_ended, replaced, with_old_ended
from reconciler.planning.rules.collision import one_of_them, twins_of
from reconciler.planning.updating import updated


def drafts_of(
    match: Match,
    ids: Ids,
    snapshot: Snapshot,
    rules: Rules,
    users: Mapping[Address, list[str]],
    warnings: list[Notice],
) -> list[Draft]:
    """What happens to one resource; a second draft ends a replacement that an earlier run began."""
    desired, current = match.desired, match.current
    affects = tuple(users.get(desired.address, ()))
    blank = Change(desired.address, desired.kind, Action.NONE, span=desired.span, affects=affects)
    twins = twins_of(match)
    if twins:
        return [Draft(replace(blank, blocked=one_of_them(twins), id=twins[0].id))]
    if is_held(match, snapshot, rules) and current is not None:
        summary = "Rolled back and held: left alone until the manifest changes, or with --roll-forward."
        warnings.append(Notice("W401", summary, desired.address, desired.span))
        return [held(desired, current, blank), *_doubles_ended(match, blank), *old_ended(match, blank)]
    if current is not None and match.why_replace:
        return replaced(replace(match, old=(current, *match.old)), ids, blank)
    if current is not None:
        return with_old_ended(updated(match, current, ids, snapshot, blank), match, blank)
    if desired.lifecycle.adopt and not match.pending and not any(item.kind == desired.kind for item in match.old):
        return adopt_instead(match, ids, blank)
    if match.old:
        same_kind = match.old[0].kind == desired.kind
        why = reason(ReasonCode.COMPLETED) if same_kind else None
        return replaced(replace(match, why_replace=why), ids, blank)
    return [created(match, ids, blank)]


def _doubles_ended(match: Match, blank: Change) -> list[Draft]:
    """Unconfirmed doubles go also where the content of the confirmed one is left alone."""
    if not match.pending:
        return []
    first = match.pending[0]
    change = replace(blank, action=Action.DELETE, cause=Cause.TOOL, id=first.id, reasons=doubles_told(match.pending))
    return [Draft(replace(change, observed=observed_digest(first)), deletions(match.pending))]


def created(match: Match, ids: Ids, blank: Change) -> Draft:
    """A new object, or one that an interrupted run had begun."""
    desired, kind = match.desired, KINDS[match.desired.kind]
    resumed, surplus = half_made(match)
    reasons: tuple[Reason, ...] = ()
    gone = ids.noted.get((desired.kind, desired.address))
    cause = Cause.NEW
    if resumed is not None:
        reasons = (reason(ReasonCode.RESUMED, id=resumed.id),)
    elif gone:
        cause = Cause.DRIFT
        reasons = (reason(ReasonCode.GONE, id=gone),)
    change = replace(
        blank,
        action=Action.CREATE,
        cause=cause,
        id=resumed.id if resumed else None,
        fields=all_fields(desired, ids),
        files=file_changes(kind, desired, resumed),
        reasons=(*reasons, *doubles_told(surplus)),
    )
    return Draft(change, (step_of(Verb.CREATE, change, desired=desired, observed=resumed, surplus=surplus),))


def held(desired: Desired, current: Observed, blank: Change) -> Draft:
    """The content is left alone; what the lifecycle says counts all the same."""
    flags = [name for name in stale_tags(KINDS[desired.kind], desired, current) if name in {"protect", "retain"}]
    if not flags:
        return Draft(replace(blank, id=current.id, reasons=(reason(ReasonCode.HELD),), revision=tags_of(current).rev))
    change = replace(
        blank,
        revision=tags_of(current).rev,
        action=Action.UPDATE,
        cause=Cause.MANIFEST,
        id=current.id,
        observed=observed_digest(current),
        reasons=(reason(ReasonCode.ONLY_LIFECYCLE, flags=", ".join(flags)),),
    )
    step = step_of(Verb.UPDATE, change, desired=desired, observed=current)
    return Draft(change, (replace(step, version=current.version),))
