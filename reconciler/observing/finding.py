"""Which objects of a kind are ours. What a list does not show is not taken to be absent.

An object that is taken to be absent is created once more. So before that, the list is read in the other order, and the
ids that the record names are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from reconciler.account.objects import get_object
from reconciler.kinds.kind import Kind
from reconciler.model.observed import Tags
from reconciler.observing.look import Look

Raw = dict[str, Any]
Pick = Callable[[Look, Iterable[Raw]], dict[str, Tags]]
"""The tags of those among some objects that are ours, by id."""


async def find(look: Look, kind: Kind, pick: Pick) -> tuple[dict[str, Raw], dict[str, Tags]]:
    """Every object of a kind that was seen, and the tags of those that are ours, both by id."""
    seen = {item["id"]: item for item in await look.lists.read(kind)}
    ours = pick(look, seen.values())
    if not _something_missing(look, kind, ours):
        return seen, ours
    seen |= {item["id"]: item for item in await look.lists.read(kind, "asc")}
    for entry in look.entries(kind):
        if entry.id not in seen and (raw := await get_object(look.account, kind, entry.id)):
            seen[entry.id] = raw
    return seen, pick(look, seen.values())


def _something_missing(look: Look, kind: Kind, ours: Mapping[str, Tags]) -> bool:
    """Whether an address has no object that the manifests want there, or that the record knows of."""
    expected = {item.address for item in look.scope.desired if item.kind == kind.name}
    expected |= {entry.address for entry in look.entries(kind)}
    return not expected <= {tags.address for tags in ours.values()}
