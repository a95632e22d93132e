"""Why something is in a plan: a code that programs go by, and the text that people read.

All the English of it stands in one table. Nothing depends on it: what a reason means is its code, so a text can be put
better at any time, and the digest of a plan covers the texts alone. (Renderers need the codes, and start without
dataclasses; so `Reason` itself stands in `reconciler.model.plan`.)
"""

from __future__ import annotations

import re
from enum import StrEnum


class ReasonCode(StrEnum):
    """What a reason says; the values of the plan's JSON form. First of changes, then of single documents."""

    RENAMED = "renamed"
    REFERENCE = "reference"
    HOLD_ENDS = "hold_ends"
    NOTHING_ELSE = "nothing_else"
    ONLY_TAGS = "only_tags"
    ONLY_LIFECYCLE = "only_lifecycle"
    UNCONFIRMED_DOUBLE = "unconfirmed_double"
    RESUMED = "resumed"
    GONE = "gone"
    ADOPTED = "adopted"
    UNUSABLE = "unusable"
    NOT_IN_PLACE = "not_in_place"
    OTHER_RUNTIME = "other_runtime"
    COMPLETED = "completed"
    NO_MANIFEST = "no_manifest"
    DOCUMENTS_GO = "documents_go"
    DESTROYED = "destroyed"
    RETAINED = "retained"
    NO_PRUNE = "no_prune"
    USED_BY_HELD = "used_by_held"
    HELD = "held"
    ROLLED_BACK = "rolled_back"

    NEW = "new"
    CONTENT = "content_changed"
    NAME = "name_changed"
    CHUNKING = "chunking_changed"
    ATTRIBUTES = "attributes_changed"
    """The one difference of a document that needs no upload."""
    FAILED = "failed"
    MISSING = "missing"
    ATTACHED_TWICE = "attached_twice"
    """An attachment goes although its document stays: another one of it counts. Its removal belongs to any step."""
    UNMANAGED = "unmanaged"


TEXTS = {
    ReasonCode.RENAMED: "renamed from {address}",
    ReasonCode.REFERENCE: "it refers to an object that is created or replaced",
    ReasonCode.HOLD_ENDS: "the hold of a rollback ends",
    ReasonCode.NOTHING_ELSE: "nothing else changes",
    ReasonCode.ONLY_TAGS: "only our tags change ({tags})",
    ReasonCode.ONLY_LIFECYCLE: "only its lifecycle changes ({flags}); the rollback stays",
    ReasonCode.UNCONFIRMED_DOUBLE: "{doubles} removed: {ids}",
    ReasonCode.RESUMED: "an interrupted run left {id} unconfirmed; it is completed",
    ReasonCode.GONE: "the object {id} is gone, or no longer carries our tags",
    ReasonCode.ADOPTED: "the manifest takes over this live object",
    ReasonCode.UNUSABLE: "{why}",
    ReasonCode.NOT_IN_PLACE: "{field} cannot be changed in place",
    ReasonCode.OTHER_RUNTIME: "it moves from {old} to {new}",
    ReasonCode.COMPLETED: "an interrupted replacement is completed",
    ReasonCode.NO_MANIFEST: "no manifest speaks of it any more",
    ReasonCode.DOCUMENTS_GO: "its {documents} with it",
    ReasonCode.DESTROYED: "destroy deletes everything of this stack",
    ReasonCode.RETAINED: "`on_delete: retain`: our tags go, the object stays",
    ReasonCode.NO_PRUNE: "left alone because of --no-prune",
    ReasonCode.USED_BY_HELD: "a release that is held uses it",
    ReasonCode.HELD: "held after a rollback",
    ReasonCode.ROLLED_BACK: "A person rolls it back from version {version}. "
    "It is held there until its manifest changes.",
    ReasonCode.NEW: "new",
    ReasonCode.CONTENT: "content changed",
    ReasonCode.NAME: "name changed",
    ReasonCode.CHUNKING: "chunking changed",
    ReasonCode.ATTRIBUTES: "attributes changed",
    ReasonCode.FAILED: "failed before",
    ReasonCode.MISSING: "missing in the account",
    ReasonCode.ATTACHED_TWICE: "attached twice{which}",
    ReasonCode.UNMANAGED: "added by somebody else",
}
"""What people read; words in braces are data."""


def fits(code: str, text: str) -> bool:
    """Whether a text is one that a code stands for, whatever the data in it."""
    if code not in TEXTS:
        return False
    parts = re.split(r"\{\w+\}", TEXTS[ReasonCode(code)])
    return re.fullmatch(".*".join(map(re.escape, parts)), text, re.DOTALL) is not None
