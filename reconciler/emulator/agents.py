"""Saved agents: `/agents`. Everything left out is resolved to its default when it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.emulator.errors import ApiError, bad_request, not_found
from reconciler.emulator.paging import objects, page_of
from reconciler.emulator.storage import dump

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.emulator.call import Call, Json

MOST_TOOL_BYTES = 3 * 2**20
DEFAULT_SUBAGENTS = 6
_NULL_PLACE: dict[str, Any] = dict.fromkeys(("city", "country", "region", "timezone"))
_TOOL_DEFAULTS: dict[str, dict[str, Any]] = {
    "function": {"defer_loading": False, "async": None},
    "tool_search": {},
    "programmatic_tool_calling": {"enabled": True},
    "mcp": {
        "allowed_tools": None,
        "connection_origin": "service",
        "credential_id": None,
        "request_metadata": {},
        "required": False,
    },
    "web_search": {"allowed_domains": None, "context_size": "medium", "location": None, "mode": "live"},
    "computer_use": {"include_screenshots": False},
    "automations": {},
}
_TRANSPORT_DEFAULTS: dict[str, dict[str, Any]] = {"http": {"headers": {}}, "stdio": {"args": [], "env_vars": []}}
_ONCE = ("web_search", "tool_search")


def _filled(defaults: Mapping[str, Any], sent: Mapping[str, Any] | None) -> Json:
    """Lay what was sent, apart from nulls, over the defaults."""
    return {**defaults, **{key: value for key, value in (sent or {}).items() if value is not None}}


def _tools(sent: list[Json] | None) -> list[Json]:
    tools = [_tool(tool) for tool in sent or []]
    if len(dump(sent or []).encode()) > MOST_TOOL_BYTES:
        raise bad_request(f"Invalid 'tools': larger than {MOST_TOOL_BYTES} bytes.", param="tools")
    _require_unique([tool["name"] for tool in tools if tool["type"] == "function"], "Duplicate function name")
    _require_unique([tool["type"] for tool in tools if tool["type"] in _ONCE], "Only one tool of this type is allowed")
    return tools


def _require_unique(names: list[str], complaint: str) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise bad_request(f"{complaint}: '{name}'.", param="tools", code="invalid_value")


def _tool(sent: Json) -> Json:
    tool = _filled(_TOOL_DEFAULTS[sent["type"]], sent)
    if "transport" in tool:
        tool["transport"] = _filled(_TRANSPORT_DEFAULTS[tool["transport"]["type"]], tool["transport"])
    if tool.get("location") is not None:
        tool["location"] = {**_NULL_PLACE, **tool["location"]}
    return tool


def _multi_agent(sent: Json | None) -> Json:
    given = sent or {"enabled": False}
    if not given["enabled"]:
        if "max_concurrent_subagents" in given:
            message = "'max_concurrent_subagents' can only be set when subagents are enabled."
            raise bad_request(message, param="multi_agent.max_concurrent_subagents", code="invalid_value")
        return {"enabled": False, "max_concurrent_subagents": None}
    return {"max_concurrent_subagents": DEFAULT_SUBAGENTS, **given}


def _text(sent: Json | None) -> Json:
    text = _filled({"format": {"type": "text"}, "verbosity": "medium"}, sent)
    schema = text["format"].get("schema", {"type": "object"})
    if schema.get("type") != "object":
        message = "Invalid schema: the root must be of type 'object'."
        raise bad_request(message, param="text.format.schema", code="invalid_value")
    return text


def _as_sent(sent: Any) -> Any:
    return sent


# How each field is stored; null or absence gives the default. `metadata` and `experimental` also see what was there.
_RESOLVE: dict[str, Callable[[Any], Any]] = {
    "model": _as_sent,
    "name": _as_sent,
    "instructions": _as_sent,
    "tools": _tools,
    "multi_agent": _multi_agent,
    "reasoning": lambda sent: _filled({"effort": "medium", "summary": None}, sent),
    "service_tier": lambda sent: sent or "auto",
    "text": _text,
    "compaction": lambda sent: _filled({"async": False}, sent),
}


def create(call: Call) -> Json:
    """Save an agent."""
    agent = {
        "id": call.new_id("agt_"),
        "object": "agent",
        "created_at": call.timestamp,
        "updated_at": call.timestamp,
        "metadata": call.body.get("metadata") or {},
        "experimental": {"time_awareness": False, **call.body.get("experimental", {})},
        **{name: resolve(call.body.get(name)) for name, resolve in _RESOLVE.items()},
    }
    call.storage.insert("agent", agent, now=call.now)
    return agent


def retrieve(call: Call) -> Json:
    """Read one."""
    return call.find("agent", call.path["agent_id"], missing)


def missing(agent_id: str) -> ApiError:
    """404, also for a cursor."""
    return not_found("Agent", agent_id)


def list_all(call: Call) -> Json:
    """List them; a cursor whose agent was deleted is not found."""
    return page_of(call, objects("agent", no_cursor=lambda cursor, _: missing(cursor)))


def update(call: Call) -> Json:
    """Replace the fields that were sent, merge `experimental`; even an empty update counts as one."""
    agent = retrieve(call)
    for name, resolve in _RESOLVE.items():
        if name in call.body:
            agent[name] = resolve(call.body[name])
    if "metadata" in call.body:
        agent["metadata"] = call.updated("metadata", agent["metadata"])
    agent["experimental"].update(call.body.get("experimental", {}))
    agent["updated_at"] = call.timestamp
    call.storage.save("agent", agent)
    return agent


def delete(call: Call) -> Json:
    """Delete an agent."""
    agent_id = retrieve(call)["id"]
    call.storage.remove("agent", agent_id)
    return {"id": agent_id, "object": "agent.deleted", "deleted": True}
