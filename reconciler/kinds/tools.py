"""The tools of an assistant: what users write, in the manifest or in a Tool of their own, and what it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.kinds import words
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


MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        **words.MEANINGS,
        "vector_stores": "VectorStore manifests by name, or `{id: vs_…}` for one that is not managed here.",
        "function": "A function that the application answers.",
        "function.name": "What the model calls it. Default in a Tool manifest: its name, with underscores.",
        "function.description": "What the function does and when to use it, for the model.",
        "strict": "Whether the arguments have to fit the schema exactly (OpenAI's strict subset of JSON Schema).",
        "defer_loading": "Whether the tool is found through tool search instead of standing in the context.",
        "max_num_results": "How many passages a search returns, 1 to 50.",
        "ranking_options": "How search results are ranked.",
        "ranker": "The ranker to use.",
        "score_threshold": "Results below this score, 0 to 1, are left out.",
        "hybrid_search": "How much meaning and words count.",
        "embedding_weight": "Weight of similar meaning.",
        "text_weight": "Weight of equal words.",
        "filters": "Which documents are searched, by their attributes; or which domains.",
        "memory_limit": "Memory of the sandbox.",
        "network_policy": "What the sandbox may reach.",
        "server_label": "What the model calls the MCP server.",
        "server_url": "The MCP server's address: https, a public host, no credentials in it.",
        "server_description": "What the MCP server is for, for the model.",
        "connector_id": "A connector of the service, in place of a server's address.",
        "tunnel_id": "A tunnel of the service, in place of a server's address.",
        "allowed_tools": "The server's tools that may be used. All of them when left out.",
        "tool_names": "Tools by name.",
        "read_only": "Only tools that change nothing.",
        "require_approval": "Which calls a person has to approve.",
        "always": "Calls that always need approval.",
        "never": "Calls that never do.",
        "transport": "How the MCP server is reached.",
        "headers": "HTTP headers that are no secrets.",
        "command": "The command that starts the server.",
        "cwd": "The directory it is started in.",
        "args": "Its arguments.",
        "env_vars": "Names of environment variables that it inherits.",
        "connection_origin": "Where connections to the server start.",
        "credential_id": "The vault credential for this server.",
        "request_metadata": "Sent along with every request to the server.",
        "required": "Whether the server has to be up before the first turn.",
        "allowed_domains": "Domains that a search may use.",
        "search_context_size": "How much of what was found goes into the context.",
        "context_size": "How much of what was found goes into the context.",
        "user_location": "Where the user is, roughly.",
        "location": "Where the user is, roughly.",
        "city": "The city.",
        "country": "The two-letter ISO country code.",
        "region": "The region or state.",
        "timezone": "The IANA time zone, such as Europe/London.",
        "external_web_access": "Whether live pages are fetched.",
        "mode": "Live pages, cached ones, or none.",
        "include_screenshots": "Whether screenshots are part of the outputs.",
        "execution": "Who runs the search: the service, or the application.",
        "enabled": "Whether it is on.",
        "async": "Whether it happens in the background.",
        "id": "The id of an object that is not managed here.",
    }
)
"""What the fields of tools mean."""


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
