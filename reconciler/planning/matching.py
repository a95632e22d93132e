"""Which live objects stand for what is wanted: the current one, what is half-made, what is about to end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.kinds import KINDS
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.json import refs
from reconciler.model.observed import Observed, Tags
from reconciler.model.plan import Reason, reason
from reconciler.model.reasons import ReasonCode
from reconciler.model.rules import Rules
from reconciler.model.snapshot import Snapshot
from reconciler.planning.diff import Ids, diff


@dataclass(frozen=True, slots=True)
class Match:
    """One desired resource and the live objects at its address, by their part in the plan."""

    desired: Desired
    current: Observed | None = None
    pending: tuple[Observed, ...] = ()
    old: tuple[Observed, ...] = ()
    rivals: tuple[Observed, ...] = ()
    adopt: Observed | None = None
    why_replace: Reason | None = None

    @property
    def stays(self) -> bool:
        """Whether the live object keeps its id."""
        return self.current is not None and not self.why_replace


def tags_of(item: Observed) -> Tags:
    """The tags of an object of ours."""
    assert item.tags is not None
    return item.tags


# Which part a live object plays at the address of a wanted resource. That it is ours, observing has shown before.
#
#   kind          confirmed  retiring   the object is
#   the wanted    yes        no         the oldest: current; each younger one: a rival (a person decides)
#   the wanted    no         any        pending: nobody has its id, so the first usable one is completed, the others go
#   the wanted    yes        yes        old: a replacement that an earlier run began is to end it
#   another       any        any        old: the manifest moved to another runtime
#
# At `moved_from` the same holds for confirmed objects; but one of the wanted kind that is not retiring moves only if
# nothing of this kind stands at the new address. With neither current nor pending, `adopt` names the object instead.


def match_of(desired: Desired, live: Mapping[Address, Sequence[Observed]], adoptable: Mapping[str, Observed]) -> Match:
    """The live objects at the address of one wanted resource, each by its part in the plan."""
    here = tuple(live.get(desired.address, ()))
    moved = desired.lifecycle.moved_from
    if moved is not None:
        taken = any(item.kind == desired.kind for item in here)
        published = (item for item in live.get(moved, ()) if tags_of(item).confirmed)
        here = (
            *here,
            *(item for item in published if not taken or item.kind != desired.kind or tags_of(item).retiring),
        )
    same_kind = [item for item in here if item.kind == desired.kind]
    ready = [item for item in same_kind if is_current(item)]
    pending = tuple(
        sorted((item for item in same_kind if not tags_of(item).confirmed), key=lambda item: not item.usable)
    )
    retiring = [item for item in same_kind if tags_of(item).confirmed and not is_current(item)]
    old = sorted((*retiring, *(item for item in here if item.kind != desired.kind)), key=confirmed_first)
    adopt = adoptable.get(desired.lifecycle.adopt or "") if not ready and not pending else None
    return Match(desired, ready[0] if ready else None, pending, tuple(old), tuple(ready[1:]), adopt)


def confirmed_first(item: Observed) -> tuple[bool, bool]:
    """What people know as the object, then what a replacement is about to end, then what is half-made."""
    return not is_current(item), not tags_of(item).confirmed


def is_current(item: Observed) -> bool:
    """Whether people know it as the object: confirmed, and not about to be replaced."""
    return tags_of(item).current


def decide_replacement(match: Match, ids: Ids) -> Match:
    """The match with the reason why its object cannot be changed in place, if there is one."""
    if match.current is None:
        return match
    if not match.current.usable:
        return replace(match, why_replace=reason(ReasonCode.UNUSABLE, why=match.current.why_unusable))
    kind = KINDS[match.desired.kind]
    for delta in diff(kind, match.desired, match.current, ids):
        declared = kind.field(delta.field)
        if declared is not None and declared.replaces:
            return replace(match, why_replace=reason(ReasonCode.NOT_IN_PLACE, field=declared.source))
    return match


def ids_of(matches: Iterable[Match], snapshot: Snapshot, rules: Rules) -> Ids:
    """An id is known where the live object stays: so does what would be replaced, in a run that replaces nothing."""
    known: dict[Address, str] = {}
    live: dict[str, Address] = {}
    for item in snapshot.objects:
        live |= {object_id: address for address, object_id in names_of(item, tags_of(item).address)}
    for match in matches:
        there = match.current if match.stays or rules.only else None
        if match.current is None and match.adopt is not None and match.adopt.tags is None:
            there = match.adopt
        if there is not None:
            names = dict(names_of(there, match.desired.address))
            known |= names
            live |= {object_id: address for address, object_id in names.items()}
    noted = {(kind, address): object_id for kind, address, object_id in reversed(snapshot.inventory)}
    return Ids(known, live, noted)


def names_of(item: Observed, address: Address) -> Iterator[tuple[Address, str]]:
    """What a live object and its documents stand for, and their ids."""
    yield address, item.id
    for file in item.documents or ():
        if file.path is not None:
            yield replace(address, path=file.path), file.file_id


def users_of(desired: Sequence[Desired]) -> dict[Address, list[str]]:
    """Who refers to an address, by that address."""
    users: dict[Address, list[str]] = {}
    for item in desired:
        for ref in refs(item.spec):
            if ref.address.owner != item.address:
                users.setdefault(ref.address, []).append(str(item.address))
    return users


def is_held(match: Match, snapshot: Snapshot, rules: Rules) -> bool:
    """Whether a rollback is to be left as it is."""
    same = snapshot.holds.get(match.desired.address) == match.desired.digest()
    return same and match.stays and not rules.roll_forward
