"""All risks of a plan, the gravest first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.review import approvals, planfile
from tests.review.risks.world import WIKI, helper, live, plan_for, risks, store


def test_what_is_blocked_has_no_risk_of_its_own() -> None:
    assert risks(plan_for([helper()], [live(store("docs", protect=True)), live(helper())])) == []


def test_what_does_not_change_is_no_risk() -> None:
    there = live(helper(tools=[WIKI]), spec={"model": "m-1", "instructions": "x", "tools": [WIKI]})
    plan = plan_for([helper(tools=[WIKI], instructions="y")], [there])
    assert (len(plan.steps), risks(plan)) == (1, [])


def test_the_gravest_come_first() -> None:
    was = [store("gone"), store("old", protect=True), helper("a", instructions="x"), helper("b", "agent")]
    expired = live(store("docs"), usable=False, why_unusable="it expired")
    wanted = [
        store("docs"),
        store("old"),
        helper("a", model="m-2", tools=[WIKI], instructions="\u202ex"),
        helper("b", "agent"),
        helper("c", "agent", lifecycle={"adopt": "agt_1"}),
    ]
    adopted = replace(live(helper("c", "agent")), id="agt_1", tags=None)
    plan = plan_for(wanted, [*map(live, was), expired], adoptable={"agt_1": adopted}, models={"m-1": "2026-12-11"})
    codes = ["R101", "R102", "R103", "R201", "R202", "R301", "R302", "R401", "R402"]
    assert [risk.code for risk in plan.risks] == codes
    body = planfile.to_json(plan)
    assert planfile.dumps(body) == planfile.dumps(planfile.to_json(plan))
    assert body["risks"][3]["source"] == {"file": "a.yaml", "line": 5, "column": 1}
    approvals.load(planfile.dumps(body).encode(), "plan.json")


_json: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["mcp", "web_search", "://", "all"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "server_label",
                    "server_url",
                    "allowed_tools",
                    "tool_names",
                    "require_approval",
                    "always",
                    "never",
                    "allowed_domains",
                    "container",
                    "network_policy",
                    "mode",
                    "transport",
                    "command",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(before=_json, after=_json, kind=st.sampled_from(["release", "agent", "assistant"]))
def test_no_shape_of_values_breaks_it(before: Any, after: Any, kind: str) -> None:
    wanted = helper(kind=kind, tools=after)
    plan = plan_for([wanted], [live(wanted, spec={"model": before, "tools": before})])
    assert all(risk.summary.isascii() for risk in plan.risks)
