"""A list is complete, or there is a Failure that says why not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from reconciler.account import paging
from reconciler.account.paging import list_all
from reconciler.account.port import Call, Execution, Failure, FailureKind, Reply

Page = Callable[[Mapping[str, str]], dict[str, Any]]


class Pages:
    """An account that answers every call with what a function of the query says."""

    def __init__(self, page: Page) -> None:
        self.calls: list[Call] = []
        self._page = page

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        return Reply(200, self._page(dict(call.query)))


def listed(page: Page, **options: Any) -> list[str]:
    return [item["id"] for item in asyncio.run(list_all(Pages(page), "/things", **options))]


def failed(account: Pages) -> Failure:
    with pytest.raises(Failure) as caught:
        asyncio.run(list_all(account, "/things"))
    assert "/things" in caught.value.message
    return caught.value


def a_page(*ids: object, more: object = False) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": identity} for identity in ids], "has_more": more}


def three_pages(query: Mapping[str, str]) -> dict[str, Any]:
    start = int(query.get("after", "id_-1").removeprefix("id_")) + 1
    size = int(query["limit"])
    return a_page(*(f"id_{n}" for n in range(start, min(7, start + size))), more=start + size < 7)


def test_all_pages_are_read_in_the_servers_order() -> None:
    assert listed(three_pages, limit=3) == [f"id_{n}" for n in range(7)]


@pytest.mark.parametrize(("most", "pages", "found"), [(1, 1, 3), (3, 1, 3), (4, 2, 6), (99, 3, 7)])
def test_who_looks_among_the_first_gets_no_further_pages(most: int, pages: int, found: int) -> None:
    account = Pages(three_pages)
    listed_items = asyncio.run(list_all(account, "/things", limit=3, most=most))
    assert (len(account.calls), len(listed_items)) == (pages, found)


def test_the_query_goes_with_every_page() -> None:
    account = Pages(three_pages)
    asyncio.run(
        list_all(account, "/things", query=[("purpose", "x")], limit=4, order="asc", beta="agents=v1", timeout=7)
    )
    fixed = (("purpose", "x"), ("limit", "4"), ("order", "asc"))
    assert [call.query for call in account.calls] == [fixed, (*fixed, ("after", "id_3"))]
    assert {(call.beta, call.timeout) for call in account.calls} == {("agents=v1", 7)}


def test_an_empty_list_is_empty() -> None:
    assert listed(lambda _: a_page()) == []


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (a_page(more=True), "an empty page says that there is more"),
        (a_page("id_1", "id_2", more=True), "twice"),
        (a_page("id_1", "id_1"), "twice"),
    ],
)
def test_a_list_that_contradicts_itself_is_read_four_times_and_then_refused(page: dict[str, Any], words: str) -> None:
    account = Pages(lambda _: page)
    failure = failed(account)
    assert (failure.kind, failure.execution) == (FailureKind.MALFORMED, Execution.NOT_EXECUTED)
    assert words in failure.message
    assert sum("after" not in dict(call.query) for call in account.calls) == 4
    assert len(account.calls) <= 8


def test_a_list_that_changed_while_it_was_read_is_read_again() -> None:
    answers = iter([a_page("id_1", more=True), a_page("id_1"), a_page("id_2", "id_1")])
    assert listed(lambda _: next(answers)) == ["id_2", "id_1"]


def test_a_cursor_whose_object_went_away_means_reading_again() -> None:
    class Deleted(Pages):
        async def send(self, call: Call) -> Reply:
            reply = await super().send(call)
            if len(self.calls) == 2:
                raise Failure(
                    call,
                    execution=Execution.NOT_EXECUTED,
                    kind=FailureKind.REFUSED,
                    message="no such object",
                    status=400,
                )
            return reply

    found = asyncio.run(list_all(Deleted(three_pages), "/things", limit=5))
    assert len(found) == 7


def test_other_failures_pass() -> None:
    class Forbidden(Pages):
        async def send(self, call: Call) -> Reply:
            raise Failure(
                call,
                execution=Execution.NOT_EXECUTED,
                kind=FailureKind.NOT_FOUND,
                message="/things is gone",
                status=404,
            )

    assert failed(Forbidden(three_pages)).kind is FailureKind.NOT_FOUND


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ({}, "`object` is missing"),
        ({"object": "thing", "data": [], "has_more": False}, "`object` is 'thing'"),
        ({"object": "list", "data": {}, "has_more": False}, "`data` is a dict"),
        ({"object": "list", "data": []}, "`has_more` is missing"),
        ({"object": "list", "data": [], "has_more": 0}, "`has_more` is 0"),
        ({"object": "list", "data": ["x"], "has_more": False}, "without a usable id"),
        (a_page("../../files/x"), "without a usable id"),
        (a_page(""), "without a usable id"),
        (a_page(17), "without a usable id"),
        (a_page("x" * 129), "without a usable id"),
        (a_page("id_1\n"), "without a usable id"),
    ],
)
def test_a_page_of_another_shape_is_refused_at_once(page: dict[str, Any], words: str) -> None:
    account = Pages(lambda _: page)
    assert words in failed(account).message
    assert len(account.calls) == 1


def test_a_server_that_ignores_limit_and_after_is_fine_if_one_page_holds_all() -> None:
    assert listed(lambda _: a_page(*(f"id_{n}" for n in range(500)))) == [f"id_{n}" for n in range(500)]


def test_a_list_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "OBJECT_LIMIT", 50)

    def endless(query: Mapping[str, str]) -> dict[str, Any]:
        start = int(query.get("after", "id_-1").removeprefix("id_")) + 1
        return a_page(*(f"id_{n}" for n in range(start, start + 20)), more=True)

    account = Pages(endless)
    assert "no end" in failed(account).message
    assert len(account.calls) == 3
