"""`only`: `--only` does some addresses and what they need to exist, and deletes nothing.

Without it a run that was meant for one assistant would also delete and replace what others use, of which its reviewer
looked at nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.desired import Desired
from reconciler.model.json import refs
from reconciler.model.plan import Action, Notice
from reconciler.model.rules import Rules
from reconciler.planning.drafts import Draft


def restrict(drafts: list[Draft], wanted: Sequence[Desired], rules: Rules, warnings: list[Notice]) -> list[Draft]:
    """`--only`: these addresses and what they need to exist; deletes nothing, and leaves out nothing that it names."""
    if not rules.only:
        return drafts
    needed = set(rules.only)
    by_address = {item.address: item for item in wanted}
    queue = list(rules.only)
    while queue:
        item = by_address.get(queue.pop())
        for ref in refs(item.spec) if item else ():
            if ref.address.owner not in needed:
                needed.add(ref.address.owner)
                queue.append(ref.address.owner)
    kept = []
    for draft in drafts:
        change = draft.change
        if change.action is Action.REPLACE and change.address in needed:
            summary = "Needs to be replaced, which --only never does: it deletes nothing."
            if change.address in rules.only:
                kept.append(draft.forbidden("only", f"{summary} Leave --only out."))
            else:
                warnings.append(Notice("W403", summary, change.address))
            continue
        chosen = change.address in rules.only and change.action not in {Action.DELETE, Action.FORGET}
        if chosen or (change.address in needed and change.action in {Action.CREATE, Action.ADOPT}):
            kept.append(draft)
    return kept
