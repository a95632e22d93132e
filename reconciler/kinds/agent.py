"""The `agents` runtime: a saved agent, `/v1/agents` (beta)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from reconciler.kinds.field import Field
from reconciler.kinds.form import Context
from reconciler.kinds.manifest import Manifest
from reconciler.kinds.runtime import (
    MODEL,
    REASONING,
    SERVICE_TIER,
    VERBOSITY,
    Runtime,
    instructions,
    json_schema_format,
    simple_format,
    with_text_format,
)
from reconciler.kinds.tools import LOCATION, ResolvedTool, function_schema, with_raw
from reconciler.kinds.words import choice, closed, integer, text
from reconciler.model.address import Address
from reconciler.model.desired import Document
from reconciler.model.diagnostics import Problems
from reconciler.model.json import Json

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
        "function": {"defer_loading": False},
        "programmatic_tool_calling": {"enabled": True},
        "mcp": {"connection_origin": "service", "request_metadata": {}, "required": False},
        "web_search": {"context_size": "medium", "mode": "live"},
        "computer_use": {"include_screenshots": False},
    }
)
"""What the server adds to a tool on read, beside nulls (SDK `PersistedAgentTool`)."""

_TRANSPORT_DEFAULTS: Mapping[str, Mapping[str, Json]] = MappingProxyType(
    {"http": {"headers": {}}, "stdio": {"args": [], "env_vars": []}}
)
_TEXT_DEFAULT: Mapping[str, Json] = MappingProxyType({"format": {"type": "text"}, "verbosity": "medium"})
_SUBAGENTS = 6
"""How many subagents run at once when subagents are enabled and nothing is said."""


_HTTP_EXAMPLE: Json = {"type": "http", "server_url": "https://mcp.example.com/wiki"}


class Agent(Runtime):
    """A saved agent. It has no file search, no code interpreter and no sampling parameters."""

    name = "agent"
    title = "agent"
    chosen_by = "agents"
    collection = "/agents"
    beta = "agents=v1"
    sessions = "/agents/sessions"
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
                [
                    {"type": "web_search", "location": {"city": "Oslo"}},
                    {"type": "mcp", "server_label": "wiki", "transport": _HTTP_EXAMPLE},
                ],
                [
                    {"type": "mcp", "server_label": "wiki", "transport": _HTTP_EXAMPLE, "allowed_tools": ["read"]},
                    {
                        "type": "mcp",
                        "server_label": "shell",
                        "transport": {"type": "stdio", "command": "x", "cwd": "/"},
                    },
                    {
                        "type": "function",
                        "function": {"name": "look_up", "description": "Finds.", "parameters": {"type": "object"}},
                    },
                    {"type": "computer_use"},
                    {"type": "programmatic_tool_calling"},
                ],
            ),
            clear=[],
            default=[],
            item=("name", "server_label"),
        ),
        Field(
            "reasoning",
            REASONING,
            ({"effort": "low", "summary": "auto"}, {"effort": "high"}),
            readable=False,
        ),
        Field("text", VERBOSITY, ({"verbosity": "low"}, {"verbosity": "high"}), default=dict(_TEXT_DEFAULT)),
        Field("service_tier", SERVICE_TIER, ("flex", "fast"), clear="auto", default="auto"),
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
        "truncation": "Saved agents shorten their context themselves: see `compaction`, or set `runtime: responses`.",
        "parallel_tool_calls": "Saved agents decide that themselves: remove it, or set `runtime: responses`.",
        "max_tool_calls": "Saved agents have no such limit: remove it, or set `runtime: responses`.",
        "tool_choice": "Saved agents choose their tools themselves: remove it, or set `runtime: responses`.",
        "fallback": "Only a release carries it: remove it, or set `runtime: responses`.",
        "file_search": "Saved agents have none: set `runtime: responses`, or offer a search as a function or MCP tool.",
        "code_interpreter": "Saved agents have their session's sandbox: remove the tool, or set `runtime: responses`.",
        "image_generation": "Saved agents have no image generation: remove the tool, or set `runtime: responses`.",
        "json_object": "Saved agents answer in text or to a schema: write `type: json_schema`.",
        "json_schema.name": "The schema of a saved agent has no name: remove it, or set `runtime: responses`.",
        "json_schema.description": "The schema of a saved agent has no description: remove it.",
        "json_schema.strict": "The schema of a saved agent has no `strict`: remove it, or set `runtime: responses`.",
        "function.strict": "Functions of saved agents have no `strict`: remove it, or set `runtime: responses`.",
        "mcp.connector_id": "Saved agents reach servers by URL: write `transport`, or set `runtime: responses`.",
        "mcp.tunnel_id": "Saved agents reach servers by URL: write `transport`, or set `runtime: responses`.",
        "mcp.server_url": "Here it stands in `transport`: write `transport: {type: http, server_url: …}`.",
        "mcp.server_description": "Saved agents have none: remove it, or set `runtime: responses`.",
        "mcp.defer_loading": "Saved agents have it for functions only: remove it, or set `runtime: responses`.",
        "mcp.require_approval": "Saved agents never ask: narrow `allowed_tools`, or set `runtime: responses`.",
        "tool_search.execution": "Saved agents search for tools themselves: remove the field.",
        "web_search.external_web_access": "Here it is called `mode` (disabled, cached or live): write that.",
        "web_search.filters": "Here it is `allowed_domains`, directly on the tool: write that.",
        "web_search.search_context_size": "Here it is called `context_size`: write that.",
        "web_search.user_location": "Here it is called `location`: write that.",
    }

    def lower_spec(self, spec: Mapping[str, Json], manifest: Manifest) -> dict[str, Json]:
        """`response_format` becomes `text.format`."""
        return with_text_format(super().lower_spec(spec, manifest), spec)

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

    def check(self, manifest: Manifest, tools: Sequence[ResolvedTool], problems: Problems) -> None:
        """The API refuses a limit for subagents that are not enabled."""
        del tools
        given = manifest.spec.get("multi_agent", {})
        if "max_concurrent_subagents" in given and not given["enabled"]:
            problems.add(
                "E319",
                "max_concurrent_subagents without subagents",
                "Set `enabled: true`, or remove the limit.",
                manifest.at("spec", "multi_agent", "max_concurrent_subagents"),
                address=manifest.address,
            )

    def shape(self, tool: str) -> Mapping[str, Mapping[str, Json]]:
        """A function's members stand in the tool itself."""
        flat = dict(super().shape(tool))
        return {**flat, **flat.pop("function", {}).get("properties", {})}

    def normalise(self, spec: Mapping[str, Json]) -> dict[str, Json]:
        """Spell out the server's defaults. An effort that nobody asked for is the model's own, and has none."""
        full = dict(spec)
        for name, spelled_out in _SPELLED_OUT.items():
            if name in full:
                full[name] = spelled_out(full[name])
        return full


def _tools(value: Json) -> Json:
    return [_tool(tool) if isinstance(tool, Mapping) else tool for tool in value] if isinstance(value, list) else value


def _tool(tool: Mapping[str, Json]) -> dict[str, Json]:
    full = {**_TOOL_DEFAULTS.get(str(tool.get("type")), {}), **_without_nulls(tool)}
    transport, location = full.get("transport"), full.get("location")
    if isinstance(transport, Mapping):
        full["transport"] = {**_TRANSPORT_DEFAULTS.get(str(transport.get("type")), {}), **_without_nulls(transport)}
    if isinstance(location, Mapping):
        full["location"] = _without_nulls(location)
    return full


def _without_nulls(value: Mapping[str, Json]) -> dict[str, Json]:
    """The server shows members that were not sent as null."""
    return {key: item for key, item in value.items() if item is not None}


def _text(value: Json) -> Json:
    return {**_TEXT_DEFAULT, **_without_nulls(value)} if isinstance(value, Mapping) else value


def _multi_agent(value: Json) -> Json:
    if not isinstance(value, Mapping) or not value.get("enabled"):
        return {"enabled": False} if isinstance(value, Mapping) else value
    return {"enabled": True, "max_concurrent_subagents": _SUBAGENTS, **_without_nulls(value)}


_SPELLED_OUT: Mapping[str, Callable[[Json], Json]] = MappingProxyType(
    {
        "tools": _tools,
        "text": _text,
        "multi_agent": _multi_agent,
        "reasoning": lambda value: {"summary": None, **value} if isinstance(value, Mapping) else value,
        "service_tier": lambda value: "priority" if value == "fast" else value,
    }
)
"""Field → its value with the server's defaults; `fast` may be answered as `priority`, as in Responses."""

AGENT = Agent()
