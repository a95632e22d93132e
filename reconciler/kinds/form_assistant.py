"""The Assistant manifest: one form for every runtime. `spec.runtime` says which kind realises it.

Which field goes to which runtime, and under which name, is what the runtimes declare; `routes` is that table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.kinds.agent import AGENT
from reconciler.kinds.assistant import ASSISTANT
from reconciler.kinds.form import Context, Form
from reconciler.kinds.manifest import Manifest, Reference
from reconciler.kinds.release import RELEASE
from reconciler.kinds.runtime import MODEL, Runtime
from reconciler.kinds.tools import MEANINGS, NAME, references, tool_branch
from reconciler.kinds.words import closed
from reconciler.model.desired import Desired
from reconciler.model.json import Json

RUNTIMES: Mapping[str, Runtime] = {kind.chosen_by: kind for kind in (RELEASE, AGENT, ASSISTANT)}
DEFAULT_RUNTIME = "responses"


class AssistantForm(Form):
    """What users write as `kind: Assistant`."""

    name = "Assistant"
    title = "assistant"
    meanings = MappingProxyType(
        {
            **MEANINGS,
            "description": "What it is for, in a sentence or two.",
            "instructions": "The system prompt: text, or `{file: prompts/x.md}`, or `{file: …, interpolate: true}`.",
            "tools": "What the assistant may use: Tool manifests by name (`tool: x`), or tools written out here.",
            "tool": "A Tool manifest, by its name.",
            "response_format": "The form of the answer: plain text, any JSON, or JSON after a schema.",
            "json_schema": "The schema that the answer has to fit.",
            "json_schema.schema": "The JSON Schema itself, or `{file: …}`.",
            "json_schema.name": "What the schema is called in the request.",
            "json_schema.strict": "Whether the model is held to the schema exactly.",
            "text": "How the answer is written.",
            "verbosity": "How much text the model writes.",
            "temperature": "Sampling temperature, 0 to 2: lower is more focused. The service's default is 1.",
            "top_p": "Nucleus sampling, 0 to 1: the share of probability that is considered. The default is 1.",
            "reasoning": "How much the model thinks before it answers.",
            "effort": "The amount of reasoning; not every model supports every value.",
            "summary": "Whether and how the reasoning is summarised.",
            "max_output_tokens": "Upper bound of the answer, reasoning included, in tokens.",
            "max_tool_calls": "Upper bound of built-in tool calls in one response.",
            "tool_choice": "Whether the model may, must, or must not use tools.",
            "truncation": "What happens when the context is full: drop the oldest (auto) or fail (disabled).",
            "parallel_tool_calls": "Whether the model may call several tools at once.",
            "service_tier": "The processing tier of the requests.",
            "fallback": "Models to try, in this order, when the first is unavailable.",
            "multi_agent": "Whether the agent may create subagents.",
            "max_concurrent_subagents": "How many subagents may run at once; 6 when not given.",
            "compaction": "How a long session is compacted.",
            "experimental": "Features that may change.",
            "time_awareness": "Whether the agent knows the time.",
        }
    )
    selector = "runtime"
    choices = {name: f"the {name} runtime" for name in RUNTIMES}

    def spec_schema(self, choice: str | None = None) -> dict[str, Json]:
        """One runtime's fields, or for editors all fields with the narrowing by `runtime` inside."""
        runtime: Json = {"type": "string", "enum": sorted(RUNTIMES), "description": "What realises the assistant."}
        if choice is not None:
            return closed({"runtime": runtime, **_properties(RUNTIMES[choice])}, "model")
        properties: dict[str, Json] = {"runtime": runtime}
        for kind in RUNTIMES.values():
            for name, schema in _properties(kind).items():
                properties[name] = _either(properties.get(name), schema)
        narrowing = [
            {
                "if": {"properties": {"runtime": {"const": name}}, "required": ["runtime"]},
                "then": {"properties": _properties(kind), "propertyNames": {"enum": ["runtime", *_properties(kind)]}},
            }
            for name, kind in RUNTIMES.items()
        ]
        return closed(properties, allOf=narrowing)

    def lower(self, manifest: Manifest, context: Context) -> Desired | None:
        """The resource of the chosen runtime."""
        return RUNTIMES[manifest.spec.get("runtime", DEFAULT_RUNTIME)].lower(manifest, context)

    def references(self, manifest: Manifest) -> Iterator[Reference]:
        """Those of its tools; a tool that a Tool manifest declares stands for what that refers to."""
        for number, tool in enumerate(manifest.spec.get("tools", ())):
            yield from references(tool, ("spec", "tools", number))

    def defaults(self) -> Mapping[str, Json]:
        """The runtime, and the model, which every runtime needs."""
        runtime = f"What realises assistants. Default: {DEFAULT_RUNTIME}."
        return {"runtime": {"type": "string", "enum": sorted(RUNTIMES), "description": runtime}, "model": MODEL}

    def unavailable(self, name: str, choice: str) -> str | None:
        """What to do about a field or tool type that only other runtimes have."""
        return RUNTIMES[choice].lacks.get(name)


def routes() -> list[dict[str, str | None]]:
    """One row per manifest field: the name it has in each runtime, None where the runtime lacks it."""
    names = sorted({source for kind in RUNTIMES.values() for source in kind.sources})
    return [
        {"field": name, **{runtime: kind.sources.get(name) for runtime, kind in RUNTIMES.items()}} for name in names
    ]


def _properties(kind: Runtime) -> dict[str, Json]:
    properties: dict[str, Json] = {}
    for declared in (*kind.fields, *kind.inputs):
        if declared.schema is not None:
            properties[declared.source] = dict(declared.schema)
    properties["tools"] = {"type": "array", "items": tool_schema(kind)}
    properties["raw"] = kind.raw
    return properties


def tool_schema(kind: Runtime) -> dict[str, Json]:
    """One tool of a runtime: `tool: name`, or told apart by `type`."""
    named = closed({"tool": {"type": "string", "pattern": NAME}}, "tool")
    return {"type": "object", "oneOf": [named, *(tool_branch(name, schema) for name, schema in kind.tools.items())]}


def any_tool_schema() -> dict[str, Json]:
    """A Tool manifest's spec: any tool of any runtime; where two runtimes differ, either."""
    by_type: dict[str, list[Json]] = {}
    for kind in RUNTIMES.values():
        for name, schema in kind.tools.items():
            branch = tool_branch(name, schema)
            if branch not in by_type.setdefault(name, []):
                by_type[name].append(branch)
    merged = {name: _union(found) for name, found in sorted(by_type.items())}
    return {"type": "object", "oneOf": list(merged.values())}


def _union(branches: list[Json]) -> Json:
    """One object schema that accepts what any of several accepts, property by property."""
    merged = branches[0]
    for branch in branches[1:]:
        properties = dict(merged["properties"])
        for name, schema in branch["properties"].items():
            properties[name] = _merge(properties[name], schema) if name in properties else schema
        required = [name for name in merged.get("required", []) if name in branch.get("required", [])]
        merged = closed(properties, *required)
    return merged


def _merge(left: Json, right: Json) -> Json:
    if left == right:
        return left
    if isinstance(left.get("properties"), dict) and isinstance(right.get("properties"), dict):
        return _union([left, right])
    return {"anyOf": [left, right]}


def _either(left: Json | None, right: Json) -> Json:
    if left is None or left == right:
        return right
    branches = left["anyOf"] if set(left) == {"anyOf"} else [left]
    return left if right in branches else {"anyOf": [*branches, right]}


ASSISTANT_FORM = AssistantForm()
