"""Changes of a plan → what a reviewer has to see first, the gravest risk first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds import KINDS
from reconciler.model.address import Address, Ref, Span
from reconciler.model.desired import Desired, Document, Lifecycle
from reconciler.model.json import Json, Path
from reconciler.model.observed import AccountInfo, Attachment, Observed, Tags
from reconciler.model.plan import Notice, Plan
from reconciler.model.rules import Rules
from reconciler.model.snapshot import Snapshot
from reconciler.ownership.digests import files_tag
from reconciler.planning.plan import make_plan
from reconciler.review import approvals, planfile
from reconciler.review.judge import judged
from reconciler.review.risks import NOTICE_DAYS

TODAY = "2026-11-22"
MANIFEST, TOOLS, MODEL = Span("a.yaml"), Span("a.yaml", 9), Span("a.yaml", 5)
CYRILLIC_A = "\u0430"
WIKI = {"type": "mcp", "server_label": "wiki", "server_url": "https://mcp.example.com/wiki"}


def store(name: str, *paths: str, **lifecycle: Any) -> Desired:
    documents = tuple(Document(path, path, path, 10, "a" * 64) for path in paths)
    address = Address("VectorStore", name)
    spec = {"name": name}
    return Desired(address, "vector_store", spec, {}, documents, Lifecycle(**lifecycle), {(): MANIFEST})


def helper(name: str = "helper", kind: str = "release", model: str = "m-1", **fields: Json) -> Desired:
    lifecycle = Lifecycle(**fields.pop("lifecycle", {}))
    spans: dict[Path, Span] = {(): MANIFEST, ("tools",): TOOLS, ("model",): MODEL}
    return Desired(Address("Assistant", name), kind, {"model": model, **fields}, {}, (), lifecycle, spans)


def live(wanted: Desired, **changes: Any) -> Observed:
    """What stands in the account once `wanted` was applied."""
    tags = Tags(
        "acme",
        "0" * 12,
        wanted.address,
        spec=wanted.digest(),
        rev="abcdef123456",
        protect=wanted.lifecycle.protect,
        files=files_tag(wanted, 10),
    )
    documents = tuple(Attachment(f"f-{item.path}", item.path, item.sha256, item.name) for item in wanted.documents)
    item = Observed(
        wanted.kind,
        f"{wanted.kind}-{wanted.address.name}",
        _with_ids(wanted.spec),
        {"created_at": 1},
        tags,
        documents=documents if KINDS[wanted.kind].documents else None,
        version="1" if wanted.kind == "release" else None,
    )
    return replace(item, **changes)


def _with_ids(value: Any) -> Any:
    if isinstance(value, Ref):
        return f"vector_store-{value.address.name}"
    if isinstance(value, Mapping):
        return {key: _with_ids(item) for key, item in value.items()}
    return [_with_ids(item) for item in value] if isinstance(value, list) else value


def tagged(item: Observed, **tags: Any) -> Observed:
    assert item.tags is not None
    return replace(item, tags=replace(item.tags, **tags))


def searching(*ids: Json, name: str = "helper") -> Desired:
    return helper(name, tools=[{"type": "file_search", "vector_store_ids": list(ids)}])


def ref(name: str) -> Ref:
    return Ref(Address("VectorStore", name))


def plan_for(
    desired: Iterable[Desired], objects: Iterable[Observed] = (), *, rules: Rules | None = None, **snapshot: Any
) -> Plan:
    there = Snapshot(AccountInfo("local"), "acme", lineage="0" * 12, serial=1, objects=tuple(objects), **snapshot)
    rules, wanted = rules or Rules(), list(desired)
    plan = make_plan(wanted, there, rules, as_of=TODAY, manifests="sha256:0")
    return judged(plan, () if rules.destroy else wanted, there)


def risks(plan: Plan, code: str = "") -> list[str]:
    return [f"{risk.code} {risk.address} {risk.summary}" for risk in plan.risks if risk.code.startswith(code)]


def edited(before: Desired, **fields: Json) -> Plan:
    """The plan after a manifest was edited; a field that is None is removed."""
    spec = {key: value for key, value in {**before.spec, **fields}.items() if value is not None}
    return plan_for([replace(before, spec=spec)], [live(before)])


# --- what goes --------------------------------------------------------------------------------------------------------


def test_a_deleted_store_is_named_with_its_documents_and_who_used_it() -> None:
    was, now = searching(ref("docs")), helper()
    plan = plan_for([now], [live(store("docs", "a.md", "b.md")), live(was)])
    said = "deletes vector_store-docs with 2 documents; used by Assistant/helper until now"
    assert risks(plan) == [f"R101 VectorStore/docs {said}"]
    assert plan.changes[-1].affects == ("Assistant/helper",)


def test_who_goes_on_using_what_is_deleted_is_told_apart() -> None:
    by_id = searching("vector_store-docs")
    plan = plan_for([by_id], [live(store("docs", "a.md")), live(by_id)])
    said = "deletes vector_store-docs with 1 document; still used by Assistant/helper"
    assert risks(plan) == [f"R101 VectorStore/docs {said}"]


def test_users_that_are_deleted_too_are_not_named() -> None:
    plan = plan_for([store("x")], [live(store("docs")), live(searching(ref("docs"))), live(store("x"))])
    assert risks(plan, "R101") == [
        "R101 Assistant/helper deletes release-helper",
        "R101 VectorStore/docs deletes vector_store-docs",
    ]


def test_unlisted_documents_are_counted_by_the_tag() -> None:
    there = live(store("docs", "a.md", "b.md", "c.md"), documents=None)
    assert "with 3 documents" in risks(plan_for([helper()], [there, live(helper())]))[0]
    there = tagged(there, files="")
    assert risks(plan_for([helper()], [there, live(helper())])) == ["R101 VectorStore/docs deletes vector_store-docs"]


def test_what_goes_without_documents_by_its_kind_names_none() -> None:
    agent = helper("old", "agent")
    assert risks(plan_for([helper()], [live(agent), live(helper())])) == ["R101 Assistant/old deletes agent-old"]


def test_every_object_that_a_deletion_takes_is_named() -> None:
    first, second = live(store("docs", "a.md")), live(store("docs"), id="vs_2")
    plan = plan_for([helper()], [first, tagged(second, state="pending"), live(helper())])
    assert risks(plan) == ["R101 VectorStore/docs deletes vector_store-docs and vs_2"]


def test_many_users_are_counted_beyond_twenty() -> None:
    users = [searching("vector_store-docs", name=f"h-{number:02}") for number in range(23)]
    said = risks(plan_for(users, [live(store("docs")), *map(live, users)]))[0]
    assert said.endswith("Assistant/h-19 and 3 more")


def test_a_replacement_names_who_has_to_follow() -> None:
    expired = live(store("docs", "a.md"), usable=False, why_unusable="it expired")
    user = searching(ref("docs"))
    plan = plan_for([store("docs", "a.md"), user], [expired, live(user)])
    said = "replaces vector_store-docs: its id changes; used by Assistant/helper"
    assert risks(plan) == [f"R102 VectorStore/docs {said}"]


def test_the_end_of_an_interrupted_replacement_is_no_second_one() -> None:
    old = tagged(live(store("docs"), id="vs_old"), retiring="x.1")
    plan = plan_for([store("docs")], [old, live(store("docs"))])
    assert risks(plan) == ["R102 VectorStore/docs deletes vs_old, which an interrupted run has replaced"]


@pytest.mark.parametrize(("model", "also"), [("m-1", ""), ("m-2", "; overwrites its model")])
def test_an_adoption_names_what_it_overwrites(model: str, also: str) -> None:
    agent = helper(kind="agent", lifecycle={"adopt": "agt_1"})
    there = {"agt_1": replace(live(agent), id="agt_1", tags=None, spec={"model": model})}
    said = risks(plan_for([agent], adoptable=there), "R103")
    assert said == [f"R103 Assistant/helper takes over agt_1, which was made by somebody else{also}"]


def test_what_is_blocked_has_no_risk_of_its_own() -> None:
    assert risks(plan_for([helper()], [live(store("docs", protect=True)), live(helper())])) == []


def test_taking_protection_off_is_a_risk() -> None:
    plan = plan_for([store("docs")], [live(store("docs", protect=True))])
    said = "takes `protect` off vector_store-docs: later plans may delete or replace it"
    assert plan.risks == (Notice("R401", said, Address("VectorStore", "docs"), MANIFEST),)
    assert risks(plan_for([store("docs", protect=True)], [live(store("docs"))])) == []
    half_made = tagged(live(store("docs")), state="pending", protect=True)
    assert risks(plan_for([store("docs")], [half_made])) == []


# --- models -----------------------------------------------------------------------------------------------------------


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


# --- what it reaches and may do ---------------------------------------------------------------------------------------


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


def test_what_does_not_change_is_no_risk() -> None:
    there = live(helper(tools=[WIKI]), spec={"model": "m-1", "instructions": "x", "tools": [WIKI]})
    plan = plan_for([helper(tools=[WIKI], instructions="y")], [there])
    assert (len(plan.steps), risks(plan)) == (1, [])


def test_ignored_drift_of_tools_is_no_risk() -> None:
    wanted = helper(kind="agent", tools=[{"type": "web_search"}], lifecycle={"ignore_changes": ("tools",)})
    from reconciler.ownership.digests import field_digests

    there = tagged(live(wanted, spec={"model": "m-1", "tools": []}), fields=field_digests(KINDS["agent"], wanted))
    assert risks(plan_for([wanted], [there])) == []


# --- unusual characters -----------------------------------------------------------------------------------------------


def test_unusual_characters_are_named_and_never_shown() -> None:
    text = f"Be brief.\nHelp p{CYRILLIC_A}ypal users.\u202e"
    plan = edited(helper(instructions="Be brief.\n"), instructions=text)
    (said,) = risks(plan)
    assert said == (
        "R402 Assistant/helper unusual characters in instructions: "
        "U+0430 CYRILLIC SMALL LETTER A in a Latin word (line 2, column 7), "
        "U+202E RIGHT-TO-LEFT OVERRIDE (line 2, column 19)"
    )
    assert said.isascii()


def test_unusual_characters_that_were_there_are_no_risk() -> None:
    assert risks(edited(helper(name=f"p{CYRILLIC_A}l"), instructions="x")) == []
    was = helper(instructions=f"p{CYRILLIC_A}l\n")
    assert risks(edited(was, instructions=f"p{CYRILLIC_A}l\nx\n")) == []


def test_a_tool_with_a_name_that_looks_like_another_is_a_risk() -> None:
    label = f"p{CYRILLIC_A}ypal"
    said = risks(plan_for([helper(tools=[{**WIKI, "server_label": label}])]), "R402")
    where = "unusual characters in tools.mcp:p<U+0430>ypal.server_label: "
    assert said == [f"R402 Assistant/helper {where}U+0430 CYRILLIC SMALL LETTER A in a Latin word (line 1, column 2)"]


def test_labels_are_looked_at_too() -> None:
    wanted = replace(helper(), labels={"team": "a\u200bb"})
    assert risks(plan_for([wanted]), "R402")[0].startswith(
        "R402 Assistant/helper unusual characters in labels.team: U+200B"
    )


# --- all of it --------------------------------------------------------------------------------------------------------


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
