"""Live objects of ours that no manifest names: deleted, let go, or left alone with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.json import refs
from reconciler.model.plan import Action, Cause, Change, Notice, Step, Verb, reason
from reconciler.model.reasons import ReasonCode
from reconciler.model.rules import Rules
from reconciler.model.snapshot import Snapshot, age
from reconciler.ownership.digests import observed_digest
from reconciler.planning.diff import Ids
from reconciler.planning.drafts import Draft, deletions, doubles_told
from reconciler.planning.matching import Match, confirmed_first, is_current, is_held, tags_of
from reconciler.planning.order import strings
from reconciler.planning.rules.collision import none_but_one
from reconciler.planning.rules.protect import no_deletion


def needed_by_held(matches: Iterable[Match], ids: Ids, snapshot: Snapshot, rules: Rules) -> dict[Address, Address]:
    """What is used by objects that are held after a rollback, and by which."""
    held = [match for match in matches if match.current is not None and is_held(match, snapshot, rules)]
    return {
        ref.address.owner: match.desired.address
        for match in held
        if match.current is not None
        for ref in refs(ids.to_refs(match.current.spec))
    }


def leftovers(
    matches: Sequence[Match],
    snapshot: Snapshot,
    rules: Rules,
    needed: Mapping[Address, Address],
    warnings: list[Notice],
) -> list[Draft]:
    """What happens to every live object of ours that no wanted resource matched."""
    used = {
        id(item) for match in matches for item in (match.current, *match.pending, *match.old, *match.rivals) if item
    }
    left = sorted((item for item in snapshot.objects if id(item) not in used), key=age)
    return [_leftover(step, rules, needed, warnings) for step in deletions(left)]


def _leftover(step: Step, rules: Rules, needed: Mapping[Address, Address], warnings: list[Notice]) -> Draft:
    first = min(step.objects, key=confirmed_first)
    step = replace(step, observed=first, surplus=tuple(item for item in step.objects if item is not first))
    change = Change(
        step.address,
        step.kind,
        Action.DELETE,
        Cause.REMOVED,
        first.id,
        observed=observed_digest(first),
        revision=tags_of(first).rev,
    )
    if not rules.prune and not rules.destroy:
        summary = f"{first.id} has no manifest any more; left alone because of --no-prune."
        warnings.append(Notice("W402", summary, step.address))
        return Draft(replace(change, action=Action.NONE, cause=None, reasons=(reason(ReasonCode.NO_PRUNE),)))
    if step.address in needed:
        summary = (
            f"{first.id} has no manifest any more; left alone because {needed[step.address]}, rolled back, uses it."
        )
        warnings.append(Notice("W405", summary, step.address))
        return Draft(replace(change, action=Action.NONE, cause=None, reasons=(reason(ReasonCode.USED_BY_HELD),)))
    blocked = none_but_one(step.objects) or no_deletion(step.objects)
    if blocked is not None:
        return Draft(replace(change, blocked=blocked))
    if tags_of(first).retain and tags_of(first).confirmed:  # nobody ever got the id of another one
        reasons = (reason(ReasonCode.RETAINED), *doubles_told(step.surplus))
        change = replace(change, action=Action.FORGET, reasons=reasons)
        return Draft(change, (replace(step, verb=Verb.FORGET),))
    reasons = (reason(ReasonCode.DESTROYED if rules.destroy else ReasonCode.NO_MANIFEST),)
    count = len([item for item in first.documents or () if item.path is not None])
    if count:
        documents = f"{count} document{'s go' if count > 1 else ' goes'}"
        reasons += (reason(ReasonCode.DOCUMENTS_GO, documents=documents),)
    return Draft(replace(change, reasons=reasons), (step,))


def with_users(drafts: list[Draft], wanted: Sequence[Desired], snapshot: Snapshot) -> list[Draft]:
    """What is deleted, with those who use it now or would go on to: no manifest speaks of it, but values may."""
    going = {draft.change.address: draft.change.id for draft in drafts if draft.change.action is Action.DELETE}
    if not going:
        return drafts
    ids = {object_id for object_id in going.values() if object_id is not None}
    values = [(tags_of(item).address, item.spec) for item in snapshot.objects if is_current(item)]
    values += [(item.address, item.spec) for item in wanted]
    users: dict[str, set[Address]] = {}
    for address, spec in values:
        for object_id in ids.intersection(strings(spec)):
            if address not in going:
                users.setdefault(object_id, set()).add(address)
    return [
        replace(draft, change=replace(draft.change, affects=tuple(map(str, sorted(users[draft.change.id])))))
        if draft.change.action is Action.DELETE and draft.change.id in users
        else draft
        for draft in drafts
    ]
