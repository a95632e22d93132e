"""An object that stays and changes: which fields, which documents, and because of whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from reconciler.kinds import KINDS
from reconciler.kinds.kind import Kind, TagPlace
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.json import refs
from reconciler.model.observed import Observed
from reconciler.model.plan import Action, Cause, Change, FileChanges, Reason, Verb, reason
from reconciler.model.reasons import ReasonCode
from reconciler.model.snapshot import Snapshot
from reconciler.ownership.digests import files_tag, observed_digest, stale_tags
from reconciler.planning.diff import Ids, diff
from reconciler.planning.drafts import Draft, doubles_told, file_changes, step_of
from reconciler.planning.matching import Match, tags_of


def updated(match: Match, current: Observed, ids: Ids, snapshot: Snapshot, blank: Change) -> Draft:
    """One object that stays: what differs, why, and the step that makes it equal."""
    desired, kind = match.desired, KINDS[match.desired.kind]
    files = file_changes(kind, desired, current)
    ignored = _is_ignored(kind, desired, current, files)
    if files and ignored:
        files = FileChanges(unmanaged=files.unmanaged)
    tags = stale_tags(kind, desired, current)
    if {desired.address, tags_of(current).address} & snapshot.holds.keys():
        tags.append("hold")
    missing = not current.complete and _waits(desired, ids)
    versions = kind.tag_place is TagPlace.VERSIONS
    posted = versions and (bool(files) or missing or bool({"address", "spec"} & set(tags)))
    deltas = diff(kind, desired, current, ids, rewritten=posted)
    change = replace(
        blank,
        id=current.id,
        fields=deltas,
        files=files,
        observed=observed_digest(current),
        verified=snapshot.verified.get(current.id),
        revision=tags_of(current).rev,
    )
    if not (deltas or files or tags or missing or match.pending):
        return Draft(change)
    moved = tags_of(current).address if tags_of(current).address != desired.address else None
    reasons = (
        *_why(moved, tags, missing=missing and not deltas, content=bool(deltas or files)),
        *doubles_told(match.pending),
    )
    only_doubles = not (deltas or files or tags or missing)
    causes = {delta.cause for delta in deltas}
    if files:
        causes.add(_cause_of_files(kind, desired, current))
    change = replace(
        change,
        action=Action.UPDATE,
        cause=_overall(causes, otherwise=_otherwise(missing=missing, only_doubles=only_doubles)),
        moved_from=moved,
        reasons=reasons,
    )
    step = step_of(Verb.UPDATE, change, desired=desired, observed=current, surplus=match.pending)
    keeps = versions and not (posted or deltas or _waits(desired, ids))
    return Draft(change, (replace(step, files=None if ignored else files, keeps_version=keeps),))


def _waits(desired: Desired, ids: Ids) -> bool:
    """Whether it refers to an object that is not there yet."""
    return any(ref.address not in ids.known for ref in refs(desired.spec) if not ref.address.path)


def _why(moved: Address | None, tags: Sequence[str], *, missing: bool, content: bool) -> Iterator[Reason]:
    """What an update is for, where its fields and documents do not tell."""
    if moved is not None:
        yield reason(ReasonCode.RENAMED, address=moved)
    elif missing:
        yield reason(ReasonCode.REFERENCE)
    elif tags == ["hold"] and not content:
        yield reason(ReasonCode.HOLD_ENDS)
        yield reason(ReasonCode.NOTHING_ELSE)
    elif tags and not content:
        yield reason(ReasonCode.ONLY_TAGS, tags=", ".join(tags))
    if "hold" in tags and (content or moved is not None):
        yield reason(ReasonCode.HOLD_ENDS)


def _is_ignored(kind: Kind, desired: Desired, current: Observed, files: FileChanges | None) -> bool:
    """Whether documents differ only by what somebody else did, and that is to be left alone."""
    left = "files" in desired.lifecycle.ignore_changes
    return bool(files) and left and _cause_of_files(kind, desired, current) is Cause.DRIFT


def _otherwise(*, missing: bool, only_doubles: bool) -> Cause:
    """The cause where no field and no document differs. A double was made by no person: a request arrived twice."""
    if only_doubles:
        return Cause.TOOL
    return Cause.REFERENCE if missing else Cause.MANIFEST


def _cause_of_files(kind: Kind, desired: Desired, current: Observed) -> Cause:
    """Which side changed, by the tag that speaks for the set of documents."""
    tags = tags_of(current)
    if kind.tag_place is TagPlace.VERSIONS:
        settled = tags.spec == desired.digest()
    else:
        settled = tags.files.split(":")[:2] == files_tag(desired).split(":")[:2]
    return Cause.DRIFT if settled else Cause.MANIFEST


def _overall(causes: set[Cause], *, otherwise: Cause) -> Cause:
    if Cause.BOTH in causes or {Cause.MANIFEST, Cause.DRIFT} <= causes:
        return Cause.BOTH
    return next((c for c in (Cause.MANIFEST, Cause.DRIFT, Cause.REFERENCE, Cause.TOOL) if c in causes), otherwise)
