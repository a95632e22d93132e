"""`delete_budget`: one plan deletes no more objects than the limits, or `--allow-deletes`, say.

Without it a large mistake looks like a small one in review: a renamed directory, a branch without half of the tree.
"""

from __future__ import annotations

from reconciler.model.plan import Verb
from reconciler.model.rules import Rules
from reconciler.model.snapshot import Snapshot
from reconciler.planning.drafts import Draft

PERCENT_FROM = 10
"""The percentage rule counts from this many managed objects on: of three, one is always more than 20 %."""


def delete_budget(drafts: list[Draft], snapshot: Snapshot, rules: Rules) -> list[Draft]:
    """Of too many deletions each is forbidden. `destroy` says that all are meant."""
    count = sum(map(_deletes, drafts))
    summary = "" if rules.destroy else _too_many(count, len({(item.kind, item.id) for item in snapshot.objects}), rules)
    if not summary:
        return drafts
    return [draft.forbidden("delete_budget", summary) if _deletes(draft) else draft for draft in drafts]


def _deletes(draft: Draft) -> bool:
    return any(step.verb is Verb.DELETE for step in draft.steps)


def _too_many(count: int, managed: int, rules: Rules) -> str:
    """Which limit so many deletions exceed, in words; nothing if they may be."""
    if rules.allow_deletes is not None:
        said = f"{count} objects would be deleted; --allow-deletes says {rules.allow_deletes}."
        return said if count > rules.allow_deletes else ""
    way_out = f"If that is meant: --allow-deletes {count}."
    if count > rules.max_deletes:
        return f"{count} objects would be deleted; limits.max_deletes is {rules.max_deletes}. {way_out}"
    if managed >= PERCENT_FROM and count * 100 > managed * rules.max_delete_percent:
        limit = f"limits.max_delete_percent is {rules.max_delete_percent}"
        return f"{count} of {managed} objects would be deleted; {limit}. {way_out}"
    return ""
