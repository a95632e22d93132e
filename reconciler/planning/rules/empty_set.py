"""`empty_set`: a tree without any manifest deletes nothing.

Without it the wrong directory, a glob that matches nothing or a failed checkout takes away everything that the stack
has.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.desired import Desired
from reconciler.model.plan import Action
from reconciler.model.rules import Rules
from reconciler.planning.drafts import Draft


def empty_set(drafts: list[Draft], wanted: Sequence[Desired], rules: Rules) -> list[Draft]:
    """Without a manifest all deletions are forbidden, and so is letting go; `destroy` says that it is meant."""
    if wanted or rules.destroy:
        return drafts
    summary = "There is no manifest at all, so everything would go. Use `reconciler destroy` if that is meant."
    return [draft.forbidden("empty_set", summary) if _ends_something(draft) else draft for draft in drafts]


def _ends_something(draft: Draft) -> bool:
    return bool(draft.steps) and draft.change.action in {Action.DELETE, Action.FORGET}
