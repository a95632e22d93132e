"""What the tags remember of a spec: digests of fields, labels and references."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial

from reconciler.kinds.field import identity
from reconciler.kinds.kind import Kind, TagPlace
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.json import Json, refs, sha256
from reconciler.model.observed import Observed

LABELS = "labels"


def field_digest(value: Json) -> str:
    """The 12 hex digits that stand for one field in the tag; `value` in address form."""
    return sha256(value)[:12]


def field_digests(kind: Kind, desired: Desired) -> dict[str, str]:
    """What the fields tag says once this spec is applied."""
    spec = comparable(kind, desired.spec)
    digests = {name: field_digest(spec[name]) for name in desired.spec}
    if desired.labels and kind.tag_place is TagPlace.METADATA:
        digests[LABELS] = labels_digest(desired.labels)
    return digests


def labels_digest(labels: Mapping[str, str]) -> str:
    """One digest, and four hex digits per key so that removed keys can be told from foreign ones."""
    return "+".join([field_digest(dict(labels)), *(label_key(key) for key in sorted(labels))])


def label_key(key: str) -> str:
    """Four hex digits that stand for a label's key in the tag."""
    return sha256(key)[:4]


def managed_labels(observed: Observed) -> frozenset[str]:
    """The live metadata keys that we put there.

    Four hex digits can collide: where more live keys fit than we applied, none of them is taken to be ours.
    """
    if observed.tags is None:
        return frozenset()
    ours = Counter(observed.tags.fields.get(LABELS, "").split("+")[1:])
    there = Counter(label_key(key) for key in observed.labels)
    return frozenset(key for key in observed.labels if there[label_key(key)] <= ours[label_key(key)])


def item_keys(kind: Kind, name: str | int) -> tuple[str, ...]:
    """The keys that identify an item of a list in this field."""
    declared = kind.field(str(name))
    return (declared.item if declared else None) or ()


def comparable(kind: Kind, spec: Mapping[str, Json]) -> dict[str, Json]:
    """A spec with the server's defaults spelled out, and lists whose order means nothing sorted by identity."""
    full = kind.normalise(spec)
    for declared in kind.fields:
        value, keys = full.get(declared.name), declared.item
        if keys and isinstance(value, list):
            full[declared.name] = sorted(value, key=partial(identity, keys=keys))
    return full


def stale_tags(kind: Kind, desired: Desired, current: Observed) -> list[str]:
    """Which of our tags on the live object no longer say what is so, by name; the revision is never compared."""
    tags = current.tags
    if tags is None:
        return ["tags"]
    stale = []
    if tags.address != desired.address:
        stale.append("address")
    if tags.spec != desired.digest():
        stale.append("spec")
    if tags.protect != desired.lifecycle.protect:
        stale.append("protect")
    if tags.retain != desired.lifecycle.retain:
        stale.append("retain")
    if kind.tag_place is TagPlace.METADATA:
        if dict(tags.fields) != field_digests(kind, desired):
            stale.append("fields")
        if tags.files.split(":")[:2] != files_tag(desired).split(":")[:2]:
            stale.append("files")
    return stale


def files_tag(desired: Desired, usage: int | None = None) -> str:
    """`<count>:<32 hex>[:<usage_bytes>]` for the settled set of documents; empty when there are none."""
    if not desired.documents:
        return ""
    counted = f"{len(desired.documents)}:{desired.documents_digest()}"
    return counted if usage is None else f"{counted}:{usage}"


def observed_digest(item: Observed) -> str:
    """What a saved plan binds of a live object: its readable fields and our tags, never times, sizes or counts."""
    tags: Json = None
    if item.tags is not None:
        t = item.tags
        tags = [
            t.stack,
            t.lineage,
            str(t.address),
            t.state,
            t.spec,
            t.protect,
            t.retain,
            t.retiring,
            ":".join(t.files.split(":")[:2]),
        ]
    documents = None if item.documents is None else sorted([d.path or d.file_id, d.sha256] for d in item.documents)
    return "sha256:" + sha256(
        {"spec": item.spec, "labels": dict(item.labels), "tags": tags, "documents": documents, "version": item.version}
    )


def refs_digest(spec: Mapping[str, Json], ids: Mapping[Address, str]) -> str:
    """Eight hex digits over the ids that a spec's references stand for; empty when it has none or one is unknown."""
    wanted = [ref.address for ref in refs(spec) if ref.address.path is None]
    if not wanted:
        return ""
    if any(address not in ids for address in wanted):
        return "unknown"
    return sha256(sorted((str(address), ids[address]) for address in wanted))[:8]
