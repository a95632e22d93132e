from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.emulator import Switches
from tests.emulator.account import Account

if TYPE_CHECKING:
    from typing import Any

DOCUMENTS = {
    "warranty.md": ("The warranty lasts two years and covers manufacturing defects.", {"lang": "en", "year": 2025}),
    "returns.md": ("Returns are accepted within thirty days of delivery.", {"lang": "en", "year": 2026}),
    "versand.md": ("Die Lieferung dauert zwei Tage. Delivery in Germany.", {"lang": "de", "year": 2026, "old": False}),
}


def library(account: Account) -> str:
    store = account.store()
    for name, (text, attributes) in DOCUMENTS.items():
        body = {"file_id": account.upload(name, text), "attributes": attributes}
        account.post(f"/vector_stores/{store}/files", body)
    return store


def found(account: Account, store: str, query: Any, **body: Any) -> list[str]:
    page = account.post(f"/vector_stores/{store}/search", {"query": query, **body})
    scores = [item["score"] for item in page["data"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    return [item["filename"] for item in page["data"]]


def test_the_best_document_comes_first(account: Account) -> None:
    store = library(account)
    assert found(account, store, "How long does the warranty last?")[0] == "warranty.md"
    assert found(account, store, "delivery within how many days")[0] == "returns.md"
    assert found(account, store, "zebra") == []
    assert found(account, store, "") == []


def test_the_answer_has_the_shape_of_the_service(account: Account) -> None:
    store = library(account)
    page = account.post(f"/vector_stores/{store}/search", {"query": ["warranty"], "rewrite_query": True})
    text, attributes = DOCUMENTS["warranty.md"]
    (item,) = page.pop("data")
    assert page == {
        "object": "vector_store.search_results.page",
        "search_query": ["warranty"],
        "has_more": False,
        "next_page": None,
    }
    assert (item["content"], item["attributes"]) == ([{"type": "text", "text": text}], attributes)


def test_several_queries_are_answered_together(account: Account) -> None:
    assert set(found(account, library(account), ["warranty", "Lieferung"])) == {"warranty.md", "versand.md"}


def test_results_can_be_limited_by_number_and_score(account: Account) -> None:
    store = library(account)
    assert len(found(account, store, "delivery warranty", max_num_results=1)) == 1
    assert found(account, store, "delivery warranty", ranking_options={"score_threshold": 1.0}) == []


def _compare(kind: str, key: str, value: Any) -> dict[str, Any]:
    return {"type": kind, "key": key, "value": value}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (_compare("eq", "lang", "de"), {"versand.md"}),
        (_compare("ne", "lang", "en"), {"versand.md"}),
        (_compare("gt", "year", 2025), {"returns.md", "versand.md"}),
        (_compare("gte", "year", 2025.5), {"returns.md", "versand.md"}),
        (_compare("lt", "year", 2026), {"warranty.md"}),
        (_compare("lte", "year", "2026"), set()),
        (_compare("in", "lang", ["de", "fr"]), {"versand.md"}),
        (_compare("nin", "lang", ["de", "fr"]), {"warranty.md", "returns.md"}),
        (_compare("eq", "old", value=False), {"versand.md"}),
        (_compare("eq", "old", 0), set()),
        (_compare("eq", "absent", 1), set()),
        ({"type": "and", "filters": [_compare("eq", "lang", "en"), _compare("eq", "year", 2026)]}, {"returns.md"}),
        (
            {"type": "or", "filters": [_compare("eq", "year", 2025), {"type": "and", "filters": []}]},
            {"warranty.md", "returns.md", "versand.md"},
        ),
    ],
)
def test_attribute_filters(account: Account, wanted: Any, names: set[str]) -> None:
    assert set(found(account, library(account), "warranty returns delivery", filters=wanted)) == names


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": 1},
        {"query": []},
        {"query": "a", "max_num_results": 51},
        {"query": "a", "filters": {"type": "eq", "key": "a"}},
        {"query": "a", "filters": {"type": "and", "filters": [{"type": "no"}]}},
        {"query": "a", "ranking_options": {"score_threshold": 1.1}},
        {"query": "a", "ranking_options": {"hybrid_search": {}}},
    ],
)
def test_bad_searches_are_refused(account: Account, body: Any) -> None:
    assert account.refused("POST", f"/vector_stores/{account.store()}/search", body)[0] == 400


def test_only_processed_files_are_found_and_detached_ones_no_more() -> None:
    account = Account(switches=Switches(processing_seconds=5))
    file = account.upload("a.md", "A zebra.")
    store = account.store(file_ids=[file])
    assert found(account, store, "zebra") == []
    account.clock.now += 5
    assert found(account, store, "zebra") == ["a.md"]
    account.delete(f"/vector_stores/{store}/files/{file}")
    assert found(account, store, "zebra") == []


def test_a_long_document_is_found_by_its_chunk(account: Account) -> None:
    text = " ".join(f"filler{n}" for n in range(2000)) + " The secret ingredient is cardamom."
    store = account.store(file_ids=[account.upload("long.md", text)])
    page = account.post(f"/vector_stores/{store}/search", {"query": "secret ingredient"})
    best = page["data"][0]["content"][0]["text"]
    assert best.endswith("cardamom.")
    assert len(best.split()) <= 800
