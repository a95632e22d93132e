"""What goes, and what changes hands: deletions (R101), replacements (R102), adoptions (R103)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.kinds import KINDS
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.observed import Observed
from reconciler.model.plan import Action, Change, Notice, Step, Verb
from reconciler.review.reach import texts
from reconciler.review.risks.facts import Facts
from reconciler.review.risks.words import counted, listed


def endings(change: Change, steps: Sequence[Step], facts: Facts) -> Iterator[Notice]:
    """What becomes of the object that people know."""
    if change.action is Action.DELETE:
        yield Notice("R101", _deletion(change, steps, facts), change.address, change.span)
    elif change.action is Action.REPLACE:
        yield Notice("R102", _replacement(change, steps), change.address, change.span)
    elif change.action is Action.ADOPT:
        yield Notice("R103", _adoption(change), change.address, change.span)


def _deletion(change: Change, steps: Sequence[Step], facts: Facts) -> str:
    live = [item for step in steps for item in step.objects]
    more = f" and {listed([item.id for item in live[1:]])}" if len(live) > 1 else ""
    held = _documents(live[0]) if len(live) == 1 else ""
    ids = {item.id for item in live}
    still = [user for user in change.affects if ids & _mentioned(facts.wanted.get(Address.parse(user)))]
    moved = [user for user in change.affects if user not in still]
    users = [f"used by {listed(moved)} until now"] if moved else []
    users += [f"still used by {listed(still)}"] if still else []
    return "; ".join([f"deletes {change.id}{more}{held}", *users])


def _replacement(change: Change, steps: Sequence[Step]) -> str:
    users = f"; used by {listed(change.affects)}" if change.affects else ""
    if not any(step.verb is Verb.CREATE for step in steps):
        return f"deletes {change.id}, which an interrupted run has replaced{users}"
    return f"replaces {change.id}: its id changes{users}"


def _adoption(change: Change) -> str:
    names = sorted({delta.field for delta in change.fields})
    overwritten = f"; overwrites its {', '.join(names)}" if names else ""
    return f"takes over {change.id}, which was made by somebody else{overwritten}"


def _documents(item: Observed) -> str:
    """How many documents go with an object, where that is known; nothing for what has none."""
    if KINDS[item.kind].documents is None:
        return ""
    said = item.tags.files.partition(":")[0] if item.tags else ""
    count = len(item.documents) if item.documents is not None else int(said) if said.isdecimal() else 0
    return f" with {counted(count, 'document')}" if count else ""


def _mentioned(desired: Desired | None) -> set[str]:
    """The texts of a spec, among them ids that stand there as such."""
    return {text for _, text in texts(KINDS[desired.kind], desired.spec)} if desired else set()
