"""The request tables and the responses, held against the types of OpenAI's own SDK."""

from __future__ import annotations

import inspect
import io
import types
import typing
import zipfile
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import pytest
import typing_extensions

from reconciler.emulator.parameters import Schema
from reconciler.emulator.routes import ROUTES
from tests.emulator.account import Account

if TYPE_CHECKING:
    from pydantic import BaseModel

# Route → (module under openai.types, class). What is only in the path is no field of the request.
BODIES = {
    "POST /vector_stores": "vector_store_create_params.VectorStoreCreateParams",
    "POST /vector_stores/{vector_store_id}": "vector_store_update_params.VectorStoreUpdateParams",
    "POST /vector_stores/{vector_store_id}/search": "vector_store_search_params.VectorStoreSearchParams",
    "POST /vector_stores/{vector_store_id}/files": "vector_stores.file_create_params.FileCreateParams",
    "POST /vector_stores/{vector_store_id}/files/{file_id}": "vector_stores.file_update_params.FileUpdateParams",
    "POST /vector_stores/{vector_store_id}/file_batches": (
        "vector_stores.file_batch_create_params.FileBatchCreateParams"
    ),
    "POST /files": "file_create_params.FileCreateParams",
    "POST /uploads": "upload_create_params.UploadCreateParams",
    "POST /uploads/{upload_id}/parts": "uploads.part_create_params.PartCreateParams",
    "POST /uploads/{upload_id}/complete": "upload_complete_params.UploadCompleteParams",
    "POST /skills": "skill_create_params.SkillCreateParams",
    "POST /skills/{skill_id}": "skill_update_params.SkillUpdateParams",
    "POST /skills/{skill_id}/versions": "skills.version_create_params.VersionCreateParams",
    "POST /agents": "beta.agent_create_params.AgentCreateParams",
    "POST /agents/{agent_id}": "beta.agent_update_params.AgentUpdateParams",
    "POST /assistants": "beta.assistant_create_params.AssistantCreateParams",
    "POST /assistants/{assistant_id}": "beta.assistant_update_params.AssistantUpdateParams",
}
QUERIES = {
    "GET /vector_stores": "vector_store_list_params.VectorStoreListParams",
    "GET /vector_stores/{vector_store_id}/files": "vector_stores.file_list_params.FileListParams",
    "GET /vector_stores/{vector_store_id}/file_batches/{batch_id}/files": (
        "vector_stores.file_batch_list_files_params.FileBatchListFilesParams"
    ),
    "GET /files": "file_list_params.FileListParams",
    "GET /skills": "skill_list_params.SkillListParams",
    "GET /skills/{skill_id}/versions": "skills.version_list_params.VersionListParams",
    "GET /agents": "beta.agent_list_params.AgentListParams",
    "GET /assistants": "beta.assistant_list_params.AssistantListParams",
}
PARTS = {
    "POST /agents/sessions": "beta.agents.session_create_params.SessionCreateParamsBase",
    "GET /agents/sessions": "beta.agents.session_list_params.SessionListParams",
}
"""Routes that take a part of what the service takes: enough to have sessions, and to count those of an agent."""
BY_NAME = {f"{route.method} {route.path}": route for route in ROUTES}
REQUIRED = (typing.Required, typing_extensions.Required)
PATH_FIELDS = {"vector_store_id"}
UPLOAD = {"types": {"upload"}}
JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def sdk(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(f"openai.types.{module}"), attribute)


def ours(schema: Schema) -> dict[str, Any]:
    """What a table allows, without its limits: the form in which it is compared."""
    if schema.get("format") == "binary":
        return UPLOAD
    found: dict[str, Any] = {}
    if "type" in schema:
        found["types"] = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
    words = schema.get("then", schema).get("enum")
    if words is not None:
        found["words"] = set(words) - {None}
    if "items" in schema:
        found["items"] = ours(schema["items"])
    if "allOf" in schema:
        choices = ((option["if"]["properties"]["type"]["const"], option["then"]) for option in schema["allOf"])
        found["choices"] = {tag: {**_fields_of(choice), "types": {"object"}} for tag, choice in choices}
        assert schema["properties"]["type"]["enum"] == list(found["choices"])
        assert schema["required"] == ["type"]
    elif "properties" in schema:
        found |= _fields_of(schema)
    elif "additionalProperties" in schema:
        found["values"] = ours(schema["additionalProperties"])
    return found


def _fields_of(schema: Schema) -> dict[str, Any]:
    assert schema["additionalProperties"] is False
    fields = {name: ours(item) for name, item in schema["properties"].items() if item}
    return {"fields": fields, "required": set(schema["required"])}


def theirs(hint: Any) -> dict[str, Any]:
    """What a parameter type of the SDK allows, in the same form."""
    options = list(_options(hint))
    if any("PathLike" in str(option) for option in options):
        many = any(get_origin(option) is Sequence for option in options)
        return {"types": {"array"}, "items": UPLOAD} if many else UPLOAD
    if object in options:  # the SDK leaves nested filters open
        return {}
    found: dict[str, Any] = {"types": set()}
    objects = [option for option in options if typing_extensions.is_typeddict(option)]
    if len(objects) > 1:
        found |= {"types": {"object"}, "choices": {tag: form for option in objects for tag, form in _tagged(option)}}
    for option in options if len(objects) < 2 else [option for option in options if option not in objects]:
        form = _of_one(option)
        found |= form | {"types": found["types"] | form["types"]}
    if str in options:
        found.pop("words", None)
    return found


def _of_one(hint: Any) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"types": {"string"}, "words": set(arguments)}
    if origin is dict:
        values = {} if arguments[1] is object else {"values": theirs(arguments[1])}
        return {"types": {"object"}, **values}
    if typing_extensions.is_typeddict(hint):
        hints = typing.get_type_hints(hint, include_extras=True)
        named = {_alias(name, item): item for name, item in hints.items() if name not in PATH_FIELDS}
        required = {name for name, item in named.items() if get_origin(item) in REQUIRED}
        return {"types": {"object"}, "fields": {n: theirs(item) for n, item in named.items()}, "required": required}
    return {"types": {"array"}, "items": theirs(arguments[0])} if arguments else {"types": {JSON_TYPES[hint]}}


def _tagged(hint: Any) -> list[tuple[str, dict[str, Any]]]:
    form = _of_one(hint)
    return [(tag, {**form, "required": form["required"] - {"type"}}) for tag in form["fields"].pop("type")["words"]]


def _options(hint: Any) -> Iterator[Any]:
    origin = get_origin(hint)
    if origin in (Annotated, *REQUIRED):
        yield from _options(get_args(hint)[0])
    elif origin in (Union, types.UnionType):
        for option in get_args(hint):
            yield from _options(option)
    else:
        yield hint


def _alias(name: str, hint: Any) -> str:
    while get_origin(hint) in REQUIRED:
        hint = get_args(hint)[0]
    marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((mark.alias for mark in marks if getattr(mark, "alias", None)), name)


@pytest.mark.parametrize("name", sorted(BODIES))
def test_request_tables_equal_the_sdk_s_parameter_types(name: str) -> None:
    assert ours(BY_NAME[name].body.schema) == theirs(sdk(BODIES[name]))


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_query_tables_equal_the_sdk_s_parameter_types(name: str) -> None:
    assert ours(BY_NAME[name].query.schema) == theirs(sdk(QUERIES[name]))


def test_every_route_that_takes_anything_is_compared() -> None:
    taking = {
        name for name, route in BY_NAME.items() for takes in (route.body, route.query) if takes.schema["properties"]
    }
    assert taking == {*BODIES, *QUERIES, *PARTS}


@pytest.mark.parametrize("name", sorted(PARTS))
def test_partial_tables_are_parts_of_the_sdk_s_parameter_types(name: str) -> None:
    route, whole = BY_NAME[name], theirs(sdk(PARTS[name]))
    part = ours((route.body if route.method == "POST" else route.query).schema)
    assert set(part["fields"]) < set(whole["fields"])
    assert whole["required"] <= part["required"]
    for key in set(part["fields"]) - {"environment"}:
        assert part["fields"][key] == whole["fields"][key]


def unknown_fields(value: Any, hint: Any, path: str = "") -> list[str]:
    """Name what a response has and the SDK's model does not, at any depth."""
    options = [option for option in _options(hint) if option is not type(None)]
    models: list[Any] = [option for option in options if inspect.isclass(option) and hasattr(option, "model_fields")]
    if isinstance(value, dict) and models:
        return min((_extra(value, model, path) for model in models), key=len)
    if isinstance(value, list):
        item = next((get_args(option)[0] for option in options if get_origin(option) is list), object)
        return [line for index, entry in enumerate(value) for line in unknown_fields(entry, item, f"{path}[{index}]")]
    return []


def _extra(value: dict[str, Any], model: type[BaseModel], path: str) -> list[str]:
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    lines = [f"{path}.{key}" for key in value if key not in fields]
    return lines + [
        line
        for key, item in value.items()
        if key in fields
        for line in unknown_fields(item, fields[key], f"{path}.{key}")
    ]


def conforms(value: Any, name: str, *, absent: tuple[str, ...] = ()) -> None:
    """Check a response against a model of the SDK: valid, nothing more, nothing less."""
    model = sdk(name)
    model.model_validate(value, strict=True)
    assert unknown_fields(value, model) == []
    declared = {field.alias or key for key, field in model.model_fields.items()}
    assert declared - set(value) == set(absent)


def page_of(value: Any, name: str) -> None:
    assert set(value) == {"object", "data", "first_id", "last_id", "has_more"}
    assert value["data"]
    for item in value["data"]:
        conforms(item, name)


def skill_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("SKILL.md", "---\nname: helper\ndescription: Helps.\n---\n")
    return buffer.getvalue()


def test_store_responses_are_the_sdk_s_models(account: Account) -> None:
    store = account.store(name="docs", expires_after={"anchor": "last_active_at", "days": 1}, metadata={"a": "b"})
    path = f"/vector_stores/{store}"
    good, bad = account.upload("a.md", "A zebra."), account.upload("b.csv")
    conforms(account.get(path), "vector_store.VectorStore")
    conforms(account.post(path, {"name": "x"}), "vector_store.VectorStore")
    page_of(account.get("/vector_stores"), "vector_store.VectorStore")
    body = {"file_id": good, "attributes": {"a": 1.5}}
    conforms(account.post(f"{path}/files", body), "vector_stores.vector_store_file.VectorStoreFile")
    batch = account.post(f"{path}/file_batches", {"file_ids": [bad]})
    conforms(batch, "vector_stores.vector_store_file_batch.VectorStoreFileBatch")
    read = account.get(f"{path}/file_batches/{batch['id']}")
    conforms(read, "vector_stores.vector_store_file_batch.VectorStoreFileBatch")
    cancelled = account.post(f"{path}/file_batches/{batch['id']}/cancel")
    conforms(cancelled, "vector_stores.vector_store_file_batch.VectorStoreFileBatch")
    page_of(account.get(f"{path}/file_batches/{batch['id']}/files"), "vector_stores.vector_store_file.VectorStoreFile")
    page_of(account.get(f"{path}/files"), "vector_stores.vector_store_file.VectorStoreFile")
    conforms(account.get(f"{path}/files/{bad}"), "vector_stores.vector_store_file.VectorStoreFile")
    updated = account.post(f"{path}/files/{good}", {"attributes": {"b": True}})
    conforms(updated, "vector_stores.vector_store_file.VectorStoreFile")
    for item in account.post(f"{path}/search", {"query": "zebra"})["data"]:
        conforms(item, "vector_store_search_response.VectorStoreSearchResponse")
    for item in account.get(f"{path}/files/{good}/content")["data"]:
        conforms(item, "vector_stores.file_content_response.FileContentResponse")
    conforms(account.delete(f"{path}/files/{good}"), "vector_stores.vector_store_file_deleted.VectorStoreFileDeleted")
    conforms(account.delete(path), "vector_store_deleted.VectorStoreDeleted")


def test_file_and_upload_responses_are_the_sdk_s_models(account: Account) -> None:
    file = account.upload("a.md")
    conforms(account.get(f"/files/{file}"), "file_object.FileObject")
    page_of(account.get("/files"), "file_object.FileObject")
    conforms(account.delete(f"/files/{file}"), "file_deleted.FileDeleted")
    body = {"bytes": 4, "filename": "a.md", "mime_type": "text/markdown", "purpose": "assistants"}
    upload = account.post("/uploads", body)
    conforms(upload, "upload.Upload")
    part = account.form(f"/uploads/{upload['id']}/parts", [("data", "blob", "data")]).json
    conforms(part, "uploads.upload_part.UploadPart")
    conforms(account.post(f"/uploads/{upload['id']}/complete", {"part_ids": [part["id"]]}), "upload.Upload")
    conforms(account.post(f"/uploads/{account.post('/uploads', body)['id']}/cancel"), "upload.Upload")


def test_skill_responses_are_the_sdk_s_models(account: Account) -> None:
    skill = account.form("/skills", [("files", "s.zip", skill_zip())]).json
    path = f"/skills/{skill['id']}"
    conforms(skill, "skill.Skill")
    conforms(account.get(path), "skill.Skill")
    page = account.get("/skills")
    conforms(page, "skill_list.SkillList")
    version = account.form(f"{path}/versions", [("files", "s.zip", skill_zip())]).json
    conforms(version, "skills.skill_version.SkillVersion")
    conforms(account.get(f"{path}/versions/1"), "skills.skill_version.SkillVersion")
    conforms(account.get(f"{path}/versions"), "skills.skill_version_list.SkillVersionList")
    conforms(account.post(path, {"default_version": "2"}), "skill.Skill")
    conforms(account.delete(f"{path}/versions/1"), "skills.deleted_skill_version.DeletedSkillVersion")
    conforms(account.delete(path), "deleted_skill.DeletedSkill")


AGENT_TOOLS = [
    {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "async": True},
    {"type": "tool_search"},
    {"type": "programmatic_tool_calling"},
    {"type": "mcp", "server_label": "a", "transport": {"type": "http", "server_url": "https://x"}},
    {"type": "mcp", "server_label": "b", "transport": {"type": "stdio", "command": "x", "cwd": "/"}},
    {"type": "web_search", "location": {"city": "Bonn"}},
    {"type": "computer_use"},
    {"type": "automations"},
]


def test_agent_responses_are_the_sdk_s_models(account: Account) -> None:
    minimal = account.post("/agents", {"model": "m"})
    schema = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    full = account.post("/agents", {"model": "m", "tools": AGENT_TOOLS, "text": schema})
    for agent in (minimal, full, account.get(f"/agents/{full['id']}"), account.post(f"/agents/{full['id']}", {})):
        conforms(agent, "beta.agent.Agent")
    page_of(account.get("/agents"), "beta.agent.Agent")
    conforms(account.delete(f"/agents/{full['id']}"), "beta.agent_deleted.AgentDeleted")


def test_session_responses_are_the_sdk_s_models(account: Account) -> None:
    agent = account.post("/agents", {"model": "m"})
    body = {"agent_id": agent["id"], "environment": {"type": "none"}}
    session = account.post("/agents/sessions", body)
    unseen = ("prompt_cache_options", "review", "spend_control")
    conforms(session, "beta.agent_session.AgentSession", absent=unseen)
    assert account.get("/agents/sessions")["data"] == [session]


ASSISTANT_TOOLS = [
    {"type": "code_interpreter"},
    {"type": "file_search", "file_search": {"max_num_results": 3}},
    {"type": "function", "function": {"name": "f"}},
]


def test_assistant_responses_are_the_sdk_s_models(account: Account) -> None:
    minimal = account.post("/assistants", {"model": "m"})
    fields = {"tools": ASSISTANT_TOOLS, "reasoning_effort": "low", "response_format": {"type": "json_object"}}
    full = account.post("/assistants", {"model": "m", **fields})
    for assistant in (minimal, full, account.post(f"/assistants/{full['id']}", {"temperature": 0.5})):
        conforms(assistant, "beta.assistant.Assistant")
    page_of(account.get("/assistants"), "beta.assistant.Assistant")
    conforms(account.delete(f"/assistants/{full['id']}"), "beta.assistant_deleted.AssistantDeleted")


def test_model_responses_are_the_sdk_s_models(account: Account) -> None:
    page = account.get("/models")
    assert set(page) == {"object", "data"}
    for model in page["data"]:
        conforms(model, "model.Model")
    conforms(account.get("/models/gpt-5"), "model.Model")
