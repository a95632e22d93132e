"""What goes and what changes hands, with those who use it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.review.risks.world import helper, live, plan_for, ref, risks, searching, store, tagged


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
