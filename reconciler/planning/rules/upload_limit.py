"""How many bytes one plan may upload."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.plan import Blocked
from reconciler.model.rules import Rules
from reconciler.planning.drafts import Draft


def upload_limit(drafts: list[Draft], rules: Rules) -> list[Draft]:
    """More bytes to upload than limits.max_upload_bytes says are blocked."""
    total = sum(draft.change.files.upload_bytes for draft in drafts if draft.change.files and draft.steps)
    if total <= rules.max_upload_bytes:
        return drafts
    blocked = Blocked(
        "upload_limit",
        f"{total:,} bytes would be uploaded; limits.max_upload_bytes is {rules.max_upload_bytes:,}. "
        "Raise it in reconciler.yaml if that is meant.",
    )
    uploads = {id(draft) for draft in drafts if draft.change.files and draft.change.files.upload_bytes and draft.steps}
    return [Draft(replace(d.change, blocked=blocked)) if id(d) in uploads else d for d in drafts]
