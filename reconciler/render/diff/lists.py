"""Lists of plain values (stores, domains, names of tools, values of an enum): what came, what went, and the order."""

from collections.abc import Sequence
from typing import Any

from reconciler.render import escape

SETS = frozenset({"vector_store_ids", "allowed_tools", "allowed_domains", "file_ids", "include"})
"""Lists in which the place of an item means nothing."""


def differ_by_items(before: Any, after: Any) -> bool:
    """Whether two lists have some plain values in common, and none twice."""
    if not (isinstance(before, list) and isinstance(after, list)):
        return False
    if not all(map(_is_plain, (*before, *after))):
        return False
    old, new = set(map(_identity, before)), set(map(_identity, after))
    return len(old) == len(before) and len(new) == len(after) and bool(old & new)


def items(
    before: Sequence[Any], after: Sequence[Any], *, is_set: bool = False
) -> tuple[list[Any], list[Any], list[Any]]:
    """What went, what came; and the whole new list where that does not tell its order.

    It does when the old items keep theirs and what came stands at the end; of a set it may stand anywhere.
    """
    old, new = {_identity(item): item for item in before}, {_identity(item): item for item in after}
    went = [item for key, item in old.items() if key not in new]
    came = [item for key, item in new.items() if key not in old]
    kept = [key for key in new if key in old]
    told = kept == [key for key in old if key in new]
    told = told and (is_set or list(new)[: len(kept)] == kept)
    return went, came, [] if told else list(after)


def _is_plain(item: Any) -> bool:
    """A value that fits into a row: no structure, but for an id that only apply will know."""
    return not isinstance(item, dict | list) or (isinstance(item, dict) and item.keys() == {"known_after_apply"})


def _identity(item: Any) -> str:
    """1 and 1.0 are the same, 1 and true are not."""
    return escape.json_text(int(item) if isinstance(item, float) and item.is_integer() else item)
