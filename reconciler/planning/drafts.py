"""The pieces of a plan before edges and numbers are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.kinds.kind import Kind
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.json import ABSENT
from reconciler.model.observed import Observed
from reconciler.model.plan import Action, Blocked, Cause, Change, Delta, FileChanges, Reason, Step, Verb, reason
from reconciler.model.reasons import ReasonCode
from reconciler.ownership.digests import observed_digest
from reconciler.planning.diff import Ids, mark_unknown
from reconciler.planning.documents import diff_documents
from reconciler.planning.matching import Match, tags_of


@dataclass(frozen=True, slots=True)
class Draft:
    """A change and its steps before edges and numbers are known."""

    change: Change
    steps: tuple[Step, ...] = ()

    def forbidden(self, rule: str, summary: str) -> Draft:
        """The same change, forbidden by a safety rule: it has no steps."""
        return Draft(replace(self.change, blocked=Blocked(rule, summary)))


def doubles_told(surplus: Sequence[Observed]) -> tuple[Reason, ...]:
    """What is said of the unconfirmed objects that a step deletes: nobody ever got their ids."""
    if not surplus:
        return ()
    what = "an unconfirmed double is" if len(surplus) == 1 else f"{len(surplus)} unconfirmed doubles are"
    return (reason(ReasonCode.UNCONFIRMED_DOUBLE, doubles=what, ids=", ".join(item.id for item in surplus)),)


def half_made(match: Match) -> tuple[Observed | None, tuple[Observed, ...]]:
    """The unconfirmed object that is completed, and those that are deleted: one that expired is good for nothing."""
    first = match.pending[0] if match.pending and match.pending[0].usable else None
    return first, match.pending[1:] if first else match.pending


def change_of_old(blank: Change, first: Observed) -> Change:
    """The change that ends an old object."""
    address = tags_of(first).address
    return replace(
        blank,
        action=Action.REPLACE,
        cause=Cause.MANIFEST,
        id=first.id,
        moved_from=address if address != blank.address else None,
        observed=observed_digest(first),
        revision=tags_of(first).rev,
        replaces_kind=first.kind if first.kind != blank.kind else None,
    )


def deletions(items: Sequence[Observed], needs: tuple[str, ...] = ()) -> tuple[Step, ...]:
    """One step for each address and kind among some objects of ours, and for each that was being replaced."""
    groups: dict[tuple[Address, str, str], list[Observed]] = {}
    for item in items:
        apart = item.id if tags_of(item).retiring else ""
        groups.setdefault((tags_of(item).address, item.kind, apart), []).append(item)
    return tuple(
        Step(Verb.DELETE, address, kind, 0, needs=needs, observed=group[0], surplus=tuple(group[1:]))
        for (address, kind, _), group in groups.items()
    )


def step_of(
    verb: Verb,
    change: Change,
    *,
    desired: Desired,
    observed: Observed | None,
    surplus: tuple[Observed, ...] = (),
    replaces: Observed | None = None,
) -> Step:
    """A step of a change; its number and its edges come later."""
    return Step(
        verb,
        change.address,
        change.kind,
        0,
        desired=desired,
        observed=observed,
        files=change.files,
        fields=change.fields,
        surplus=surplus,
        replaces=replaces,
    )


def file_changes(kind: Kind, desired: Desired, current: Observed | None) -> FileChanges | None:
    """None when nothing is known to differ: no documents, or a tag that vouches for them."""
    if kind.documents is None or (current is not None and current.documents is None):
        return None
    live = () if current is None else current.documents or ()
    if not desired.documents and not live:
        return None
    return diff_documents(kind.documents, desired.documents, live)


def all_fields(desired: Desired, ids: Ids) -> tuple[Delta, ...]:
    """Every field of something new, as a delta."""
    found = [Delta((name,), ABSENT, mark_unknown(desired.spec[name], ids), Cause.NEW) for name in desired.spec]
    return tuple(
        found + [Delta(("labels", key), ABSENT, desired.labels[key], Cause.NEW) for key in sorted(desired.labels)]
    )
