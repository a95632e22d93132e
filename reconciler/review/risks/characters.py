"""Texts with unusual characters that they did not have before (R402)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.model.plan import Notice
from reconciler.review.lookalikes import Finding, new
from reconciler.review.reach import place, texts
from reconciler.review.risks.values import Values
from reconciler.review.risks.words import NAMED


def unusual_characters(values: Values) -> Iterator[Notice]:
    """Named by code point and place, never shown."""
    before = dict(texts(values.old, values.before or {}))
    for path, text in texts(values.kind, values.after):
        found = new(before.get(path, ""), text)
        if found:
            summary = f"unusual characters in {place(path)}: {_characters(found)}"
            yield values.notice("R402", summary, str(path[0]))


def _characters(found: Sequence[Finding]) -> str:
    more = f" and {len(found) - NAMED:,} more" if len(found) > NAMED else ""
    return ", ".join(str(item) for item in found[:NAMED]) + more
