"""What an assistant reaches and may do, and when that is more than before."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds import KINDS
from reconciler.model.json import Json
from reconciler.review.reach import place, reached, widened

AGENT, RELEASE, ASSISTANT = KINDS["agent"], KINDS["release"], KINDS["assistant"]
SERVER = "https://mcp.example.com"


def told(tools: Json, kind: Any = RELEASE, **spec: Json) -> list[str]:
    return [f"{item.label} at {item.place}" for item in reached(kind, {"tools": tools, **spec})]


def mcp(**fields: Json) -> dict[str, Json]:
    return {"type": "mcp", "server_label": "wiki", "server_url": SERVER, **fields}


def agent_mcp(**fields: Json) -> dict[str, Json]:
    transport = {"type": "http", "server_url": SERVER}
    return {"type": "mcp", "server_label": "wiki", "transport": transport, **fields}


def more(before: list[Json], after: list[Json], old: Any = RELEASE, new: Any = RELEASE) -> list[str]:
    return [f"{tool} {what}" for tool, what in widened(old, {"tools": before}, new, {"tools": after})]


# --- hosts ------------------------------------------------------------------------------------------------------------


def test_hosts_are_found_wherever_a_kind_keeps_them() -> None:
    assert told([mcp()]) == ["mcp.example.com at tools.mcp:wiki.server_url"]
    assert told([agent_mcp()], AGENT) == ["mcp.example.com at tools.mcp:wiki.transport.server_url"]
    search = {"type": "web_search", "filters": {"allowed_domains": ["A.example.com.", "b.example.com"]}}
    assert told([search]) == [
        "a.example.com at tools.web_search.filters.allowed_domains",
        "b.example.com at tools.web_search.filters.allowed_domains",
    ]
    assert told([], raw={"hook": {"target": "https://x.example.com/y"}}) == ["x.example.com at raw.hook.target"]


def test_connectors_and_tunnels_are_named_by_their_ids() -> None:
    tools = [{"type": "mcp", "server_label": "m", "connector_id": "connector_gmail"}]
    tools += [{"type": "mcp", "server_label": "n", "tunnel_id": "tun\u200b1"}]
    assert told(tools) == [
        "the connector connector_gmail at tools.mcp:m.connector_id",
        "the tunnel tun<U+200B>1 at tools.mcp:n.tunnel_id",
    ]


def test_texts_of_people_and_schemas_of_theirs_name_no_host() -> None:
    function = {"type": "function", "name": "f", "parameters": {"$id": "https://example.com/schema"}}
    assert told([function], instructions="https://example.com") == []


def test_a_host_is_another_one_under_another_key() -> None:
    search = {"type": "web_search", "filters": {"allowed_domains": ["mcp.example.com"]}}
    assert len(told([search, mcp()])) == 2
    assert len(told([mcp(), {**mcp(), "server_label": "second"}])) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://p\u0430ypal.com/x", "xn--pypal-4ve.com (not ASCII: U+0430)"),
        ("https://xn--pypal-4ve.com", "xn--pypal-4ve.com (not ASCII: U+0430)"),
        ("https://EXAMPLE.com:8443/x", "example.com"),
        ("bare.example.com", "bare.example.com"),
        ("https://[::1", "https://[::1"),
        ("https://a\u200d\u0430..b", "a<U+200D><U+0430>..b (not ASCII: U+0430 U+200D)"),
        ("https://xn--a\u0301.com/", "xn--a<U+0301>.com (not ASCII, and no valid name)"),
        ("https://xn--0.com/", "xn--0.com (not ASCII, and no valid name)"),
        ("", ""),
    ],
)
def test_a_host_is_told_in_ascii_with_what_hides_behind_it(url: str, said: str) -> None:
    (found,) = reached(RELEASE, {"tools": [mcp(server_url=url)]})
    assert found.label == said


def test_a_place_is_short_and_in_ascii() -> None:
    assert place(("tools", "mcp:\u202e", 3, "x")) == "tools.mcp:<U+202E>.x"
    assert "... (" in place(("x" * 200,))


def test_keys_that_are_not_ascii_are_texts_too() -> None:
    from reconciler.review.reach import texts

    found = dict(texts(RELEASE, {"tools": [{"type": "x", "p\u0430": 1}]}))
    assert found["tools", "x", "p\u0430"] == "p\u0430"


# --- tools that are new -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ({"type": "web_search"}, ["web_search may search the web"]),
        ({"type": "web_search_preview_2025_03_11"}, ["web_search_preview_2025_03_11 may search the web"]),
        ({"type": "web_search", "mode": "disabled"}, []),
        ({"type": "computer_use"}, ["computer_use may operate a computer"]),
        ({"type": "shell"}, ["shell may run commands in a shell"]),
        ({"type": "automations"}, ["automations may start runs of its own"]),
        ({"type": "code_interpreter", "container": {"type": "auto"}}, []),
        ({"type": "code_interpreter", "container": {"network_policy": {"type": "disabled"}}}, []),
        (
            {"type": "code_interpreter", "container": {"network_policy": {"type": "allowlist"}}},
            ["code_interpreter may use the network from its sandbox"],
        ),
        ({"type": "code_interpreter"}, []),
        ({"type": "function", "name": "f"}, []),
        (mcp(allowed_tools=["read"]), ["mcp:wiki may call its MCP server"]),
        (mcp(), ["mcp:wiki may call its MCP server (every tool of it)"]),
        (
            mcp(allowed_tools=["read"], require_approval="never"),
            ["mcp:wiki may call its MCP server (without asking)"],
        ),
        (
            mcp(require_approval={"never": {"tool_names": ["read"]}}),
            ["mcp:wiki may call its MCP server (every tool of it, some of it without asking)"],
        ),
    ],
)
def test_a_new_tool_that_reaches_outside_widens(tool: Json, said: list[str]) -> None:
    assert more([], [tool]) == said


def test_a_saved_agent_never_asks() -> None:
    assert more([], [agent_mcp()], AGENT, AGENT) == [
        "mcp:wiki may call its MCP server (every tool of it, without asking)"
    ]


def test_network_for_a_sandbox_that_had_none_widens() -> None:
    before = {"type": "code_interpreter", "container": {"type": "auto"}}
    after = {"type": "code_interpreter", "container": {"type": "auto", "network_policy": {"type": "allowlist"}}}
    assert more([before], [after]) == ["code_interpreter may use the network from its sandbox"]
    assert more([after], [before]) == []


# --- tools that may do more -------------------------------------------------------------------------------------------

READS = {"read_only": True}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (["a"], ["a", "c", "b"], "may use more tools of its server: b, c"),
        (["a", "b"], ["a"], None),
        (["a"], None, "may use every tool of its server"),
        (None, ["a"], None),
        (["a"], [], None),
        ([], ["a"], "may use more tools of its server: a"),
        (["a"], {"tool_names": ["a", "b"]}, "may use more tools of its server: b"),
        (["a"], READS, "may use every tool of its server that reads"),
        (READS, ["a"], "may use more tools of its server: a"),
        (READS, None, "may use every tool of its server"),
        ({**READS, "tool_names": ["a"]}, ["a"], "may use more tools of its server: a"),
        (None, READS, None),
        ("all", 7, None),
    ],
)
def test_more_allowed_tools_widen(before: Json, after: Json, said: str | None) -> None:
    expected = [f"mcp:wiki {said}"] if said else []
    assert more([mcp(allowed_tools=before)], [mcp(allowed_tools=after)]) == expected


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("always", "never", "always before, never now"),
        (None, "never", "always before, never now"),
        ("never", "always", None),
        ("always", None, None),
        ("always", {"always": {"tool_names": ["a"]}}, "always before, for some tools now"),
        ("always", {"never": {"tool_names": ["a"]}}, "always before, for some tools now"),
        (
            {"never": {"tool_names": ["a"]}},
            {"never": {"tool_names": ["a", "b"]}},
            "for some tools before, for some tools now",
        ),
        ({"never": READS}, {"never": READS}, None),
        ({"never": READS}, {"never": {"tool_names": ["a"]}}, "for some tools before, for some tools now"),
        (
            {"always": {"tool_names": ["a", "b"]}},
            {"always": {"tool_names": ["a"]}},
            "for some tools before, for some tools now",
        ),
        ({"always": {"tool_names": ["a"]}}, "always", None),
        ({"never": {"tool_names": []}}, "always", None),
    ],
)
def test_fewer_approvals_widen(before: Json, after: Json, said: str | None) -> None:
    expected = [f"mcp:wiki asks for approval less: {said}"] if said else []
    assert more([mcp(require_approval=before)], [mcp(require_approval=after)]) == expected


def test_a_runtime_that_never_asks_widens() -> None:
    assert more([mcp()], [agent_mcp()], RELEASE, AGENT) == ["mcp:wiki asks for approval less: always before, never now"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (["a.com"], None, "is no longer limited to 1 domain"),
        (["a.com", "b.com"], [], "is no longer limited to 2 domains"),
        (["a.com"], ["A.com", "b.com"], "may use more domains: b.com"),
        (["a.com", "b.com"], ["a.com"], None),
        (None, ["a.com"], None),
    ],
)
@pytest.mark.parametrize("kind", [AGENT, RELEASE])
def test_fewer_limits_of_domains_widen(before: Json, after: Json, said: str | None, kind: Any) -> None:
    def search(domains: Json) -> dict[str, Json]:
        limit = {} if domains is None else {"allowed_domains": domains}
        return {"type": "web_search", **(limit if kind is AGENT else {"filters": limit})}

    assert more([search(before)], [search(after)], kind, kind) == ([f"web_search {said}"] if said else [])


@pytest.mark.parametrize(
    ("before", "after", "wider"),
    [
        ({"mode": "cached"}, {"mode": "live"}, True),
        ({"mode": "cached"}, {}, True),
        ({"external_web_access": False}, {}, True),
        ({}, {"mode": "cached"}, False),
        ({"mode": "live"}, {}, False),
    ],
)
def test_a_live_search_in_place_of_a_cached_one_widens(before: Any, after: Any, wider: bool) -> None:
    said = more([{"type": "web_search", **before}], [{"type": "web_search", **after}])
    assert said == (["web_search searches the live web and not a copy of it"] if wider else [])


def test_another_command_or_credential_of_a_server_widens() -> None:
    def local(command: str, *args: str, **fields: Json) -> dict[str, Json]:
        transport = {"type": "stdio", "command": command, "cwd": "/", "args": list(args)}
        return {"type": "mcp", "server_label": "sh", "transport": transport, **fields}

    assert more([local("a")], [local("b", "-x", credential_id="c")], AGENT, AGENT) == [
        "mcp:sh runs another command",
        "mcp:sh runs its command with other arguments",
        "mcp:sh uses another stored credential",
    ]
    assert more([local("a", "-x")], [local("a")], AGENT, AGENT) == []


@pytest.mark.parametrize("tools", [None, "x", [1, None, "x"], {"a": 1}, [{"type": None}], [{}]])
def test_what_is_no_list_of_tools_may_do_nothing(tools: Any) -> None:
    assert list(widened(ASSISTANT, {"tools": tools}, AGENT, {"tools": tools})) == []
