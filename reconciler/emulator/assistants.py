"""Assistants, version 2: `/assistants`, for the compatible profile. api.openai.com has none since 2026-08-26."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.emulator import vector_stores
from reconciler.emulator.errors import bad_request, no_such, no_such_file, no_such_store
from reconciler.emulator.paging import objects, page_of

if TYPE_CHECKING:
    from reconciler.emulator.call import Call, Json

_DEFAULTS: dict[str, Any] = {
    "name": None,
    "description": None,
    "instructions": None,
    "tools": [],
    "metadata": {},
    "temperature": 1.0,
    "top_p": 1.0,
    "response_format": "auto",
    "reasoning_effort": None,
    "tool_resources": {},
}
_RANKING = {"ranker": "default_2024_08_21", "score_threshold": 0.0}
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}
_EMPTY_RESOURCES: dict[str, dict[str, list[str]]] = {
    "code_interpreter": {"file_ids": []},
    "file_search": {"vector_store_ids": []},
}


def create(call: Call) -> Json:
    """Make an assistant."""
    assistant = {
        "id": call.new_id("asst_"),
        "object": "assistant",
        "created_at": call.timestamp,
        "model": call.body["model"],
        **{name: _resolved(call, name, call.body.get(name)) for name in _DEFAULTS},
    }
    call.storage.insert("assistant", assistant, now=call.now)
    return _render(call, assistant)


def retrieve(call: Call) -> Json:
    """Read one."""
    return _render(call, _find(call))


def list_all(call: Call) -> Json:
    """List them."""
    return page_of(call, objects("assistant"), lambda assistant: _render(call, assistant))


def update(call: Call) -> Json:
    """Replace the fields that were sent; null brings back the default."""
    assistant = _find(call)
    for name, value in call.body.items():
        if name == "metadata":
            assistant[name] = call.updated(name, assistant[name])
        else:
            assistant[name] = value if name == "model" else _resolved(call, name, value)
    call.storage.save("assistant", assistant)
    return _render(call, assistant)


def delete(call: Call) -> Json:
    """Delete an assistant."""
    assistant_id = _find(call)["id"]
    call.storage.remove("assistant", assistant_id)
    return {"id": assistant_id, "object": "assistant.deleted", "deleted": True}


def _find(call: Call) -> Json:
    return call.find("assistant", call.path["assistant_id"], lambda wanted: no_such("assistant", wanted))


def _resolved(call: Call, name: str, sent: Any) -> Any:
    if sent is None:
        return _DEFAULTS[name]
    if name == "tools":
        return [_tool(tool) for tool in sent]
    if name == "tool_resources":
        return _resources(call, sent)
    return sent


def _tool(sent: Json) -> Json:
    if sent["type"] == "file_search":
        given = sent.get("file_search", {})
        return {**sent, "file_search": {**given, "ranking_options": {**_RANKING, **given.get("ranking_options", {})}}}
    if sent["type"] == "function":
        return {**sent, "function": {"parameters": _NO_PARAMETERS, "strict": False, **sent["function"]}}
    return sent


def _resources(call: Call, sent: Json) -> Json:
    for file_id in sent.get("code_interpreter", {}).get("file_ids", ()):
        call.find("file", file_id, no_such_file)
    search = sent.get("file_search", {})
    for store_id in search.get("vector_store_ids", ()):
        call.find("vector_store", store_id, no_such_store)
    if "vector_stores" not in search:
        return sent
    if search.get("vector_store_ids"):
        raise bad_request(
            "Only one of 'vector_store_ids' and 'vector_stores' can be given.", param="tool_resources.file_search"
        )
    made = [vector_stores.make(call, store)["id"] for store in search["vector_stores"]]
    return {**sent, "file_search": {"vector_store_ids": made}}


def _render(call: Call, assistant: Json) -> Json:
    shown = {key: value for key, value in assistant.items() if key != "reasoning_effort"}
    used = [tool["type"] for tool in assistant["tools"]]
    empty = {kind: value for kind, value in _EMPTY_RESOURCES.items() if kind in used}
    shown["tool_resources"] = {**empty, **assistant["tool_resources"]}
    if call.switches.numbers_as_floats:
        shown.update(temperature=float(shown["temperature"]), top_p=float(shown["top_p"]))
    return shown
