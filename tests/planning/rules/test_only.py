"""`--only`: some addresses, and nothing else is touched."""

from __future__ import annotations

from reconciler.model.address import Address
from reconciler.model.rules import Rules
from tests.planning.test_plan import change_of, expired, helper, live, plan_for, rule_of, said, steps, store


def only(*addresses: str) -> Rules:
    return Rules(only=frozenset(Address.parse(item) for item in addresses))


def test_only_takes_what_it_needs_and_nothing_else() -> None:
    wanted = [helper("docs"), store("docs"), store("other"), helper(name="third")]
    for rules in (only("Assistant/helper"), only("Assistant/helper", "VectorStore/docs")):
        assert steps(plan_for(wanted, rules=rules)) == ["create VectorStore/docs", "create Assistant/helper"]


def test_only_never_deletes() -> None:
    wanted = [helper("docs", model="m-2"), store("docs")]
    there = [live(helper("docs")), expired(live(store("docs"))), live(helper(name="gone"))]
    plan = plan_for(wanted, there, only("Assistant/helper", "Assistant/gone"))
    assert steps(plan) == ["update Assistant/helper"]
    assert said(plan.warnings) == ["W403"]


def test_only_says_no_to_what_it_would_have_to_replace() -> None:
    there = [live(store("docs")), expired(live(store("other")))]
    plan = plan_for([store("docs", "a.md"), store("other")], there, only("VectorStore/docs", "VectorStore/other"))
    assert (rule_of(plan), plan.warnings) == ("only", ())
    assert steps(plan) == ["update VectorStore/docs"]
    assert change_of(plan, "VectorStore/other").action == "replace"


def test_only_keeps_the_id_of_what_it_does_not_replace() -> None:
    wanted = [helper("docs"), store("docs")]
    plan = plan_for(wanted, [live(helper("docs")), expired(live(store("docs")))], only("Assistant/helper"))
    assert plan.steps == ()
    assert said(plan.warnings) == ["W403"]
