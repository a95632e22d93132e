"""A saved plan comes back as the approval that it is, and approves nothing but what it says."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.address import Address, Ref, Span, Unknown
from reconciler.model.desired import Desired
from reconciler.model.errors import Exit, Stop
from reconciler.model.json import ABSENT
from reconciler.model.observed import AccountInfo, Attachment, Observed
from reconciler.model.plan import Action, Cause, Change, Delta, Notice, Plan
from reconciler.model.rules import Rules
from reconciler.planning.plan import make_plan
from reconciler.review import approvals, plan_schema, planfile
from reconciler.review.judge import judged
from tests.model.test_model import JSON
from tests.planning.test_plan import STACK, expired, foreign, helper, live, store

Body = dict[str, Any]


def body(desired: list[Desired], objects: list[Observed], *, rules: Rules | None = None, **snapshot: Any) -> Body:
    there = replace(STACK, objects=tuple(objects), **snapshot)
    plan = make_plan(desired, there, rules or Rules(), as_of="2026-11-22", manifests="sha256:0")
    return planfile.to_json(judged(plan, desired, there))


def saved(plan: Body) -> approvals.Approval:
    return approvals.load(planfile.dumps(plan).encode(), "plan.json")


def signed(plan: Body) -> bytes:
    """A plan that somebody wrote by hand and gave the digest that fits."""
    return planfile.dumps(plan | {"digest": planfile.digest(plan)}).encode()


def attempt(action: Callable[[], object]) -> Stop | None:
    """How it was stopped, or None."""
    try:
        action()
    except Stop as stop:
        return stop
    return None


def stop_of(action: Callable[[], object]) -> tuple[Exit, str]:
    stop = attempt(action)
    assert stop is not None
    return stop.code, f"{stop.summary} {stop.detail}"


DOCS, HELPER = store("docs", "a.md"), helper("docs")
CREATE = body([DOCS, HELPER], [])


# --- the file ---------------------------------------------------------------------------------------------------------


def test_a_saved_plan_is_read_back_with_its_digest() -> None:
    approval = saved(CREATE)
    assert approval.body == CREATE
    assert approval.digest == CREATE["digest"]
    assert approval.digest.startswith("sha256:")


def test_the_digest_covers_everything_but_the_tools_version() -> None:
    for key in CREATE.keys() - {"tool", "digest"}:
        assert planfile.digest(CREATE | {key: "changed"}) != CREATE["digest"], key
    assert planfile.digest(CREATE | {"tool": "changed"}) == CREATE["digest"]


def test_the_traffic_of_an_agent_makes_no_other_plan() -> None:
    busy = [{**change, "sessions": 7} for change in CREATE["changes"]]
    assert planfile.digest(CREATE | {"changes": busy}) == CREATE["digest"]
    assert planfile.digest(CREATE | {"changes": busy[:1]}) != CREATE["digest"]


RENAMED = body(
    [store("new", "a.md", moved_from=Address("VectorStore", "old"))],
    [live(store("old"))],
    holds={Address("VectorStore", "old"): "x"},
)


def test_reasons_have_codes_and_the_digest_covers_their_texts_alone() -> None:
    (change,) = RENAMED["changes"]
    assert change["reason"] == "renamed from VectorStore/old; the hold of a rollback ends"
    assert change["reasons"] == [
        {"code": "renamed", "summary": "renamed from VectorStore/old"},
        {"code": "hold_ends", "summary": "the hold of a rollback ends"},
    ]
    assert [change["files"]["added"][0][key] for key in ("reason", "code")] == ["new", "new"]
    assert planfile.digest(without_codes(RENAMED)) == RENAMED["digest"]
    change = copy.deepcopy(change)
    change["files"]["added"][0]["reason"] = "another"
    assert planfile.digest(RENAMED | {"changes": [change]}) != RENAMED["digest"]


def without_codes(plan: Body) -> Body:
    """The plan as a version would have made it that knew no codes."""
    plan = copy.deepcopy(plan)
    for change in plan["changes"]:
        del change["reasons"]
        for item in (item for items in change.get("files", {}).values() for item in items):
            item.pop("code", None)
    return plan


def test_a_plan_of_a_version_without_codes_is_read_and_covers_the_same() -> None:
    old = without_codes(RENAMED)
    assert saved(old).body == old
    assert covered(old, RENAMED) == ""


def test_a_code_is_believed_only_with_the_text_that_was_approved() -> None:
    lie = copy.deepcopy(RENAMED)
    lie["changes"][0]["files"]["added"][0]["code"] = "attributes_changed"
    lie["changes"][0]["reasons"][0]["code"] = "held"
    assert saved(lie).body["changes"] == without_codes(RENAMED)["changes"]
    hidden = copy.deepcopy(RENAMED)
    del hidden["changes"][0]["reasons"][1]
    assert "reasons" not in saved(hidden).body["changes"][0]


def test_what_a_store_takes_up_makes_no_other_plan() -> None:
    estimate = {**CREATE["estimate"], "storage": {"before_bytes": 7}}
    assert planfile.digest(CREATE | {"estimate": estimate}) == CREATE["digest"]
    assert planfile.digest(CREATE | {"estimate": {**estimate, "files": 99}}) != CREATE["digest"]


def test_a_change_says_at_which_commit_it_was_last_applied() -> None:
    before, after = live(HELPER, rev="0123456789ab"), helper("docs", model="m-2")
    (change,) = body([DOCS, after], [live(DOCS), before])["changes"]
    assert change["applied"] == {"revision": "0123456789ab"}
    assert [change["applied"] for change in CREATE["changes"]] == [None, None]
    (change,) = body([DOCS], [live(DOCS), before])["changes"]
    assert (change["action"], change["applied"]) == ("delete", {"revision": "0123456789ab"})


def test_values_are_shown_as_people_know_them() -> None:
    ref = Ref(Address("VectorStore", "docs"))
    value = {"b": [ref, Unknown(ref)], "a": (1, None)}
    assert planfile.shown(value) == {
        "a": [1, None],
        "b": ["VectorStore/docs", {"known_after_apply": "VectorStore/docs"}],
    }


def test_an_unchanged_resource_is_counted_and_shown_only_if_there_is_something_to_say() -> None:
    quiet, loud = live(DOCS), live(store("loud"))
    theirs = replace(loud, documents=(Attachment("file-9", None, None, None),))
    plan = body([DOCS, store("loud")], [quiet, theirs])
    assert plan["summary"]["unchanged"] == 2
    assert [change["address"] for change in plan["changes"]] == ["VectorStore/loud"]


def test_steps_name_the_change_that_is_shown() -> None:
    plan = body([DOCS, helper("docs", model="m-2")], [live(DOCS), live(HELPER)])
    (step,) = plan["steps"]
    assert plan["changes"][step["change"]]["address"] == "Assistant/helper"


def test_before_after_and_last_applied_may_each_be_missing() -> None:
    deltas = (
        Delta(("a",), ABSENT, 1, Cause.NEW),
        Delta(("b",), 1, ABSENT, Cause.BOTH, None),
        Delta(("c",), None, 2, Cause.DRIFT, 3),
    )
    change = Change(DOCS.address, "vector_store", Action.UPDATE, fields=deltas, version="3", span=Span("a.yaml"))
    plan = Plan("acme", None, "", 0, True, AccountInfo("local"), "", "2026-11-22", (change,))
    (shown,) = planfile.to_json(plan)["changes"]
    assert shown["fields"] == [
        {"path": ["a"], "after": 1, "cause": "new", "last_applied": None},
        {"path": ["b"], "before": 1, "cause": "both", "last_applied": None},
        {"path": ["c"], "before": None, "after": 2, "cause": "drift", "last_applied": 3},
    ]
    assert (shown["version"], shown["source"]) == ("3", {"file": "a.yaml", "line": 1, "column": 1})


def test_the_published_schema_is_a_schema_and_accepts_every_sort_of_plan() -> None:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(plan_schema.schema())
    plans = [
        CREATE,
        body([], [live(HELPER)]),
        body([DOCS], [expired(live(DOCS)), live(helper(retain=True))]),
        body([store("docs", adopt="vs_9")], [], adoptable={"vs_9": foreign("vs_9")}),
        body([helper(kind="release")], [live(helper())], warnings=(Notice("W1", "x", DOCS.address, Span("a.yaml")),)),
    ]
    for plan in plans:
        saved(plan)


def test_the_published_schema_is_the_one_in_the_repository() -> None:
    published = Path(__file__).parents[2] / "schema" / "plan.schema.json"
    assert json.loads(published.read_text()) == plan_schema.schema()


# --- what is no plan, or was changed ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is not a plan"),
        (b'{"digest": "x"}', "is not a plan"),
    ],
    ids=["empty", "no text", "bomb", "a list", "no version"],
)
def test_what_is_no_plan_is_refused(data: bytes, says: str) -> None:
    code, message = stop_of(lambda: approvals.load(data, "plan.json"))
    assert code is Exit.INVALID
    assert message.startswith("plan.json")
    assert says in message


def test_what_is_too_large_is_not_even_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approvals, "MAX_BYTES", 10)
    assert "is larger than 10 bytes" in stop_of(lambda: saved(CREATE))[1]


def _edited(edit: Callable[[Body], object]) -> Body:
    plan = copy.deepcopy(CREATE)
    edit(plan)
    return plan


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda plan: plan.pop("steps"), "at the top"),
        (lambda plan: plan.update(more=1), "at the top"),
        (lambda plan: plan.update(serial="3"), "at serial"),
        (lambda plan: plan["changes"][0].update(action="explode"), "at changes/0/action"),
        (lambda plan: plan["changes"][0]["fields"][0].update(path=[]), "at changes/0/fields/0/path"),
        (lambda plan: plan["steps"][0].update(change=2), "its steps do not fit"),
        (lambda plan: plan["steps"][0].update(change=1.0), "its steps do not fit"),
        (lambda plan: plan["steps"][0].update(change=10**30), "its steps do not fit"),
        (lambda plan: plan["steps"].append(plan["steps"][0]), "its steps do not fit"),
    ],
)
def test_what_does_not_fit_the_schema_is_refused_with_its_place(edit: Callable[[Body], object], says: str) -> None:
    code, message = stop_of(lambda: approvals.load(signed(_edited(edit)), "plan.json"))
    assert (code, says in message) == (Exit.INVALID, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("NaN", "numbers that are no JSON"),
        ("Infinity", "numbers that are no JSON"),
        ("[" * 300 + "]" * 300, "nested too deeply"),
        ("[" * 900 + "]" * 900, "nested too deeply"),
        ("[" * 100_000 + "]" * 100_000, "not JSON"),
    ],
    ids=["nan", "infinity", "deep", "deeper", "bottomless"],
)
def test_numbers_that_are_no_json_and_values_without_bottom_are_refused(text: str, says: str) -> None:
    plan = planfile.dumps(_edited(lambda plan: plan["changes"][0]["fields"][0].update(after="VALUE")))
    code, message = stop_of(lambda: approvals.load(plan.replace('"VALUE"', text).encode(), "plan.json"))
    assert (code, says in message) == (Exit.INVALID, True)


@pytest.mark.parametrize(
    "edit",
    [
        lambda plan: plan.update(as_of="2026-11-23"),
        lambda plan: plan["changes"][0]["fields"][0].update(after="other"),
        lambda plan: plan["steps"].pop(),
        lambda plan: plan.update(digest="sha256:" + "0" * 64),
    ],
)
def test_a_plan_that_was_changed_after_it_was_saved_is_stale(edit: Callable[[Body], object]) -> None:
    code, message = stop_of(lambda: saved(_edited(edit)))
    assert (code, "digest does not fit" in message) == (Exit.STALE, True)


def test_another_format_is_stale() -> None:
    code, message = stop_of(lambda: saved(CREATE | {"format_version": 2}))
    assert (code, "has format 2; this version reads 1" in message) == (Exit.STALE, True)


@given(st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_plan_or_a_clear_refusal(data: bytes) -> None:
    code, _ = stop_of(lambda: approvals.load(data, "plan.json"))
    assert code in {Exit.INVALID, Exit.STALE}


PLACES = st.sampled_from(sorted(CREATE))


@given(PLACES, JSON)
def test_any_value_in_any_place_is_a_plan_or_a_clear_refusal(place: str, value: Any) -> None:
    plan = CREATE | {place: value}
    stop = attempt(lambda: approvals.check_approved(approvals.load(signed(plan), "plan.json"), CREATE, resuming=False))
    assert stop is None or stop.code in {Exit.INVALID, Exit.STALE}


# --- what an approval covers ------------------------------------------------------------------------------------------


def covered(approved: Body, fresh: Body, *, resuming: bool = False) -> str:
    """Empty, or why the fresh plan is not covered (it is stale then)."""
    stop = attempt(lambda: approvals.check_approved(saved(approved), fresh, resuming=resuming))
    assert stop is None or stop.code is Exit.STALE
    return stop.summary if stop else ""


def test_a_plan_approves_itself_and_less_than_itself() -> None:
    assert covered(CREATE, CREATE) == ""
    done = body([DOCS, HELPER], [live(DOCS)])
    assert [step["step"] for step in done["steps"]] == ["create Assistant/helper"]
    assert covered(CREATE, done) == ""
    assert covered(done, CREATE) == "The saved plan does not cover `create VectorStore/docs` as it would be done now."


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"stack": "other"}, "the stack changed"),
        ({"environment": "production"}, "the environment changed"),
        ({"lineage": "f" * 12}, "the stack's lineage changed"),
        ({"serial": 4}, "something was applied since"),
        ({"account": AccountInfo("api.openai.com")}, "the account changed"),
        ({"account": AccountInfo("local", project="proj_2")}, "the account changed"),
    ],
    ids=str,
)
def test_a_plan_is_bound_to_where_it_was_made(change: dict[str, Any], says: str) -> None:
    assert says in covered(CREATE, body([DOCS, HELPER], [], **change))


def test_a_plan_is_bound_to_the_manifests() -> None:
    assert "the manifests or documents changed" in covered(CREATE, CREATE | {"manifests": "sha256:1" + "x" * 200})


UPDATE = body([helper(model="m-2")], [live(helper())])


@pytest.mark.parametrize(
    ("fresh", "what"),
    [
        (body([helper(model="m-3")], [live(helper())]), "another value"),
        (body([helper(model="m-2")], [live(helper(), "asst_2")]), "another object"),
        (body([helper(model="m-2")], [live(helper(), spec={"model": "m-1", "name": "by hand"})]), "edited since"),
        (body([helper(kind="agent", model="m-2")], [live(helper(kind="agent"), "assistant-helper")]), "another kind"),
        (body([helper(model="m-2")], []), "a create instead"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_step_that_would_do_something_else_is_not_covered(fresh: Body, what: str) -> None:
    assert "does not cover" in covered(UPDATE, fresh), what


def test_causes_and_reasons_are_not_compared() -> None:
    fresh = copy.deepcopy(UPDATE)
    fresh["changes"][0] |= {"cause": "both", "reason": "another", "verified": "full", "affects": ["x"]}
    assert covered(UPDATE, fresh) == ""


def test_an_id_that_was_not_known_equals_the_one_that_is() -> None:
    approved = body([store("docs"), HELPER], [expired(live(store("docs"))), live(HELPER)])
    assert "known_after_apply" in planfile.dumps(approved)
    moved = body([store("docs"), HELPER], [live(store("docs"), "vs_2"), live(HELPER)])
    assert [step["step"] for step in moved["steps"]] == ["update Assistant/helper"]
    assert "known_after_apply" not in planfile.dumps(moved)
    assert covered(approved, moved) == ""


def test_another_set_of_documents_is_not_covered() -> None:
    approved = body([store("docs", "a.md", "b.md")], [live(store("docs"))])
    fresh = body([store("docs", "a.md", "b.md")], [live(store("docs", "a.md"), files="")])
    assert "does not cover" in covered(approved, fresh)


# --- resuming ---------------------------------------------------------------------------------------------------------


def test_an_interrupted_first_apply_resumes_under_the_lineage_that_it_made() -> None:
    approved = body([DOCS, HELPER], [], lineage="", serial=0, first_apply=True)
    pending = replace(live(DOCS, "vs_1", state="pending"), documents=())
    fresh = body([DOCS, HELPER], [pending])
    assert "lineage" in covered(approved, fresh)
    assert covered(approved, fresh, resuming=True) == ""


def test_a_half_filled_store_resumes() -> None:
    wanted = store("docs", "a.md", "b.md")
    approved = body([wanted], [])
    half = live(store("docs", "a.md"), "vs_1", state="pending")
    assert covered(approved, body([wanted], [half]), resuming=True) == ""
    update = body([wanted], [live(store("docs"))])
    rest = body([wanted], [live(store("docs", "a.md"), files="")])
    assert covered(update, rest, resuming=True) == ""
    more = body([store("docs", "a.md", "b.md", "c.md")], [half])
    assert "does not cover" in covered(approved, more, resuming=True)


def test_an_old_version_that_an_interrupted_run_left_attached_goes_with_the_approved_step() -> None:
    wanted = store("docs", "a.md")
    old = replace(wanted, documents=(replace(wanted.documents[0], sha256="b" * 64),))
    approved = body([wanted], [live(old, files="")])
    there = live(wanted, files="")
    left = replace(there, documents=(*(there.documents or ()), Attachment("f-old", "a.md", "b" * 64, "a.md")))
    fresh = body([wanted], [left])
    assert fresh["changes"][0]["files"]["removed"][0]["reason"] == "attached twice"
    assert covered(approved, fresh, resuming=True) == ""


def test_a_double_whose_document_is_still_being_processed_goes_with_the_approved_step_too() -> None:
    wanted = store("docs", "a.md")
    old = replace(wanted, documents=(replace(wanted.documents[0], sha256="b" * 64),))
    approved = body([wanted], [live(old, files="")])
    there = live(wanted, files="")
    left = (Attachment("f-old", "a.md", "b" * 64, "a.md"), Attachment("f-new", "a.md", "a" * 64, "a.md", "in_progress"))
    fresh = body([wanted], [replace(there, documents=left)])
    assert "still being processed" in fresh["changes"][0]["files"]["removed"][0]["reason"]
    assert covered(approved, fresh, resuming=True) == ""


def test_an_interrupted_replacement_resumes_wherever_it_stopped() -> None:
    wanted, old = store("docs"), live(store("docs"), "vs_1")
    approved = body([wanted, HELPER], [expired(old), live(HELPER)])
    retired = expired(live(wanted, "vs_1", retiring="run.1"))
    pending, ready = live(wanted, "vs_2", state="pending"), live(wanted, "vs_2")
    for there in ([retired], [retired, pending], [retired, ready]):
        assert covered(approved, body([wanted, HELPER], [*there, live(HELPER)]), resuming=True) == ""


def test_an_interrupted_change_of_runtime_resumes() -> None:
    wanted, old = helper(kind="release"), live(helper(), "asst_1")
    approved = body([wanted], [old])
    assert covered(approved, body([wanted], [old, live(wanted)]), resuming=True) == ""
    assert covered(approved, body([wanted], [old, live(wanted, state="pending")]), resuming=True) == ""


def test_resuming_does_not_excuse_another_account() -> None:
    assert "the account changed" in covered(CREATE, body([DOCS, HELPER], [], account=AccountInfo("x")), resuming=True)


def test_what_is_no_plan_has_a_digest_all_the_same() -> None:
    """Before a saved plan is checked, whatever it holds."""
    assert planfile.digest({"estimate": None, "changes": [1]}) != planfile.digest({"estimate": None, "changes": [2]})
