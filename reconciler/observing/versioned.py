"""Objects whose tags stand in the description of immutable versions.

The default version is what people use, the version that the record names is what we applied last. Where they differ
somebody else made a version the default, and our tags are those of our own version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.account.objects import is_id, is_missing, newer, read_version, version_of
from reconciler.account.port import Call, Failure
from reconciler.kinds.kind import Kind, VersionedKind
from reconciler.model.address import Address
from reconciler.model.json import Json
from reconciler.model.observed import Attachment, Observed, Tags
from reconciler.observing.files import checked
from reconciler.observing.finding import find
from reconciler.observing.look import Look
from reconciler.ownership import tags as tagging
from reconciler.ownership.anchor import Entry
from reconciler.ownership.evidence import vouch_for_version

_NOTHING: Mapping[str, Json] = {"spec": {}, "labels": {}, "files": []}
"""The content of a version that cannot be read as one of ours."""


async def read_versioned(look: Look, kind: VersionedKind, others: Sequence[Observed]) -> list[Observed]:
    """Every object of ours of such a kind; `others` are the objects that its versions may refer to."""
    seen, lines = await find(look, kind, _our_lines)
    entries = {entry.id: entry for entry in look.entries(kind)}
    current = {item.tags.address: item for item in others if item.tags and item.tags.current}
    ids = {address: item.id for address, item in current.items() if item.usable}
    chosen = sorted(object_id for object_id in seen if object_id in lines or object_id in entries)
    found = await asyncio.gather(
        *(_read(look, kind, _Line(seen[key], lines.get(key), entries.get(key)), ids) for key in chosen)
    )
    return [item for item in found if item is not None]


@dataclass(frozen=True, slots=True)
class _Line:
    """An object as its list shows it: the tags of its default version, and what the record says of it."""

    raw: dict[str, Any]
    tags: Tags | None
    entry: Entry | None

    @property
    def id(self) -> str:
        return str(self.raw["id"])

    @property
    def live(self) -> str:
        """The default version."""
        return version_of(self.raw, "default_version")

    @property
    def applied(self) -> str:
        """The version that we applied last, by the record."""
        return self.entry.version if self.entry and self.entry.version else self.live

    def ahead(self, look: Look) -> bool:
        """Whether an interrupted run of ours made a newer version the default, and did not come to note it."""
        return self.tags is not None and look.unclean and newer(self.live, self.applied)


def _our_lines(look: Look, objects: Iterable[Mapping[str, Any]]) -> dict[str, Tags]:
    tags = {raw["id"]: tagging.decode_line(raw.get("description")) for raw in objects}
    return {object_id: line for object_id, line in tags.items() if line is not None and look.ours(line)}


async def _read(look: Look, kind: VersionedKind, line: _Line, ids: Mapping[Address, str]) -> Observed | None:
    live, applied = line.live, line.live if line.ahead(look) else line.applied
    look.applied[line.id] = applied
    tags = line.tags
    if applied != live:
        tags = await _tags_of(look, kind, line.id, applied) or tags
    if tags is None:
        summary = f"{line.id} does not show our tag in the version we last applied; it is treated as somebody else's."
        look.warn("W302", summary, line.entry.address if line.entry else None)
        return None
    tags = _as_recorded(look, kind, line, tags)
    desired = look.wanted(kind, tags.address)
    observed = Observed(kind.name, line.id, {}, line.raw, tags, version=live, complete=False)
    if not tags.confirmed:
        return replace(observed, complete=True, documents=())
    settled = desired is None or (live == applied and vouch_for_version(tags, desired, ids))
    if settled and not look.reads_fully(line.id):
        return observed
    return await _with_content(look, kind, observed, applied)


async def _tags_of(look: Look, kind: Kind, object_id: str, version: str) -> Tags | None:
    """Our tags in the description of one version."""
    call = Call("GET", f"{kind.collection}/{object_id}/versions/{version}", beta=kind.beta)
    try:
        reply = await look.account.send(call)
    except Failure as failure:
        if is_missing(failure):
            return None
        raise
    tags = tagging.decode_line(reply.data.get("description"))
    return tags if look.ours(tags) else None


def _as_recorded(look: Look, kind: Kind, line: _Line, tags: Tags) -> Tags:
    """The tags with what the record knows better: a version may say what the object was called before it was renamed.

    A run that was interrupted may have renamed it without noting that.
    """
    entry = line.entry
    if entry is None:
        return tags
    renamed = look.unclean and entry.address in look.names(kind, tags.address)
    address = tags.address if renamed or line.ahead(look) else entry.address
    return replace(tags, address=address, protect=entry.protect, retain=entry.retain)


async def _with_content(look: Look, kind: VersionedKind, observed: Observed, applied: str) -> Observed:
    """The object with what its default version says, and what we applied last."""
    live = observed.version or ""
    read = await read_version(look.account, kind, observed.id, live)
    last = read if live == applied else await read_version(look.account, kind, observed.id, applied)
    content = read or _NOTHING
    documents = (_file(item) for item in content["files"] if is_id(item.get("id")))
    return replace(
        observed,
        spec=content["spec"],
        labels=content["labels"],
        documents=await checked(look, observed.id, documents),
        last_applied={**last["spec"], "labels": last["labels"]} if last else None,
        complete=True,
    )


def _file(item: Mapping[str, Json]) -> Attachment:
    return Attachment(str(item["id"]), str(item.get("path")), str(item.get("sha256")), str(item.get("name")))
