"""What risks are judged by, beside the changes of a plan and their steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.observed import Observed


@dataclass(frozen=True, slots=True)
class Facts:
    """What is wanted, what is live, and what is known of models.

    `wanted` and `objects` are everything that is desired and everything of ours that is live; `models` says when each
    model is shut down (ISO date, or None), as far as that is known; `as_of` is the plan's own date.
    """

    as_of: str
    wanted: Mapping[Address, Desired] = field(default_factory=dict)
    objects: Sequence[Observed] = ()
    models: Mapping[str, str | None] = field(default_factory=dict)
