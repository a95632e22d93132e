"""What an assistant reaches, and what its tools may do."""

from __future__ import annotations

from reconciler.kinds import KINDS
from reconciler.model.address import Address
from reconciler.model.plan import Notice
from reconciler.ownership.digests import field_digests
from tests.review.risks.world import TOOLS, WIKI, edited, helper, live, plan_for, risks, tagged


def test_the_hosts_of_a_created_assistant_are_new() -> None:
    plan = plan_for([helper(tools=[WIKI])])
    said = "reaches mcp.example.com, which is new (tools.mcp:wiki.server_url)"
    assert plan.risks == (Notice("R301", said, Address("Assistant", "helper"), TOOLS),)


def test_a_host_that_was_there_is_not_new() -> None:
    moved = {**WIKI, "server_url": "https://mcp.example.com/other", "allowed_tools": ["read"]}
    assert risks(edited(helper(tools=[WIKI]), tools=[moved])) == []


def test_another_host_and_a_widened_tool_are_two_risks() -> None:
    narrow = {**WIKI, "allowed_tools": ["read"]}
    wide = {**WIKI, "server_url": "https://evil.example.net", "allowed_tools": ["read", "write"]}
    assert risks(edited(helper(tools=[narrow]), tools=[wide])) == [
        "R301 Assistant/helper reaches evil.example.net, which is new (tools.mcp:wiki.server_url)",
        "R302 Assistant/helper mcp:wiki may use more tools of its server: write",
    ]


def test_tools_of_a_created_assistant_are_not_widened() -> None:
    assert risks(plan_for([helper(tools=[{"type": "web_search"}])])) == []
    assert risks(edited(helper(), tools=[{"type": "web_search"}])) == [
        "R302 Assistant/helper web_search may search the web"
    ]


def test_ignored_drift_of_tools_is_no_risk() -> None:
    wanted = helper(kind="agent", tools=[{"type": "web_search"}], lifecycle={"ignore_changes": ("tools",)})
    there = tagged(live(wanted, spec={"model": "m-1", "tools": []}), fields=field_digests(KINDS["agent"], wanted))
    assert risks(plan_for([wanted], [there])) == []
