"""Edges and order: as the plain algorithms say that look at every pair, and in time that grows with the steps alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.address import Address, Ref
from reconciler.model.desired import Desired
from reconciler.model.observed import Observed
from reconciler.model.plan import Action, Change, Step, Verb
from reconciler.model.rules import Rules
from reconciler.planning import order
from reconciler.planning.drafts import Draft
from reconciler.planning.order import in_order, with_edges
from reconciler.planning.plan import make_plan
from tests.planning.test_plan import STACK, expired, helper, live, store

ADDRESSES = tuple(Address("VectorStore", name) for name in "abcd")
IDS = tuple(f"vs_{number}" for number in range(6))
VERBS = (*Verb, Verb.DELETE, Verb.DELETE)


@st.composite
def step(draw: st.DrawFn) -> Step:
    """Any step: what it works on mentions ids, and what it wants refers to addresses."""
    verb, address = draw(st.sampled_from(VERBS)), draw(st.sampled_from(ADDRESSES))
    kind = draw(st.sampled_from(("vector_store", "assistant")))
    objects = tuple(
        Observed(kind, object_id, {"x": draw(st.lists(st.sampled_from(IDS), max_size=3))}, {}, complete=draw(BOOLEANS))
        for object_id in draw(st.lists(st.sampled_from(IDS), max_size=2, unique=True))
    )
    wanted = [Ref(item) for item in draw(st.sets(st.sampled_from(ADDRESSES), max_size=2))]
    desired = None if verb in {Verb.DELETE, Verb.FORGET} else Desired(address, kind, {"x": wanted})
    return Step(verb, address, kind, 0, desired=desired, surplus=objects)


BOOLEANS = st.booleans()


def drafts_of(steps: Sequence[Step]) -> list[Draft]:
    return [Draft(Change(one.address, one.kind, Action.UPDATE), (one,)) for one in steps]


def edges_by_pairs(drafts: Sequence[Draft]) -> list[Step]:
    """Every step is asked about every deletion."""
    numbered = [replace(one, change=number) for number, draft in enumerate(drafts) for one in draft.steps]
    steps = order._distinct(numbered)
    creators = {one.address: str(one) for one in steps if one.verb is Verb.CREATE}
    uses = [order._Uses.of(one) for one in steps]
    edged = []
    for one, own in zip(steps, uses, strict=True):
        needs = set(one.needs)
        needs |= {creators[address] for address in own.wanted if address in creators and address != one.address}
        if one.verb in {Verb.DELETE, Verb.FORGET}:
            needs |= {str(other) for other, use in zip(steps, uses, strict=True) if use.lets_go(own)}
        edged.append(replace(one, needs=tuple(sorted(needs - {str(one)}))))
    return edged


def order_by_scans(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The first free one, again and again."""
    rank = {Verb.ADOPT: 0, Verb.CREATE: 1, Verb.UPDATE: 2, Verb.FORGET: 3, Verb.DELETE: 4}
    waiting = sorted(steps, key=lambda one: (rank[one.verb], one.address, one.kind))
    done: set[str] = set()
    ordered: list[Step] = []
    while waiting:
        free = next((one for one in waiting if done.issuperset(one.needs)), None)
        if free is None:
            raise ValueError(f"the steps need one another in a circle: {', '.join(map(str, waiting))}")
        waiting.remove(free)
        done.add(str(free))
        ordered.append(free)
    return tuple(ordered)


def answer(action: Callable[[], Any]) -> Any:
    """What it gives, or why it does not."""
    try:
        return action()
    except ValueError as error:
        return str(error)


@given(st.lists(step(), max_size=8))
def test_edges_and_order_are_those_of_the_plain_algorithms(steps: list[Step]) -> None:
    edged = with_edges(drafts_of(steps))
    assert edged == edges_by_pairs(drafts_of(steps))
    assert answer(lambda: in_order(edged)) == answer(lambda: order_by_scans(edged))


def calls_of(action: Callable[[], object]) -> int:
    """How many functions it calls, those of C among them: the same on every machine."""
    count = 0

    def counted(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counted)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("there", ["as wanted", "nothing", "expired stores", "no manifests"])
def test_twice_as_many_manifests_are_planned_in_about_twice_as_many_steps(there: str) -> None:
    def planning(count: int) -> Callable[[], object]:
        stores = [store(f"s-{number}", "a.md") for number in range(count)]
        wanted = [*stores, *(helper(f"s-{number}", name=f"h-{number}") for number in range(count))]
        objects = {"as wanted": map(live, wanted), "no manifests": map(live, wanted), "nothing": ()}.get(
            there, (expired(live(one)) if one in stores else live(one) for one in wanted)
        )
        inventory = tuple((one.kind, one.address, "vs_1") for one in wanted)
        snapshot = replace(STACK, objects=tuple(objects), inventory=inventory)
        rules = Rules(allow_deletes=10**6, destroy=there == "no manifests")
        return lambda: make_plan(wanted, snapshot, rules, as_of="2026-11-22", manifests="")

    assert calls_of(planning(200)) < 2.2 * calls_of(planning(100))
