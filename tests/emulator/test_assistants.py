from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reconciler.emulator import Profile, Switches
from tests.emulator.account import START, Account

if TYPE_CHECKING:
    from collections.abc import Callable

RANKING = {"ranker": "default_2024_08_21", "score_threshold": 0.0}
FULL = {
    "name": "helper",
    "description": "Helps.",
    "instructions": "Help.",
    "metadata": {"a": "1"},
    "temperature": 0.5,
    "top_p": 0.5,
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
}


def assistant(account: Account, **fields: Any) -> Any:
    return account.post("/assistants", {"model": "gpt-4o", **fields})


def test_a_minimal_assistant_comes_back_with_every_default(account: Account) -> None:
    made = assistant(account)
    assert made == {
        "id": made["id"],
        "object": "assistant",
        "created_at": int(START),
        "model": "gpt-4o",
        "name": None,
        "description": None,
        "instructions": None,
        "tools": [],
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
        "tool_resources": {},
    }
    assert account.get(f"/assistants/{made['id']}") == made
    assert account.get("/assistants")["data"] == [made]


@pytest.mark.parametrize("field", sorted(FULL))
def test_each_field_replaces_and_null_resets_it(account: Account, field: str) -> None:
    made = assistant(account)
    path = f"/assistants/{made['id']}"
    assert account.post(path, {field: FULL[field]}) == {**made, field: FULL[field]}
    assert account.post(path, {field: None}) == made


def test_tools_come_back_with_what_the_server_fills_in(account: Account) -> None:
    function = {"name": "f", "description": "Does."}
    tools = [{"type": "code_interpreter"}, {"type": "file_search"}, {"type": "function", "function": function}]
    made = assistant(account, tools=tools)
    assert made["tools"] == [
        {"type": "code_interpreter"},
        {"type": "file_search", "file_search": {"ranking_options": RANKING}},
        {
            "type": "function",
            "function": {**function, "strict": False, "parameters": {"type": "object", "properties": {}}},
        },
    ]
    assert made["tool_resources"] == {"code_interpreter": {"file_ids": []}, "file_search": {"vector_store_ids": []}}


def test_search_options_that_were_sent_are_kept(account: Account) -> None:
    options = {"max_num_results": 5, "ranking_options": {"ranker": "auto", "score_threshold": 0.3}}
    sent = {"type": "file_search", "file_search": options}
    assert assistant(account, tools=[sent])["tools"] == [sent]


@pytest.mark.parametrize(
    ("resources", "status"),
    [
        (lambda file, store: {"code_interpreter": {"file_ids": [file]}}, 200),
        (lambda file, store: {"code_interpreter": {"file_ids": ["file-none"]}}, 404),
        (lambda file, store: {"code_interpreter": {"file_ids": [file] * 21}}, 400),
        (lambda file, store: {"file_search": {"vector_store_ids": [store]}}, 200),
        (lambda file, store: {"file_search": {"vector_store_ids": ["vs_none"]}}, 404),
        (lambda file, store: {"file_search": {"vector_store_ids": [store, store]}}, 400),
        (lambda file, store: {"file_search": {"vector_store_ids": [store], "vector_stores": [{}]}}, 400),
    ],
)
def test_resources_must_exist_and_be_few(account: Account, resources: Callable[[str, str], Any], status: int) -> None:
    sent = resources(account.upload("a.md"), account.store())
    answer = account.send("POST", "/assistants", {"model": "m", "tool_resources": sent})
    assert answer.status == status
    if status == 200:
        assert answer.json["tool_resources"] == sent


def test_a_store_can_be_made_along_with_the_assistant(account: Account) -> None:
    new = {"file_ids": [account.upload("a.md")], "metadata": {"made": "along"}}
    made = assistant(account, tool_resources={"file_search": {"vector_stores": [new]}})
    (store,) = made["tool_resources"]["file_search"]["vector_store_ids"]
    assert account.get(f"/vector_stores/{store}")["metadata"] == {"made": "along"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"name": "x" * 257}, "name"),
        ({"description": "x" * 513}, "description"),
        ({"instructions": "x" * 256_001}, "instructions"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"tools": [{"type": "code_interpreter"}] * 129}, "tools"),
        ({"tools": None}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "tools[0].function.name"),
        ({"response_format": "text"}, "response_format"),
        ({"response_format": 1}, "response_format"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"voice": "x"}, "voice"),
    ],
)
def test_bad_assistants_are_refused_with_the_field_in_question(account: Account, fields: Any, param: str) -> None:
    status, _code, where = account.refused("POST", "/assistants", {"model": "m", **fields})
    assert (status, where) == (400, param)


def test_the_helper_for_new_stores_is_for_creation_only(account: Account) -> None:
    path = f"/assistants/{assistant(account)['id']}"
    body: Any = {"tool_resources": {"file_search": {"vector_stores": []}}}
    assert account.refused("POST", path, body)[1] == "unknown_parameter"


def test_a_deleted_assistant_is_404(account: Account) -> None:
    made = assistant(account)["id"]
    assert account.delete(f"/assistants/{made}") == {"id": made, "object": "assistant.deleted", "deleted": True}
    assert account.refused("GET", f"/assistants/{made}") == (404, None, None)


def test_the_beta_header_is_needed(account: Account) -> None:
    assert account.send("GET", "/assistants", headers={"openai-beta": ""}).error == (400, "invalid_beta", None)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", ""), ("GET", "/asst_1"), ("DELETE", "/asst_1")])
def test_the_service_itself_has_no_assistants_any_more(method: str, path: str) -> None:
    account = Account(profile=Profile.OPENAI)
    answer = account.send(method, f"/v1/assistants{path}", {"model": "m"} if method == "POST" else None)
    assert answer.status == 404
    assert answer.json["error"]["message"] == f"Invalid URL ({method} /v1/assistants{path})"


def test_numbers_can_come_back_as_floats() -> None:
    account = Account(switches=Switches(numbers_as_floats=True))
    answer = account.send("POST", "/assistants", {"model": "m", "temperature": 1, "top_p": 1})
    assert b'"temperature":1.0' in answer.response.body
