"""Finds a stack's record among the vector stores that claim to hold it, and refuses to guess where that is unclear."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.account.failures import stop_for
from reconciler.account.objects import get_object
from reconciler.account.port import Account, Failure
from reconciler.kinds.kind import Kind
from reconciler.model.errors import Exit, Stop
from reconciler.model.observed import Observed, created_at
from reconciler.observing.lists import Lists
from reconciler.observing.scope import Scope
from reconciler.ownership import anchor as anchors
from reconciler.ownership.anchor import ANCHOR_KIND, Anchor
from reconciler.ownership.tags import STACK

_RECOVERY = "Nothing was written. Is this the right key and project? If so: `reconciler recover` rebuilds the anchor."

Part = tuple[int, dict[str, Any]]
"""The number of a part, from 1, and the store that holds it."""


async def read_anchor(account: Account, scope: Scope) -> Anchor | None:
    """The stack's record alone; None when there is none. Raises Stop when no plan could be made on it."""
    try:
        return await find_anchor(Lists(account, scope.desired), scope)
    except Failure as failure:
        raise stop_for(failure) from failure


async def find_anchor(lists: Lists, scope: Scope) -> Anchor | None:
    """The same, out of lists that go on to be used. Raises Failure or Stop.

    A store that one order of the list does not show is looked for in the other: an anchor that is taken to be absent
    makes a second stack of the first one.
    """
    kind = ANCHOR_KIND
    pinned = await _pinned(lists.account, kind, scope.anchor)
    parts = _parts([*pinned, *await lists.read(kind)], scope.owner)
    if not _whole(parts):
        parts = _parts([*await lists.read(kind), *await lists.read(kind, "asc")], scope.owner)
    heads = [store for number, store in parts if number == 1]
    if scope.anchor is not None:
        heads = [store for store in heads if store["id"] == scope.anchor] or heads
    if heads:
        return _choose(heads, parts, scope.owner)
    if parts or scope.anchor is not None:
        raise Stop(
            Exit.DENIED,
            f"The anchor of {scope.owner} is incomplete, or the pinned one belongs to another stack.",
            _RECOVERY,
        )
    return None


def refuse_orphans(scope: Scope, objects: Sequence[Observed]) -> None:
    """Raise Stop for objects of ours where no record was found: they were not made by a first apply."""
    if objects:
        names = ", ".join(item.id for item in objects[:5])
        raise Stop(
            Exit.DENIED,
            f"Objects are tagged as ours ({scope.owner}), but there is no anchor: {names}.",
            f"The anchor was deleted, or the list is incomplete: try again. {_RECOVERY}",
        )


async def _pinned(account: Account, kind: Kind, store: str | None) -> list[dict[str, Any]]:
    """The anchor by its id, where that is known: no list can hide it."""
    if store is None:
        return []
    raw = await get_object(account, kind, store)
    if raw is None:
        raise Stop(Exit.DENIED, f"The anchor {store} that reconciler.yaml pins is not in this account.", _RECOVERY)
    return [raw]


def _choose(heads: Sequence[dict[str, Any]], parts: Sequence[Part], owner: str) -> Anchor:
    """The oldest record that can be read. Raises Stop where it has lost a part, or is not the only one in use."""
    oldest_first = sorted(heads, key=lambda store: (created_at(store), store["id"]))
    read = [anchors.decode(owner, [head, *_following(head, parts)]) for head in oldest_first]
    readable = [anchor for anchor in read if anchor is not None]
    torn = [head["id"] for head in heads if not _has_all(head, parts)]
    if torn and any(anchor.ids[0] in torn for anchor in readable):
        raise Stop(
            Exit.DENIED,
            f"A part of the anchor {torn[0]} of {owner} is missing.",
            f"It was deleted, or the list is incomplete: try again. {_RECOVERY}",
        )
    if any(anchor.inventory for anchor in readable[1:]):
        ids = ", ".join(f"{one.ids[0]} ({len(one.inventory)} objects)" for one in readable)
        raise Stop(
            Exit.REFUSED,
            f"There are several anchors of {owner}, and not the oldest one alone names objects: {ids}.",
            "Two first applies ran in parallel. `reconciler recover` says what belongs to which, and what to do.",
        )
    if not readable:
        raise Stop(
            Exit.DENIED,
            f"The anchor {heads[0]['id']} of {owner} cannot be read.",
            f"It was changed by hand, or written by a newer reconciler. {_RECOVERY}",
        )
    return readable[0]


def _parts(stores: Iterable[dict[str, Any]], owner: str) -> list[Part]:
    """Every part of every record of the stack, each store once."""
    found = {
        store["id"]: (number, store) for store in stores if (number := anchors.is_part(store.get("metadata"), owner))
    }
    return list(found.values())


def _whole(parts: Sequence[Part]) -> bool:
    """Whether every anchor's first part is there with as many others as it speaks of."""
    heads = [store for number, store in parts if number == 1]
    return bool(heads) and all(_has_all(store, parts) for store in heads)


def _has_all(head: Mapping[str, Any], parts: Sequence[Part]) -> bool:
    said = re.search(r";parts=([0-9]{1,4});", str(head["metadata"].get(anchors.ANCHOR)))
    there = {number for number, store in parts if _same_lineage(head, store)}
    return {*range(1, int(said[1]) + 1 if said else 1)} <= there


def _following(head: Mapping[str, Any], parts: Sequence[Part]) -> list[dict[str, Any]]:
    """The other parts of a record, in order."""
    ordered = sorted(parts, key=lambda part: (part[0], created_at(part[1]), part[1]["id"]))
    return [store for number, store in ordered if number > 1 and _same_lineage(head, store)]


def _same_lineage(head: Mapping[str, Any], store: Mapping[str, Any]) -> bool:
    return bool(store["metadata"][STACK] == head["metadata"][STACK])
