from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.account import START

if TYPE_CHECKING:
    from tests.emulator.account import Account

DEFAULTS = {
    "object": "agent",
    "created_at": int(START),
    "updated_at": int(START),
    "name": None,
    "instructions": None,
    "metadata": {},
    "tools": [],
    "multi_agent": {"enabled": False, "max_concurrent_subagents": None},
    "reasoning": {"effort": "medium", "summary": None},
    "service_tier": "auto",
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "compaction": {"async": False},
    "experimental": {"time_awareness": False},
}
FULL = {
    "name": "helper",
    "instructions": "Help.",
    "metadata": {"a": "1"},
    "tools": [{"type": "automations"}],
    "multi_agent": {"enabled": True, "max_concurrent_subagents": 2},
    "reasoning": {"effort": "high", "summary": "auto"},
    "service_tier": "flex",
    "text": {"format": {"type": "json_schema", "schema": {"type": "object"}}, "verbosity": "low"},
    "compaction": {"async": True},
}
FUNCTION = {"type": "function", "name": "look_up", "description": "Looks up.", "parameters": {"type": "object"}}


def agent(account: Account, **fields: Any) -> Any:
    return account.post("/agents", {"model": "gpt-6.1-terra", **fields})


def test_a_minimal_agent_comes_back_with_every_default(account: Account) -> None:
    answer = account.send("POST", "/agents", {"model": "gpt-6.1-terra"})
    assert answer.status == 201
    assert answer.json == {**DEFAULTS, "id": answer.json["id"], "model": "gpt-6.1-terra"}
    assert account.get(f"/agents/{answer.json['id']}") == answer.json


@pytest.mark.parametrize("field", sorted(FULL))
def test_each_field_replaces_and_null_resets_it(account: Account, field: str) -> None:
    made = agent(account)
    path = f"/agents/{made['id']}"
    assert account.post(path, {field: FULL[field]}) == {**made, field: FULL[field]}
    assert account.post(path, {field: None}) == made


def test_the_model_is_required_and_never_null(account: Account) -> None:
    path = f"/agents/{agent(account)['id']}"
    assert account.refused("POST", "/agents", {}) == (400, "missing_required_parameter", "model")
    assert account.refused("POST", path, {"model": None}) == (400, "invalid_type", "model")
    assert account.post(path, {"model": "any-name"})["model"] == "any-name"


def test_an_empty_update_still_counts_as_an_update(account: Account) -> None:
    made = agent(account)
    account.clock.now += 7
    assert account.post(f"/agents/{made['id']}", {}) == {**made, "updated_at": int(START) + 7}


def test_objects_are_replaced_whole_except_experimental(account: Account) -> None:
    path = (
        f"/agents/{agent(account, reasoning={'effort': 'high', 'summary': 'auto'}, compaction={'async': True})['id']}"
    )
    account.post(path, {"experimental": {"time_awareness": True}})
    body = {"reasoning": {"summary": "concise"}, "compaction": {}, "text": {"verbosity": "high"}, "experimental": {}}
    updated = account.post(path, body)
    assert updated["reasoning"] == {"effort": "medium", "summary": "concise"}
    assert updated["compaction"] == {"async": False}
    assert updated["text"] == {"format": {"type": "text"}, "verbosity": "high"}
    assert updated["experimental"] == {"time_awareness": True}


def test_enabled_subagents_are_six_unless_told(account: Account) -> None:
    made = agent(account, multi_agent={"enabled": True})
    assert made["multi_agent"] == {"enabled": True, "max_concurrent_subagents": 6}
    body = {"multi_agent": {"enabled": False, "max_concurrent_subagents": 2}}
    assert account.refused("POST", f"/agents/{made['id']}", body)[0] == 400


@pytest.mark.parametrize(
    ("sent", "filled"),
    [
        (FUNCTION, {"defer_loading": False, "async": None}),
        ({"type": "tool_search"}, {}),
        ({"type": "programmatic_tool_calling"}, {"enabled": True}),
        ({"type": "computer_use"}, {"include_screenshots": False}),
        ({"type": "automations"}, {}),
        (
            {"type": "web_search"},
            {"allowed_domains": None, "context_size": "medium", "location": None, "mode": "live"},
        ),
        (
            {"type": "web_search", "location": {"city": "Bonn"}, "mode": "cached", "context_size": None},
            {
                "allowed_domains": None,
                "context_size": "medium",
                "location": {"city": "Bonn", "country": None, "region": None, "timezone": None},
            },
        ),
        (
            {"type": "mcp", "server_label": "x", "transport": {"type": "http", "server_url": "https://x"}},
            {
                "allowed_tools": None,
                "connection_origin": "service",
                "credential_id": None,
                "request_metadata": {},
                "required": False,
                "transport": {"type": "http", "server_url": "https://x", "headers": {}},
            },
        ),
        (
            {"type": "mcp", "server_label": "x", "transport": {"type": "stdio", "command": "x", "cwd": "/"}},
            {
                "allowed_tools": None,
                "connection_origin": "service",
                "credential_id": None,
                "request_metadata": {},
                "required": False,
                "transport": {"type": "stdio", "command": "x", "cwd": "/", "args": [], "env_vars": []},
            },
        ),
    ],
)
def test_tools_come_back_with_their_defaults(account: Account, sent: Any, filled: Any) -> None:
    assert agent(account, tools=[sent])["tools"] == [{**sent, **filled}]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"name": "x" * 129}, "name"),
        ({"temperature": 1}, "temperature"),
        ({"metadata": {"k": "x" * 513}}, "metadata.k"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata"),
        ({"tools": [{**FUNCTION, "strict": True}]}, "tools[0].strict"),
        ({"tools": [{"type": "function", "name": "x", "parameters": {}}]}, "tools[0].description"),
        ({"tools": [{"type": "file_search"}]}, "tools[0].type"),
        ({"tools": [FUNCTION, FUNCTION]}, "tools"),
        ({"tools": [{"type": "web_search"}, {"type": "web_search"}]}, "tools"),
        ({"tools": [{"type": "tool_search"}, {"type": "tool_search"}]}, "tools"),
        ({"tools": [{**FUNCTION, "description": "x" * 3_145_728}]}, "tools"),
        ({"multi_agent": {}}, "multi_agent.enabled"),
        ({"multi_agent": {"enabled": True, "max_concurrent_subagents": 0}}, "multi_agent.max_concurrent_subagents"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "schema": {"type": "array"}}}}, "text.format.schema"),
        ({"experimental": None}, "experimental"),
        ({"experimental": {"x": True}}, "experimental.x"),
        ({"service_tier": "slow"}, "service_tier"),
        ({"reasoning": {"effort": 1}}, "reasoning.effort"),
    ],
)
def test_bad_agents_are_refused_with_the_field_in_question(account: Account, fields: Any, param: str) -> None:
    status, _code, where = account.refused("POST", "/agents", {"model": "m", **fields})
    assert (status, where) == (400, param)


def test_a_deleted_agent_is_not_found_as_object_or_as_cursor(account: Account) -> None:
    made, other = agent(account), agent(account)
    gone = account.delete(f"/agents/{made['id']}")
    assert gone == {"id": made["id"], "object": "agent.deleted", "deleted": True}
    for method, path in (("GET", ""), ("POST", ""), ("DELETE", "")):
        answer = account.send(method, f"/agents/{made['id']}{path}", {} if method == "POST" else None)
        assert answer.error == (404, "not_found_error", None)
        assert answer.json["error"]["type"] == "not_found_error"
    assert account.refused("GET", "/agents", after=made["id"]) == (404, "not_found_error", None)
    assert account.get("/agents")["data"] == [other]


def test_a_limit_above_a_hundred_is_taken_as_a_hundred(account: Account) -> None:
    for _ in range(102):
        agent(account)
    page = account.get("/agents", limit=1000)
    assert (len(page["data"]), page["has_more"]) == (100, True)
    assert account.refused("GET", "/agents", limit=0)[0] == 400


def test_without_the_beta_header_even_a_request_without_a_key_is_told_so(account: Account) -> None:
    answer = account.send("GET", "/agents", headers={"openai-beta": "assistants=v2", "authorization": ""})
    assert answer.error == (400, "invalid_beta", None)
    assert answer.json["error"]["type"] == "invalid_beta"
