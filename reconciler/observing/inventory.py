"""What the record's inventory should say, by what was seen: after a crash it may lag behind."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from reconciler.kinds import KINDS
from reconciler.kinds.kind import TagPlace
from reconciler.model.address import Address
from reconciler.model.observed import Observed
from reconciler.observing.look import Look
from reconciler.ownership.anchor import Entry


def inventory(look: Look, objects: Sequence[Observed], seen: Collection[str]) -> tuple[Entry, ...]:
    """What is there, and what only the record knows: files by their ids, and releases if their kind was not `seen`."""
    there = {(entry.kind, entry.address): entry for entry in _objects(look, objects)}
    for entry in _only_recorded(look, objects, seen):
        there.setdefault((entry.kind, entry.address), entry)
    return tuple(there.values())


def _objects(look: Look, objects: Sequence[Observed]) -> Iterator[Entry]:
    for item in objects:
        tags = item.tags
        if tags is not None and tags.current:
            version = look.applied.get(item.id)
            yield Entry(item.kind, tags.address, item.id, version, tags.protect, tags.retain)


def _only_recorded(look: Look, objects: Sequence[Observed], seen: Collection[str]) -> Iterator[Entry]:
    owners = _owners(look, objects)
    for entry in look.anchor.inventory if look.anchor else ():
        if entry.address.path is not None and entry.address.owner in owners:
            yield replace(entry, address=replace(owners[entry.address.owner], path=entry.address.path))
        elif entry.kind not in KINDS or (entry.kind not in seen and KINDS[entry.kind].tag_place is TagPlace.VERSIONS):
            yield entry


def _owners(look: Look, objects: Sequence[Observed]) -> dict[Address, Address]:
    """The addresses of objects that name their files by bare ids, by all names that the record may have for them."""
    return {
        name: item.tags.address
        for item in objects
        if item.tags is not None and KINDS[item.kind].file_ids({}) is not None
        for name in look.all_names(KINDS[item.kind], item.tags.address, item.id)
    }
