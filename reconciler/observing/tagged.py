"""Objects that keep our tags in their metadata."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.account.objects import is_id, list_attachments
from reconciler.kinds.kind import Kind
from reconciler.model.json import Json
from reconciler.model.observed import Observed, Tags
from reconciler.observing.files import recorded_files
from reconciler.observing.finding import find
from reconciler.observing.look import Look
from reconciler.ownership import anchor as anchors
from reconciler.ownership import tags as tagging
from reconciler.ownership.evidence import vouch_for_documents


async def read_tagged(look: Look, kind: Kind) -> list[Observed]:
    """Every object of ours of such a kind, with its documents unless its tag vouches for them."""
    seen, ours = await find(look, kind, _ours)
    return list(await asyncio.gather(*(_read(look, kind, seen[object_id], tags) for object_id, tags in ours.items())))


def _ours(look: Look, objects: Iterable[Mapping[str, Any]]) -> dict[str, Tags]:
    """By id, the tags of those that are ours; one that has our name and not our lineage is left alone."""
    found: dict[str, Tags] = {}
    for raw in objects:
        tags = tagging.decode(raw.get("metadata"))
        if tags is None or tags.stack != look.scope.owner or tags.address.kind == anchors.KIND:
            continue
        if look.ours(tags):
            found[raw["id"]] = tags
        else:
            look.warn("W301", f"{raw['id']} carries our stack's name but another lineage; left alone.", tags.address)
    return found


async def _read(look: Look, kind: Kind, raw: dict[str, Any], tags: Tags) -> Observed:
    desired = look.wanted(kind, tags.address)
    observed = observed_from(kind, raw, tags, desired.spec if desired else {})
    if kind.documents is None:
        return observed
    files = kind.file_ids(raw)
    if files is not None:
        known = [file_id for file_id in files if is_id(file_id)]
        return replace(observed, documents=await recorded_files(look, kind, tags.address, raw["id"], known))
    if desired and not look.reads_fully(raw["id"]) and vouch_for_documents(tags, desired, raw):
        look.verified[raw["id"]] = "tag"
        return observed
    look.verified[raw["id"]] = "full"
    return replace(observed, documents=await list_attachments(look.account, kind, raw["id"]))


def observed_from(kind: Kind, raw: Mapping[str, Any], tags: Tags | None, like: Mapping[str, Json]) -> Observed:
    """One object with metadata as the engine sees it."""
    why = kind.unusable(raw)
    return Observed(
        kind.name,
        str(raw["id"]),
        kind.decode(raw, like),
        raw,
        tags,
        tagging.user_pairs(raw.get("metadata")),
        usable=why is None,
        why_unusable=why or "",
    )
