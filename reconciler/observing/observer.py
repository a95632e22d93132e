"""The account → what is there of ours. GET only.

The number of requests depends on kinds and pages, not on documents: every collection that the stack uses is listed
once, and an object whose tag vouches for what cannot be seen in the list is not looked into. What a list does not show
is not taken to be absent before the list was read in the other order and the id that the anchor names was asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence

from reconciler.account.failures import stop_for
from reconciler.account.port import Account, Failure
from reconciler.kinds.kind import TagPlace, VersionedKind
from reconciler.model.observed import Observed
from reconciler.model.snapshot import Snapshot
from reconciler.observing.adoption import adoptable
from reconciler.observing.anchor import find_anchor, refuse_orphans
from reconciler.observing.in_use import kinds_in_use
from reconciler.observing.inventory import inventory
from reconciler.observing.lists import Lists
from reconciler.observing.look import Look
from reconciler.observing.models import shutdowns
from reconciler.observing.scope import Found, Scope
from reconciler.observing.tagged import read_tagged
from reconciler.observing.versioned import read_versioned
from reconciler.ownership.anchor import Anchor


async def observe(account: Account, scope: Scope) -> Found:
    """Read the account; raises Stop for what no plan can be made on."""
    try:
        return await _observe(account, scope)
    except Failure as failure:
        raise stop_for(failure) from failure


async def _observe(account: Account, scope: Scope) -> Found:
    """The record first, for it says what to look for; then what versions refer to; then what has versions."""
    lists = Lists(account, scope.desired)
    look = Look.of(scope, lists, await find_anchor(lists, scope))
    kinds = await kinds_in_use(look)
    objects = await _together(read_tagged(look, kind) for kind in kinds if kind.tag_place is TagPlace.METADATA)
    if look.anchor is None:
        refuse_orphans(scope, objects)
    objects += await _together(read_versioned(look, kind, objects) for kind in kinds if isinstance(kind, VersionedKind))
    if look.anchor is None:
        refuse_orphans(scope, objects)
    adopted = await adoptable(look, objects)
    models = await shutdowns(account, scope, objects)
    noted = inventory(look, objects, {kind.name for kind in kinds})
    return Found(_snapshot(look, objects, adopted, models), look.anchor, noted)


async def _together(groups: Iterable[Awaitable[list[Observed]]]) -> list[Observed]:
    return [item for group in await asyncio.gather(*groups) for item in group]


def _snapshot(
    look: Look, objects: Sequence[Observed], adopted: Mapping[str, Observed], models: Mapping[str, str | None]
) -> Snapshot:
    scope, anchor = look.scope, look.anchor or Anchor(look.scope.owner, "")
    return Snapshot(
        account=scope.account,
        stack=scope.stack,
        environment=scope.environment,
        lineage=anchor.lineage,
        serial=anchor.serial,
        first_apply=look.anchor is None,
        unclean=anchor.busy,
        objects=tuple(sorted(objects, key=lambda item: (item.kind, item.id))),
        adoptable=adopted,
        verified=look.verified,
        holds=anchor.holds,
        inventory=tuple((entry.kind, entry.address, entry.id) for entry in anchor.inventory),
        warnings=tuple(sorted(look.warnings, key=lambda item: (item.code, str(item.address), item.summary))),
        models=models,
    )
