"""What each request may contain, in JSON Schema; a test holds the tables against the SDK's own parameter types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconciler.emulator.parameters import Parameters

if TYPE_CHECKING:
    from reconciler.emulator.parameters import Schema

TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1}
BOOLEAN: Schema = {"type": "boolean"}
FREE: Schema = {"type": "object"}
FILE: Schema = {"format": "binary"}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
FUNCTION_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-zA-Z0-9_-]+$"}
METADATA: Schema = {
    "type": ["object", "null"],
    "maxProperties": 16,
    "propertyNames": {"maxLength": 64},
    "additionalProperties": {"type": "string", "maxLength": 512},
}
ATTRIBUTES: Schema = METADATA | {
    "additionalProperties": {"type": ["string", "boolean", "number"], "maxLength": 512, "format": "double"}
}


def _text(most: int) -> Schema:
    return {"type": "string", "maxLength": most}


def _enum(*values: str) -> Schema:
    return {"type": "string", "enum": [*values]}


def _integer(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _array(items: Schema, **limits: int) -> Schema:
    return {"type": "array", **limits, "items": items}


def _nullable(schema: Schema) -> Schema:
    words = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return schema | {"type": [schema["type"], "null"]} | words


def _fields(properties: Mapping[str, Any], *required: str) -> Schema:
    return {"additionalProperties": False, "required": [*required], "properties": dict(properties)}


def _object(properties: Mapping[str, Any], *required: str) -> Schema:
    return {"type": "object", **_fields(properties, *required)}


def _by_type(choices: Mapping[str, Schema]) -> Schema:
    """One of several objects, told apart by their `type`.

    Conditions rather than `oneOf`: what is wrong is then wrong with the one that was meant, and filters that are nested
    n deep are not tried 2 ** n times.
    """
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": _enum(*choices)},
        "allOf": [
            {
                "if": {"required": ["type"], "properties": {"type": {"const": name}}},
                "then": choice | {"properties": {"type": {}, **choice["properties"]}},
            }
            for name, choice in choices.items()
        ],
    }


def _parameters(properties: Mapping[str, Any], *required: str) -> Parameters:
    return Parameters(_object(properties, *required))


NOTHING = _parameters({})

# Lists

ORDER = _enum("asc", "desc")
STATUS_FILTER = _enum("in_progress", "completed", "failed", "cancelled")


def _list(**more: Schema) -> Parameters:
    return _parameters({"after": TEXT, "limit": _integer(1, 100), "order": ORDER, **more})


LIST = _list()
LIST_BOTH_WAYS = _list(before=TEXT)
LIST_STORE_FILES = _list(before=TEXT, filter=STATUS_FILTER)
LIST_FILES = _list(limit=_integer(1, 10_000), purpose=TEXT)
LIST_AGENTS = _list(limit={"type": "integer", "minimum": 1})
LIST_SESSIONS = _list(agent_id=TEXT)

# Vector stores

_STATIC_CHUNKS = _object(
    {"max_chunk_size_tokens": _integer(100, 4096), "chunk_overlap_tokens": {"type": "integer", "minimum": 0}},
    *("max_chunk_size_tokens", "chunk_overlap_tokens"),
)
CHUNKING = _by_type({"auto": _fields({}), "static": _fields({"static": _STATIC_CHUNKS}, "static")})
STORE_EXPIRY = _object({"anchor": _enum("last_active_at"), "days": _integer(1, 365)}, "anchor", "days")
_NEW_STORE = {"file_ids": _array(TEXT, maxItems=500), "chunking_strategy": CHUNKING, "metadata": METADATA}
STORE_CREATE = _parameters({"name": TEXT, "description": TEXT, "expires_after": STORE_EXPIRY, **_NEW_STORE})
STORE_UPDATE = _parameters({"name": _nullable(TEXT), "expires_after": _nullable(STORE_EXPIRY), "metadata": METADATA})
_ATTACHED = {"attributes": ATTRIBUTES, "chunking_strategy": CHUNKING}
STORE_FILE_CREATE = _parameters({"file_id": TEXT, **_ATTACHED}, "file_id")
STORE_FILE_UPDATE = _parameters({"attributes": ATTRIBUTES}, "attributes")
BATCH_CREATE = _parameters(
    {
        "file_ids": _array(TEXT, maxItems=2000, minItems=1),
        "files": _array(STORE_FILE_CREATE.schema, maxItems=2000, minItems=1),
        **_ATTACHED,
    }
)

_COMPARED: Schema = {
    "type": ["string", "boolean", "number", "array"],
    "format": "double",
    "items": {"type": ["string", "number"], "format": "double"},
}
_COMPARISON = _fields({"key": TEXT, "value": _COMPARED}, "key", "value")
_COMBINATION = _fields({"filters": _array({"$ref": "#/properties/filters"})}, "filters")
FILTER = _by_type(
    dict.fromkeys(("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"), _COMPARISON)
    | dict.fromkeys(("and", "or"), _COMBINATION)
)
SEARCH = _parameters(
    {
        "query": {"type": ["string", "array"], "minItems": 1, "items": TEXT},
        "filters": FILTER,
        "max_num_results": _integer(1, 50),
        "ranking_options": _object({"ranker": _enum("none", "auto", "default-2024-11-15"), "score_threshold": SHARE}),
        "rewrite_query": BOOLEAN,
    },
    "query",
)

# Files and uploads

PURPOSE = _enum("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
FILE_EXPIRY = _object({"anchor": _enum("created_at"), "seconds": _integer(3_600, 2_592_000)}, "anchor", "seconds")
FILE_CREATE = _parameters({"file": FILE, "purpose": PURPOSE, "expires_after": FILE_EXPIRY}, "file", "purpose")
UPLOAD_CREATE = _parameters(
    {
        "bytes": _integer(0, 8 * 2**30),
        "filename": NAME,
        "mime_type": TEXT,
        "purpose": PURPOSE,
        "expires_after": FILE_EXPIRY,
    },
    *("bytes", "filename", "mime_type", "purpose"),
)
UPLOAD_PART = _parameters({"data": FILE}, "data")
UPLOAD_COMPLETE = _parameters({"part_ids": _array(TEXT, minItems=1), "md5": TEXT}, "part_ids")

# Skills

SKILL_CREATE = _parameters({"files": _array(FILE)})
SKILL_UPDATE = _parameters({"default_version": TEXT}, "default_version")
VERSION_CREATE = _parameters({"files": _array(FILE), "default": BOOLEAN})

# Agents

_TEXTS = _nullable(_array(TEXT))
_TRANSPORT = _by_type(
    {
        "http": _fields(
            {"server_url": TEXT, "headers": {"type": ["object", "null"], "additionalProperties": TEXT}}, "server_url"
        ),
        "stdio": _fields({"command": TEXT, "cwd": TEXT, "args": _TEXTS, "env_vars": _TEXTS}, "command", "cwd"),
    }
)
AGENT_TOOL = _by_type(
    {
        "function": _fields(
            {
                "name": FUNCTION_NAME,
                "description": TEXT,
                "parameters": FREE,
                "defer_loading": BOOLEAN,
                "async": BOOLEAN,
            },
            *("name", "description", "parameters"),
        ),
        "tool_search": _fields({}),
        "programmatic_tool_calling": _fields({"enabled": BOOLEAN}),
        "mcp": _fields(
            {
                "server_label": NAME,
                "transport": _TRANSPORT,
                "allowed_tools": _TEXTS,
                "connection_origin": _nullable(_enum("service", "environment")),
                "credential_id": _nullable(TEXT),
                "request_metadata": _nullable(FREE),
                "required": BOOLEAN,
            },
            *("server_label", "transport"),
        ),
        "web_search": _fields(
            {
                "allowed_domains": _TEXTS,
                "context_size": _nullable(_enum("low", "medium", "high")),
                "location": _nullable(
                    _object(dict.fromkeys(("city", "country", "region", "timezone"), _nullable(TEXT)))
                ),
                "mode": _nullable(_enum("disabled", "cached", "live")),
            }
        ),
        "computer_use": _fields({"include_screenshots": BOOLEAN}),
        "automations": _fields({}),
    }
)
EFFORT = _enum("none", "minimal", "low", "medium", "high", "xhigh", "max")
_AGENT_FORMAT = _by_type({"text": _fields({}), "json_schema": _fields({"schema": FREE}, "schema")})
_AGENT: Schema = {
    "model": {"type": "string", "minLength": 1, "maxLength": 1_048_576},
    "name": _nullable(_text(128)),
    "instructions": _nullable(_text(1_048_576)),
    "metadata": METADATA,
    "tools": _nullable(_array(AGENT_TOOL)),
    "multi_agent": _nullable(
        _object({"enabled": BOOLEAN, "max_concurrent_subagents": {"type": "integer", "minimum": 1}}, "enabled")
    ),
    "reasoning": _nullable(
        _object({"effort": _nullable(EFFORT), "summary": _nullable(_enum("concise", "detailed", "auto"))})
    ),
    "service_tier": _nullable(_enum("auto", "default", "flex", "priority", "fast", "ultrafast")),
    "text": _nullable(
        _object({"format": _nullable(_AGENT_FORMAT), "verbosity": _nullable(_enum("low", "medium", "high"))})
    ),
    "compaction": _nullable(_object({"async": _nullable(BOOLEAN)})),
    "experimental": _object({"time_awareness": BOOLEAN}),
}
AGENT_CREATE = _parameters(_AGENT, "model")
AGENT_UPDATE = _parameters(_AGENT)
SESSION_CREATE = _parameters(
    {"agent_id": TEXT, "environment": _object({"type": _enum("none")}, "type"), "metadata": METADATA},
    *("agent_id", "environment"),
)

# Assistants

_FUNCTION: Schema = {"name": FUNCTION_NAME, "description": TEXT, "strict": _nullable(BOOLEAN)}
_RANKING = _object({"ranker": _enum("auto", "default_2024_08_21"), "score_threshold": SHARE}, "score_threshold")
ASSISTANT_TOOL = _by_type(
    {
        "code_interpreter": _fields({}),
        "file_search": _fields(
            {"file_search": _object({"max_num_results": _integer(1, 50), "ranking_options": _RANKING})}
        ),
        "function": _fields({"function": _object({**_FUNCTION, "parameters": FREE}, "name")}, "function"),
    }
)
_RESPONSE_FORMAT = _by_type(
    {
        "text": _fields({}),
        "json_object": _fields({}),
        "json_schema": _fields({"json_schema": _object({**_FUNCTION, "schema": FREE}, "name")}, "json_schema"),
    }
) | {"type": ["string", "object", "null"], "if": {"type": "string"}, "then": {"enum": ["auto"]}}
_ASSISTANT: Schema = {
    "model": NAME,
    "name": _nullable(_text(256)),
    "description": _nullable(_text(512)),
    "instructions": _nullable(_text(256_000)),
    "tools": _array(ASSISTANT_TOOL, maxItems=128),
    "metadata": METADATA,
    "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
    "top_p": _nullable(SHARE),
    "response_format": _RESPONSE_FORMAT,
    "reasoning_effort": _nullable(EFFORT),
}
_INTERPRETER_FILES = _object({"file_ids": _array(TEXT, maxItems=20)})
_STORES: Schema = {"vector_store_ids": _array(TEXT, maxItems=1)}
_STORES_OR_NEW: Schema = {**_STORES, "vector_stores": _array(_object(_NEW_STORE), maxItems=1)}


def _resources(search: Schema) -> Schema:
    fields = {"code_interpreter": _INTERPRETER_FILES, "file_search": _object(search)}
    return {"tool_resources": _nullable(_object(fields))}


ASSISTANT_CREATE = _parameters(_ASSISTANT | _resources(_STORES_OR_NEW), "model")
ASSISTANT_UPDATE = _parameters(_ASSISTANT | _resources(_STORES))
