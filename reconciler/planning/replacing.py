"""An object that cannot be changed in place: the new one is made, its users move, the old one goes."""

from __future__ import annotations

from dataclasses import replace

from reconciler.kinds import FORMS, KINDS
from reconciler.model.desired import Desired
from reconciler.model.observed import Observed
from reconciler.model.plan import Action, Cause, Change, Delta, Reason, Verb, reason
from reconciler.model.reasons import ReasonCode
from reconciler.planning.diff import Ids, diff
from reconciler.planning.drafts import (
    Draft,
    all_fields,
    change_of_old,
    deletions,
    doubles_told,
    file_changes,
    half_made,
    step_of,
)
from reconciler.planning.matching import Match
from reconciler.planning.rules.protect import no_replacement


def moves(old: Observed, desired: Desired) -> Reason:
    """Why an object is replaced whose manifest asks for another runtime."""
    return reason(ReasonCode.OTHER_RUNTIME, old=KINDS[old.kind].title, new=KINDS[desired.kind].title)


def replaced(match: Match, ids: Ids, blank: Change) -> list[Draft]:
    """Create the new one, and delete the old ones: the first of them is what people know as the object."""
    desired, kind, first = match.desired, KINDS[match.desired.kind], match.old[0]
    moved_runtime = first.kind != desired.kind
    if moved_runtime:
        selector = FORMS[kind.form].selector or "kind"
        moved = Delta((selector,), _chosen_by(first.kind), _chosen_by(desired.kind), Cause.MANIFEST)
        deltas: tuple[Delta, ...] = (moved,)
    else:
        deltas = diff(kind, desired, first, ids)
    resumed, surplus = half_made(match)
    why = match.why_replace or moves(first, desired)
    change = replace(
        change_of_old(blank, first),
        cause=Cause.MANIFEST if deltas else Cause.DRIFT,
        fields=deltas,
        files=file_changes(kind, desired, resumed),
        reasons=(why, *doubles_told(surplus)),
    )
    blocked = no_replacement(match.old, why, wanted=desired.lifecycle.protect)
    if blocked is not None:
        return [Draft(replace(change, blocked=blocked))]
    create = step_of(
        Verb.CREATE,
        replace(change, fields=all_fields(desired, ids)),
        desired=desired,
        observed=resumed,
        surplus=surplus,
        replaces=first,
    )
    same, *others = _endings(match, blank, needs=(str(create),))
    return [Draft(change, (create, *same.steps)), *others]


def with_old_ended(main: Draft, match: Match, blank: Change) -> list[Draft]:
    """The new object is there; what is left of a replacement is to delete the old ones."""
    if not match.old or main.change.blocked:
        return [main]
    ended = old_ended(match, blank, needs=tuple(str(step) for step in main.steps))
    told = main.change.action is not Action.NONE or any(draft.change.blocked for draft in ended)
    return [main, *ended] if told else ended


def old_ended(match: Match, blank: Change, *, needs: tuple[str, ...] = ()) -> list[Draft]:
    """The deletions of what is left of a replacement."""
    completed = reason(ReasonCode.COMPLETED)
    blocked = no_replacement(match.old, completed)
    if blocked is not None:
        return [Draft(replace(change_of_old(blank, match.old[0]), reasons=(completed,), blocked=blocked))]
    return _endings(match, blank, needs=needs)


def _endings(match: Match, blank: Change, *, needs: tuple[str, ...]) -> list[Draft]:
    """One change for each address and kind that goes: every object that people may know is named in the plan."""
    return [
        Draft(replace(change_of_old(blank, step.observed), reasons=(reason(ReasonCode.COMPLETED),)), (step,))
        for step in deletions(match.old, needs=needs)
        if step.observed is not None
    ]


def _chosen_by(kind: str) -> str:
    return KINDS[kind].chosen_by or kind
