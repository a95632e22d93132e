"""Words that risks of all families use."""

from __future__ import annotations

from collections.abc import Sequence

NAMED = 20
"""Users, or unusual characters of one text, that are named; the others are counted."""


def listed(names: Sequence[str]) -> str:
    """Names with commas; what is too many is counted."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def counted(count: int, noun: str) -> str:
    """A number and its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
