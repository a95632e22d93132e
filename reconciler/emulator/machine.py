"""The account as a state machine: one request in, one response out, one transaction in between."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from reconciler.emulator import files, multipart, uploads, vector_stores
from reconciler.emulator.access import authenticate, require_beta, require_text
from reconciler.emulator.call import Call, Reply
from reconciler.emulator.errors import ApiError, bad_request, wrong_type
from reconciler.emulator.routes import ROUTES, Route, Router
from reconciler.emulator.settings import NORMAL, Conditions, Profile, Switches
from reconciler.emulator.storage import Storage, dump
from reconciler.emulator.wire import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from reconciler.emulator.call import Json
    from reconciler.emulator.parameters import Parameters

_HEADERS = {
    "openai-version": "2020-10-01",
    "openai-organization": "emulator",
    "openai-processing-ms": "1",
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-reset-requests": "6ms",
}
_JSON = "application/json"
_EXPIRE: dict[str, Callable[[Call, Json], None]] = {
    "file": files.remove,
    "upload": uploads.expire,
    "vector_store": vector_stores.expire,
}


def random_id(prefix: str) -> str:
    """Give an id nobody has seen."""
    return prefix + secrets.token_hex(16)


class Emulator:
    """An OpenAI account on this machine.

    database: a file that keeps the account, or `:memory:`. clock: seconds since 1970. ids: makes a new, unique id
    from its prefix. Raises EmulatorError when the database cannot be used. Calls must come one at a time.
    Leaving its context closes it.
    """

    def __init__(
        self,
        database: str | Path = ":memory:",
        *,
        profile: Profile = Profile.OPENAI,
        clock: Callable[[], float] = time.time,
        ids: Callable[[str], str] | None = None,
        switches: Switches | None = None,
    ) -> None:
        self._switches = switches or Switches()
        self._clock = clock
        self._ids = ids or random_id
        gone = {"assistants"} if profile is Profile.OPENAI else set()
        absent = gone | self._switches.missing
        self._router = Router(route for route in ROUTES if route.collection not in absent)
        self._storage = Storage(database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._storage.close()

    @property
    def switches(self) -> Switches:
        """How this account behaves."""
        return self._switches

    def handle(self, request: Request, conditions: Conditions = NORMAL) -> Response:
        """Answer one request. Whatever is sent, the answer is a response; what was refused has changed nothing."""
        try:
            route, call = self._accept(request, conditions)
            result = self._run(route, call, conditions)
        except ApiError as error:
            return self.refuse(error)
        except RecursionError:
            return self.refuse(bad_request("The request is nested too deeply."))
        except sqlite3.Error as error:
            message = f"The emulator's database cannot be used right now: {error}."
            return self.refuse(ApiError(503, message, kind="server_error", code="server_is_overloaded"))
        if isinstance(result, Reply):
            return self._response(route.status, result.body, result.content_type, result.headers)
        return self._response(route.status, dump(result).encode(), _JSON)

    def _accept(self, request: Request, conditions: Conditions) -> tuple[Route, Call]:
        """Route, authorise and check a request; nothing here touches the account."""
        require_text(request.method, request.path, *(text for pair in request.query for text in pair))
        route, ids = self._router.find(request.method, request.path)
        if route.beta_first:
            require_beta(request.headers, route.beta)
        authenticate(request.headers, writes=route.writes)
        require_beta(request.headers, route.beta)
        query = _query(route.query, request.query)
        body = _form(route, request) if route.form else _json_body(request)
        route.body.check(body)
        now = self._clock() if conditions.now is None else conditions.now
        return route, Call(self._storage, now, self._ids, conditions.switches or self._switches, ids, query, body)

    def _run(self, route: Route, call: Call, conditions: Conditions) -> Json | Reply:
        due = bool(self._storage.expired(call.now))
        with self._storage.transaction(writes=due or route.method != "GET"):
            for kind, doc in self._storage.expired(call.now) if due else ():
                _EXPIRE[kind](call, doc)
            if conditions.ghost_seconds > 0:
                with self._storage.ghosts.kept(until=call.now + conditions.ghost_seconds):
                    return route.handler(call)
            if conditions.ghosts and route.method == "GET":
                with self._storage.ghosts.shown(call.now):
                    return route.handler(call)
            return route.handler(call)

    def refuse(self, error: ApiError) -> Response:
        """Make the response of a refusal, as the account would send it."""
        return self._response(error.status, error.body(), _JSON, error.headers)

    def _response(
        self, status: int, body: bytes, content_type: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        request_id = self._ids("req_")
        return Response(
            status, body, {**_HEADERS, "x-request-id": request_id, "content-type": content_type, **(headers or {})}
        )


@lru_cache(maxsize=1024)
def _query(parameters: Parameters, pairs: tuple[tuple[str, str], ...]) -> Mapping[str, Any]:
    """Read and check a query; the same ones come again and again."""
    query: Mapping[str, Any] = parameters.read(dict(pairs))
    parameters.check(query)
    return query


def _form(route: Route, request: Request) -> Mapping[str, Any]:
    content_type = request.headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/form-data"):
        if request.body:
            raise bad_request("Invalid Content-Type: expected multipart/form-data.")
        return {}
    form: Mapping[str, Any] = route.body.read(multipart.parse(content_type, request.body))
    return form


def _json_body(request: Request) -> Mapping[str, Any]:
    if request.method != "POST" or not request.body:
        return {}
    try:
        text = request.body.decode()
        body = _DECODER.decode(text)
        if "\\u" in text:
            dump(body).encode()
    except ValueError as error:
        message = "We could not parse the JSON body of your request: the API expects a JSON payload."
        raise bad_request(message) from error
    if not isinstance(body, dict):
        raise wrong_type("body", "an object", body)
    return body


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(text)
    return number


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)
