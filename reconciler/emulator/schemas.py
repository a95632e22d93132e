"""What each request may contain, as tables; a test holds them against the SDK's own parameter types."""

from __future__ import annotations

from reconciler.emulator.shapes import (
    AnyOf,
    Bool,
    Enum,
    Free,
    Int,
    ListOf,
    MapOf,
    Nullable,
    Num,
    Obj,
    Shape,
    Str,
    Tagged,
    Upload,
    Uploads,
)

NOTHING = Obj()
TEXT = Str()
METADATA = Nullable(MapOf(Str(most=512), most=16, longest=64))
ATTRIBUTES = Nullable(MapOf(AnyOf(Str(most=512), Bool(), Num()), most=16, longest=64))
EFFORT = Enum("none", "minimal", "low", "medium", "high", "xhigh", "max")
FUNCTION_NAME = Str(least=1, most=64, pattern="[a-zA-Z0-9_-]+")


def _const(value: str) -> Enum:
    return Enum(value)


# Lists

ORDER = Enum("asc", "desc")
LIMIT = Int(least=1, most=100)


def _list(**more: Shape) -> Obj:
    return Obj({"after": TEXT, "limit": LIMIT, "order": ORDER, **more})


STATUS_FILTER = Enum("in_progress", "completed", "failed", "cancelled")
LIST = _list()
LIST_BOTH_WAYS = _list(before=TEXT)
LIST_STORE_FILES = _list(before=TEXT, filter=STATUS_FILTER)
LIST_FILES = _list(limit=Int(least=1, most=10_000), purpose=TEXT)
LIST_AGENTS = _list(limit=Int(least=1))
LIST_SESSIONS = _list(agent_id=TEXT)

# Vector stores

CHUNKING = Tagged(
    {
        "auto": Obj({"type": _const("auto")}, ("type",)),
        "static": Obj(
            {
                "type": _const("static"),
                "static": Obj(
                    {"max_chunk_size_tokens": Int(100, 4096), "chunk_overlap_tokens": Int(0)},
                    ("max_chunk_size_tokens", "chunk_overlap_tokens"),
                ),
            },
            ("type", "static"),
        ),
    }
)
STORE_EXPIRY = Obj({"anchor": _const("last_active_at"), "days": Int(1, 365)}, ("anchor", "days"))
STORE_CREATE = Obj(
    {
        "name": TEXT,
        "description": TEXT,
        "file_ids": ListOf(TEXT, most=500),
        "chunking_strategy": CHUNKING,
        "expires_after": STORE_EXPIRY,
        "metadata": METADATA,
    }
)
STORE_UPDATE = Obj({"name": Nullable(TEXT), "expires_after": Nullable(STORE_EXPIRY), "metadata": METADATA})
STORE_FILE_CREATE = Obj(
    {"file_id": TEXT, "attributes": ATTRIBUTES, "chunking_strategy": CHUNKING}, required=("file_id",)
)
STORE_FILE_UPDATE = Obj({"attributes": ATTRIBUTES}, required=("attributes",))
BATCH_CREATE = Obj(
    {
        "file_ids": ListOf(TEXT, most=2000, least=1),
        "files": ListOf(STORE_FILE_CREATE, most=2000, least=1),
        "attributes": ATTRIBUTES,
        "chunking_strategy": CHUNKING,
    }
)

_COMPARISONS = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin")
_FILTERS: dict[str, Obj] = {
    name: Obj(
        {"type": _const(name), "key": TEXT, "value": AnyOf(TEXT, Bool(), Num(), ListOf(AnyOf(TEXT, Num())))},
        ("type", "key", "value"),
    )
    for name in _COMPARISONS
}
FILTER = Tagged(_FILTERS)
for _name in ("and", "or"):
    _FILTERS[_name] = Obj({"type": _const(_name), "filters": ListOf(FILTER)}, ("type", "filters"))
SEARCH = Obj(
    {
        "query": AnyOf(TEXT, ListOf(TEXT, least=1)),
        "filters": FILTER,
        "max_num_results": Int(1, 50),
        "ranking_options": Obj({"ranker": Enum("none", "auto", "default-2024-11-15"), "score_threshold": Num(0, 1)}),
        "rewrite_query": Bool(),
    },
    required=("query",),
)

# Files and uploads

PURPOSE = Enum("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
FILE_EXPIRY = Obj({"anchor": _const("created_at"), "seconds": Int(3_600, 2_592_000)}, ("anchor", "seconds"))
FILE_CREATE = Obj({"file": Upload(), "purpose": PURPOSE, "expires_after": FILE_EXPIRY}, ("file", "purpose"))
UPLOAD_CREATE = Obj(
    {
        "bytes": Int(0, 8 * 2**30),
        "filename": Str(least=1),
        "mime_type": TEXT,
        "purpose": PURPOSE,
        "expires_after": FILE_EXPIRY,
    },
    ("bytes", "filename", "mime_type", "purpose"),
)
UPLOAD_PART = Obj({"data": Upload()}, ("data",))
UPLOAD_COMPLETE = Obj({"part_ids": ListOf(TEXT, least=1), "md5": TEXT}, ("part_ids",))

# Skills

SKILL_CREATE = Obj({"files": Uploads()})
SKILL_UPDATE = Obj({"default_version": TEXT}, ("default_version",))
VERSION_CREATE = Obj({"files": Uploads(), "default": Bool()})

# Agents

_TRANSPORT = Tagged(
    {
        "http": Obj(
            {"type": _const("http"), "server_url": TEXT, "headers": Nullable(MapOf(TEXT))}, ("type", "server_url")
        ),
        "stdio": Obj(
            {
                "type": _const("stdio"),
                "command": TEXT,
                "cwd": TEXT,
                "args": Nullable(ListOf(TEXT)),
                "env_vars": Nullable(ListOf(TEXT)),
            },
            ("type", "command", "cwd"),
        ),
    }
)
_PLACE = {name: Nullable(TEXT) for name in ("city", "country", "region", "timezone")}
AGENT_TOOL = Tagged(
    {
        "function": Obj(
            {
                "type": _const("function"),
                "name": FUNCTION_NAME,
                "description": TEXT,
                "parameters": Free(),
                "defer_loading": Bool(),
                "async": Bool(),
            },
            ("type", "name", "description", "parameters"),
        ),
        "tool_search": Obj({"type": _const("tool_search")}, ("type",)),
        "programmatic_tool_calling": Obj({"type": _const("programmatic_tool_calling"), "enabled": Bool()}, ("type",)),
        "mcp": Obj(
            {
                "type": _const("mcp"),
                "server_label": Str(least=1),
                "transport": _TRANSPORT,
                "allowed_tools": Nullable(ListOf(TEXT)),
                "connection_origin": Nullable(Enum("service", "environment")),
                "credential_id": Nullable(TEXT),
                "request_metadata": Nullable(Free()),
                "required": Bool(),
            },
            ("type", "server_label", "transport"),
        ),
        "web_search": Obj(
            {
                "type": _const("web_search"),
                "allowed_domains": Nullable(ListOf(TEXT)),
                "context_size": Nullable(Enum("low", "medium", "high")),
                "location": Nullable(Obj(_PLACE)),
                "mode": Nullable(Enum("disabled", "cached", "live")),
            },
            ("type",),
        ),
        "computer_use": Obj({"type": _const("computer_use"), "include_screenshots": Bool()}, ("type",)),
        "automations": Obj({"type": _const("automations")}, ("type",)),
    }
)
_AGENT_TEXT = Obj(
    {
        "format": Nullable(
            Tagged(
                {
                    "text": Obj({"type": _const("text")}, ("type",)),
                    "json_schema": Obj({"type": _const("json_schema"), "schema": Free()}, ("type", "schema")),
                }
            )
        ),
        "verbosity": Nullable(Enum("low", "medium", "high")),
    }
)
_AGENT: dict[str, Shape] = {
    "model": Str(least=1, most=1_048_576),
    "name": Nullable(Str(most=128)),
    "instructions": Nullable(Str(most=1_048_576)),
    "metadata": METADATA,
    "tools": Nullable(ListOf(AGENT_TOOL)),
    "multi_agent": Nullable(Obj({"enabled": Bool(), "max_concurrent_subagents": Int(1)}, ("enabled",))),
    "reasoning": Nullable(Obj({"effort": Nullable(EFFORT), "summary": Nullable(Enum("concise", "detailed", "auto"))})),
    "service_tier": Nullable(Enum("auto", "default", "flex", "priority", "fast", "ultrafast")),
    "text": Nullable(_AGENT_TEXT),
    "compaction": Nullable(Obj({"async": Nullable(Bool())})),
    "experimental": Obj({"time_awareness": Bool()}),
}
AGENT_CREATE = Obj(_AGENT, required=("model",))
AGENT_UPDATE = Obj(_AGENT)
SESSION_CREATE = Obj(
    {"agent_id": TEXT, "environment": Obj({"type": _const("none")}, ("type",)), "metadata": METADATA},
    ("agent_id", "environment"),
)

# Assistants

_FILE_SEARCH = Obj(
    {
        "max_num_results": Int(1, 50),
        "ranking_options": Obj(
            {"ranker": Enum("auto", "default_2024_08_21"), "score_threshold": Num(0, 1)}, ("score_threshold",)
        ),
    }
)
ASSISTANT_TOOL = Tagged(
    {
        "code_interpreter": Obj({"type": _const("code_interpreter")}, ("type",)),
        "file_search": Obj({"type": _const("file_search"), "file_search": _FILE_SEARCH}, ("type",)),
        "function": Obj(
            {
                "type": _const("function"),
                "function": Obj(
                    {"name": FUNCTION_NAME, "description": TEXT, "parameters": Free(), "strict": Nullable(Bool())},
                    ("name",),
                ),
            },
            ("type", "function"),
        ),
    }
)
_RESPONSE_FORMAT = AnyOf(
    Enum("auto"),
    Tagged(
        {
            "text": Obj({"type": _const("text")}, ("type",)),
            "json_object": Obj({"type": _const("json_object")}, ("type",)),
            "json_schema": Obj(
                {
                    "type": _const("json_schema"),
                    "json_schema": Obj(
                        {"name": FUNCTION_NAME, "description": TEXT, "schema": Free(), "strict": Nullable(Bool())},
                        ("name",),
                    ),
                },
                ("type", "json_schema"),
            ),
        }
    ),
)
_INTERPRETER_FILES = Obj({"file_ids": ListOf(TEXT, most=20)})
_STORE_IDS = ListOf(TEXT, most=1)
_NEW_STORE = Obj({"chunking_strategy": CHUNKING, "file_ids": ListOf(TEXT, most=500), "metadata": METADATA})
_ASSISTANT: dict[str, Shape] = {
    "model": Str(least=1),
    "name": Nullable(Str(most=256)),
    "description": Nullable(Str(most=512)),
    "instructions": Nullable(Str(most=256_000)),
    "tools": ListOf(ASSISTANT_TOOL, most=128),
    "metadata": METADATA,
    "temperature": Nullable(Num(0, 2)),
    "top_p": Nullable(Num(0, 1)),
    "response_format": Nullable(_RESPONSE_FORMAT),
    "reasoning_effort": Nullable(EFFORT),
}
ASSISTANT_CREATE = Obj(
    {
        **_ASSISTANT,
        "tool_resources": Nullable(
            Obj(
                {
                    "code_interpreter": _INTERPRETER_FILES,
                    "file_search": Obj({"vector_store_ids": _STORE_IDS, "vector_stores": ListOf(_NEW_STORE, most=1)}),
                }
            )
        ),
    },
    required=("model",),
)
ASSISTANT_UPDATE = Obj(
    {
        **_ASSISTANT,
        "tool_resources": Nullable(
            Obj({"code_interpreter": _INTERPRETER_FILES, "file_search": Obj({"vector_store_ids": _STORE_IDS})})
        ),
    }
)
