"""The documents of one resource, wanted and live → what is added, changed and removed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from reconciler.kinds.kind import DocumentKind
from reconciler.model.desired import Document
from reconciler.model.observed import Attachment
from reconciler.model.plan import FileChange, FileChanges, Reason, reason
from reconciler.model.reasons import ReasonCode


def diff_documents(kind: DocumentKind, documents: tuple[Document, ...], live: tuple[Attachment, ...]) -> FileChanges:
    """What happens to the files of one resource. Of several live files of one path, `settled` says which counts."""
    current = settled(documents, live)
    added: list[FileChange] = []
    changed: list[FileChange] = []
    updated: list[FileChange] = []
    for document in sorted(documents, key=lambda item: item.path):
        there = current.get(document.path)
        code = ReasonCode.NEW if there is None else kind.difference(document, there)
        if code is None:
            continue
        before = there.sha256 if there else None
        change = FileChange(document.path, document.bytes, document.sha256, reason(code), before)
        (added if there is None else updated if code is ReasonCode.ATTRIBUTES else changed).append(change)
    wanted = {document.path for document in documents}
    stay = wanted - {change.path for change in changed}
    gone = [FileChange(path, None, item.sha256) for path, item in current.items() if path not in wanted]
    gone += [
        FileChange(item.path, None, item.sha256, _double(item, current[item.path]))
        for item in live
        if item.path is not None and item.path in stay and current[item.path] is not item
    ]
    unmanaged = sorted((item for item in live if item.path is None), key=lambda item: item.file_id)
    return FileChanges(
        tuple(added),
        tuple(changed),
        tuple(updated),
        tuple(sorted(gone, key=lambda item: (item.path, item.sha256 or ""))),
        tuple(FileChange(item.file_id, None, None, reason(ReasonCode.UNMANAGED)) for item in unmanaged),
    )


def _double(item: Attachment, stays: Attachment) -> Reason:
    """Why an attachment is one too many, and which of the two is not processed yet."""
    renewed, which = stays.sha256 != item.sha256, ""
    if stays.status == "in_progress":
        which = "; the new version" if renewed else "; the one that stays"
        which += f" is still being processed ({_attached(stays)})"
        which += "; the old one serves until then" if renewed and item.status == "completed" else ""
    elif item.status == "in_progress":
        which = f"; this one is still being processed ({_attached(item)})"
    return reason(ReasonCode.ATTACHED_TWICE, which=which)


def _attached(item: Attachment) -> str:
    try:
        at = (
            f", attached {datetime.fromtimestamp(item.created_at, UTC):%Y-%m-%d %H:%M} UTC"
            if item.created_at > 0
            else ""
        )
    except (ValueError, OverflowError, OSError):
        at = ""
    return f"{item.file_id}{at}"


def settled(documents: tuple[Document, ...], live: tuple[Attachment, ...]) -> dict[str, Attachment]:
    """The live file that counts for each path: usable, then of the wanted content, then processed, then the oldest."""
    wanted = {document.path: document.sha256 for document in documents}
    found: dict[str, Attachment] = {}
    for item in sorted(live, key=lambda one: (one.created_at, one.file_id)):
        if item.path is None:
            continue
        rival = found.get(item.path)
        if rival is None or _rank(item, wanted) > _rank(rival, wanted):
            found[item.path] = item
    return found


def _rank(item: Attachment, wanted: Mapping[str, str]) -> tuple[bool, bool, bool]:
    usable = item.status in {"completed", "in_progress"}
    return usable, item.path is not None and item.sha256 == wanted.get(item.path), item.status == "completed"
