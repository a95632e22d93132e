"""Models that are shut down."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.address import Address
from reconciler.model.desired import Lifecycle
from reconciler.model.plan import Notice
from reconciler.model.rules import Rules
from reconciler.review.risks.shutdowns import NOTICE_DAYS
from tests.review.risks.world import MANIFEST, helper, live, plan_for, risks, store, tagged


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2027-02-20", "is shut down on 2027-02-20, 90 days from now"),
        ("2026-11-23", "is shut down on 2026-11-23, 1 day from now"),
        ("2026-11-22", "is shut down today, 2026-11-22"),
        ("2026-11-21", "was shut down on 2026-11-21, 1 day ago"),
        ("2027-02-21", None),
        ("soon", None),
        (None, None),
    ],
)
def test_a_shutdown_is_a_risk_from_ninety_days_before_on(day: str | None, said: str | None) -> None:
    plan = plan_for([helper()], [live(helper())], models={"m-1": day})
    expected = f"R202 Assistant/helper the model m-1 of Assistant/helper {said}"
    assert plan.empty
    assert risks(plan) == ([expected] if said else [])
    assert NOTICE_DAYS == 90


def test_one_shutdown_names_all_its_assistants_and_a_successor() -> None:
    wanted = [helper("b", model="gpt-5"), helper("a", "agent", model="gpt-5"), helper("c", fallback=["gpt-5"])]
    plan = plan_for(wanted, models={"gpt-5": "2026-12-11", "m-1": None})
    users = "Assistant/a, Assistant/b, Assistant/c"
    said = f"the model gpt-5 of {users} is shut down on 2026-12-11, 19 days from now. OpenAI names gpt-6.1-sol in its place"
    assert plan.risks == (Notice("R202", said, Address("Assistant", "a"), MANIFEST),)


def test_a_shutdown_is_about_what_runs_after_the_plan() -> None:
    models = {"m-1": "2026-12-11"}
    moved = plan_for([helper(model="m-2")], [live(helper())], models=models)
    assert risks(moved, "R202") == []
    assert risks(plan_for([store("x")], [live(helper()), live(store("x"))], models=models), "R202") == []
    assert len(risks(plan_for([], [live(helper())], rules=Rules(prune=False), models=models), "R202")) == 1
    half_made = tagged(live(helper("old")), state="pending")
    assert risks(plan_for([], [half_made], rules=Rules(prune=False), models=models), "R202") == []


def test_a_release_that_its_tag_vouches_for_runs_what_the_manifest_says() -> None:
    unread = live(helper(), spec={}, complete=False)
    assert len(risks(plan_for([helper()], [unread], models={"m-1": "2026-12-11"}))) == 1


def test_a_held_release_runs_its_old_model() -> None:
    wanted = helper(model="m-2")
    old = tagged(live(helper()), spec=wanted.digest())
    holds = {wanted.address: wanted.digest()}
    models = {"m-1": "2026-12-11", "m-2": "2026-12-11"}
    plan = plan_for([wanted], [old], holds=holds, models=models)
    assert [said.split()[4] for said in risks(plan)] == ["m-1"]
    flagged = replace(wanted, lifecycle=Lifecycle(protect=True))
    plan = plan_for([flagged], [old], holds=holds, models=models)
    assert [str(step) for step in plan.steps] == ["update Assistant/helper"]
    assert [said.split()[4] for said in risks(plan)] == ["m-1"]
