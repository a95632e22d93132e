"""Objects that keep our tags in their metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.account.objects import attachment_counts
from reconciler.kinds.kind import Kind
from reconciler.model.desired import Desired
from reconciler.model.json import Json
from reconciler.model.observed import Observed, Tags
from reconciler.ownership import tags as tagging
from reconciler.ownership.digests import managed_labels


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


def our_labels(observed: Observed) -> dict[str, str]:
    """The live metadata pairs that we put there."""
    return {key: observed.labels[key] for key in sorted(managed_labels(observed))}


def vouched(desired: Desired | None, raw: Mapping[str, Any], tags: Tags) -> bool:
    """Whether a store's own tag and counts say that its documents are what the manifest wants."""
    if desired is None or not tags.confirmed:
        return False
    count, digest, usage = ([*tags.files.split(":"), "", "", ""])[:3]
    expected = (str(len(desired.documents)), desired.documents_digest()) if desired.documents else ("", "")
    total, completed = attachment_counts(raw)
    if (count, digest) != expected:
        return False
    if not desired.documents:
        return total == 0
    return total == completed == len(desired.documents) and str(raw.get("usage_bytes")) == usage
