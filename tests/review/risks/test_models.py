"""Another model."""

from __future__ import annotations

import pytest

from reconciler.model.address import Address
from reconciler.model.plan import Notice
from tests.review.risks.world import MODEL, edited, helper, live, plan_for


@pytest.mark.parametrize("kind", ["release", "agent", "assistant"])
def test_another_model_is_a_risk_at_its_place(kind: str) -> None:
    plan = edited(helper(kind=kind), model="m-2")
    summary = "changes the model from m-1 to m-2"
    assert plan.risks == (Notice("R201", summary, Address("Assistant", "helper"), MODEL),)


def test_another_runtime_may_bring_another_model() -> None:
    plan = plan_for([helper(kind="agent", model="m-2")], [live(helper())])
    assert [risk.code for risk in plan.risks] == ["R102", "R201"]
    unread = live(helper(), spec={}, complete=False)
    plan = plan_for([helper(kind="agent", model="m-2", tools=[{"type": "web_search"}])], [unread])
    assert [risk.code for risk in plan.risks] == ["R102", "R302"]
