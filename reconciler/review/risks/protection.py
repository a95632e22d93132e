"""Protection that is taken off (R401)."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.desired import Desired
from reconciler.model.plan import Notice, Step


def unprotected(step: Step, desired: Desired) -> Iterator[Notice]:
    """The object was confirmed and protected, and its manifest does not protect it any more."""
    live = step.observed
    if live is None or live.tags is None or desired.lifecycle.protect:
        return
    if live.tags.protect and live.tags.confirmed:
        summary = f"takes `protect` off {live.id}: later plans may delete or replace it"
        yield Notice("R401", summary, step.address, desired.span)
