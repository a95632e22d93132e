from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from reconciler.emulator import Profile, Switches
from tests.emulator.account import Account

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"authorization": ""}, 401, "invalid_api_key"),
        ({"authorization": "Basic abc"}, 401, "invalid_api_key"),
        ({"authorization": "Bearer "}, 401, "invalid_api_key"),
        ({"authorization": "Bearer sk-wrong-key"}, 401, "invalid_api_key"),
        ({"authorization": "Bearer sk-revoked"}, 401, "invalid_api_key"),
        ({"openai-project": "proj_other"}, 401, "mismatched_project"),
        ({"openai-organization": "org-mismatch"}, 401, "mismatched_organization"),
        ({"authorization": "Bearer sk-readonly"}, 403, "missing_scope"),
    ],
)
def test_who_may_not_write_is_told_why(account: Account, headers: Mapping[str, str], status: int, code: str) -> None:
    assert account.send("POST", "/vector_stores", {}, headers=headers).error == (status, code, None)


def test_a_key_is_never_repeated(account: Account) -> None:
    answer = account.send("GET", "/files", headers={"authorization": "Bearer sk-wrong-0123456789"})
    assert "0123" not in answer.response.body.decode()


def test_a_read_only_key_may_read_and_search(account: Account) -> None:
    store = account.store()
    headers = {"authorization": "bearer sk-readonly", "openai-project": "proj_mine"}
    assert account.send("GET", f"/vector_stores/{store}", headers=headers).status == 200
    assert account.send("POST", f"/vector_stores/{store}/search", {"query": "x"}, headers=headers).status == 200
    assert account.send("DELETE", f"/vector_stores/{store}", headers=headers).status == 403


def test_responses_carry_the_service_s_headers(account: Account) -> None:
    first = account.send("GET", "/models").response.headers
    second = account.send("GET", "/nothing").response.headers
    assert first["x-request-id"] != second["x-request-id"]
    for headers in (first, second):
        assert headers["content-type"] == "application/json"
        assert {"openai-version", "openai-processing-ms", "x-ratelimit-remaining-requests"} <= headers.keys()


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/", "", "//", "/v1", "/v1/", "/v1files", "/v1/files//x", "/v1/files/"]
)
def test_unknown_urls_are_404_in_the_service_s_format(account: Account, path: str) -> None:
    answer = account.send("GET", path)
    if path == "/v1/files/":
        assert answer.status == 200
    else:
        assert answer.error == (404, None, None)
        assert answer.json["error"]["message"] == f"Invalid URL (GET {path})"


@pytest.mark.parametrize(("method", "path"), [("PUT", "/v1/files"), ("HEAD", "/v1/models"), ("PATCH", "/v1/agents/x")])
def test_a_wrong_method_is_405_and_says_which_are_right(account: Account, method: str, path: str) -> None:
    answer = account.send(method, path)
    assert answer.error == (405, "method_not_supported", None)
    assert "GET" in answer.response.headers["allow"]


@pytest.mark.parametrize("collection", ["skills", "vector_stores", "agents", "models"])
@pytest.mark.parametrize("profile", Profile)
def test_a_collection_can_be_absent_altogether(collection: str, profile: Profile) -> None:
    account = Account(profile=profile, switches=Switches(missing=frozenset({collection})))
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/x"), ("PUT", "")):
        assert account.send(method, f"/v1/{collection}{path}").status == 404
    assert account.send("GET", "/v1/files").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff",
        b'{"name": NaN}',
        b'{"name": 1e999}',
        b'{"name": "\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_json_object_is_400(account: Account, body: bytes) -> None:
    answer = account.send("POST", "/vector_stores", body)
    assert answer.status == 400
    assert json.loads(answer.response.body)["error"]["type"] == "invalid_request_error"
