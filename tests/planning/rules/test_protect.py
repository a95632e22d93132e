"""Protection: what is not deleted and not replaced, and what it does not keep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.planning.test_plan import change_of, expired, foreign, helper, live, plan_for, rule_of, steps, store


def test_what_is_protected_is_not_deleted_even_without_its_manifest() -> None:
    plan = plan_for([store("docs")], [live(store("docs")), live(helper(protect=True))])
    assert rule_of(plan) == "protect"


@pytest.mark.parametrize("flagged", [True, False])
def test_what_is_protected_is_not_replaced(flagged: bool) -> None:
    wanted = store("docs", protect=True)
    plan = plan_for([wanted], [expired(live(wanted, protect=flagged))])
    assert rule_of(plan) == "protect"


def test_a_flag_on_what_expired_does_not_outlive_its_manifests() -> None:
    """Nothing could ever take it off: the only plan there is replaces the object."""
    wanted = store("docs")
    plan = plan_for([wanted], [expired(live(wanted, protect=True))])
    assert rule_of(plan) is None
    assert steps(plan) == ["create VectorStore/docs", "delete VectorStore/docs"]


@pytest.mark.parametrize("adopt", [None, "agt_9"])
def test_what_the_manifest_protects_from_now_on_does_not_move_to_another_runtime(adopt: str | None) -> None:
    wanted = helper(kind="agent", protect=True, adopt=adopt)
    there = {"agt_9": replace(foreign("agt_9", "agent"), documents=None)}
    plan = plan_for([wanted], [live(helper())], adoptable=there)
    assert (steps(plan), rule_of(plan)) == ([], "protect")
    assert (change_of(plan).action, change_of(plan).id) == ("replace", "assistant-helper")


def test_a_flag_on_what_expired_does_not_keep_an_interrupted_replacement_from_its_end() -> None:
    wanted = store("docs")
    plan = plan_for([wanted], [live(wanted, "vs_2"), expired(live(wanted, "vs_1", protect=True, retiring="run.1"))])
    assert steps(plan) == ["delete VectorStore/docs"]
    assert change_of(plan).id == "vs_1"


def test_what_was_never_confirmed_is_not_protected() -> None:
    plan = plan_for([store("docs")], [live(store("docs")), live(helper(protect=True), state="pending")])
    assert (rule_of(plan), steps(plan)) == (None, ["delete Assistant/helper"])


def test_what_is_protected_may_be_updated() -> None:
    plan = plan_for([helper(model="m-2", protect=True)], [live(helper(protect=True))])
    assert steps(plan) == ["update Assistant/helper"]


def test_a_protected_object_is_not_deleted_to_end_a_replacement() -> None:
    wanted = helper(kind="release")
    plan = plan_for([wanted], [live(wanted), live(helper(), protect=True)])
    assert rule_of(plan) == "protect"
