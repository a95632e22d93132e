from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from reconciler.emulator import asgi
from reconciler.emulator.faults import Effect, Fault, Faulty, Lost

if TYPE_CHECKING:
    from tests.emulator.account import Account

AUTH = {"authorization": "Bearer sk-test"}


def call(account: Account, method: str, path: str, *, fault: Fault | None = None, **options: Any) -> httpx2.Response:
    machine = Faulty(account.emulator, lambda _: fault, clock=account.clock)

    async def send() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=asgi.application(machine))
        async with httpx2.AsyncClient(transport=transport, base_url="http://local", headers=AUTH) as client:
            return await client.request(method, path, **options)

    return asyncio.run(send())


def test_http_reaches_the_account(account: Account) -> None:
    made = call(account, "POST", "/v1/vector_stores", json={"name": "docs"})
    assert made.status_code == 200
    assert made.headers["content-type"] == "application/json"
    assert made.headers["x-request-id"].startswith("req_")
    assert call(account, "GET", "/v1/vector_stores?limit=1&order=asc").json()["data"] == [made.json()]


def test_forms_and_binary_answers_pass_through(account: Account) -> None:
    content = bytes(range(256)) * 40
    form: dict[str, Any] = {"files": {"file": ("ü #?.jsonl", content)}, "data": {"purpose": "batch"}}
    made = call(account, "POST", "/v1/files", **form).json()
    assert made["filename"] == "ü #?.jsonl"
    assert call(account, "GET", f"/v1/files/{made['id']}/content").content == content


@pytest.mark.parametrize(("method", "status"), [("PUT", 405), ("HEAD", 405), ("OPTIONS", 405), ("GET", 200)])
def test_every_method_is_answered_by_the_account(account: Account, method: str, status: int) -> None:
    assert call(account, method, "/v1/files").status_code == status


def test_an_encoded_path_is_one_id(account: Account) -> None:
    answer = call(account, "GET", "/v1/files/a%20b%3Fc")
    assert answer.json()["error"]["message"] == "No such File object: a b?c"


def test_a_body_beyond_the_limit_is_413(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "MOST_BODY_BYTES", 10)
    answer = call(account, "POST", "/v1/vector_stores", content=b"{" + b" " * 20 + b"}")
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "invalid_request_error")
    assert account.get("/vector_stores")["data"] == []


def test_a_client_that_goes_away_is_no_error(account: Account) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/files", "headers": [], "query_string": b""}
    asyncio.run(asgi.application(account.emulator)(scope, receive, send))
    assert sent == []


def test_without_a_connection_to_close_a_lost_answer_is_an_exception(account: Account) -> None:
    with pytest.raises(Lost):
        call(account, "POST", "/v1/vector_stores", json={}, fault=Fault(Effect.LOST))
    assert len(account.get("/vector_stores")["data"]) == 1


def test_without_a_connection_to_close_a_broken_body_is_too_short(account: Account) -> None:
    answer = call(account, "POST", "/v1/vector_stores", json={}, fault=Fault(Effect.TRUNCATED))
    assert int(answer.headers["content-length"]) > len(answer.content) > 0


def test_a_delayed_answer_is_waited_for(account: Account) -> None:
    assert call(account, "GET", "/v1/models", fault=Fault(Effect.DELAY, seconds=0.01)).status_code == 200
