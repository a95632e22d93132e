"""Assistants that get another model (R201)."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.plan import Notice
from reconciler.review.lookalikes import plain
from reconciler.review.risks.values import Values


def other_models(values: Values) -> Iterator[Notice]:
    """The first model of what was there, and of what takes its place."""
    if values.before is None:
        return
    before, after = values.old.models(values.before)[:1], values.kind.models(values.after)[:1]
    if before and after and before != after:
        summary = f"changes the model from {plain(before[0])} to {plain(after[0])}"
        yield values.notice("R201", summary, "model")
