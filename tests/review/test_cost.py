"""What a plan costs: requests as apply sends them, time as the limits allow it, storage and tokens as they are charged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.documents import intake, rollout
from reconciler.apply.uploads import parts
from reconciler.apply.uploads import uploading as uploads
from reconciler.model import prices
from reconciler.model.address import Address
from reconciler.model.desired import Desired, Document, Lifecycle
from reconciler.model.observed import AccountInfo, Attachment, Observed
from reconciler.model.rules import Rules
from reconciler.ownership import anchor
from reconciler.review import cost, planfile
from tests.acceptance.world import World
from tests.planning.test_plan import expired, foreign, helper, live, plan_for

GIB = 2**30

Estimate = dict[str, Any]


def estimate(
    desired: list[Desired], objects: list[Observed] | None = None, *, host: str = "local", **more: Any
) -> Estimate:
    """The estimate of a plan that may upload and delete as much as it wants to."""
    rules = Rules(max_upload_bytes=2**60, allow_deletes=100)
    found: Estimate = planfile.to_json(plan_for(desired, objects or [], rules, account=AccountInfo(host), **more))[
        "estimate"
    ]
    return found


def store(name: str = "docs", /, **documents: int) -> Desired:
    """A store with documents of so many bytes; the content of one goes with its size."""
    found = tuple(Document(path, f"docs/{path}", path, size, f"{size:064x}") for path, size in documents.items())
    return Desired(Address("VectorStore", name), "vector_store", {"name": name}, documents=found)


def charged(wanted: Desired, *used: int | None, **more: Any) -> Observed:
    """The store after it was applied; `used` is what its documents are charged for, one after the other."""
    there = live(wanted, **more)
    files = tuple(replace(file, usage=size) for file, size in zip(there.documents or (), used, strict=True))
    return replace(there, raw={"usage_bytes": sum(size or 0 for size in used)}, documents=files)


def stored(desired: list[Desired], *objects: Observed, **more: Any) -> tuple[int, int] | None:
    """Bytes before and after."""
    found = estimate(desired, list(objects), **more)["storage"]
    return found and (found["before_bytes"], found["after_bytes"])


# --- requests ---------------------------------------------------------------------------------------------------------


def near(world: World) -> tuple[int, int]:
    """How many requests the plan speaks of, and how many apply sends."""
    planned = world.plan().plan.requests
    applied = world.apply()
    assert applied.exit == 0
    assert applied.calls
    return planned, len(applied.calls)


@pytest.mark.parametrize("count", [1, 40, 120])
def test_requests_for_documents_are_as_many_as_apply_sends(tmp_path: Path, count: int) -> None:
    world = World.new(tmp_path)
    for text in ("first", "second"):
        world.store("docs", {f"{number:03}.md": f"{text} {number}" for number in range(count)})
        planned, sent = near(world)
        assert planned == pytest.approx(sent, rel=0.05)


def test_requests_for_all_else_are_as_many_as_apply_sends(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {f"{number:03}.md": f"text {number}" for number in range(60)})
    for number in range(3):
        world.write(f"data/{number}.csv", f"a,b\n{number},2\n")
        world.assistant(f"agent-{number}", "agents", instructions="x")
    interpreter = [{"type": "code_interpreter", "files": ["data/*.csv"]}]
    world.assistant("analyst", instructions="x", tools=interpreter)
    planned, sent = near(world)
    assert planned == pytest.approx(sent, rel=0.05)

    world.assistant("analyst", instructions="y", tools=interpreter)
    world.assistant("agent-0", "agents", instructions="y")
    world.remove("Assistant", "agent-1")
    world.manifest("VectorStore", "docs", {"files": [{"glob": "docs/**/*.md", "attributes": {"new": "yes"}}]})
    planned, sent = near(world)
    assert planned == pytest.approx(sent, rel=0.05)

    for number in range(30):
        (tmp_path / f"docs/{number:03}.md").unlink()
    planned, sent = near(world)
    assert planned == pytest.approx(sent, rel=0.05)

    world.remove("VectorStore", "docs")
    planned, sent = near(world)
    assert planned == pytest.approx(sent, rel=0.05)
    assert world.plan().plan.requests == 0


def test_a_replacement_marks_the_old_object_first() -> None:
    old = charged(store(a=1), 1)
    new = plan_for([store(a=1)]).requests
    gone = plan_for([], [old], Rules(destroy=True)).requests
    assert plan_for([store(a=1)], [expired(old)]).requests == new + gone - cost.requests((), first_apply=False) - 6


def test_large_files_go_in_parts() -> None:
    small, large = (plan_for([store(a=size)]).requests for size in (cost.IN_PARTS_FROM - 1, 33 * 2**20))
    assert large - small == 4  # begin, three parts, complete: instead of one request


def test_the_numbers_of_the_engine_are_the_engines() -> None:
    assert (cost.GROUP, cost.FEW, cost.PAGE) == (intake.GROUP, rollout.SINGLY, rollout.PAGE)
    assert (cost.IN_PARTS_FROM, cost.PART) == (uploads.LARGE_FROM, parts.PART)
    assert cost.JOURNAL == anchor.MAX_JOURNAL


# --- time -------------------------------------------------------------------------------------------------------------


def many(count: int, name: str = "docs") -> Desired:
    return store(name, **{f"d{number}": 1 for number in range(count)})


@pytest.mark.parametrize(("count", "minutes"), [(1, None), (1_000, None), (1_001, 1), (2_000, 1), (2_001, 2)])
def test_minutes_are_those_that_the_limits_do_not_allow_to_go_below(count: int, minutes: int | None) -> None:
    found = estimate([many(count)])
    assert (found["files"], found["upload_bytes"], found["minutes"]) == (count, count, minutes)


def test_every_store_counts_and_files_that_are_attached_to_nothing_do_too() -> None:
    documents = many(600).documents
    analyst = replace(helper(kind="release"), documents=documents)
    assert estimate([many(600), analyst])["minutes"] == 1
    assert estimate([many(600)])["minutes"] is None


@pytest.mark.parametrize(
    ("host", "minutes"),
    [("api.openai.com", 1), ("eu.api.openai.com", 1), ("llm.example", None), ("xapi.openai.com", None)],
)
def test_the_limits_are_those_of_one_service(host: str, minutes: int | None) -> None:
    assert estimate([many(1_500)], host=host)["minutes"] == minutes


def test_without_a_store_only_uploads_count() -> None:
    analyst = replace(helper(kind="release"), documents=many(1_001).documents)
    assert estimate([analyst])["minutes"] == 1


# --- storage ----------------------------------------------------------------------------------------------------------


def test_a_first_store_is_estimated_by_the_size_of_its_documents() -> None:
    assert estimate([store(a=GIB, b=GIB)])["storage"] == {
        "before_bytes": 0,
        "after_bytes": 2_150_000_000,
        "before_usd_per_day": 0.0,
        "after_usd_per_day": pytest.approx(0.1, abs=0.001),
    }


def test_what_comes_needs_as_much_as_what_is_beside_it() -> None:
    before = charged(store(a=100), 250)
    assert stored([store(a=100, b=1_000)], before) == (250, 250 + 2_500)


def test_what_goes_is_known() -> None:
    before = charged(store(a=100, b=7), 250, 900)
    assert stored([store(a=100)], before) == (1_150, 250)
    assert stored([store(a=100, b=8)], before) == (1_150, 250 + 20)


def test_what_is_not_processed_yet_counts_as_coming() -> None:
    before = charged(store(a=100, b=7), 0, 14)
    assert stored([store(a=100, b=7, c=1)], before) == (14, 14 + 202)


def test_documents_of_somebody_else_stay() -> None:
    before = charged(store(a=100), 100)
    theirs = Attachment("file-9", None, None, None, usage=50)
    before = replace(before, raw={"usage_bytes": 150}, documents=(*(before.documents or ()), theirs))
    assert stored([store(b=10)], before) == (150, 60)


def test_every_store_of_the_stack_counts_before_and_after() -> None:
    quiet = charged(store("quiet", a=1), 500)
    assert stored([store("quiet", a=1), store(b=10)], quiet) == (500, 510)


def test_deleted_stores_and_doubles_no_longer_count() -> None:
    old, kept = charged(store("old", a=1), 500), charged(store(a=1), 100)
    assert stored([store(a=1)], old, kept) == (600, 100)
    double = charged(store(a=1), 30, object_id="vs_double", state="pending")
    assert stored([store(a=1)], kept, double) == (130, 100)


def test_a_replaced_store_goes_and_the_new_one_comes() -> None:
    assert stored([store(a=70)], expired(charged(store(a=70), 200))) == (200, 70)


def test_a_store_that_is_let_go_is_charged_all_the_same() -> None:
    old = replace(store("old", a=1), lifecycle=Lifecycle(retain=True))
    assert stored([store(b=10)], charged(old, 500)) == (500, 510)


def test_an_adopted_store_was_charged_before() -> None:
    wanted = replace(store(a=10), lifecycle=Lifecycle(adopt="vs_9"))
    theirs = replace(foreign("vs_9"), raw={"usage_bytes": 400})
    assert stored([wanted], adoptable={"vs_9": theirs}) == (400, 410)
    assert stored([wanted], adoptable={"vs_9": foreign("vs_9")}) is None


def test_nothing_is_said_when_nothing_changes_or_the_account_does_not_say() -> None:
    docs = store(a=1)
    assert stored([docs], charged(docs, 1)) is None
    assert stored([replace(docs, labels={"a": "b"})], charged(docs, 1)) is None
    assert stored([store(b=1)], live(docs)) is None
    assert stored([store(b=1)], charged(docs, None)) is None
    assert stored([store(b=1)], charged(docs, -1)) is None
    assert stored([store(b=1)], charged(docs, 10**400)) is None
    assert stored([store(b=1)], charged(docs, 1), host="eu.api.openai.com") is None


def test_more_than_everything_cannot_go() -> None:
    docs = charged(store(a=1, b=1), 50, 50)
    assert stored([store(a=1)], replace(docs, raw={"usage_bytes": 20})) == (20, 0)


@pytest.mark.parametrize(
    ("size", "rounded"), [(0, 0), (999, 999), (1_234, 1_230), (1_235, 1_240), (999_999, 1_000_000)]
)
def test_sizes_are_rounded_so_that_a_plan_keeps_its_digest(size: int, rounded: int) -> None:
    assert stored([store(a=size)]) == (0, rounded)


# --- models -----------------------------------------------------------------------------------------------------------


def test_a_new_assistants_model_has_a_price() -> None:
    found = estimate([helper(model="gpt-6-luna")])
    after = {"model": "gpt-6-luna", "input_usd": 0.1, "output_usd": 0.5}
    assert found["models"] == [{"address": "Assistant/helper", "before": None, "after": after}]
    assert found["prices"] == {"as_of": prices.AS_OF, "source": prices.SOURCE}


@pytest.mark.parametrize(
    ("before", "after", "costs"),
    [
        ("gpt-6-luna", "gpt-6.1-terra", [(0.1, 0.5), (1.0, 5.0)]),
        ("mystery", "gpt-6.1-terra", [(None, None), (1.0, 5.0)]),
        ("gpt-6.1-sol", "gpt-6.2-sol", None),
        ("gpt-6-luna", "mystery", None),
        ("gpt-6-luna", "gpt-6-luna", None),
    ],
)
def test_another_model_is_compared_with_the_one_before(before: str, after: str, costs: Any) -> None:
    models = estimate([helper(model=after)], [live(helper(model=before))])["models"]
    found = [[(one["input_usd"], one["output_usd"]) for one in (item["before"], item["after"])] for item in models]
    assert found == ([costs] if costs else [])


def test_a_moved_assistant_is_compared_with_the_object_that_it_replaces() -> None:
    moved = helper(kind="release", model="gpt-6.1-terra")
    assert estimate([moved], [live(helper(model="gpt-6.1-terra"))])["models"] == []
    (found,) = estimate([moved], [live(helper(model="gpt-6-luna"))])["models"]
    assert found["before"]["model"] == "gpt-6-luna"


def test_assistants_come_by_address() -> None:
    wanted = [helper(name=name, model="gpt-6-luna") for name in ("b", "a", "c")]
    assert [item["address"] for item in estimate(wanted)["models"]] == ["Assistant/a", "Assistant/b", "Assistant/c"]


def test_what_the_table_does_not_know_is_not_said() -> None:
    assert estimate([helper(model="mystery")])["models"] == []
    assert estimate([helper(model="mystery")])["prices"] is None
    assert estimate([helper(model="gpt-6-luna")], host="llm.example")["models"] == []


def test_no_price_is_a_slip_of_the_pen() -> None:
    assert all(0 < price.input < price.output < 1_000 for price in prices.MODELS.values())
    assert prices.AS_OF >= "2026-11-22"
