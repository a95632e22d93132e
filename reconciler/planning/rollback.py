"""`rollback`: the pointer of a release goes back, and stays there until the manifest changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.kinds import KINDS
from reconciler.model.desired import Desired
from reconciler.model.errors import Exit, Stop
from reconciler.model.json import Json
from reconciler.model.observed import Observed
from reconciler.model.plan import Action, Change, Plan, Verb, reason
from reconciler.model.reasons import ReasonCode
from reconciler.model.snapshot import Snapshot
from reconciler.ownership.digests import observed_digest
from reconciler.planning.diff import Ids, diff
from reconciler.planning.drafts import step_of
from reconciler.planning.matching import tags_of
from reconciler.planning.plan import plan_of_nothing


def release_to(releases: Sequence[str], current: str | None, asked: str | None) -> str:
    """Of `releases`, newest first, the one that is asked for, or else the one before the current one. Raises Stop."""
    if asked is not None:
        if asked not in releases:
            raise Stop(Exit.INVALID, f"There is no release {asked}.", f"There are: {', '.join(releases)}.")
        if asked == current:
            raise Stop(Exit.INVALID, f"Release {asked} is the current one already.")
        return asked
    older = [one for one in releases if number_of(one) < number_of(current)]
    if not older:
        raise Stop(Exit.INVALID, "There is no release before the current one.", "`reconciler history` lists them.")
    return older[0]


def number_of(value: Json) -> int:
    """A version as a number; -1 for what is none."""
    return int(value) if isinstance(value, str) and value.isdecimal() else -1


def as_released(desired: Desired, content: Mapping[str, Json]) -> Desired:
    """What the manifest would have to say to give an old release; `content` is what its version holds."""
    return replace(desired, spec=content["spec"], labels=content["labels"], documents=())


def make_rollback(
    desired: Desired, back: Desired, current: Observed, version: str, snapshot: Snapshot, *, as_of: str, manifests: str
) -> Plan:
    """The plan that only moves the pointer of `current` to `version`, which holds what `back` says."""
    live = {item.id: tags_of(item).address for item in snapshot.objects}
    known = {address: object_id for object_id, address in live.items()}
    change = Change(
        desired.address,
        current.kind,
        Action.UPDATE,
        None,
        current.id,
        desired.span,
        fields=diff(KINDS[current.kind], back, current, Ids(known, live)),
        observed=observed_digest(current),
        reasons=(reason(ReasonCode.ROLLED_BACK, version=current.version),),
        version=version,
        revision=tags_of(current).rev,
    )
    step = step_of(Verb.UPDATE, change, desired=desired, observed=current)
    plan = plan_of_nothing(snapshot, as_of=as_of, manifests=manifests)
    return replace(plan, changes=(change,), steps=(replace(step, version=version),))
