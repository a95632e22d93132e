from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator import Profile, Request
from reconciler.emulator.parameters import Schema
from reconciler.emulator.routes import ROUTES, Route
from tests.emulator.account import BOUNDARY, HEADERS, Account, multipart

_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
_IDS: dict[str, str] = {}


def _world() -> Account:
    account = Account(profile=Profile.COMPATIBLE)
    file = account.upload("a.md", "A zebra.")
    store = account.store(file_ids=[file])
    upload = {"bytes": 1, "filename": "a.md", "mime_type": "text/plain", "purpose": "user_data"}
    _IDS.update(
        file_id=file,
        vector_store_id=store,
        batch_id=account.post(f"/vector_stores/{store}/file_batches", {"file_ids": [file]})["id"],
        agent_id=account.post("/agents", {"model": "m"})["id"],
        assistant_id=account.post("/assistants", {"model": "m"})["id"],
        upload_id=account.post("/uploads", upload)["id"],
    )
    return account


_ACCOUNT = _world()


def nearly(schema: Schema, depth: int = 2) -> st.SearchStrategy[Any]:
    """Values that mostly fit a schema, which gets them past the tables and into the handlers."""
    types = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    if depth <= 0 or not types:
        return _json
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return st.one_of([_OF_TYPE[name](schema, depth) for name in types])


def _objects(schema: Schema, depth: int) -> st.SearchStrategy[Any]:
    if "allOf" in schema:
        return st.sampled_from(schema["allOf"]).flatmap(lambda option: _tagged(option, depth - 1))
    if "properties" in schema:
        fields = {name: nearly(item, depth) for name, item in schema["properties"].items()}
        required = {name: fields.pop(name) for name in schema["required"]}
        return st.fixed_dictionaries(required, optional=fields)
    values = nearly(schema["additionalProperties"], depth) if "additionalProperties" in schema else _json
    return st.dictionaries(st.text(max_size=3), values, max_size=2)


def _tagged(option: Schema, depth: int) -> st.SearchStrategy[Any]:
    tag = option["if"]["properties"]["type"]
    return st.builds(lambda fields: {**fields, "type": tag["const"]}, _objects(option["then"], depth))


_OF_TYPE: dict[str, Callable[[Schema, int], st.SearchStrategy[Any]]] = {
    "string": lambda s, _: (
        st.text(min_size=s.get("minLength", 0), max_size=12) | st.sampled_from(["a", *_IDS.values()])
    ),
    "integer": lambda s, _: st.integers(s["minimum"], min(s.get("maximum", 9), s["minimum"] + 200)),
    "number": lambda s, _: st.floats(s.get("minimum"), s.get("maximum")) | st.just(1),
    "boolean": lambda _, __: st.booleans(),
    "null": lambda _, __: st.none(),
    "array": lambda s, depth: st.lists(
        nearly(s["items"], depth - 1), min_size=s.get("minItems", 0), max_size=max(s.get("minItems", 0), depth)
    ),
    "object": _objects,
}

_JSON_ROUTES = [route for route in ROUTES if route.body.schema["properties"] and not route.form]
_NEARLY = {route.path: nearly(route.body.schema) for route in _JSON_ROUTES}


def _path(route: Route, data: st.DataObject) -> str:
    ids = st.sampled_from(list(_IDS.values())) | st.text(max_size=5)
    return re.sub(r"\{\w+\}", lambda _: data.draw(ids), route.path)


def _check(method: str, path: str, query: dict[str, str], body: bytes, content_type: str = "") -> None:
    headers = {**HEADERS, "content-type": content_type}
    response = _ACCOUNT.emulator.handle(Request(method, path, tuple(query.items()), headers, body))
    assert response.status < 500
    if response.headers["content-type"] == "application/json":
        json.loads(response.body.decode())


@given(data=st.data(), route=st.sampled_from(ROUTES), body=_json)
def test_no_json_breaks_the_account(data: st.DataObject, route: Route, body: Any) -> None:
    query = data.draw(st.dictionaries(st.sampled_from(["limit", "order", "after", "before", "x"]), st.text(max_size=4)))
    _check(route.method, _path(route, data), query, json.dumps(body).encode())


@given(data=st.data(), route=st.sampled_from(_JSON_ROUTES))
def test_no_nearly_right_body_breaks_the_account(data: st.DataObject, route: Route) -> None:
    body = data.draw(_NEARLY[route.path])
    path = re.sub(r"\{(\w+)\}", lambda match: _IDS.get(match[1], "1"), route.path)
    _check(route.method, path, {}, json.dumps(body).encode())


@given(data=st.data(), route=st.sampled_from([route for route in ROUTES if route.form]))
def test_no_form_breaks_the_account(data: st.DataObject, route: Route) -> None:
    names = st.sampled_from(
        ["file", "files", "files[]", "data", "purpose", "default", "a[b]", "a", "[]", "[", "", "]a[", "files[0]"]
    )
    names |= st.sampled_from(["expires_after[anchor]", "expires_after[seconds]", "expires_after"])
    filenames = st.none() | st.sampled_from(["a.md", "top/SKILL.md", "top/x", "../x", ""])
    contents = st.binary(max_size=20) | st.sampled_from(
        [b"assistants", b"true", b"---\nname: a\ndescription: b\n---\n"]
    )
    parts = data.draw(st.lists(st.tuples(names, filenames, contents), max_size=4))
    body = multipart(parts)
    cut = data.draw(st.none() | st.integers(0, len(body)))
    _check(route.method, _path(route, data), {}, body[:cut], f"multipart/form-data; boundary={BOUNDARY}")


@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", ""]) | st.text(max_size=4),
    path=st.text(max_size=20) | st.lists(st.sampled_from(["v1", "files", "agents", "..", "", "\ud800"])).map("/".join),
    body=st.binary(max_size=30),
)
def test_no_bytes_break_the_account(method: str, path: str, body: bytes) -> None:
    _check(method, path, {}, body)
