"""`adopt`: only an object that is there, usable and nobody's is taken over.

Without it a mistyped id would create a second object beside the one that was meant, and an id of this very stack
would give one object two addresses.
"""

from __future__ import annotations

from reconciler.model.address import Address
from reconciler.model.observed import Observed
from reconciler.model.plan import Blocked
from reconciler.planning.rules.collision import owned_already


def no_adoption(object_id: str, found: Observed | None, mine: Address | None) -> Blocked | None:
    """What forbids to take over the object of this id: `found`, unless it is of this stack already (`mine`) or gone."""
    if mine is not None:
        return Blocked("adopt", f"{object_id} already is {mine} of this stack. To rename it: `moved_from: {mine}`.")
    if found is None:
        return Blocked("adopt", f"{object_id} is not there to adopt. Correct the id, or remove `adopt`.")
    if found.usable:
        return owned_already(found)
    summary = f"{found.id} is of no use any more: {found.why_unusable}. Correct the id, or remove `adopt`."
    return owned_already(found) or Blocked("adopt", summary)
