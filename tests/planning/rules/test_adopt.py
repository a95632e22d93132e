"""Adoption: what cannot be taken over."""

from __future__ import annotations

from dataclasses import replace

from tests.planning.test_plan import change_of, foreign, live, plan_for, rule_of, steps, store


def test_what_is_not_there_is_not_taken() -> None:
    assert rule_of(plan_for([store("docs", adopt="vs_9")])) == "adopt"


def test_what_expired_before_it_was_taken_over_is_not_adopted() -> None:
    expired = replace(foreign("vs_9"), usable=False, why_unusable="the store expired and its documents are gone")
    plan = plan_for([store("docs", adopt="vs_9")], adoptable={"vs_9": expired})
    assert (steps(plan), rule_of(plan)) == ([], "adopt")
    assert plan.blocked[0].blocked is not None
    assert plan.blocked[0].blocked.summary == (
        "vs_9 is of no use any more: the store expired and its documents are gone. Correct the id, or remove `adopt`."
    )


def test_what_is_of_this_stack_is_renamed_and_not_adopted() -> None:
    plan = plan_for([store("docs"), store("more", adopt="vs_1")], [live(store("docs"), "vs_1")])
    assert (steps(plan), rule_of(plan)) == ([], "adopt")
    change = change_of(plan, "VectorStore/more")
    assert change.id == "vs_1"
    assert change.blocked is not None
    assert change.blocked.summary == (
        "vs_1 already is VectorStore/docs of this stack. To rename it: `moved_from: VectorStore/docs`."
    )
