"""Desired and observed → ordered steps, and what the safety rules forbid."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds import KINDS
from reconciler.kinds.kind import TagPlace
from reconciler.model.address import Address, Ref, Span
from reconciler.model.desired import Desired, Document, Lifecycle
from reconciler.model.json import Json
from reconciler.model.observed import AccountInfo, Attachment, Observed, Tags
from reconciler.model.plan import Change, Notice, Plan, Step, Verb
from reconciler.model.rules import Rules
from reconciler.model.snapshot import Snapshot
from reconciler.ownership.digests import field_digests, files_tag, stale_tags
from reconciler.planning.plan import make_plan
from reconciler.review import approvals, planfile
from reconciler.review.judge import judged

LINEAGE = "0123456789ab"
STACK = Snapshot(AccountInfo("local"), "acme", lineage=LINEAGE, serial=3)


# --- a world in few words ---------------------------------------------------------------------------------------------


def store(name: str, *paths: str, **lifecycle: Any) -> Desired:
    documents = tuple(Document(path, f"docs/{path}", path, 10, "a" * 64) for path in paths)
    address = Address("VectorStore", name)
    return Desired(address, "vector_store", {"name": name}, documents=documents, lifecycle=Lifecycle(**lifecycle))


def helper(
    *stores: str, name: str = "helper", kind: str = "assistant", model: str = "m-1", **lifecycle: Any
) -> Desired:
    """An assistant that searches some stores."""
    found: list[Json] = [Ref(Address("VectorStore", item)) for item in stores]
    spec: dict[str, Json] = {"model": model}
    if found and kind == "assistant":
        spec |= {"tools": [{"type": "file_search"}], "tool_resources": {"file_search": {"vector_store_ids": found}}}
    elif found:
        spec |= {"tools": [{"type": "file_search", "vector_store_ids": found}]}
    return Desired(Address("Assistant", name), kind, spec, lifecycle=Lifecycle(**lifecycle))


def live(wanted: Desired, object_id: str = "", *, spec: Mapping[str, Json] | None = None, **tags: Any) -> Observed:
    """What stands in the account after `wanted` was applied; `spec` is what it is by now, with ids."""
    kind = KINDS[wanted.kind]
    ours = Tags(
        "acme",
        LINEAGE,
        wanted.address,
        spec=wanted.digest(),
        protect=wanted.lifecycle.protect,
        retain=wanted.lifecycle.retain,
        files=files_tag(wanted, 10),
        fields=field_digests(kind, wanted) if kind.tag_place is TagPlace.METADATA else {},
    )
    now = wanted.spec if spec is None else spec
    attached = tuple(Attachment(f"f-{doc.path}", doc.path, doc.sha256, doc.name) for doc in wanted.documents)
    return Observed(
        wanted.kind,
        object_id or f"{wanted.kind}-{wanted.address.name}",
        _with_ids(now),
        {"created_at": 1},
        replace(ours, **tags),
        documents=attached if kind.documents else None,
        version="1" if kind.tag_place is TagPlace.VERSIONS else None,
        last_applied=_with_ids(wanted.spec) if kind.tag_place is TagPlace.VERSIONS else None,
    )


def _with_ids(value: Any) -> Any:
    if isinstance(value, Ref):
        return f"vector_store-{value.address.name}"
    if isinstance(value, Mapping):
        return {key: _with_ids(item) for key, item in value.items()}
    return [_with_ids(item) for item in value] if isinstance(value, list) else value


def expired(item: Observed) -> Observed:
    return replace(item, usable=False, why_unusable="the store expired and its documents are gone")


def born(item: Observed, created_at: int) -> Observed:
    return replace(item, raw={"created_at": created_at})


def foreign(object_id: str, kind: str = "vector_store", **spec: Any) -> Observed:
    return Observed(kind, object_id, spec, {}, documents=())


def plan_for(
    desired: Iterable[Desired], objects: Iterable[Observed] = (), rules: Rules | None = None, **snapshot: Any
) -> Plan:
    """The plan, which its own published schema accepts."""
    there = replace(STACK, objects=tuple(objects), **snapshot)
    rules = rules or Rules()
    plan = make_plan(list(desired), there, rules, as_of="2026-11-22", manifests="sha256:0")
    plan = judged(plan, () if rules.destroy else desired, there)
    approvals.load(planfile.dumps(planfile.to_json(plan)).encode(), "plan.json")
    return plan


def steps(plan: Plan) -> list[str]:
    return [str(step) for step in plan.steps]


def change_of(plan: Plan, address: str = "") -> Change:
    """The one change, or the one at an address."""
    (found,) = [item for item in plan.changes if not address or str(item.address) == address]
    return found


def said(notices: Iterable[Notice]) -> list[str]:
    return [notice.code for notice in notices]


def rule_of(plan: Plan) -> str | None:
    """The rule that forbids the plan; nothing of what it forbids is done."""
    forbidden = {change.address for change in plan.blocked}
    assert not forbidden & {step.address for step in plan.steps}
    return next((change.blocked.rule for change in plan.changes if change.blocked), None)


# --- the everyday -----------------------------------------------------------------------------------------------------


def test_what_is_missing_is_created_before_what_needs_it() -> None:
    plan = plan_for([helper("docs"), store("docs", "a.md")], first_apply=True)
    assert steps(plan) == ["create VectorStore/docs", "create Assistant/helper"]
    assert plan.steps[1].needs == ("create VectorStore/docs",)
    assert [change.cause for change in plan.changes] == ["new", "new"]
    assert change_of(plan, "VectorStore/docs").affects == ("Assistant/helper",)
    assert plan.requests > 0


@pytest.mark.parametrize("kind", ["assistant", "release"])
def test_what_is_as_it_should_be_needs_no_step(kind: str) -> None:
    wanted = [store("docs", "a.md"), helper("docs", kind=kind)]
    plan = plan_for(wanted, [live(item) for item in wanted])
    assert plan.empty
    assert plan.requests == 0
    assert planfile.to_json(plan)["summary"]["unchanged"] == 2


@pytest.mark.parametrize("kind", ["assistant", "release", "agent"])
def test_what_differs_is_updated(kind: str) -> None:
    plan = plan_for([helper(kind=kind, model="m-2")], [live(helper(kind=kind))])
    assert steps(plan) == ["update Assistant/helper"]
    (delta,) = change_of(plan).fields
    assert (delta.path, delta.before, delta.after, delta.cause) == (("model",), "m-1", "m-2", "manifest")
    assert said(plan.risks) == ["R201"]


def test_drift_is_undone_and_called_drift() -> None:
    wanted = helper()
    plan = plan_for([wanted], [live(wanted, spec={"model": "m-9"})])
    assert (steps(plan), change_of(plan).cause) == (["update Assistant/helper"], "drift")


def test_fields_with_different_causes_make_both() -> None:
    wanted = replace(helper(), spec={"model": "m-1", "temperature": 0.5})
    live_now = live(replace(wanted, spec={"model": "m-0", "temperature": 0.5}), spec={"model": "m-0", "temperature": 1})
    assert change_of(plan_for([wanted], [live_now])).cause == "both"


def test_users_are_deleted_before_what_they_use() -> None:
    wanted = [store("docs"), helper("docs"), helper("docs", name="other", kind="agent"), store("stays")]
    plan = plan_for(wanted[-1:], [live(item) for item in wanted])
    assert steps(plan) == ["delete Assistant/helper", "delete Assistant/other", "delete VectorStore/docs"]
    assert plan.steps[2].needs == ("delete Assistant/helper", "delete Assistant/other")
    assert said(plan.risks) == ["R101"] * 3


def test_a_release_that_was_not_read_is_deleted_before_everything_it_may_use() -> None:
    unread = replace(live(helper("docs", kind="release")), spec={}, complete=False)
    plan = plan_for([store("stays")], [unread, live(store("docs")), live(store("stays"))])
    assert steps(plan) == ["delete Assistant/helper", "delete VectorStore/docs"]
    assert plan.steps[1].needs == ("delete Assistant/helper",)


def test_replacing_a_store_moves_its_users_before_the_old_one_goes() -> None:
    users = [helper("docs", name=name) for name in ("one", "two")]
    plan = plan_for([store("docs"), *users], [expired(live(store("docs"))), *(live(user) for user in users)])
    assert steps(plan) == [
        "create VectorStore/docs",
        "update Assistant/one",
        "update Assistant/two",
        "delete VectorStore/docs",
    ]
    assert set(plan.steps[3].needs) == {"create VectorStore/docs", "update Assistant/one", "update Assistant/two"}
    assert [change.cause for change in plan.changes] == ["reference", "reference", "drift"]
    assert said(plan.risks) == ["R102"]


def test_a_release_that_was_not_read_moves_too() -> None:
    unread = replace(live(helper("docs", kind="release")), spec={}, complete=False)
    plan = plan_for([store("docs"), helper("docs", kind="release")], [expired(live(store("docs"))), unread])
    assert steps(plan) == ["create VectorStore/docs", "update Assistant/helper", "delete VectorStore/docs"]
    assert "update Assistant/helper" in plan.steps[2].needs
    assert (change_of(plan, "Assistant/helper").cause) == "reference"
    assert "refers to an object" in change_of(plan, "Assistant/helper").reason


def test_a_field_that_cannot_be_updated_replaces(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = KINDS["vector_store"]
    fields = tuple(replace(item, replaces=item.name == "name") for item in kind.fields)
    monkeypatch.setattr(type(kind), "fields", fields)
    old = live(replace(store("docs"), spec={"name": "old"}))
    plan = plan_for([store("docs")], [old])
    assert steps(plan) == ["create VectorStore/docs", "delete VectorStore/docs"]
    assert change_of(plan).reason == "display_name cannot be changed in place"
    assert change_of(plan).cause == "manifest"


def test_a_rename_is_an_update_of_the_same_object() -> None:
    old = live(store("old-docs", "a.md"), "vs_1")
    wanted = replace(store("docs", "a.md", moved_from=Address("VectorStore", "old-docs")), spec={"name": "old-docs"})
    plan = plan_for([wanted], [old])
    assert steps(plan) == ["update VectorStore/docs"]
    change = change_of(plan)
    assert (change.id, str(change.moved_from), change.reason) == (
        "vs_1",
        "VectorStore/old-docs",
        "renamed from VectorStore/old-docs",
    )


def test_a_name_that_is_taken_does_not_move() -> None:
    wanted = store("docs", moved_from=Address("VectorStore", "old-docs"))
    plan = plan_for([wanted], [live(wanted), live(store("old-docs"))])
    assert steps(plan) == ["delete VectorStore/old-docs"]


def test_an_unconfirmed_object_does_not_move() -> None:
    wanted = store("docs", moved_from=Address("VectorStore", "old-docs"))
    plan = plan_for([wanted], [live(store("old-docs"), state="pending")])
    assert steps(plan) == ["create VectorStore/docs", "delete VectorStore/old-docs"]


def test_another_runtime_is_create_there_and_delete_here() -> None:
    plan = plan_for([helper(kind="release")], [live(helper(), "asst_1")])
    assert steps(plan) == ["create Assistant/helper", "delete Assistant/helper"]
    change = change_of(plan)
    assert (change.action, change.kind, change.replaces_kind, change.id) == (
        "replace",
        "release",
        "assistant",
        "asst_1",
    )
    assert [(delta.path, delta.before, delta.after) for delta in change.fields] == [
        (("runtime",), "assistants", "responses")
    ]
    assert plan.steps[1].kind == "assistant"


def test_another_runtime_under_another_name_deletes_at_the_old_name() -> None:
    wanted = helper(name="new", kind="release", moved_from=Address("Assistant", "helper"))
    plan = plan_for([wanted], [live(helper())])
    assert steps(plan) == ["create Assistant/new", "delete Assistant/helper"]
    assert str(change_of(plan).moved_from) == "Assistant/helper"


def test_the_old_name_waits_also_when_the_new_one_was_begun_in_another_runtime() -> None:
    wanted = helper(name="new", kind="release", moved_from=Address("Assistant", "helper"))
    plan = plan_for([wanted], [live(helper()), live(wanted, state="pending")])
    assert steps(plan) == ["create Assistant/new", "delete Assistant/helper"]
    assert plan.steps[1].needs == ("create Assistant/new",)
    assert (change_of(plan).action, change_of(plan).replaces_kind) == ("replace", "assistant")


def test_only_tags_that_are_stale_are_an_update_of_tags() -> None:
    item = live(helper())
    plan = plan_for(
        [helper(retain=True)], [replace(item, tags=replace(item.tags or Tags("", "", Address("", "")), spec="x"))]
    )
    assert steps(plan) == ["update Assistant/helper"]
    assert change_of(plan).fields == ()
    assert "our tags" in change_of(plan).reason


def test_a_first_protection_is_written_to_the_tags() -> None:
    plan = plan_for([store("docs", "a.md", protect=True)], [live(store("docs", "a.md"))])
    assert steps(plan) == ["update VectorStore/docs"]
    assert "protect" in change_of(plan).reason


@pytest.mark.parametrize(
    ("wanted", "keeps"),
    [
        (helper(kind="release", protect=True), True),
        (helper(kind="release", protect=True, model="m-2"), False),
        (helper(kind="release", protect=True, moved_from=Address("Assistant", "old"), name="new"), False),
        (replace(helper(kind="release", protect=True), documents=store("x", "a.csv").documents), False),
        (helper(protect=True), False),
    ],
    ids=["a flag", "a field", "a name", "a file", "tags in metadata"],
)
def test_a_release_keeps_its_version_where_only_flags_differ(wanted: Desired, keeps: bool) -> None:
    old = replace(live(helper(kind=wanted.kind)), documents=())
    if wanted.lifecycle.moved_from is not None:
        old = replace(live(helper(kind="release", name="old")), documents=())
    (step,) = plan_for([wanted], [old]).steps
    assert step.keeps_version is keeps


def test_a_release_whose_store_is_made_anew_gets_a_version_of_its_own() -> None:
    unread = replace(live(helper("docs", kind="release")), spec={}, complete=False)
    plan = plan_for(
        [store("docs"), helper("docs", kind="release", protect=True)], [expired(live(store("docs"))), unread]
    )
    assert not next(step for step in plan.steps if step.verb is Verb.UPDATE).keeps_version


# --- documents --------------------------------------------------------------------------------------------------------


def test_documents_are_a_change_of_their_store_alone() -> None:
    wanted = [store("docs", "a.md", "b.md"), helper("docs")]
    plan = plan_for(wanted, [live(store("docs", "a.md")), live(wanted[1])])
    assert steps(plan) == ["update VectorStore/docs"]
    change = change_of(plan, "VectorStore/docs")
    assert change.files is not None
    assert [item.path for item in change.files.added] == ["b.md"]
    assert change.cause == "manifest"


@pytest.mark.parametrize("kind", ["vector_store", "release"])
def test_a_document_that_vanished_is_drift(kind: str) -> None:
    documents = store("docs", "a.md").documents
    wanted = replace(store("docs") if kind == "vector_store" else helper(kind="release"), documents=documents)
    plan = plan_for([wanted], [replace(live(wanted), documents=())])
    assert (len(plan.steps), plan.changes[0].cause) == (1, "drift")
    ignoring = replace(wanted, lifecycle=Lifecycle(ignore_changes=("files",)))
    assert plan_for([ignoring], [replace(live(wanted), documents=())]).empty
    changed = replace(ignoring, documents=store("docs", "b.md").documents)
    assert plan_for([changed], [live(wanted)]).changes[0].cause == "manifest"


def test_what_others_added_is_shown_and_stays() -> None:
    item = live(store("docs", "a.md"))
    theirs = replace(item, documents=(*(item.documents or ()), Attachment("file-9", None, None, None)))
    plan = plan_for([store("docs", "a.md")], [theirs])
    assert plan.steps == ()
    (change,) = planfile.to_json(plan)["changes"]
    assert [entry["path"] for entry in change["files"]["unmanaged"]] == ["file-9"]


def test_an_assistants_own_files_are_no_users_of_it() -> None:
    file = Ref(Address("Assistant", "helper", "prices.csv"))
    wanted = replace(
        helper(),
        documents=store("x", "prices.csv").documents,
        spec={"model": "m-1", "tool_resources": {"code_interpreter": {"file_ids": [file]}}},
    )
    (change,) = plan_for([wanted]).changes
    assert change.affects == ()
    there = live(wanted, spec={"model": "m-1", "tool_resources": {"code_interpreter": {"file_ids": ["f-prices.csv"]}}})
    assert plan_for([wanted], [there]).empty


def test_a_store_that_its_tag_vouches_for_is_not_looked_into() -> None:
    item = replace(live(store("docs", "a.md")), documents=None)
    plan = plan_for([store("docs", "a.md")], [item], verified={item.id: "tag"})
    assert plan.empty
    assert change_of(plan).verified == "tag"


# --- what no manifest speaks of ---------------------------------------------------------------------------------------


def test_an_unconfirmed_object_that_expired_is_not_completed_but_deleted() -> None:
    wanted = store("docs")
    dead = expired(live(wanted, "vs_1", state="pending"))
    plan = plan_for([wanted], [dead, live(wanted, "vs_2", state="pending")])
    (step,) = plan.steps
    assert (step.observed and step.observed.id, [item.id for item in step.surplus]) == ("vs_2", ["vs_1"])
    (step,) = plan_for([wanted], [dead]).steps
    assert (step.observed, [item.id for item in step.surplus]) == (None, ["vs_1"])


def test_no_prune_leaves_what_has_no_manifest_and_says_so() -> None:
    plan = plan_for([store("docs")], [live(store("docs")), live(helper())], Rules(prune=False))
    assert plan.empty
    assert said(plan.warnings) == ["W402"]


def test_destroy_deletes_all_but_what_is_protected() -> None:
    wanted = [store("docs"), helper("docs")]
    plan = plan_for(wanted, [live(item) for item in wanted], Rules(destroy=True, prune=False))
    assert steps(plan) == ["delete Assistant/helper", "delete VectorStore/docs"]
    assert rule_of(plan_for([], [live(helper(protect=True))], Rules(destroy=True))) == "protect"


def test_what_nobody_ever_got_is_not_retained() -> None:
    plan = plan_for([store("docs")], [live(store("docs")), live(helper(retain=True), state="pending")])
    assert steps(plan) == ["delete Assistant/helper"]


def test_a_double_of_what_is_retained_goes_and_is_named() -> None:
    double = live(helper(retain=True), "asst_2", state="pending")
    plan = plan_for([store("docs")], [live(store("docs")), live(helper(retain=True), "asst_1"), double])
    assert steps(plan) == ["forget Assistant/helper"]
    assert [item.id for item in plan.steps[0].surplus] == ["asst_2"]
    assert "an unconfirmed double is removed: asst_2" in change_of(plan, "Assistant/helper").reason


def test_what_is_to_be_retained_is_forgotten() -> None:
    plan = plan_for([store("docs")], [live(store("docs")), live(helper(retain=True))])
    assert steps(plan) == ["forget Assistant/helper"]
    assert change_of(plan, "Assistant/helper").action == "forget"


# --- adopt ------------------------------------------------------------------------------------------------------------


def test_an_object_that_a_manifest_names_is_taken_over() -> None:
    wanted = [store("docs", adopt="vs_9"), helper("docs")]
    plan = plan_for(wanted, adoptable={"vs_9": foreign("vs_9", name="Old name")})
    assert steps(plan) == ["adopt VectorStore/docs", "create Assistant/helper"]
    change = change_of(plan, "VectorStore/docs")
    assert (change.action, change.id, [delta.path for delta in change.fields]) == ("adopt", "vs_9", [("name",)])
    assert said(plan.risks) == ["R103"]
    body = planfile.to_json(plan)
    assert "known_after_apply" not in planfile.dumps(body)


def test_what_was_taken_over_needs_no_more_adoption() -> None:
    wanted = store("docs", adopt="vs_9")
    assert plan_for([wanted], [live(wanted, "vs_9")]).empty


def test_adopting_in_another_runtime_ends_the_old_one() -> None:
    wanted = helper(kind="agent", adopt="agt_9")
    plan = plan_for([wanted], [live(helper())], adoptable={"agt_9": replace(foreign("agt_9", "agent"), documents=None)})
    assert steps(plan) == ["adopt Assistant/helper", "delete Assistant/helper"]
    assert plan.steps[1].needs == ("adopt Assistant/helper",)


# --- what earlier runs left -------------------------------------------------------------------------------------------


def test_an_unconfirmed_object_is_completed() -> None:
    pending = replace(live(store("docs", "a.md"), "vs_1", state="pending"), documents=())
    plan = plan_for([store("docs", "a.md")], [pending])
    assert steps(plan) == ["create VectorStore/docs"]
    assert (plan.steps[0].observed, change_of(plan).id) == (pending, "vs_1")
    assert "vs_1 unconfirmed" in change_of(plan).reason


def test_of_several_unconfirmed_objects_the_oldest_is_completed_and_the_others_go() -> None:
    pending = [born(live(store("docs"), f"vs_{age}", state="pending"), age) for age in (3, 1, 2)]
    (step,) = plan_for([store("docs")], pending).steps
    assert step.observed is not None
    assert (step.observed.id, [item.id for item in step.surplus]) == ("vs_1", ["vs_2", "vs_3"])


def test_unconfirmed_doubles_of_a_live_object_go() -> None:
    wanted = store("docs")
    plan = plan_for([wanted], [live(wanted, "vs_1"), live(wanted, "vs_2", state="pending")])
    (step,) = plan.steps
    assert (str(step), [item.id for item in step.surplus]) == ("update VectorStore/docs", ["vs_2"])
    assert (change_of(plan).cause, change_of(plan).reason) == ("tool", "an unconfirmed double is removed: vs_2")


def test_a_double_is_named_whatever_else_changes() -> None:
    wanted, twice = store("docs"), [live(store("docs"), f"vs_{age}", state="pending") for age in (2, 3)]
    change = change_of(plan_for([wanted], [live(store("docs", protect=True), "vs_1"), *twice]))
    assert (change.cause, change.reason) == (
        "manifest",
        "only our tags change (protect); 2 unconfirmed doubles are removed: vs_2, vs_3",
    )
    completed = change_of(plan_for([wanted], [born(item, age) for age, item in enumerate(twice, 1)]))
    assert completed.reason == (
        "an interrupted run left vs_2 unconfirmed; it is completed; an unconfirmed double is removed: vs_3"
    )
    replaced = change_of(plan_for([wanted], [expired(live(wanted, "vs_1")), *twice]))
    assert replaced.reason.endswith("; an unconfirmed double is removed: vs_3")


def test_an_object_that_the_inventory_knows_and_the_account_lost_is_made_anew() -> None:
    plan = plan_for([store("docs")], inventory=(("vector_store", Address("VectorStore", "docs"), "vs_1"),))
    assert (change_of(plan).cause, change_of(plan).reason) == (
        "drift",
        "the object vs_1 is gone, or no longer carries our tags",
    )


@pytest.mark.parametrize("pending", [False, True], ids=["before the create", "after it"])
def test_a_replacement_that_only_retired_the_old_one_begins_again(*, pending: bool) -> None:
    wanted = store("docs")
    old = live(wanted, "vs_1", retiring="run.1")
    new = [live(wanted, "vs_2", state="pending")] if pending else []
    plan = plan_for([wanted], [old, *new])
    assert steps(plan) == ["create VectorStore/docs", "delete VectorStore/docs"]
    assert (plan.steps[0].observed is not None) is pending
    assert change_of(plan).id == "vs_1"


def test_a_replacement_of_what_was_adopted_is_completed_without_adopting_it_again() -> None:
    wanted = store("docs", adopt="vs_1")
    for object_id in ("vs_1", "vs_2"):
        plan = plan_for([wanted], [live(wanted, object_id, retiring="run.1")])
        assert steps(plan) == ["create VectorStore/docs", "delete VectorStore/docs"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("pending", ["create VectorStore/docs", "delete VectorStore/old-docs"]),
        ("ready", ["delete VectorStore/old-docs"]),
    ],
)
def test_an_interrupted_replacement_under_a_new_name_is_completed(state: str, expected: list[str]) -> None:
    wanted = store("docs", moved_from=Address("VectorStore", "old-docs"))
    old = expired(live(store("old-docs"), "vs_1", protect=True, retiring="run.1"))
    plan = plan_for([wanted], [old, live(wanted, "vs_2", state=state)])
    assert steps(plan) == expected
    change = change_of(plan)
    assert (change.action, change.id, str(change.moved_from)) == ("replace", "vs_1", "VectorStore/old-docs")


def test_every_object_that_people_knew_is_named_where_it_goes() -> None:
    wanted = helper(kind="agent")
    olds = [live(helper(kind="release")), live(helper()), live(wanted, "agt_1", retiring="run.1")]
    plan = plan_for([wanted], [*olds, live(wanted, "agt_2", retiring="run.2")])
    deletions = [f"delete Assistant/helper{number}" for number in ("", " #2", " #3", " #4")]
    assert sorted(steps(plan)) == ["create Assistant/helper", *deletions]
    assert {change.id for change in plan.changes} == {"agt_1", "agt_2", *(item.id for item in olds)}
    assert {change.action for change in plan.changes} == {"replace"}


def test_a_replacement_that_made_the_new_one_only_deletes_the_old_one() -> None:
    wanted = [store("docs"), helper("docs")]
    old = live(wanted[0], "vs_1", retiring="run.1")
    user = live(wanted[1], spec={**wanted[1].spec, "tool_resources": {"file_search": {"vector_store_ids": ["vs_1"]}}})
    plan = plan_for(wanted, [old, live(wanted[0], "vs_2"), user])
    assert steps(plan) == ["update Assistant/helper", "delete VectorStore/docs"]
    assert plan.steps[1].needs == ("update Assistant/helper",)
    change = change_of(plan, "VectorStore/docs")
    assert (change.action, change.id) == ("replace", "vs_1")


def test_a_new_object_that_differs_is_updated_before_the_old_one_goes() -> None:
    wanted = helper(kind="release", model="m-2")
    plan = plan_for([wanted], [live(helper(kind="release")), live(helper())])
    assert steps(plan) == ["update Assistant/helper", "delete Assistant/helper"]
    assert plan.steps[1].needs == ("update Assistant/helper",)


def test_left_overs_of_two_kinds_at_one_address_have_two_steps() -> None:
    plan = plan_for([store("docs")], [live(store("docs")), live(helper()), live(helper(kind="release"))])
    assert steps(plan) == ["delete Assistant/helper", "delete Assistant/helper #2"]
    assert [step.kind for step in plan.steps] == ["assistant", "release"]


def test_left_overs_of_one_kind_at_one_address_go_in_one_step() -> None:
    pending, ready = live(helper(), "asst_1", state="pending"), live(helper(), "asst_2")
    (step,) = plan_for([store("docs")], [live(store("docs")), pending, ready]).steps
    assert step.observed is not None
    assert (step.observed.id, [item.id for item in step.surplus]) == ("asst_2", ["asst_1"])


def test_live_objects_at_an_address_come_oldest_first() -> None:
    wanted = store("docs")
    both = (born(live(wanted, "vs_2"), 2), born(live(wanted, "vs_1"), 1), live(store("other")))
    assert [item.id for item in replace(STACK, objects=both).of(wanted.address)] == ["vs_1", "vs_2"]


def test_an_object_without_our_tags_lacks_all_of_them() -> None:
    assert stale_tags(KINDS["vector_store"], store("docs"), foreign("vs_9")) == ["tags"]


# --- rollback ---------------------------------------------------------------------------------------------------------


def test_what_a_release_that_is_held_uses_is_not_deleted() -> None:
    shelf = live(store("docs"), "vector_store-docs")
    back = live(helper("docs", kind="release"))
    wanted = helper(kind="release", model="m-2")
    plan = plan_for([wanted], [back, shelf], holds={wanted.address: wanted.digest()})
    assert plan.empty
    assert said(plan.warnings) == ["W401", "W405"]
    assert "delete VectorStore/docs" in steps(plan_for([wanted], [back, shelf]))


def test_an_unconfirmed_double_of_what_is_held_goes() -> None:
    wanted = helper(kind="release")
    current = live(helper(kind="release", model="m-1"), "skill_1")
    double = live(wanted, "skill_2", state="pending")
    holds = {wanted.address: wanted.digest()}
    plan = plan_for([wanted], [current, double], holds=holds)
    assert steps(plan) == ["delete Assistant/helper"]
    assert [(change.action, change.id) for change in plan.changes] == [("none", "skill_1"), ("delete", "skill_2")]
    assert plan_for([wanted], [current], holds=holds).empty


def test_what_was_rolled_back_is_left_alone_until_its_manifest_changes() -> None:
    wanted = helper(kind="release", model="m-2")
    back = live(helper(kind="release"))
    holds = {wanted.address: wanted.digest()}
    held = plan_for([wanted], [back], holds=holds)
    assert held.empty
    assert said(held.warnings) == ["W401"]
    assert steps(plan_for([wanted], [back], Rules(roll_forward=True), holds=holds)) == ["update Assistant/helper"]
    newer = helper(kind="release", model="m-3")
    assert steps(plan_for([newer], [back], holds=holds)) == ["update Assistant/helper"]
    assert steps(plan_for([wanted], [], holds=holds)) == ["create Assistant/helper"]


# --- ignore_changes ---------------------------------------------------------------------------------------------------


def test_ignored_drift_stays_and_a_changed_manifest_is_applied() -> None:
    then = helper(ignore_changes=("model",))
    drifted = live(then, spec={"model": "m-9"})
    assert plan_for([then], [drifted]).empty
    assert steps(plan_for([helper(model="m-2", ignore_changes=("model",))], [drifted])) == ["update Assistant/helper"]


# --- promises of every plan -------------------------------------------------------------------------------------------

NAMES = ("a", "b", "c")
RUNTIMES = ("assistant", "release", "agent")


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Desired], list[Observed]]:
    """Some stores and assistants wanted, and anything that runs may have left in the account."""
    stores = {name: store(name, *draw(st.sets(st.sampled_from(["x.md", "y.md"])))) for name in NAMES}
    used = st.sets(st.sampled_from(NAMES), max_size=2)

    def assistant(name: str) -> Desired:
        kind = draw(st.sampled_from(RUNTIMES))
        return helper(*(sorted(draw(used)) if kind != "agent" else ()), name=name, kind=kind)

    wanted = [assistant(name) for name in sorted(draw(st.sets(st.sampled_from(NAMES))))]
    needed = {ref.address.name for item in wanted for ref in _refs(item)} | draw(st.sets(st.sampled_from(NAMES)))
    wanted += [stores[name] for name in sorted(needed)]
    there = []
    for number, base in enumerate([*stores.values(), *(assistant(name) for name in NAMES)]):
        for copy in range(draw(st.integers(0, 2))):
            state = draw(st.sampled_from(["ready", "ready", "pending"]))
            retiring = draw(st.sampled_from(["", "", "run.1"])) if state == "ready" else ""
            item = live(base, f"id-{number}-{copy}" if copy else "", state=state, retiring=retiring)
            item = born(expired(item) if draw(st.booleans()) and base.kind == "vector_store" else item, number + copy)
            if base.kind == "release" and draw(st.booleans()):
                item = replace(item, complete=False, spec={})
            there.append(item)
    return wanted, there


def _refs(item: Desired) -> Sequence[Ref]:
    resources = item.spec.get("tool_resources", {}).get("file_search", {}).get("vector_store_ids", [])
    return [*resources, *(ref for tool in item.spec.get("tools", ()) for ref in tool.get("vector_store_ids", ()))]


@given(worlds())
def test_the_order_respects_every_need_and_no_step_comes_twice(world: tuple[list[Desired], list[Observed]]) -> None:
    plan = plan_for(*world, rules=Rules(allow_deletes=100))
    names = steps(plan)
    assert len(set(names)) == len(names)
    for position, step in enumerate(plan.steps):
        assert set(step.needs) <= set(names[:position])


@given(worlds())
def test_no_object_is_touched_by_two_steps_and_deletions_come_as_late_as_they_can(
    world: tuple[list[Desired], list[Observed]],
) -> None:
    plan = plan_for(*world, rules=Rules(allow_deletes=100))
    touched = [item.id for step in plan.steps for item in (step.observed, *step.surplus) if item is not None]
    assert len(set(touched)) == len(touched)
    done: set[str] = set()
    left = list(plan.steps)
    while left:
        step = left.pop(0)
        if step.verb is Verb.DELETE:
            free = [other for other in left if done.issuperset(other.needs)]
            assert all(other.verb is Verb.DELETE for other in free)
        done.add(str(step))


@given(worlds())
def test_what_is_deleted_is_not_used_by_what_stays(world: tuple[list[Desired], list[Observed]]) -> None:
    wanted, there = world
    plan = plan_for(wanted, there, rules=Rules(allow_deletes=100))
    last = {str(step): position for position, step in enumerate(plan.steps)}
    for step in plan.steps:
        if step.verb is not Verb.DELETE or step.observed is None:
            continue
        for user in plan.steps:
            if user.observed and user.verb in {Verb.UPDATE, Verb.DELETE} and _uses(user, step.observed.id):
                assert last[str(user)] < last[str(step)]


def _uses(step: Step, object_id: str) -> bool:
    return step.observed is not None and f"'{object_id}'" in repr(step.observed.spec)


@given(worlds(), st.randoms())
def test_shuffled_inputs_give_the_same_bytes(world: tuple[list[Desired], list[Observed]], draw: random.Random) -> None:
    wanted, there = world
    expected = planfile.dumps(planfile.to_json(plan_for(wanted, there)))
    draw.shuffle(wanted)
    draw.shuffle(there)
    assert planfile.dumps(planfile.to_json(plan_for(wanted, there))) == expected


@given(worlds())
def test_the_leftovers_of_any_run_are_cleared_in_one_plan(world: tuple[list[Desired], list[Observed]]) -> None:
    wanted, there = world
    plan = plan_for(wanted, there, rules=Rules(allow_deletes=100))
    handled = {item.id for step in plan.steps for item in (step.observed, *step.surplus) if item is not None}
    blocked = {change.address for change in plan.blocked}
    for item in there:
        assert item.tags is not None
        fits = any(w.address == item.tags.address and w.kind == item.kind for w in wanted)
        settled = fits and item.tags.state == "ready" and not item.tags.retiring and item.usable
        assert settled or item.id in handled or item.tags.address in blocked


def varied() -> str:
    """A plan with most of what plans have, in bytes."""
    users = [helper("docs", "more", name=name) for name in ("one", "two", "three")]
    stores = [store("docs", "a.md", "b.md"), store("more"), store("new", "c.md")]
    there = [expired(live(stores[0])), live(stores[1]), *(live(user) for user in users), live(helper(name="gone"))]
    return planfile.dumps(planfile.to_json(plan_for([*users, *stores], there)))


def test_the_hash_seed_means_nothing() -> None:
    other = subprocess.run(
        [sys.executable, "-c", "from tests.planning.test_plan import varied; print(varied())"],
        env={**os.environ, "PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert other == varied() + "\n"


def test_steps_that_need_one_another_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = store("one"), store("two")
    one = replace(one, spec={"name": Ref(two.address)})
    two = replace(two, spec={"name": Ref(one.address)})
    with pytest.raises(ValueError, match="in a circle: create VectorStore/one, create VectorStore/two"):
        plan_for([one, two])


def test_a_plan_says_where_and_for_what_it_was_made() -> None:
    placed = replace(helper(), spans={(): Span("assistants/helper.yaml", 4)})
    plan = plan_for([placed], environment="production", warnings=(Notice("W1", "x"), Notice("W1", "x")))
    assert (plan.stack, plan.environment, plan.lineage, plan.serial) == ("acme", "production", LINEAGE, 3)
    assert change_of(plan).span == Span("assistants/helper.yaml", 4)
    assert said(plan.warnings) == ["W1"]
    assert plan.as_of == "2026-11-22"
