"""How many objects one plan may delete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.model.desired import Desired
from reconciler.model.plan import Action, Blocked, Verb
from reconciler.model.rules import Rules
from reconciler.model.snapshot import Snapshot
from reconciler.planning.drafts import Draft

PERCENT_FROM = 10
"""The percentage rule counts from this many managed objects on: of three, one is always more than 20 %."""


def budget(drafts: list[Draft], wanted: Sequence[Desired], snapshot: Snapshot, rules: Rules) -> list[Draft]:
    """More deletions than the limits or `--allow-deletes` say are blocked, each of them."""
    deletes = [draft for draft in drafts if any(step.verb is Verb.DELETE for step in draft.steps)]
    going = [draft for draft in drafts if draft.change.action in {Action.DELETE, Action.FORGET} and draft.steps]
    if rules.destroy or not (deletes or going):
        return drafts
    managed = len({(item.kind, item.id) for item in snapshot.objects})
    blocked: Blocked | None = None
    if not wanted:
        deletes = going
        blocked = Blocked(
            "empty_set",
            "There is no manifest at all, so everything would go. Use `reconciler destroy` if that is meant.",
        )
    elif rules.allow_deletes is not None:
        if len(deletes) > rules.allow_deletes:
            blocked = Blocked(
                "delete_budget", f"{len(deletes)} objects would be deleted; --allow-deletes says {rules.allow_deletes}."
            )
    elif len(deletes) > rules.max_deletes:
        blocked = Blocked(
            "delete_budget",
            f"{len(deletes)} objects would be deleted; limits.max_deletes is {rules.max_deletes}. "
            f"If that is meant: --allow-deletes {len(deletes)}.",
        )
    elif managed >= PERCENT_FROM and len(deletes) * 100 > managed * rules.max_delete_percent:
        blocked = Blocked(
            "delete_budget",
            f"{len(deletes)} of {managed} objects would be deleted; limits.max_delete_percent is "
            f"{rules.max_delete_percent}. If that is meant: --allow-deletes {len(deletes)}.",
        )
    if blocked is None:
        return drafts
    chosen = {id(draft) for draft in deletes}
    return [Draft(replace(d.change, blocked=blocked)) if id(d) in chosen else d for d in drafts]
