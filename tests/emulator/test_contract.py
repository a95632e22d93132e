"""The request tables and the responses, held against the types of OpenAI's own SDK."""

from __future__ import annotations

import functools
import inspect
import io
import operator
import types
import typing
import zipfile
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import pytest
import typing_extensions

from reconciler.emulator.routes import ROUTES
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


def sdk(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(f"openai.types.{module}"), attribute)


def differences(shape: Shape, hint: Any, path: str) -> list[str]:
    """Say how a shape of ours and a type of theirs differ; empty if they do not."""
    hint, nullable = _plain(hint)
    if isinstance(shape, Nullable) is not nullable:
        return [f"{path}: null is {'allowed' if nullable else 'not allowed'} by the SDK"]
    shape = shape.shape if isinstance(shape, Nullable) else shape
    if isinstance(shape, (Upload, Uploads)):
        return [] if "PathLike" in str(hint) else [f"{path}: no upload for the SDK"]
    if isinstance(shape, Obj):
        return _fields(shape, hint, path)
    if isinstance(shape, Tagged):
        return _choices(shape, _options(hint), path)
    if isinstance(shape, AnyOf):
        return _any_of(shape, _options(hint), path)
    if isinstance(shape, ListOf):
        return differences(shape.item, get_args(hint)[0], f"{path}[]") if _is_list(hint) else [f"{path}: no list"]
    if isinstance(shape, MapOf):
        return differences(shape.value, get_args(hint)[1], f"{path}.*") if get_origin(hint) is dict else [path]
    return [] if _scalar(shape, hint) else [f"{path}: {shape} against {hint}"]


def _plain(hint: Any) -> tuple[Any, bool]:
    while get_origin(hint) in (Annotated, *REQUIRED):
        hint = get_args(hint)[0]
    nullable = False
    if get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint):
        hint = _union([option for option in get_args(hint) if option is not type(None)])
        nullable = True
    inner, more = _plain(hint) if get_origin(hint) is Annotated or nullable else (hint, False)
    return inner, nullable or more


def _union(options: list[Any]) -> Any:
    return functools.reduce(operator.or_, options)


def _options(hint: Any) -> list[Any]:
    hint = _plain(hint)[0]
    if get_origin(hint) in (Union, types.UnionType):
        return [inner for option in get_args(hint) for inner in _options(option)]
    return [hint]


def _fields(shape: Obj, hint: Any, path: str) -> list[str]:
    if not typing_extensions.is_typeddict(hint):
        return [f"{path}: not an object for the SDK: {hint}"]
    hints = {
        name: item for name, item in typing.get_type_hints(hint, include_extras=True).items() if name not in PATH_FIELDS
    }
    named = {_alias(name, item): item for name, item in hints.items()}
    found = [f"{path}: fields {sorted(set(shape.fields) ^ set(named))}"] if set(shape.fields) != set(named) else []
    required = {_alias(name, item) for name, item in hints.items() if get_origin(item) in REQUIRED}
    if set(shape.required) != required:
        found.append(f"{path}: required {sorted(set(shape.required) ^ required)}")
    for name in sorted(set(shape.fields) & set(named)):
        found += differences(shape.fields[name], named[name], f"{path}.{name}")
    return found


def _alias(name: str, hint: Any) -> str:
    while get_origin(hint) in REQUIRED:
        hint = get_args(hint)[0]
    marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((mark.alias for mark in marks if getattr(mark, "alias", None)), name)


def _choices(shape: Tagged, options: list[Any], path: str) -> list[str]:
    if object in options:  # the SDK leaves nested filters open
        return []
    theirs: dict[str, Any] = {}
    for option in options:
        if not typing_extensions.is_typeddict(option):
            return [f"{path}: {option} is no object"]
        tags = typing.get_type_hints(option, include_extras=True)[shape.tag]
        theirs.update(dict.fromkeys(get_args(_plain(tags)[0]), option))
    if set(theirs) != set(shape.choices):
        return [f"{path}: types {sorted(set(theirs) ^ set(shape.choices))}"]
    return [
        line
        for tag, option in theirs.items()
        for line in _fields(_without(shape.choices[tag], shape.tag), _NoTag(option, shape.tag), f"{path}<{tag}>")
    ]


def _without(shape: Obj, tag: str) -> Obj:
    fields = {name: item for name, item in shape.fields.items() if name != tag}
    return Obj(fields, tuple(name for name in shape.required if name != tag))


def _NoTag(option: Any, tag: str) -> Any:  # noqa: N802 - stands for a class
    hints = {name: hint for name, hint in typing.get_type_hints(option, include_extras=True).items() if name != tag}
    return typing_extensions.TypedDict("Untagged", hints, total=False)  # type: ignore[operator]


def _any_of(shape: AnyOf, options: list[Any], path: str) -> list[str]:
    literal = [option for option in options if get_origin(option) is Literal]
    objects = [option for option in options if typing_extensions.is_typeddict(option)]
    rest = [option for option in options if option not in literal and option not in objects]
    theirs: list[Any] = [*literal, *([_union(objects)] if objects else []), *rest]
    found = [f"{path}: {len(shape.shapes)} alternatives against {theirs}"] if len(theirs) != len(shape.shapes) else []
    strange = [ours for ours in shape.shapes if all(differences(ours, option, path) for option in theirs)]
    return found + [f"{path}: {ours} is none of {theirs}" for ours in strange]


def _is_list(hint: Any) -> bool:
    origin = get_origin(hint)
    return inspect.isclass(origin) and (issubclass(origin, Iterable) or "SequenceNotStr" in origin.__name__)


_SIMPLE: dict[type, type] = {Int: int, Num: float, Bool: bool}


def _scalar(shape: Shape, hint: Any) -> bool:
    if isinstance(shape, Enum):
        return get_origin(hint) is Literal and set(get_args(hint)) == set(shape.values)
    if isinstance(shape, Str):
        return any(option is str for option in _options(hint))
    if isinstance(shape, Free):
        return get_origin(hint) is dict and get_args(hint) == (str, object)
    return hint is _SIMPLE[type(shape)]


@pytest.mark.parametrize("name", sorted(BODIES))
def test_request_tables_equal_the_sdk_s_parameter_types(name: str) -> None:
    assert differences(BY_NAME[name].body, sdk(BODIES[name]), "") == []


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_query_tables_equal_the_sdk_s_parameter_types(name: str) -> None:
    assert differences(BY_NAME[name].query, sdk(QUERIES[name]), "") == []


def test_every_route_that_takes_anything_is_compared() -> None:
    with_body = {name for name, route in BY_NAME.items() if route.body.fields}
    with_query = {name for name, route in BY_NAME.items() if route.query.fields}
    assert with_body | with_query == {*BODIES, *QUERIES, *PARTS}


@pytest.mark.parametrize("name", sorted(PARTS))
def test_partial_tables_are_parts_of_the_sdk_s_parameter_types(name: str) -> None:
    route, theirs = BY_NAME[name], typing.get_type_hints(sdk(PARTS[name]), include_extras=True)
    ours = {**route.body.fields, **route.query.fields}
    assert set(ours) < set(theirs)
    assert {key for key, hint in theirs.items() if get_origin(hint) in REQUIRED} <= set(route.body.required)
    for key in set(ours) - {"environment"}:
        assert differences(ours[key], theirs[key], key) == []


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
