"""The `assistants` runtime: an assistant of the v2 API, which compatible servers still serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.kinds.field import Field
from reconciler.kinds.file import FILE
from reconciler.kinds.form import Context
from reconciler.kinds.manifest import Manifest
from reconciler.kinds.runtime import (
    EFFORT,
    MODEL,
    TEMPERATURE,
    TOP_P,
    Runtime,
    instructions,
    json_schema_format,
    simple_format,
)
from reconciler.kinds.tools import (
    CODE_FILES,
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
from reconciler.model.json import Json

MAX_FILES = 20
"""Code-interpreter files of one assistant."""

_DEFAULT_RANKER = "default_2024_08_21"
"""What `auto` is, and is returned as."""

_NO_PARAMETERS: Json = {"type": "object", "properties": {}}


class Assistant(Runtime):
    """An assistant of the v2 API."""

    name = "assistant"
    title = "assistant"
    chosen_by = "assistants"
    collection = "/assistants"
    beta = "assistants=v2"
    documents = FILE
    max_tools = 128
    max_files = MAX_FILES
    gone = (
        "OpenAI shut /v1/assistants down on 2026-08-26. Set `runtime: responses` in the manifest; "
        "the next plan creates the release."
    )
    shut_down = True
    fields = (
        Field("name", text(256), ("Helper", "Second helper"), manifest="display_name"),
        Field("description", text(512, 0), ("Answers questions.", "Answers more questions.")),
        Field("model", MODEL, ("gpt-6.1-terra", "gpt-6-sol"), required=True),
        Field("instructions", instructions(256_000), ("Be brief.\n", "Be thorough.\n")),
        Field(
            "tools",
            {"type": "array"},
            (
                [{"type": "function", "function": {"name": "look_up"}}, {"type": "code_interpreter"}],
                [
                    {"type": "code_interpreter", "files": ["prices.csv"]},
                    {"type": "function", "function": {"name": "look_up", "strict": False, "description": "Finds."}},
                ],
            ),
            clear=[],
            default=[],
            item=("name", "function"),
        ),
        Field("temperature", TEMPERATURE, (0.1, 0.7), default=1),
        Field("top_p", TOP_P, (0.5, 0.9), default=1),
        Field(
            "response_format",
            {
                "oneOf": [
                    json_schema_format(named=True),
                    simple_format("text"),
                    simple_format("json_object"),
                    {"const": "auto"},
                ]
            },
            (
                {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
                {"type": "json_object"},
            ),
            default="auto",
        ),
        Field(
            "reasoning_effort",
            closed({"effort": EFFORT}, "effort"),
            ({"effort": "low"}, {"effort": "high"}),
            manifest="reasoning",
            readable=False,
        ),
        Field("tool_resources", None, manifest="tools", clear={}),
    )
    tools = {
        "function": function_schema(strict=True, described=False),
        "file_search": closed(
            {
                "vector_stores": {**VECTOR_STORES, "maxItems": 1},
                "max_num_results": integer(1, 50),
                "ranking_options": closed(
                    {"ranker": choice("auto", _DEFAULT_RANKER), "score_threshold": number(0, 1)}, "score_threshold"
                ),
            },
            "vector_stores",
        ),
        "code_interpreter": closed({"files": CODE_FILES}),
    }
    lacks = {
        "max_output_tokens": "The v2 API has it per run, not per assistant: remove it, or set `runtime: responses`.",
        "truncation": "The v2 API has it per run, not per assistant: remove it, or set `runtime: responses`.",
        "parallel_tool_calls": "The v2 API has it per run, not per assistant: remove it, or set `runtime: responses`.",
        "max_tool_calls": "The v2 API has no such limit: remove it, or set `runtime: responses`.",
        "tool_choice": "The v2 API has it per run, not per assistant: remove it, or set `runtime: responses`.",
        "service_tier": "The v2 API has none: remove it, or set `runtime: responses`.",
        "text": "The v2 API has no verbosity: remove it, or set `runtime: responses`.",
        "fallback": "Only a release carries it: remove it, or set `runtime: responses`.",
        "multi_agent": "Only saved agents have subagents: set `runtime: agents`, or remove the field.",
        "compaction": "Only saved agents have it: set `runtime: agents`, or remove the field.",
        "experimental": "Only saved agents have it: set `runtime: agents`, or remove the field.",
        "mcp": "The v2 API has no MCP tools: remove the tool, or set `runtime: responses`.",
        "web_search": "The v2 API has no web search: remove the tool, or set `runtime: responses`.",
        "image_generation": "The v2 API has no image generation: remove the tool, or set `runtime: responses`.",
        "tool_search": "The v2 API has no tool search: remove the tool, or set `runtime: responses`.",
        "programmatic_tool_calling": "The v2 API has none: remove the tool, or set `runtime: responses`.",
        "computer_use": "Only saved agents have it: set `runtime: agents`, or remove the tool.",
        "automations": "Only saved agents have it: set `runtime: agents`, or remove the tool.",
        "reasoning.summary": "The v2 API returns no summaries: remove it, or set `runtime: responses`.",
        "vector_stores": "The v2 API searches one store: merge them, or set `runtime: responses`.",
        "file_search.filters": "The v2 API cannot filter by attributes: remove it, or set `runtime: responses`.",
        "ranking_options.hybrid_search": "The v2 API has no hybrid search: remove it, or set `runtime: responses`.",
        "code_interpreter.memory_limit": "The v2 API has no choice of memory: remove it, or set `runtime: responses`.",
        "code_interpreter.network_policy": "The v2 API has no network policy: remove it, or set `runtime: responses`.",
        "function.async": "Only saved agents have it: set `runtime: agents`, or remove the field.",
        "function.defer_loading": "Only saved agents have it: set `runtime: agents`, or remove the field.",
    }

    def lower_spec(self, spec: Mapping[str, Json], manifest: Manifest) -> dict[str, Json]:
        """`reasoning.effort` becomes `reasoning_effort`."""
        lowered = super().lower_spec(spec, manifest)
        if "reasoning" in spec:
            lowered["reasoning_effort"] = spec["reasoning"]["effort"]
        return lowered

    def lower_tools(
        self,
        tools: Sequence[ResolvedTool],
        owner: Address,
        documents: Sequence[tuple[int, Document]],
        context: Context,
    ) -> dict[str, Json]:
        """`tools` says what an assistant may do, `tool_resources` with which files and stores."""
        lowered: list[Json] = []
        resources: dict[str, Json] = {}
        for position, tool in enumerate(tools):
            rest = {
                key: value for key, value in tool.value.items() if key not in {"type", "raw", "vector_stores", "files"}
            }
            if tool.type == "file_search":
                resources["file_search"] = {"vector_store_ids": store_refs(tool, context, owner)}
                rest = {"file_search": rest} if rest else {}
            elif tool.type == "code_interpreter":
                files = document_refs(owner, position, documents)
                if files:
                    resources["code_interpreter"] = {"file_ids": files}
            lowered.append(with_raw(tool, {"type": tool.type, **rest}))
        return {"tools": lowered, "tool_resources": resources}

    def file_ids(self, raw: Mapping[str, Json]) -> list[str] | None:
        """Those of the code interpreter."""
        found = _inside(_inside(raw, "tool_resources"), "code_interpreter").get("file_ids")
        return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []

    def shape(self, tool: str) -> Mapping[str, Mapping[str, Json]]:
        """The options of a file search stand in an object of their own; its stores and files in `tool_resources`."""
        if tool == "file_search":
            return {"type": {}, "file_search": self.tools[tool]}
        return super().shape(tool)

    def normalise(self, spec: Mapping[str, Json]) -> dict[str, Json]:
        """Spell out what the server adds to a tool, and drop resources that say nothing."""
        full = dict(spec)
        if isinstance(full.get("tools"), list):
            full["tools"] = [_spelled_out(tool) if isinstance(tool, Mapping) else tool for tool in full["tools"]]
        if isinstance(full.get("tool_resources"), Mapping):
            full["tool_resources"] = {
                name: value
                for name, value in full["tool_resources"].items()
                if isinstance(value, Mapping) and any(value.values())
            }
        return full


def _spelled_out(tool: Mapping[str, Json]) -> Mapping[str, Json]:
    """Defaults of the v2 API: `strict` false, no parameters, and a ranking that is the server's own choice."""
    if tool.get("type") == "function":
        function = {key: value for key, value in _inside(tool, "function").items() if value is not None}
        return {**tool, "function": {"parameters": _NO_PARAMETERS, "strict": False, **function}}
    if tool.get("type") == "file_search":
        search = _inside(tool, "file_search")
        ranking = {"score_threshold": 0, **_inside(search, "ranking_options")}
        if ranking.get("ranker") in {None, _DEFAULT_RANKER}:
            ranking["ranker"] = "auto"
        return {**tool, "file_search": {**search, "ranking_options": ranking}}
    return tool


def _inside(value: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    """An object inside an object, whatever stands there."""
    found = value.get(key)
    return found if isinstance(found, Mapping) else {}


ASSISTANT = Assistant()
