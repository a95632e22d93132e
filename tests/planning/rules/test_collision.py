"""Collisions: several objects at one address, or one that is somebody else's."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.address import Address
from reconciler.model.observed import Tags
from reconciler.ownership.tags import ADDRESS, STACK
from tests.planning.test_plan import born, foreign, helper, live, plan_for, rule_of, steps, store


def test_of_two_confirmed_objects_without_a_manifest_none_is_deleted() -> None:
    plan = plan_for([store("docs")], [live(store("docs")), live(helper(), "a_1"), live(helper(), "a_2")])
    assert rule_of(plan) == "collision"


def test_two_confirmed_objects_of_the_runtime_that_is_left_are_refused() -> None:
    wanted = helper(kind="release")
    plan = plan_for([wanted], [live(helper(), "a_1"), live(helper(), "a_2")])
    assert (rule_of(plan), steps(plan)) == ("collision", [])


def test_two_live_objects_at_one_address_are_for_a_person_to_decide() -> None:
    wanted = store("docs")
    plan = plan_for([wanted], [born(live(wanted, "vs_2"), 2), born(live(wanted, "vs_1"), 1)])
    assert rule_of(plan) == "collision"
    assert "vs_1, vs_2" in str(plan.blocked[0].blocked)


def test_what_belongs_to_another_stack_is_not_taken() -> None:
    theirs = replace(live(store("docs")), tags=Tags("other", "f" * 12, Address("VectorStore", "docs")))
    plan = plan_for([store("docs", adopt="vs_9")], adoptable={"vs_9": replace(theirs, id="vs_9")})
    assert rule_of(plan) == "collision"
    assert "other" in str(plan.blocked[0].blocked)


def test_an_anchor_is_not_taken() -> None:
    tags = {STACK: "other#0123456789ab", ADDRESS: "Anchor/1"}
    anchor = replace(foreign("vs_9"), raw={"metadata": tags})
    plan = plan_for([store("docs", adopt="vs_9")], adoptable={"vs_9": anchor})
    assert rule_of(plan) == "collision"
    assert "vs_9 is the anchor of other" in str(plan.blocked[0].blocked)
