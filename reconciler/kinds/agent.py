"""The `agents` runtime: a saved agent, `/v1/agents` (beta)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from reconciler.kinds.base import Context, Field, Manifest, choice, closed, integer, text
from reconciler.kinds.runtime import (
    EFFORT,
    LOCATION,
    MODEL,
    SERVICE_TIER,
    VERBOSITY,
    ResolvedTool,
    Runtime,
    function_schema,
    instructions,
    json_schema_format,
    simple_format,
    with_raw,
)
from reconciler.model import Address, Document, Json

_TRANSPORT: Json = {
    "oneOf": [
        closed(
            {
                "type": {"const": "http"},
                "server_url": text(2048),
                "headers": {"type": "object", "additionalProperties": text(1024, 0)},
            },
            "type",
            "server_url",
        ),
        closed(
            {
                "type": {"const": "stdio"},
                "command": text(4096),
                "cwd": text(4096),
                "args": {"type": "array", "items": text(4096, 0)},
                "env_vars": {"type": "array", "items": text(256)},
            },
            "type",
            "command",
            "cwd",
        ),
    ]
}

_TOOL_DEFAULTS: Mapping[str, Mapping[str, Json]] = MappingProxyType(
    {
        "function": {"defer_loading": False, "async": None},
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
    }
)
"""What the server adds to a tool on read (SDK `PersistedAgentTool`)."""

_TRANSPORT_DEFAULTS: Mapping[str, Mapping[str, Json]] = MappingProxyType(
    {"http": {"headers": {}}, "stdio": {"args": [], "env_vars": []}}
)
_TEXT_DEFAULT: Mapping[str, Json] = MappingProxyType({"format": {"type": "text"}, "verbosity": "medium"})


class Agent(Runtime):
    """A saved agent. It has no file search, no code interpreter and no sampling parameters."""

    name = "agent"
    title = "agent"
    runtime = "agents"
    collection = "/agents"
    beta = "agents=v1"
    gone = (
        "The account has no /v1/agents, or it speaks another API there. "
        "Set `runtime: responses`, or `runtime: assistants` on a server that still serves it."
    )
    fields = (
        Field("name", text(128), ("Helper", "Second helper"), manifest="display_name"),
        Field("model", MODEL, ("gpt-6.1-terra", "gpt-6-sol"), required=True),
        Field("instructions", instructions(1_048_576), ("Be brief.\n", "Be thorough.\n")),
        Field(
            "tools",
            {"type": "array"},
            (
                [{"type": "web_search", "context_size": "low"}],
                [
                    {
                        "type": "function",
                        "function": {"name": "look_up", "description": "Finds.", "parameters": {"type": "object"}},
                    }
                ],
            ),
            clear=[],
            default=[],
            item=("name", "server_label"),
        ),
        Field(
            "reasoning",
            closed({"effort": EFFORT, "summary": choice("auto", "concise", "detailed")}, minProperties=1),
            ({"effort": "low"}, {"effort": "high"}),
        ),
        Field(
            "text", VERBOSITY, ({"verbosity": "low"}, {"verbosity": "high"}), clear=None, default=dict(_TEXT_DEFAULT)
        ),
        Field("service_tier", SERVICE_TIER, ("flex", "priority"), clear="auto", default="auto"),
        Field(
            "multi_agent",
            closed({"enabled": {"type": "boolean"}, "max_concurrent_subagents": integer(1)}, "enabled"),
            ({"enabled": True, "max_concurrent_subagents": 2}, {"enabled": False}),
            default={"enabled": False},
        ),
        Field(
            "compaction",
            closed({"async": {"type": "boolean"}}, "async"),
            ({"async": True}, {"async": False}),
            default={"async": False},
        ),
        Field(
            "experimental",
            closed({"time_awareness": {"type": "boolean"}}, "time_awareness"),
            ({"time_awareness": True}, {"time_awareness": False}),
            clear={"time_awareness": False},
            default={"time_awareness": False},
        ),
    )
    inputs = (
        Field(
            "text",
            {"oneOf": [json_schema_format(named=False), simple_format("text")]},
            ({"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}, {"type": "text"}),
            manifest="response_format",
        ),
    )
    tools = {
        "function": closed(
            {
                **function_schema(strict=False, described=True)["properties"],
                "defer_loading": {"type": "boolean"},
                "async": {"type": "boolean"},
            },
            "function",
        ),
        "tool_search": closed({}),
        "programmatic_tool_calling": closed({"enabled": {"type": "boolean"}}),
        "mcp": closed(
            {
                "server_label": text(64),
                "transport": _TRANSPORT,
                "allowed_tools": {"type": "array", "items": text(256)},
                "connection_origin": choice("service", "environment"),
                "credential_id": text(128),
                "request_metadata": {"type": "object"},
                "required": {"type": "boolean"},
            },
            "server_label",
            "transport",
        ),
        "web_search": closed(
            {
                "allowed_domains": {"type": "array", "items": text(253)},
                "context_size": choice("low", "medium", "high"),
                "location": LOCATION,
                "mode": choice("disabled", "cached", "live"),
            }
        ),
        "computer_use": closed({"include_screenshots": {"type": "boolean"}}),
        "automations": closed({}),
    }
    lacks = {
        "description": "Saved agents have none: remove it, or put it into `metadata.labels`.",
        "temperature": "Saved agents have no sampling parameters: remove it, or set `runtime: responses`.",
        "top_p": "Saved agents have no sampling parameters: remove it, or set `runtime: responses`.",
        "max_output_tokens": "Saved agents have no output limit: remove it, or set `runtime: responses`.",
        "truncation": "Saved agents manage their context themselves (`compaction`): remove it, or set `runtime: responses`.",
        "parallel_tool_calls": "Saved agents decide that themselves: remove it, or set `runtime: responses`.",
        "max_tool_calls": "Saved agents have no such limit: remove it, or set `runtime: responses`.",
        "tool_choice": "Saved agents choose their tools themselves: remove it, or set `runtime: responses`.",
        "fallback": "The runtime library does not run saved agents: remove it, or set `runtime: responses`.",
        "file_search": "Saved agents have no file search: set `runtime: responses`, or offer the search as a function or MCP tool.",
        "code_interpreter": "Saved agents work in a session's own sandbox: remove the tool, or set `runtime: responses`.",
        "image_generation": "Saved agents have no image generation: remove the tool, or set `runtime: responses`.",
    }

    def lower_spec(self, spec: Mapping[str, Json], manifest: Manifest) -> dict[str, Json]:
        """`response_format` becomes `text.format`."""
        lowered = super().lower_spec(spec, manifest)
        if "response_format" in spec:
            written = dict(spec["response_format"])
            inner = written.pop("json_schema", {})
            lowered["text"] = {**lowered.get("text", {}), "format": {**written, **inner}}
        return lowered

    def lower_tools(
        self,
        tools: Sequence[ResolvedTool],
        owner: Address,
        documents: Sequence[tuple[int, Document]],
        context: Context,
    ) -> dict[str, Json]:
        """The tools as a saved agent takes them."""
        del owner, documents, context
        lowered: list[Json] = []
        for tool in tools:
            rest = {key: value for key, value in tool.value.items() if key not in {"type", "raw"}}
            lowered.append(with_raw(tool, {"type": tool.type, **rest.pop("function", {}), **rest}))
        return {"tools": lowered}

    def normalise(self, spec: Mapping[str, Json]) -> dict[str, Json]:
        """Spell out the server's defaults; an effort that nobody asked for is the model's own and left alone."""
        full = dict(spec)
        if isinstance(full.get("tools"), list):
            full["tools"] = [_spelled_out(tool) for tool in full["tools"]]
        if isinstance(full.get("text"), dict):
            full["text"] = {**_TEXT_DEFAULT, **full["text"]}
        if isinstance(full.get("multi_agent"), dict):
            full["multi_agent"] = _multi_agent(full["multi_agent"])
        if full.get("service_tier") == "fast":
            full["service_tier"] = "priority"
        return full

    def decode(self, raw: Mapping[str, Json], like: Mapping[str, Json]) -> dict[str, Json]:
        """Of `reasoning`, only what we ask for is read: the rest is the model's default (the API contradicts itself here)."""
        spec = super().decode(raw, like)
        wanted = like.get("reasoning")
        live = spec.get("reasoning")
        if isinstance(live, dict) and isinstance(wanted, Mapping):
            spec["reasoning"] = {key: live.get(key) for key in wanted}
        elif isinstance(live, dict):
            spec["reasoning"] = {key: value for key, value in live.items() if value is not None}
        if isinstance(spec.get("tools"), list):
            spec["tools"] = [_known(tool) for tool in spec["tools"]]
        return spec


def _multi_agent(value: Mapping[str, Json]) -> dict[str, Json]:
    """Without subagents the limit means nothing; with them it is 6 unless said otherwise."""
    if not value.get("enabled"):
        return {"enabled": False}
    limit = value.get("max_concurrent_subagents")
    return {"enabled": True, "max_concurrent_subagents": 6 if limit is None else limit}


def _spelled_out(tool: Json) -> Json:
    if not isinstance(tool, Mapping):
        return tool
    full = {**_TOOL_DEFAULTS.get(str(tool.get("type")), {}), **tool}
    transport = full.get("transport")
    if isinstance(transport, Mapping):
        full["transport"] = {**_TRANSPORT_DEFAULTS.get(str(transport.get("type")), {}), **transport}
    return full


def _known(tool: Json) -> Json:
    """A live tool without null members that its kind does not default to: new optional fields of the API."""
    if not isinstance(tool, Mapping):
        return tool
    defaults = _TOOL_DEFAULTS.get(str(tool.get("type")), {})
    return {key: value for key, value in tool.items() if value is not None or key in defaults}


AGENT = Agent()
