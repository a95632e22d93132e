from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.emulator import Switches
from tests.emulator.account import Account

if TYPE_CHECKING:
    from typing import Any


def ids(page: Any) -> list[str]:
    found = [item["id"] for item in page["data"]]
    ends = (found[0], found[-1]) if found else (None, None)
    assert (page["object"], page["first_id"], page["last_id"]) == ("list", *ends)
    return found


def stores(account: Account, number: int) -> list[str]:
    return [account.store(name=str(n)) for n in range(number)]


def test_newest_come_first_and_twenty_at_a_time(account: Account) -> None:
    made = stores(account, 21)
    page = account.get("/vector_stores")
    assert ids(page) == made[:0:-1]
    assert page["has_more"] is True


def test_an_empty_list_says_so(account: Account) -> None:
    page = account.get("/vector_stores")
    assert page == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_following_the_cursor_gives_each_object_once(account: Account, order: str) -> None:
    made = stores(account, 7)
    seen: list[str] = []
    page = account.get("/vector_stores", limit=3, order=order)
    seen += ids(page)
    while page["has_more"]:
        page = account.get("/vector_stores", limit=3, order=order, after=page["last_id"])
        seen += ids(page)
    assert seen == (made if order == "asc" else made[::-1])


def test_before_gives_the_page_that_ends_there(account: Account) -> None:
    made = stores(account, 6)
    page = account.get("/vector_stores", order="asc", before=made[5], limit=2)
    assert (ids(page), page["has_more"]) == (made[3:5], True)
    between = account.get("/vector_stores", order="asc", after=made[0], before=made[4])
    assert ids(between) == made[1:4]
    newest = account.get("/vector_stores", before=made[4])
    assert ids(newest) == [made[5]]


def test_time_orders_before_sequence(account: Account) -> None:
    late = account.store()
    account.clock.now -= 100
    early = account.store()
    assert ids(account.get("/vector_stores", order="asc")) == [early, late]


def test_a_cursor_may_be_an_object_that_the_filter_hides() -> None:
    account = Account(switches=Switches(processing_seconds=5))
    first, second = account.upload("a.md"), account.upload("b.md")
    store = account.store(file_ids=[first])
    account.clock.now += 4
    account.post(f"/vector_stores/{store}/files", {"file_id": second})
    account.clock.now += 2
    path = f"/vector_stores/{store}/files"
    assert ids(account.get(path, filter="in_progress", after=first, order="asc")) == [second]
    assert ids(account.get(path, filter="completed", after=second)) == [first]
    assert ids(account.get("/files", purpose="vision", after=first)) == []


@pytest.mark.parametrize("path", ["/vector_stores", "/files", "/skills", "/assistants"])
def test_a_cursor_that_does_not_exist_is_refused(account: Account, path: str) -> None:
    assert account.refused("GET", path, after="gone") == (400, "invalid_value", "after")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": 101}, "integer_above_maximum_value"),
        ({"limit": 0}, "integer_below_minimum_value"),
        ({"limit": "many"}, "invalid_type"),
        ({"limit": "9" * 40}, "invalid_type"),
        ({"order": "newest"}, "invalid_value"),
        ({"colour": "red"}, "unknown_parameter"),
    ],
)
def test_bad_queries_are_refused(account: Account, query: Any, code: str) -> None:
    assert account.refused("GET", "/vector_stores", **query)[:2] == (400, code)


def test_new_objects_appear_in_lists_after_the_lag_but_can_be_read_at_once() -> None:
    account = Account(switches=Switches(list_lag=3))
    store = account.store(file_ids=[account.upload("a.md")])
    paths = ("/vector_stores", "/files", f"/vector_stores/{store}/files")
    assert account.get(f"/vector_stores/{store}")["id"] == store
    account.clock.now += 2.9
    assert [ids(account.get(path)) for path in paths] == [[], [], []]
    account.clock.now += 0.2
    assert all(ids(account.get(path)) for path in paths)


def test_updates_may_merge_metadata_and_attributes() -> None:
    account = Account(switches=Switches(merge_metadata=True))
    file = account.upload("a.md")
    store = account.store(metadata={"a": "1"}, file_ids=[file])
    agent = account.post("/agents", {"model": "m", "metadata": {"a": "1"}})["id"]
    assistant = account.post("/assistants", {"model": "m", "metadata": {"a": "1"}})["id"]
    for path in (f"/vector_stores/{store}", f"/agents/{agent}", f"/assistants/{assistant}"):
        assert account.post(path, {"metadata": {"b": "2"}})["metadata"] == {"a": "1", "b": "2"}
        many = {str(n): "" for n in range(15)}
        assert account.refused("POST", path, {"metadata": many}) == (400, "object_above_max_properties", "metadata")
        assert account.post(path, {"metadata": None})["metadata"] == {}
    path = f"/vector_stores/{store}/files/{file}"
    account.post(path, {"attributes": {"a": 1}})
    assert account.post(path, {"attributes": {"b": 2}})["attributes"] == {"a": 1, "b": 2}


def test_numbers_may_come_back_as_floats() -> None:
    account = Account(switches=Switches(numbers_as_floats=True))
    store, file = account.store(), account.upload("a.md")
    body = {"file_id": file, "attributes": {"n": 1, "on": True, "text": "1"}}
    answer = account.send("POST", f"/vector_stores/{store}/files", body)
    assert b'"attributes":{"n":1.0,"on":true,"text":"1"}' in answer.response.body
