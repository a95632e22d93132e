"""What the runtimes of an assistant have in common: the words of the Assistant manifest, and how it is lowered.

Each runtime is a kind of its own (`release`, `agent`, `assistant`). Here stands what users write once, whatever
realises it, so that a value means the same and is checked the same everywhere.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from reconciler.kinds.field import identity
from reconciler.kinds.form import Context
from reconciler.kinds.kind import Kind
from reconciler.kinds.manifest import Manifest
from reconciler.kinds.tools import FUNCTION_NAME, ResolvedTool, file_entry, resolve_tools, tool_branch, tool_name
from reconciler.kinds.words import choice, closed, integer, number, text
from reconciler.model.address import Address, Span
from reconciler.model.desired import Desired, Document
from reconciler.model.diagnostics import Problems
from reconciler.model.json import Json

MODEL = {
    "type": "string",
    "minLength": 1,
    "maxLength": 256,
    "description": "The model id, as `GET /v1/models` lists it.",
}
EFFORT = choice("none", "minimal", "low", "medium", "high", "xhigh", "max")
REASONING = closed({"effort": EFFORT, "summary": choice("auto", "concise", "detailed")}, minProperties=1)
TEMPERATURE = number(0, 2)
TOP_P = number(0, 1)
SERVICE_TIER = choice("auto", "default", "flex", "priority", "fast", "ultrafast")
VERBOSITY = closed({"verbosity": choice("low", "medium", "high")}, minProperties=1)


def instructions(maximum: int) -> dict[str, Json]:
    """The schema of instructions; `{file: …}` is replaced by the file's text before this is applied."""
    return {
        "type": "string",
        "maxLength": maximum,
        "description": "The system prompt: text, or `{file: prompts/x.md}`, or `{file: …, interpolate: true}`.",
    }


def json_schema_format(*, named: bool) -> dict[str, Json]:
    """`response_format: {type: json_schema, …}`; saved agents take the schema alone, without a name."""
    inner: dict[str, Json] = {"schema": {"type": "object"}}
    if named:
        inner |= {"name": {"type": "string", "pattern": FUNCTION_NAME}, "strict": {"type": "boolean"}}
        inner["description"] = text(1024, 0)
    required = ("name", "schema") if named else ("schema",)
    return closed({"type": {"const": "json_schema"}, "json_schema": closed(inner, *required)}, "type", "json_schema")


def simple_format(name: str) -> dict[str, Json]:
    """`response_format: {type: text}` and its like."""
    return closed({"type": {"const": name}}, "type")


class Runtime(Kind):
    """A kind that realises an Assistant manifest."""

    form = "Assistant"
    chosen_by: ClassVar[str]
    tools: ClassVar[Mapping[str, Mapping[str, Json]]]
    """Tool type → schema of what users write beside `type`."""
    lacks: ClassVar[Mapping[str, str]] = {}
    """Manifest field or tool type that this runtime cannot express → what to do."""
    max_tools: ClassVar[int | None] = None
    max_files: ClassVar[int | None] = None
    """Code-interpreter files, after globs have found theirs."""

    def lower(self, manifest: Manifest, context: Context) -> Desired | None:
        """The resource for this runtime; every problem is reported at its place."""
        before = len(context.problems.errors)
        tools = [tool for tool in resolve_tools(manifest, context) if self._fits(tool, manifest, context)]
        self._check_tools(manifest, tools, context.problems)
        self.check(manifest, tools, context.problems)
        if len(context.problems.errors) > before:
            return None
        documents = self._documents(tools, context)
        if self.max_files is not None and len(documents) > self.max_files:
            context.problems.add(
                "E309",
                f"{len(documents)} files",
                f"The {self.chosen_by} runtime takes at most {self.max_files} for the code interpreter.",
                manifest.at("spec", "tools", documents[0][0]),
                address=manifest.address,
            )
        owner = manifest.address
        spec = self.lower_spec(manifest.spec, manifest)
        if "tools" in manifest.spec:
            spec |= self.lower_tools(tools, owner, documents, context)
        if len(context.problems.errors) > before:
            return None
        if "raw" in manifest.spec:
            spec["raw"] = dict(manifest.spec["raw"])
        return manifest.desired(self, spec, tuple(document for _, document in documents))

    def _fits(self, tool: ResolvedTool, manifest: Manifest, context: Context) -> bool:
        """A tool that a Tool manifest declares is checked against the runtime that uses it."""
        if tool.source is manifest:
            return True
        branches = [tool_branch(name, schema) for name, schema in self.tools.items()]
        return context.conforms(tool.value, {"type": "object", "oneOf": branches}, tool.source, tool.path, self.lacks)

    def lower_spec(self, spec: Mapping[str, Json], manifest: Manifest) -> dict[str, Json]:
        """The fields that are not tools, under the API's names."""
        del manifest
        written = (f for f in self.fields if f.schema is not None and f.source != "tools")
        return {f.name: spec[f.source] for f in written if f.source in spec}

    def check(self, manifest: Manifest, tools: Sequence[ResolvedTool], problems: Problems) -> None:
        """Report what this runtime refuses and a schema cannot say."""

    def shape(self, tool: str) -> Mapping[str, Mapping[str, Json]]:
        """The members of a live tool of some type, with their schemas; empty for a type that is not known."""
        schema = self.tools.get(tool)
        return {"type": {}, **schema["properties"]} if schema else {}

    def decode(self, raw: Mapping[str, Json], like: Mapping[str, Json]) -> dict[str, Json]:
        """Of the live tools, what we know or ask for: servers add members of their own, and the API grows."""
        spec = super().decode(raw, like)
        keys = self._item_keys()
        if isinstance(spec.get("tools"), list):
            wanted = {identity(tool, keys): tool for tool in like.get("tools", ())}
            spec["tools"] = [
                _known_part(tool, self.shape(str(tool.get("type"))), wanted.get(identity(tool, keys), {}))
                if isinstance(tool, Mapping)
                else tool
                for tool in spec["tools"]
            ]
        return spec

    def models(self, spec: Mapping[str, Json]) -> list[str]:
        """Its model, and those to fall back to."""
        others = spec.get("fallback")
        named = [spec.get("model"), *(others if isinstance(others, list) else ())]
        return [name for name in named if isinstance(name, str)]

    def asks_first(self) -> bool:
        """Not where its MCP tools have nothing to say about approval."""
        return "require_approval" in self.shape("mcp")

    def _item_keys(self) -> tuple[str, ...]:
        declared = self.field("tools")
        return (declared.item if declared else None) or ()

    @abstractmethod
    def lower_tools(
        self,
        tools: Sequence[ResolvedTool],
        owner: Address,
        documents: Sequence[tuple[int, Document]],
        context: Context,
    ) -> dict[str, Json]:
        """The fields that `tools` ends up in; `documents` are (position of their tool, file)."""

    def _documents(self, tools: Sequence[ResolvedTool], context: Context) -> list[tuple[int, Document]]:
        found: list[tuple[int, Document]] = []
        for position, tool in enumerate(tools):
            if tool.type == "code_interpreter" and tool.value.get("files"):
                entries = [file_entry(entry, tool.span("files", i)) for i, entry in enumerate(tool.value["files"])]
                documents = context.documents(tool.source, entries, retrieval=False)
                found += [(position, document) for document in documents]
        return found

    def _check_tools(self, manifest: Manifest, tools: Sequence[ResolvedTool], problems: Problems) -> None:
        names: dict[tuple[str, str], Span | None] = {}
        if self.max_tools is not None and len(tools) > self.max_tools:
            problems.add(
                "E309",
                f"{len(tools)} tools",
                f"The {self.chosen_by} runtime takes at most {self.max_tools}.",
                manifest.at("spec", "tools"),
                address=manifest.address,
            )
        for tool in tools:
            name = tool_name(tool)
            if (tool.type, name) in names:
                what = f"{tool.type} {name!r}" if name else tool.type
                problems.add(
                    "E308", f"Tool {what} stands twice", "Remove one of them.", tool.at, address=manifest.address
                )
            names[tool.type, name] = tool.at


def _known_part(live: Mapping[str, Json], shape: Mapping[str, Mapping[str, Json]], wanted: Json) -> dict[str, Json]:
    """The members of a live object that its schema or the wanted value speaks of; all where there is no schema."""
    asked = wanted if isinstance(wanted, Mapping) else {}
    known = {}
    for key, value in live.items():
        if shape and key not in shape and key not in asked:
            continue
        inner = shape.get(key, {}).get("properties", {})
        known[key] = _known_part(value, inner, asked.get(key)) if inner and isinstance(value, Mapping) else value
    return known


def with_text_format(lowered: dict[str, Json], spec: Mapping[str, Json]) -> dict[str, Json]:
    """`response_format` becomes `text.format`, whose members stand beside its type."""
    if "response_format" not in spec:
        return lowered
    written = dict(spec["response_format"])
    inner = written.pop("json_schema", {})
    return {**lowered, "text": {**lowered.get("text", {}), "format": {**written, **inner}}}


TOKENS = integer(16, 1_000_000)
