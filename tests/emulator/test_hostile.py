from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.emulator import Profile, Request
from reconciler.emulator.routes import ROUTES, Route
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
)
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


def nearly(shape: Shape, depth: int = 2) -> st.SearchStrategy[Any]:
    """Values that mostly fit a shape, which gets them past the tables and into the handlers."""
    found: dict[type, Any] = {
        Str: lambda s: st.text(min_size=s.least, max_size=12) | st.sampled_from(["a", *_IDS.values()]),
        Int: lambda s: st.integers(s.least or 0, min(s.most or 9, (s.least or 0) + 200)),
        Num: lambda s: st.floats(s.least, s.most) | st.just(1),
        Bool: lambda s: st.booleans(),
        Enum: lambda s: st.sampled_from(s.values),
        Nullable: lambda s: st.none() | nearly(s.shape, depth),
        ListOf: lambda s: st.lists(nearly(s.item, depth - 1), min_size=s.least, max_size=max(s.least, depth)),
        MapOf: lambda s: st.dictionaries(st.text(max_size=3), nearly(s.value, depth), max_size=2),
        Free: lambda s: st.dictionaries(st.text(max_size=3), _json, max_size=2),
        AnyOf: lambda s: st.one_of([nearly(option, depth) for option in s.shapes]),
        Obj: lambda s: _objects(s, depth),
        Tagged: lambda s: st.sampled_from(list(s.choices.values())).flatmap(lambda o: _objects(o, depth - 1)),
    }
    make = found.get(type(shape), lambda s: _json)
    strategy: st.SearchStrategy[Any] = make(shape) if depth > 0 else _json
    return strategy


def _objects(shape: Obj, depth: int) -> st.SearchStrategy[Any]:
    required = {name: nearly(shape.fields[name], depth) for name in shape.required}
    optional = {name: nearly(item, depth) for name, item in shape.fields.items() if name not in shape.required}
    return st.fixed_dictionaries(required, optional=optional)


_JSON_ROUTES = [route for route in ROUTES if route.body.fields and not route.form]
_NEARLY = {route.path: nearly(route.body) for route in _JSON_ROUTES}


def _path(route: Route, data: st.DataObject) -> str:
    ids = st.sampled_from(list(_IDS.values())) | st.text(max_size=5)
    return re.sub(r"\{\w+\}", lambda _: data.draw(ids), route.path)


def _check(method: str, path: str, query: dict[str, str], body: bytes, content_type: str = "") -> None:
    headers = {**HEADERS, "content-type": content_type}
    response = _ACCOUNT.emulator.handle(Request(method, path, tuple(query.items()), headers, body))
    assert response.status < 500
    if response.headers["content-type"] == "application/json":
        json.loads(response.body.decode())


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(data=st.data(), route=st.sampled_from(ROUTES), body=_json)
def test_no_json_breaks_the_account(data: st.DataObject, route: Route, body: Any) -> None:
    query = data.draw(st.dictionaries(st.sampled_from(["limit", "order", "after", "before", "x"]), st.text(max_size=4)))
    _check(route.method, _path(route, data), query, json.dumps(body).encode())


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(data=st.data(), route=st.sampled_from(_JSON_ROUTES))
def test_no_nearly_right_body_breaks_the_account(data: st.DataObject, route: Route) -> None:
    body = data.draw(_NEARLY[route.path])
    path = re.sub(r"\{(\w+)\}", lambda match: _IDS.get(match[1], "1"), route.path)
    _check(route.method, path, {}, json.dumps(body).encode())


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
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


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", ""]) | st.text(max_size=4),
    path=st.text(max_size=20) | st.lists(st.sampled_from(["v1", "files", "agents", "..", "", "\ud800"])).map("/".join),
    body=st.binary(max_size=30),
)
def test_no_bytes_break_the_account(method: str, path: str, body: bytes) -> None:
    _check(method, path, {}, body)
