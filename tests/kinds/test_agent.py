"""Saved agents: what is lowered is what the API takes, and what it answers is what was sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.kinds.agent import AGENT
from tests.kinds.sdk import misfits, request_type
from tests.kinds.subjects import spec_of
from tests.kinds.trees import Tree

CREATE = "beta.agent_create_params.AgentCreateParams"
NAMED: dict[str, Any] = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}


@pytest.mark.parametrize("example", [0, 1])
def test_requests_are_of_the_sdks_types(tmp_path: Path, example: int) -> None:
    spec = Tree(tmp_path, "agents").lowered(**spec_of(AGENT, example)).spec
    assert misfits(AGENT.encode(spec, list(spec)), request_type(CREATE)) == []


def test_a_response_format_is_part_of_the_text_settings(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "agents")
    assert tree.lowered(response_format=NAMED).spec["text"] == {
        "format": {"type": "json_schema", "schema": {"type": "object"}}
    }
    both = tree.lowered(response_format={"type": "text"}, text={"verbosity": "low"})
    assert both.spec["text"] == {"format": {"type": "text"}, "verbosity": "low"}


def test_a_limit_for_subagents_needs_subagents(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "agents")
    off = {"enabled": False, "max_concurrent_subagents": 3}
    assert tree.problems(multi_agent=off) == ["E319 max_concurrent_subagents without subagents"]
    assert tree.problems(multi_agent={"enabled": False}) == []


@pytest.mark.parametrize(
    ("field", "sent", "answered"),
    [
        ("multi_agent", {"enabled": True}, {"enabled": True, "max_concurrent_subagents": 6}),
        ("multi_agent", {"enabled": False}, {"enabled": False, "max_concurrent_subagents": None}),
        ("service_tier", "fast", "priority"),
        ("text", {"verbosity": "low"}, {"verbosity": "low", "format": {"type": "text"}}),
        ("text", {"format": {"type": "text"}}, {"format": {"type": "text"}, "verbosity": "medium"}),
        ("reasoning", {"effort": "low"}, {"effort": "low", "summary": None}),
        ("tools", [{"type": "web_search"}], [{"type": "web_search", "mode": "live", "context_size": "medium"}]),
        (
            "tools",
            [{"type": "web_search", "location": {"city": "Oslo"}}],
            [{"type": "web_search", "allowed_domains": None, "location": {"city": "Oslo", "region": None}}],
        ),
        (
            "tools",
            [{"type": "mcp", "transport": {"type": "stdio", "command": "x", "cwd": "/"}}],
            [
                {
                    "type": "mcp",
                    "credential_id": None,
                    "transport": {"type": "stdio", "command": "x", "cwd": "/", "args": []},
                }
            ],
        ),
    ],
)
def test_what_the_server_fills_in_is_no_difference(field: str, sent: Any, answered: Any) -> None:
    assert AGENT.normalise({field: sent}) == AGENT.normalise({field: answered})


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("multi_agent", {"enabled": True}, {"enabled": False}),
        ("tools", [{"type": "web_search"}], [{"type": "web_search", "mode": "cached"}]),
        ("text", {"verbosity": "low"}, {"verbosity": "high"}),
        ("multi_agent", None, {"enabled": False}),
    ],
)
def test_what_was_asked_for_is_a_difference(field: str, one: Any, other: Any) -> None:
    assert AGENT.normalise({field: one}) != AGENT.normalise({field: other})
