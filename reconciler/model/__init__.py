"""The values that every stage hands to the next: frozen, comparable, printable."""

from reconciler.model.address import Address, Ref, Span, Unknown, position
from reconciler.model.desired import Desired, Document, Lifecycle, documents_digest
from reconciler.model.diagnostics import Diagnostic, Problems, Rejected, Severity, did_you_mean, nearest
from reconciler.model.errors import Exit, Stop
from reconciler.model.events import Event, Outcome
from reconciler.model.json import ABSENT, ID_PATTERN, Json, Path, canonical, refs, same, sha256, substitute
from reconciler.model.observed import AccountInfo, Attachment, Observed, Tags, created_at
from reconciler.model.plan import (
    MOST_SESSIONS,
    Action,
    Blocked,
    Cause,
    Change,
    Delta,
    FileChange,
    FileChanges,
    Notice,
    Plan,
    Reason,
    Step,
    Verb,
    reason,
)
from reconciler.model.reasons import TEXTS, ReasonCode, fits
from reconciler.model.rules import Rules
from reconciler.model.snapshot import Snapshot, age

__all__ = [
    "ABSENT",
    "ID_PATTERN",
    "MOST_SESSIONS",
    "TEXTS",
    "AccountInfo",
    "Action",
    "Address",
    "Attachment",
    "Blocked",
    "Cause",
    "Change",
    "Delta",
    "Desired",
    "Diagnostic",
    "Document",
    "Event",
    "Exit",
    "FileChange",
    "FileChanges",
    "Json",
    "Lifecycle",
    "Notice",
    "Observed",
    "Outcome",
    "Path",
    "Plan",
    "Problems",
    "Reason",
    "ReasonCode",
    "Ref",
    "Rejected",
    "Rules",
    "Severity",
    "Snapshot",
    "Span",
    "Step",
    "Stop",
    "Tags",
    "Unknown",
    "Verb",
    "age",
    "canonical",
    "created_at",
    "did_you_mean",
    "documents_digest",
    "fits",
    "nearest",
    "position",
    "reason",
    "refs",
    "same",
    "sha256",
    "substitute",
]
