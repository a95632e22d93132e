"""`upload_limit`: one plan uploads no more bytes than `limits.max_upload_bytes` says.

Without it a glob that takes in a directory too many sends, and pays for, whatever lies there.
"""

from __future__ import annotations

from reconciler.model.rules import Rules
from reconciler.planning.drafts import Draft


def upload_limit(drafts: list[Draft], rules: Rules) -> list[Draft]:
    """Of too many bytes every upload is forbidden, and with it what was to follow it."""
    total = sum(map(_bytes, drafts))
    if total <= rules.max_upload_bytes:
        return drafts
    summary = (
        f"{total:,} bytes would be uploaded; limits.max_upload_bytes is {rules.max_upload_bytes:,}. "
        "Raise it in reconciler.yaml if that is meant."
    )
    forbidden = {str(step) for draft in drafts if _bytes(draft) for step in draft.steps}
    return [
        draft.forbidden("upload_limit", summary)
        if _bytes(draft) or any(forbidden.intersection(step.needs) for step in draft.steps)
        else draft
        for draft in drafts
    ]


def _bytes(draft: Draft) -> int:
    return draft.change.files.upload_bytes if draft.change.files and draft.steps else 0
