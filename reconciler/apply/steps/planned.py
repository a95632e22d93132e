"""What a step was planned for, and how it fails when the account is no longer what the plan saw."""

from __future__ import annotations

from reconciler.apply.run import StepFailed
from reconciler.apply.states import Object, allowed
from reconciler.kinds import KINDS
from reconciler.kinds.kind import VersionedKind
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.errors import Exit
from reconciler.model.observed import Observed, Tags
from reconciler.model.plan import Step


def desired_of(step: Step) -> Desired:
    """What a step is to make so."""
    if step.desired is None:
        raise ValueError(f"{step} has nothing to make so")
    return step.desired


def observed_of(step: Step) -> Observed:
    """The live object that a step works on."""
    if step.observed is None:
        raise ValueError(f"{step} has no live object")
    return step.observed


def versioned_kind(step: Step) -> VersionedKind:
    """The kind of an object that has versions."""
    kind = KINDS[step.kind]
    if not isinstance(kind, VersionedKind):
        raise TypeError(f"{step.kind} has no versions")
    return kind


def fields_of(step: Step) -> list[str]:
    """The fields that differ; labels go along with every write."""
    return list(dict.fromkeys(delta.field for delta in step.fields if delta.field != "labels"))


def check_move(object_id: str, tags: Tags | None, after: Object) -> None:
    """Raise StepFailed when what an object's tags say, read just now, leaves no way to a state."""
    if not allowed(tags, after):
        raise changed(object_id)


def changed(object_id: object) -> StepFailed:
    """Somebody wrote to an object since the plan was made."""
    return StepFailed(f"{object_id} was changed since the plan was made; plan again", code=Exit.STALE)


def vanished(object_id: str) -> StepFailed:
    """Somebody deleted an object since the plan was made."""
    return StepFailed(f"{object_id} is gone since the plan was made; plan again", code=Exit.STALE)


def not_ours(object_id: str, address: Address | None = None) -> StepFailed:
    """An object carries no evidence any more."""
    where = f" ({address})" if address else ""
    return StepFailed(f"{object_id} no longer shows that it is ours{where}; left alone", code=Exit.STALE)


def tagged_meanwhile(object_id: str) -> StepFailed:
    """An object that was to be adopted has an owner, or is no more."""
    return StepFailed(f"{object_id} is gone, or somebody tagged it since the plan was made", code=Exit.STALE)
