"""One sentence for each field of a manifest, as editors show it: kinds say what a value may be, this what it is.

A key is the end of a dotted path of property names: the longest that fits counts (`files.name` before `name`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.model.json import Json

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        # an assistant
        "display_name": "The name that people see in the account. Default of a vector store: the manifest's name.",
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
        "enabled": "Whether it is on.",
        "max_concurrent_subagents": "How many subagents may run at once; 6 when not given.",
        "compaction": "How a long session is compacted.",
        "async": "Whether it happens in the background.",
        "experimental": "Features that may change.",
        "time_awareness": "Whether the agent knows the time.",
        "raw": "New fields of the API that the reconciler does not know yet, passed through untouched.",
        # tools
        "vector_stores": "VectorStore manifests by name, or `{id: vs_…}` for one that is not managed here.",
        "type": "Which sort it is.",
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
        # vector stores and files
        "expires_after": "When the store is deleted if nobody uses it.",
        "expires_after.anchor": "What the days count from.",
        "days": "Days without use.",
        "chunking_strategy": "How documents are cut for searching; of the store, or of one entry.",
        "static": "Chunks of a fixed size.",
        "max_chunk_size_tokens": "Tokens of a chunk, 100 to 4096.",
        "chunk_overlap_tokens": "Tokens that two chunks share: at most half of a chunk.",
        "glob": "A pattern relative to the manifest: `*`, `?`, `[…]`, and `**` for any directories.",
        "path": "One file, relative to the manifest.",
        "exclude": "Patterns of files to leave out.",
        "files.name": "The file name that citations show.",
        "name": "The name it is uploaded under.",
        "as": "Upload under this name: for types that search does not take, such as prices.csv.txt.",
        "id": "The id of an object that is not managed here.",
    }
)


def described(schema: Json, path: tuple[str, ...] = ()) -> Json:
    """A schema in which every property has a description, where there is one and none stands there yet."""
    if isinstance(schema, list):
        return [described(item, path) for item in schema]
    if not isinstance(schema, dict):
        return schema
    full = {key: described(item, path) if key != "properties" else item for key, item in schema.items()}
    properties = full.get("properties")
    if isinstance(properties, dict):
        full["properties"] = {name: _with_meaning(item, (*path, name)) for name, item in properties.items()}
    return full


def _with_meaning(schema: Json, path: tuple[str, ...]) -> Json:
    full = described(schema, path)
    meaning = _meaning(path)
    if not isinstance(full, dict) or "description" in full or meaning is None:
        return full
    return {"description": meaning, **full}


def _meaning(path: tuple[str, ...]) -> str | None:
    ends = (".".join(path[start:]) for start in range(len(path)))
    return next((MEANINGS[end] for end in ends if end in MEANINGS), None)
