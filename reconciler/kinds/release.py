"""The `responses` runtime: a release, an immutable version of a Skill bundle behind the skill's default pointer.

A bundle has three files. `assistant.json` is complete and authoritative: `request` holds the exact fields of a
Responses request. `SKILL.md` repeats the instructions for people. `files.json` lists the code-interpreter files with
their ids.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from reconciler.kinds.field import Field
from reconciler.kinds.file import FILE
from reconciler.kinds.form import Context
from reconciler.kinds.kind import VersionedKind
from reconciler.kinds.manifest import Manifest
from reconciler.kinds.runtime import (
    MODEL,
    REASONING,
    SERVICE_TIER,
    TEMPERATURE,
    TOKENS,
    TOP_P,
    VERBOSITY,
    Runtime,
    instructions,
    json_schema_format,
    simple_format,
    with_text_format,
)
from reconciler.kinds.tools import (
    CODE_FILES,
    LOCATION,
    VECTOR_STORES,
    ResolvedTool,
    document_refs,
    function_schema,
    store_refs,
    with_raw,
)
from reconciler.kinds.words import choice, closed, integer, number, text
from reconciler.model.address import Address
from reconciler.model.desired import Document
from reconciler.model.diagnostics import Problems
from reconciler.model.json import ID_PATTERN, Json

MAX_DESCRIPTION = 500
"""Characters of the assistant's description that the skill's description repeats; the tag line follows."""

_OUTSIDE_REQUEST = ("name", "description", "fallback")

_WEIGHTS = ("embedding_weight", "text_weight")
_RANKING = closed(
    {
        "ranker": choice("auto", "default-2024-11-15"),
        "score_threshold": number(0, 1),
        "hybrid_search": closed({"embedding_weight": number(0, 1), "text_weight": number(0, 1)}, *_WEIGHTS),
    },
    minProperties=1,
)
_FILTER = closed({"tool_names": {"type": "array", "items": text(256)}, "read_only": {"type": "boolean"}})
_ALLOWED_TOOLS: Json = {
    "anyOf": [
        {"type": "array", "items": text(256)},
        {**_FILTER, "minProperties": 1},
    ]
}
_APPROVAL: Json = {"anyOf": [choice("always", "never"), closed({"always": _FILTER, "never": _FILTER})]}


_ENDPOINTS = ("server_url", "connector_id", "tunnel_id")
_NO_CREDENTIALS = "No manifest holds a credential: the application adds it to the request that it sends."


class Release(VersionedKind, Runtime):
    """A skill of the account whose default version is the assistant as it is released."""

    name = "release"
    title = "release"
    chosen_by = "responses"
    collection = "/skills"
    documents = FILE
    gone = (
        "The account has no /v1/skills, where the responses runtime keeps its releases. "
        "On a server that still serves /v1/assistants, set `runtime: assistants`."
    )
    fields = (
        Field("name", text(256), ("Helper", "Second helper"), manifest="display_name"),
        Field("description", text(1024, 0), ("Answers questions.", "Answers more questions.")),
        Field("model", MODEL, ("gpt-6.1-terra", "gpt-6-sol"), required=True),
        Field("instructions", instructions(1_048_576), ("Be brief.\n", "Be thorough.\n")),
        Field(
            "tools",
            {"type": "array"},
            (
                [
                    {
                        "type": "function",
                        "function": {"name": "look_up", "description": "Finds.", "parameters": {"type": "object"}},
                    }
                ],
                [
                    {"type": "web_search", "search_context_size": "low"},
                    {"type": "code_interpreter", "files": ["prices.csv"]},
                ],
            ),
            item=("name", "server_label"),
        ),
        Field("text", VERBOSITY, ({"verbosity": "low"}, {"verbosity": "high"})),
        Field("temperature", TEMPERATURE, (0.1, 0.7)),
        Field("top_p", TOP_P, (0.5, 0.9)),
        Field(
            "reasoning",
            REASONING,
            ({"effort": "low"}, {"effort": "high", "summary": "auto"}),
        ),
        Field("max_output_tokens", TOKENS, (2000, 4000)),
        Field("truncation", choice("auto", "disabled"), ("auto", "disabled")),
        Field("parallel_tool_calls", {"type": "boolean"}, (True, False)),
        Field("max_tool_calls", integer(1), (4, 8)),
        Field("tool_choice", choice("none", "auto", "required"), ("auto", "none")),
        Field("service_tier", SERVICE_TIER, ("default", "flex")),
        Field(
            "fallback",
            {"type": "array", "items": MODEL, "minItems": 1, "maxItems": 8, "uniqueItems": True},
            (["gpt-6-luna"], ["gpt-6-sol", "gpt-6-luna"]),
        ),
    )
    inputs = (
        Field(
            "text",
            {"oneOf": [json_schema_format(named=True), simple_format("text"), simple_format("json_object")]},
            (
                {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
                {"type": "json_object"},
            ),
            manifest="response_format",
        ),
    )
    tools = {
        "function": function_schema(strict=True, described=False),
        "file_search": closed(
            {
                "vector_stores": VECTOR_STORES,
                "max_num_results": integer(1, 50),
                "ranking_options": _RANKING,
                "filters": {"type": "object"},
            },
            "vector_stores",
        ),
        "code_interpreter": closed(
            {
                "files": CODE_FILES,
                "memory_limit": choice("1g", "4g", "16g", "64g"),
                "network_policy": {"type": "object"},
            }
        ),
        "mcp": closed(
            {
                "server_label": text(64),
                "server_url": text(2048),
                "connector_id": text(128),
                "tunnel_id": text(128),
                "server_description": text(1024, 0),
                "allowed_tools": _ALLOWED_TOOLS,
                "require_approval": _APPROVAL,
                "defer_loading": {"type": "boolean"},
            },
            "server_label",
        ),
        "web_search": closed(
            {
                "filters": closed({"allowed_domains": {"type": "array", "items": text(253)}}),
                "search_context_size": choice("low", "medium", "high"),
                "user_location": closed({"type": {"const": "approximate"}, **LOCATION["properties"]}),
                "external_web_access": {"type": "boolean"},
            }
        ),
        "image_generation": closed({}),
        "tool_search": closed({"execution": choice("server", "client")}),
        "programmatic_tool_calling": closed({}),
    }
    lacks = {
        "mcp.authorization": _NO_CREDENTIALS,
        "mcp.headers": _NO_CREDENTIALS,
        "multi_agent": "Only saved agents have subagents: set `runtime: agents`, or remove the field.",
        "compaction": "Only saved agents have it: set `runtime: agents`, or remove the field.",
        "experimental": "Only saved agents have it: set `runtime: agents`, or remove the field.",
        "computer_use": "Only saved agents have it: set `runtime: agents`, or remove the tool.",
        "automations": "Only saved agents have it: set `runtime: agents`, or remove the tool.",
        "function.async": "Pass it through with `raw: {async: …}`, or set `runtime: agents`.",
        "function.defer_loading": "Pass it through with `raw: {defer_loading: …}`, or set `runtime: agents`.",
        "mcp.connection_origin": "Only saved agents choose that: set `runtime: agents`, or remove the field.",
        "mcp.credential_id": "Stored credentials are for saved agents: remove it, or set `runtime: agents`.",
        "mcp.request_metadata": "Only saved agents have it: set `runtime: agents`, or remove the field.",
        "mcp.required": "Only saved agents have it: set `runtime: agents`, or remove the field.",
        "mcp.transport": "Here the URL is a field of the tool itself: write `server_url`, or set `runtime: agents`.",
        "programmatic_tool_calling.enabled": "Here the tool is enabled by being listed: remove the field, or the tool.",
        "web_search.allowed_domains": "Here it stands in `filters`: write `filters: {allowed_domains: […]}`.",
        "web_search.context_size": "Here it is called `search_context_size`: write that, or set `runtime: agents`.",
        "web_search.location": "Here it is called `user_location`: write that, or set `runtime: agents`.",
        "web_search.mode": "Here it is `external_web_access`, true or false: write that.",
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
        """The tools as a Responses request takes them."""
        lowered: list[Json] = []
        for position, tool in enumerate(tools):
            rest = {key: value for key, value in tool.value.items() if key not in {"type", "raw"}}
            if tool.type == "function":
                rest = {"parameters": None, "strict": False, **rest["function"]}
            elif tool.type == "file_search":
                del rest["vector_stores"]
                rest = {"vector_store_ids": store_refs(tool, context, owner), **rest}
            elif tool.type == "code_interpreter":
                files = document_refs(owner, position, documents)
                rest.pop("files", None)
                rest = {"container": {"type": "auto", **({"file_ids": files} if files else {}), **rest}}
            lowered.append(with_raw(tool, {"type": tool.type, **rest}))
        return {"tools": lowered}

    def check(self, manifest: Manifest, tools: Sequence[ResolvedTool], problems: Problems) -> None:
        """An MCP server is somewhere, and in one place."""
        for tool in tools:
            if tool.type == "mcp" and sum(name in tool.value for name in _ENDPOINTS) != 1:
                problems.add(
                    "E319",
                    f"The MCP server {tool.value['server_label']!r} needs one address",
                    "Give it one of server_url, connector_id and tunnel_id.",
                    tool.span(),
                    address=manifest.address,
                )

    def names(self, spec: Mapping[str, Json], files: Sequence[Mapping[str, Json]]) -> list[str]:
        """Vector stores and Files of its tools."""
        paths: dict[str, None] = {}
        for tool in _objects(spec.get("tools")):
            container = tool.get("container")
            listed = container.get("file_ids") if isinstance(container, Mapping) else None
            paths |= dict.fromkeys(f"/vector_stores/{item}" for item in _ids(tool.get("vector_store_ids")))
            paths |= dict.fromkeys(f"/files/{item}" for item in _ids(listed))
        paths |= dict.fromkeys(f"/files/{item}" for item in _ids([entry.get("id") for entry in files]))
        return list(paths)

    def describe(self, spec: Mapping[str, Json]) -> str:
        """At most 500 characters."""
        return " ".join(str(spec.get("description", "")).split())[:MAX_DESCRIPTION]

    def bundle(
        self,
        name: str,
        *,
        description: str,
        spec: Mapping[str, Json],
        labels: Mapping[str, str],
        files: Sequence[Mapping[str, Json]],
    ) -> dict[str, bytes]:
        """`SKILL.md`, `assistant.json` and, where there are files, `files.json`."""
        request = {key: value for key, value in spec.items() if key not in (*_OUTSIDE_REQUEST, "raw")}
        request |= spec.get("raw", {})
        if labels:
            request["metadata"] = dict(labels)
        assistant: dict[str, Json] = {"format": 1, "request": request}
        assistant |= {key: spec[key] for key in _OUTSIDE_REQUEST if key in spec}
        if "raw" in spec:
            assistant["raw"] = sorted(spec["raw"])
        bundle = {
            "SKILL.md": _skill_md(name, description, str(spec.get("instructions", ""))),
            "assistant.json": _pretty(assistant),
        }
        if files:
            bundle["files.json"] = _pretty({"format": 1, "files": list(files)})
        return bundle

    def stub(self, name: str, *, description: str) -> dict[str, bytes]:
        """A `SKILL.md` alone."""
        return {"SKILL.md": _skill_md(name, description, "This release is being created.\n")}

    def unbundle(self, files: Mapping[str, bytes]) -> dict[str, Json] | None:
        """The spec that a version holds, with ids as they stand in it."""
        assistant = _object(files.get("assistant.json"))
        if assistant is None or not isinstance(assistant.get("request"), dict):
            return None
        spec = dict(assistant["request"])
        labels = spec.pop("metadata", {})
        raw = assistant.get("raw")
        passed = {key: spec.pop(key) for key in raw if key in spec} if _are_texts(raw) else {}
        spec |= {key: assistant[key] for key in _OUTSIDE_REQUEST if key in assistant}
        if passed:
            spec["raw"] = passed
        listed = (_object(files.get("files.json")) or {}).get("files")
        return {"spec": spec, "labels": labels if isinstance(labels, dict) else {}, "files": _objects(listed)}


def _skill_md(name: str, description: str, body: str) -> bytes:
    """Front matter in YAML's flow style (JSON strings are valid YAML), then the text."""
    quoted = json.dumps(description, ensure_ascii=False)
    return f"---\nname: {name}\ndescription: {quoted}\n---\n\n{body}".encode()


def _pretty(value: Json) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _object(data: bytes | None) -> dict[str, Json] | None:
    """A JSON object out of bytes that somebody else may have written."""
    if data is None:
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _objects(value: Json) -> list[dict[str, Json]]:
    """The objects of a list, whatever stands there."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _ids(value: Json) -> list[str]:
    """What may be an id, of a list."""
    return [item for item in value if isinstance(item, str) and ID_PATTERN.match(item)] if _are_texts(value) else []


def _are_texts(value: Json) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


RELEASE = Release()
