"""What is read to recover a record: every store that says it is a part of it, and every object that names our stack."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from reconciler.account.objects import get_object
from reconciler.account.paging import list_all
from reconciler.account.port import Account, Failure, FailureKind
from reconciler.apply.session import Session
from reconciler.kinds import KINDS
from reconciler.kinds.kind import Kind, TagPlace
from reconciler.model.errors import Exit, Stop
from reconciler.model.observed import created_at
from reconciler.observing.anchor import read_anchor
from reconciler.ownership import anchor as anchors
from reconciler.ownership import tags as tagging
from reconciler.ownership.anchor import ANCHOR_BETA, ANCHOR_COLLECTION, ANCHOR_KIND, Anchor
from reconciler.upkeep.recovery.recovery import Part, Tagged, tagged

ORDERS: tuple[Literal["desc", "asc"], ...] = ("desc", "asc")


@dataclass(frozen=True, slots=True)
class Survey:
    """`parts` by number and age; `missing` are kinds that the account does not serve."""

    parts: tuple[Part, ...]
    objects: tuple[Tagged, ...] = ()
    missing: tuple[str, ...] = ()

    def parts_with(self, head: Part | None, lineage: str | None) -> list[Part]:
        """The parts of one record: those that follow carry its lineage, and `head` is the one that counts as first."""
        return [part for part in self.parts if part.lineage == lineage and (part is head or part.number > 1)]

    def heads_but(self, store: str | None) -> list[Part]:
        """All first parts except one."""
        return [part for part in self.parts if part.number == 1 and part.id != store]

    def lines(self, lineages: Iterable[str]) -> tuple[str, ...]:
        """One line for each lineage, for people: its anchor's stores, and its objects."""
        lines = []
        for lineage in sorted(lineages):
            stores = [part.id for part in self.parts if part.lineage == lineage]
            objects = [f"{item.tags.address} {item.id}" for item in self.objects if item.tags.lineage == lineage]
            named = ", ".join([*(f"anchor {store}" for store in stores), *sorted(objects)])
            lines.append(f"{lineage}: {named}")
        return tuple(lines)


async def judge(session: Session) -> Anchor | Stop | None:
    """What plan and apply make of the anchor; when the pinned one is gone, of one that is found without the pin."""
    scope = session.scope()
    try:
        return await read_anchor(session.account, scope)
    except Stop as stop:
        if scope.anchor is None or await _store(session.account, scope.anchor) is not None:
            return stop
    try:
        return await read_anchor(session.account, replace(scope, anchor=None))
    except Stop as stop:
        return stop


async def read_parts(session: Session) -> Survey:
    """The stores that say they are parts of our record."""
    scope, parts = session.scope(), list[Part]()
    stores = await _both(session.account, ANCHOR_COLLECTION, ANCHOR_BETA)
    pinned = scope.anchor
    if pinned is not None and pinned not in stores and (raw := await _store(session.account, pinned)) is not None:
        stores[pinned] = raw
    for store in stores.values():
        number = anchors.is_part(store.get("metadata"), scope.owner)
        if number is not None:
            owner = re.fullmatch(r".*#([0-9a-f]{12})", str(store["metadata"].get(tagging.STACK)))
            parts.append(Part(number, owner[1] if owner else None, str(store["id"]), store))
    return Survey(tuple(sorted(parts, key=lambda part: (part.number, created_at(part.store), part.id))))


async def read_objects(session: Session, survey: Survey) -> Survey:
    """With every object that names our stack, whatever its kind; a collection that is not there has none."""
    objects, missing = list[Tagged](), list[str]()
    for kind in KINDS.values():
        if kind.tag_place is TagPlace.ATTACHED:
            continue
        try:
            found = await _both(session.account, kind.collection, kind.beta)
        except Failure as failure:
            if failure.kind is not FailureKind.NOT_FOUND:
                raise
            _check_unused(session, kind)
            missing.append(kind.name)
            continue
        items = [tagged(kind, raw) for raw in found.values()]
        objects += [item for item in items if item is not None and item.tags.stack == session.scope().owner]
    return replace(survey, objects=tuple(objects), missing=tuple(missing))


def _check_unused(session: Session, kind: Kind) -> None:
    if any(item.kind == kind.name for item in session.loaded.desired):
        raise Stop(Exit.UNAVAILABLE, f"{kind.collection} cannot be read. {kind.gone}".strip())


async def _store(account: Account, store_id: str) -> dict[str, Any] | None:
    kind = ANCHOR_KIND
    return await get_object(account, kind, store_id)


async def _both(account: Account, path: str, beta: str | None) -> dict[str, dict[str, Any]]:
    """A collection in both orders: one of them may not show what was made a moment ago."""
    found: dict[str, dict[str, Any]] = {}
    for order in ORDERS:
        found |= {raw["id"]: raw for raw in await list_all(account, path, order=order, beta=beta)}
    return found
