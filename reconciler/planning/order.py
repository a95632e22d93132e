"""Edges between steps, and the order that follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush

from reconciler.model.address import Address
from reconciler.model.json import Json, refs
from reconciler.model.plan import Step, Verb
from reconciler.planning.drafts import Draft


def with_edges(drafts: Sequence[Draft]) -> list[Step]:
    """The steps of all drafts, numbered by change, each with the steps that it waits for."""
    steps = _distinct([replace(step, change=number) for number, draft in enumerate(drafts) for step in draft.steps])
    creators = {step.address: str(step) for step in steps if step.verb is Verb.CREATE}
    uses = _Users(steps)
    edged = []
    for step, own in zip(steps, uses.all, strict=True):
        needs = set(step.needs)
        needs |= {creators[address] for address in own.wanted if address in creators and address != step.address}
        if step.verb in _ENDINGS:
            needs |= uses.end_before(own)
        edged.append(replace(step, needs=tuple(sorted(needs - {str(step)}))))
    return edged


def _distinct(steps: Sequence[Step]) -> list[Step]:
    """Each with a name of its own: several deletions at one address are counted."""
    seen: Counter[str] = Counter()
    found = []
    for step in steps:
        seen[str(step)] += 1
        found.append(replace(step, ordinal=seen[str(step)]))
    return found


@dataclass(frozen=True, slots=True)
class _Uses:
    """What a step means for other objects: the ids it is about, the strings their values hold, the addresses it wants.

    `unread`: the live value was not read (its tag vouched for it), so it may hold any of our ids.
    """

    step: str
    ids: frozenset[str]
    mentions: frozenset[str]
    wanted: frozenset[Address]
    about: Address
    creates: bool
    leaves: bool
    unread: bool

    @classmethod
    def of(cls, step: Step) -> _Uses:
        return cls(
            str(step),
            frozenset(item.id for item in step.objects),
            frozenset(text for item in step.objects for text in strings(item.spec)),
            frozenset(ref.address for ref in refs(step.desired.spec)) if step.desired else frozenset(),
            step.address,
            creates=step.verb is Verb.CREATE,
            leaves=step.desired is None,
            unread=any(not item.complete for item in step.objects),
        )

    def lets_go(self, other: _Uses) -> bool:
        """Whether this step ends a use of an object that another step is about."""
        if self.creates or not self.ids or self.ids & other.ids:
            return False
        if self.unread and self.leaves:
            return not other.unread and not self.ids & other.mentions
        return bool(self.mentions & other.ids) or (self.unread and other.about in self.wanted)


class _Users:
    """The uses of all steps, with an index that finds those which may have to do with a deletion."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.all = [_Uses.of(step) for step in steps]
        going = {item.id for step in steps if step.verb in _ENDINGS for item in step.objects}
        self._by_id: dict[str, list[_Uses]] = {}
        self._by_address: dict[Address, list[_Uses]] = {}
        self._leaving_unread: list[_Uses] = []
        for use in self.all:
            for object_id in use.mentions & going:
                self._by_id.setdefault(object_id, []).append(use)
            for address in use.wanted if use.unread else ():
                self._by_address.setdefault(address, []).append(use)
            if use.unread and use.leaves:
                self._leaving_unread.append(use)

    def end_before(self, own: _Uses) -> set[str]:
        """The steps that end a use of what a deletion is about."""
        mentioning = (use for object_id in own.ids for use in self._by_id.get(object_id, ()))
        candidates = (*mentioning, *self._by_address.get(own.about, ()), *self._leaving_unread)
        return {use.step for use in candidates if use.lets_go(own)}


def strings(value: Json) -> Iterator[str]:
    """Every text inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)


_VERBS = {Verb.ADOPT: 0, Verb.CREATE: 1, Verb.UPDATE: 2, Verb.FORGET: 3, Verb.DELETE: 4}
_ENDINGS = frozenset({Verb.DELETE, Verb.FORGET})


def in_order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Topological, and among the free ones by verb and address: deletions come last."""
    waiting = sorted(steps, key=lambda step: (_VERBS[step.verb], step.address, step.kind))
    ranks = {str(step): rank for rank, step in enumerate(waiting)}
    sorter = TopologicalSorter({str(step): step.needs for step in waiting})
    with suppress(CycleError):  # what is not in a circle comes all the same, and the rest is named below
        sorter.prepare()
    free: list[int] = []
    ordered: list[Step] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heappush(free, ranks[name])
        ordered.append(waiting[heappop(free)])
        sorter.done(str(ordered[-1]))
    if len(ordered) < len(waiting):
        left = ", ".join(str(step) for step in waiting if step not in ordered)
        raise ValueError(f"the steps need one another in a circle: {left}")
    return tuple(ordered)
