"""What the runtimes of an assistant have in common: the words of the Assistant manifest, and how tools are resolved.

Each runtime is a kind of its own (`release`, `agent`, `assistant`). Here stands what users write once, whatever
realises it, so that a value means the same and is checked the same everywhere.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from reconciler.kinds.form import Context, FileEntry, Manifest
from reconciler.kinds.kind import Kind, identity
from reconciler.kinds.words import choice, closed, integer, number, raw_schema, text
from reconciler.model.address import Address, Ref, Span
from reconciler.model.desired import Desired, Document
from reconciler.model.diagnostics import Problems, did_you_mean
from reconciler.model.json import Json, Path

NAME = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
FUNCTION_NAME = r"^[A-Za-z0-9_-]{1,64}$"

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
PARAMETERS = {"type": "object", "description": "JSON Schema of the arguments, draft 2020-12; or `{file: …}`."}


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


def function_schema(*, strict: bool, described: bool) -> dict[str, Json]:
    """A function tool: what users write below `function`."""
    inner: dict[str, Json] = {
        "name": {"type": "string", "pattern": FUNCTION_NAME},
        "description": text(4096, 0),
        "parameters": PARAMETERS,
    }
    if strict:
        inner["strict"] = {"type": "boolean"}
    required = ("description", "parameters") if described else ()
    return closed({"function": closed(inner, *required)}, "function")


VECTOR_STORES: Json = {
    "type": "array",
    "minItems": 1,
    "items": {"anyOf": [{"type": "string", "pattern": NAME}, closed({"id": text(128)}, "id")]},
    "description": "VectorStore manifests by name, or `{id: vs_…}` for one that is not managed here.",
}

CODE_FILES: Json = {
    "type": "array",
    "items": {
        "anyOf": [
            text(256),
            closed({"path": text(256), "name": text(256)}, "path"),
            closed({"glob": text(256)}, "glob"),
        ]
    },
    "description": "Files for the sandbox, relative to the manifest; globs allowed.",
}


@dataclass(frozen=True, slots=True)
class ResolvedTool:
    """One entry of `tools` with `tool: name` replaced by the Tool manifest's spec; `at` is where it is written."""

    type: str
    value: Mapping[str, Json]
    at: Span | None
    source: Manifest
    path: Path

    def span(self, *path: str | int) -> Span | None:
        """Where a part of it is written."""
        return self.source.at(*self.path, *path)


class Runtime(Kind):
    """A kind that realises an Assistant manifest."""

    form = "Assistant"
    documents: ClassVar[str | None] = None
    runtime: ClassVar[str]
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
                f"The {self.runtime} runtime takes at most {self.max_files} for the code interpreter.",
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
                entries = [_file_entry(entry, tool.span("files", i)) for i, entry in enumerate(tool.value["files"])]
                documents = context.documents(tool.source, entries, retrieval=False)
                found += [(position, document) for document in documents]
        return found

    def _check_tools(self, manifest: Manifest, tools: Sequence[ResolvedTool], problems: Problems) -> None:
        names: dict[tuple[str, str], Span | None] = {}
        if self.max_tools is not None and len(tools) > self.max_tools:
            problems.add(
                "E309",
                f"{len(tools)} tools",
                f"The {self.runtime} runtime takes at most {self.max_tools}.",
                manifest.at("spec", "tools"),
                address=manifest.address,
            )
        for tool in tools:
            name = _tool_name(tool)
            if (tool.type, name) in names:
                what = f"{tool.type} {name!r}" if name else tool.type
                problems.add(
                    "E308", f"Tool {what} stands twice", "Remove one of them.", tool.at, address=manifest.address
                )
            names[tool.type, name] = tool.at


def tool_branch(name: str, schema: Mapping[str, Json]) -> dict[str, Json]:
    """The whole schema of one type of tool."""
    inner = schema["properties"].get("function", {}).get("properties", {})
    raw = raw_schema("type", *schema["properties"], *inner, *_UNDER_OTHER_NAMES)
    return closed({"type": {"const": name}, **schema["properties"], "raw": raw}, "type", *schema.get("required", ()))


_UNDER_OTHER_NAMES = ("authorization", "container", "file_search", "headers", "server_url", "vector_store_ids")
"""Members that manifests write under another name, or that hold credentials: nothing passes by their checks."""


def _tool_name(tool: ResolvedTool) -> str:
    """What tells two tools of one type apart."""
    value = tool.value
    if tool.type == "function":
        return str(value["function"].get("name", ""))
    return str(value.get("server_label", ""))


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


def resolve_tools(manifest: Manifest, context: Context) -> Iterator[ResolvedTool]:
    """The tools of an assistant, those named by `tool:` replaced by their manifests."""
    declared = context.declared("Tool")
    for position, entry in enumerate(manifest.spec.get("tools", [])):
        at = manifest.at("spec", "tools", position)
        if "tool" not in entry:
            if entry["type"] == "function" and "name" not in entry["function"]:
                where = manifest.at("spec", "tools", position, "function")
                detail = "Only a Tool manifest may leave it out: the function is then called like the manifest."
                context.problems.add("E306", "Missing field 'name'", detail, where, address=manifest.address)
            else:
                yield ResolvedTool(entry["type"], entry, at, manifest, ("spec", "tools", position))
            continue
        name = entry["tool"]
        target = declared.get(name)
        if target is None:
            context.problems.add(
                "E401",
                f"Unknown tool {name!r}",
                f"No Tool manifest has this name. {did_you_mean(name, declared)}".strip(),
                manifest.at("spec", "tools", position, "tool"),
                address=manifest.address,
            )
            continue
        if target.spec:
            value = dict(target.spec)
            if value["type"] == "function":
                value["function"] = {"name": target.name.replace("-", "_"), **value["function"]}
            yield ResolvedTool(value["type"], value, at, target, ("spec",))


def _file_entry(entry: Json, span: Span | None) -> FileEntry:
    if isinstance(entry, str):
        return FileEntry(entry, bool(re.search(r"[*?\[]", entry)), span)
    if "glob" in entry:
        return FileEntry(entry["glob"], glob=True, span=span)
    return FileEntry(entry["path"], glob=False, span=span, name=entry.get("name"))


def store_refs(tool: ResolvedTool, context: Context, address: Address) -> list[Json]:
    """The vector stores of a file-search tool: references, or ids of foreign ones."""
    declared = context.declared("VectorStore")
    found: list[Json] = []
    for position, entry in enumerate(tool.value.get("vector_stores", [])):
        if not isinstance(entry, str):
            found.append(entry["id"])
        elif entry in declared:
            found.append(Ref(Address("VectorStore", entry)))
        else:
            context.problems.add(
                "E402",
                f"Unknown vector store {entry!r}",
                f"No VectorStore manifest has this name. {did_you_mean(entry, declared)}".strip(),
                tool.span("vector_stores", position),
                address=address,
            )
    return found


def document_refs(owner: Address, position: int, documents: Sequence[tuple[int, Document]]) -> list[Json]:
    """References to the files of the tool at a position."""
    return [Ref(Address(owner.kind, owner.name, document.path)) for at, document in documents if at == position]


def with_raw(tool: ResolvedTool, wire: dict[str, Json]) -> dict[str, Json]:
    """The request's tool, with what `raw` passes through."""
    return wire | dict(tool.value.get("raw", {}))


def with_text_format(lowered: dict[str, Json], spec: Mapping[str, Json]) -> dict[str, Json]:
    """`response_format` becomes `text.format`, whose members stand beside its type."""
    if "response_format" not in spec:
        return lowered
    written = dict(spec["response_format"])
    inner = written.pop("json_schema", {})
    return {**lowered, "text": {**lowered.get("text", {}), "format": {**written, **inner}}}


LOCATION = closed({name: text(128) for name in ("city", "country", "region", "timezone")})
TOKENS = integer(16, 1_000_000)
