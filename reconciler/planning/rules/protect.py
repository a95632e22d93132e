"""`protect`: what is protected is neither deleted nor replaced.

Without it a manifest that is removed by mistake, or a field that cannot be changed in place, takes an object away whose
id is in use somewhere, and whose documents or sessions nothing brings back.

An object that nobody ever got the id of (not confirmed) is not protected. A flag on what can only be replaced could
never be taken off, so it keeps nothing from being replaced.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.observed import Observed
from reconciler.model.plan import Blocked, Reason
from reconciler.planning.matching import tags_of


def no_deletion(items: Iterable[Observed]) -> Blocked | None:
    """What forbids to delete objects that no manifest speaks of."""
    if not any(tags_of(item).protect and tags_of(item).confirmed for item in items):
        return None
    summary = "It is protected. Set `protect: false` in its manifest (put it back if it is gone), apply, then delete."
    return Blocked("protect", summary)


def no_replacement(old: Iterable[Observed], why: Reason, *, wanted: bool = False) -> Blocked | None:
    """What forbids to replace objects. `wanted`: their manifest protects them, whether their tags say so yet or not."""
    confirmed = [item for item in old if tags_of(item).confirmed]
    if not any(wanted or (tags_of(item).protect and item.usable) for item in confirmed):
        return None
    summary = f"It is protected and could only be replaced ({why.text}). Remove `protect: true`, apply, and try again."
    return Blocked("protect", summary)
