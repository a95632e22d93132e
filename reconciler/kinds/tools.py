"""The tools of an assistant: what users write, in the manifest or in a Tool of their own, and what it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.kinds.form import Context
from reconciler.kinds.manifest import FileEntry, Manifest, Reference
from reconciler.kinds.words import closed, raw_schema, text
from reconciler.model.address import Address, Ref, Span
from reconciler.model.desired import Document
from reconciler.model.diagnostics import did_you_mean
from reconciler.model.json import Json, Path

NAME = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
FUNCTION_NAME = r"^[A-Za-z0-9_-]{1,64}$"
PARAMETERS = {"type": "object", "description": "JSON Schema of the arguments, draft 2020-12; or `{file: …}`."}
LOCATION = closed({name: text(128) for name in ("city", "country", "region", "timezone")})
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


def tool_branch(name: str, schema: Mapping[str, Json]) -> dict[str, Json]:
    """The whole schema of one type of tool."""
    inner = schema["properties"].get("function", {}).get("properties", {})
    raw = raw_schema("type", *schema["properties"], *inner, *_UNDER_OTHER_NAMES)
    return closed({"type": {"const": name}, **schema["properties"], "raw": raw}, "type", *schema.get("required", ()))


_UNDER_OTHER_NAMES = ("authorization", "container", "file_search", "headers", "server_url", "vector_store_ids")
"""Members that manifests write under another name, or that hold credentials: nothing passes by their checks."""


def tool_name(tool: ResolvedTool) -> str:
    """What tells two tools of one type apart."""
    value = tool.value
    if tool.type == "function":
        return str(value["function"].get("name", ""))
    return str(value.get("server_label", ""))


def file_entry(entry: Json, span: Span | None) -> FileEntry:
    """A file of the code interpreter: a path, or a glob."""
    if isinstance(entry, str):
        return FileEntry(entry, bool(re.search(r"[*?\[]", entry)), span)
    if "glob" in entry:
        return FileEntry(entry["glob"], glob=True, span=span)
    return FileEntry(entry["path"], glob=False, span=span, name=entry.get("name"))


def references(tool: Mapping[str, Json], at: Path) -> Iterator[Reference]:
    """What a tool as it is written refers to; `at` is its path in the manifest."""
    if "tool" in tool:
        yield Reference(at, Address("Tool", tool["tool"]))
    for number, store in enumerate(tool.get("vector_stores", ())):
        target = Address("VectorStore", store) if isinstance(store, str) else str(store["id"])
        yield Reference((*at, "vector_stores", number), target)


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
