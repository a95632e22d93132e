"""What the tags of a live object are evidence of, so that nothing more has to be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.account.objects import attachment_counts
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.observed import Observed, Tags
from reconciler.ownership.digests import files_tag, managed_labels, refs_digest


def our_labels(observed: Observed) -> dict[str, str]:
    """The live metadata pairs that we put there."""
    return {key: observed.labels[key] for key in sorted(managed_labels(observed))}


def vouch_for_documents(tags: Tags, desired: Desired, raw: Mapping[str, Any]) -> bool:
    """Whether a store's own tag and counts say that its documents are what the manifest wants."""
    if not tags.confirmed:
        return False
    total, completed = attachment_counts(raw)
    if not desired.documents:
        return total == 0 and not tags.files
    settled = f"{files_tag(desired)}:{raw.get('usage_bytes')}"
    return total == completed == len(desired.documents) and tags.files == settled


def vouch_for_version(tags: Tags, desired: Desired, ids: Mapping[Address, str]) -> bool:
    """Whether the tags of our last version say that it is what the manifest wants, with the ids that are known now."""
    return tags.spec == desired.digest() and tags.refs == refs_digest(desired.spec, ids)
