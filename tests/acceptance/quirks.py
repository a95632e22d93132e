"""Servers that speak this API almost: each of them wraps an account and has one peculiarity.

All of them were seen in real servers that people point a base URL at. What a test does behind the tool's back (with a
key of its own, see `World.api`) meets the account itself.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from reconciler.emulator import Emulator, Request, Response
from reconciler.emulator.wire import Lost, Machine
from tests.acceptance.world import World

JSON = {"content-type": "application/json"}


class Quirk:
    """An account that behaves but for one thing."""

    def __init__(self, real: Machine) -> None:
        self.real = real

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        if "sk-other" in request.headers.get("authorization", ""):
            return self.real.handle(request)
        answer = self.early(request)
        return self.late(request, self.real.handle(self.read(request))) if answer is None else answer

    def early(self, request: Request) -> Response | None:
        """An answer in the account's place."""
        del request
        return None

    def read(self, request: Request) -> Request:
        """What the server makes of a request."""
        return request

    def late(self, request: Request, response: Response) -> Response:
        """What becomes of the account's answer."""
        del request
        return response


def install(world: World, quirk: Callable[[Machine], Quirk]) -> Quirk:
    """From here on a world's account has a peculiarity."""
    strange = quirk(world.emulator)
    world.emulator = cast("Emulator", strange)
    return strange


def say(status: int, body: Any) -> Response:
    """An answer in JSON."""
    return Response(status, json.dumps(body).encode(), JSON)


def refuse(status: int, message: str, param: str | None = None) -> Response:
    """An error in OpenAI's format."""
    return say(status, {"error": {"message": message, "type": "invalid_request_error", "code": None, "param": param}})


def body_of(message: Request | Response) -> Any:
    """The JSON of a request or a response; None if it holds none."""
    kind = message.headers.get("content-type") or ""
    return json.loads(message.body) if message.body and kind.startswith("application/json") else None


def changed(response: Response, body: Any) -> Response:
    """The same answer with other JSON."""
    return replace(response, body=json.dumps(body).encode())


def is_write(request: Request, path: str) -> bool:
    """Whether JSON is sent to a path (a regular expression for all of it)."""
    return request.method == "POST" and re.fullmatch(path, request.path) is not None


# --- what is stored ---------------------------------------------------------------------------------------------------


class KeepsOwnKeys(Quirk):
    """The server keeps keys of its own in a store's metadata, and breaks when an update drops them."""

    own: Mapping[str, str] = {"server.index": "flat", "server.embedding": "mini-lm"}

    def read(self, request: Request) -> Request:
        """A new store gets them."""
        if not is_write(request, "/vector_stores"):
            return request
        body = body_of(request)
        return replace(
            request, body=json.dumps({**body, "metadata": {**(body.get("metadata") or {}), **self.own}}).encode()
        )

    def early(self, request: Request) -> Response | None:
        """An update has to bring them along."""
        body = body_of(request) if is_write(request, "/vector_stores/[^/]+") else None
        if body is None or "metadata" not in body or self.own.items() <= (body["metadata"] or {}).items():
            return None
        return self.broken(request)

    def broken(self, request: Request) -> Response:
        """What dropping them does."""
        del request
        return say(500, {"detail": "KeyError: 'server.index'"})


class LosesStores(KeepsOwnKeys):
    """The same, but it is the store that is gone."""

    def broken(self, request: Request) -> Response:
        """It says that all is well."""
        gone = self.real.handle(replace(request, method="DELETE", body=b""))
        assert gone.status == 200
        return say(200, {"id": request.path.rpartition("/")[2], "object": "vector_store"})


class IgnoresNulls(Quirk):
    """Nothing can be cleared: a null is as good as not sent."""

    def read(self, request: Request) -> Request:
        """Nulls are dropped."""
        body = body_of(request)
        if not isinstance(body, dict):
            return request
        return replace(request, body=json.dumps({key: item for key, item in body.items() if item is not None}).encode())


class StoresNoUpdates(Quirk):
    """Updates at some paths are acknowledged, and not stored."""

    path = "/agents/[^/]+"

    def early(self, request: Request) -> Response | None:
        """What was there, with what was sent."""
        if not is_write(request, self.path):
            return None
        there = self.real.handle(replace(request, method="GET", body=b""))
        return changed(there, {**body_of(there), **body_of(request)}) if there.status == 200 else there


class StoresNoStoreUpdates(StoresNoUpdates):
    """The same, for vector stores: nothing can be noted in an anchor."""

    path = "/vector_stores/[^/]+"


class StoresNoAssistantUpdates(StoresNoUpdates):
    """The same, for assistants."""

    path = "/assistants/[^/]+"


class StoresNoPointer(StoresNoUpdates):
    """The same, for skills: their default version cannot be moved."""

    path = "/skills/[^/]+"


class StoresNoExpiry(Quirk):
    """One field of an update is acknowledged, and not stored."""

    def read(self, request: Request) -> Request:
        """Without it."""
        body = body_of(request)
        if not isinstance(body, dict) or not request.path.startswith("/vector_stores"):
            return request
        return replace(
            request, body=json.dumps({key: item for key, item in body.items() if key != "expires_after"}).encode()
        )


class RefusesFields(Quirk):
    """An older server: it does not know newer fields."""

    unknown = ("compaction", "experimental")

    def early(self, request: Request) -> Response | None:
        """A body with one of them is refused."""
        body = body_of(request) if request.method == "POST" else None
        found = next((name for name in self.unknown if isinstance(body, dict) and name in body), None)
        return refuse(400, f"Unknown parameter: '{found}'.", found) if found else None


class FewPairs(Quirk):
    """Fewer pairs of metadata than OpenAI's sixteen."""

    most = 5

    def early(self, request: Request) -> Response | None:
        """More are refused."""
        body = body_of(request) if request.method == "POST" else None
        count = len((body.get("metadata") if isinstance(body, dict) else None) or ())
        if count <= self.most:
            return None
        message = (
            f"Invalid 'metadata': object has too many properties. Expected an object with maximum {self.most} "
            f"properties, but got {count} instead."
        )
        return refuse(400, message, "metadata")


class FewerPairs(FewPairs):
    """Not even room for our own tags."""

    most = 3


# --- what is missing --------------------------------------------------------------------------------------------------


class SaysMissingWith400(Quirk):
    """A store that is missing is 400, and so is whatever is missing in it."""

    def late(self, request: Request, response: Response) -> Response:
        """Instead of 404."""
        if response.status != 404 or not request.path.startswith("/vector_stores/"):
            return response
        _, _, store, *inside = request.path.split("/")
        return refuse(400, f"{inside[-1]} not found in {store}" if inside else f"Vector store {store} not found")


class SaysMissingInItsOwnWords(SaysMissingWith400):
    """The same, in another form."""

    def late(self, request: Request, response: Response) -> Response:
        """As web frameworks do."""
        answer = super().late(request, response)
        return answer if answer is response else say(400, {"detail": body_of(answer)["error"]["message"]})


class Lacks(Quirk):
    """A collection does not exist."""

    collection = "/skills"

    def early(self, request: Request) -> Response | None:
        """A web framework's word for an unknown path."""
        return say(404, {"detail": "Not Found"}) if request.path.startswith(self.collection) else None


class LacksStores(Lacks):
    """No vector stores, and with that no place for an anchor."""

    collection = "/vector_stores"


class LacksAgents(Lacks):
    """No saved agents."""

    collection = "/agents"


class SpeaksAnotherApi(Quirk):
    """`/v1/agents` is something else altogether."""

    def early(self, request: Request) -> Response | None:
        """A bare array, and words of its own for all the rest."""
        if not request.path.startswith("/agents"):
            return None
        if request.method == "GET" and request.path == "/agents":
            return say(200, [{"agent_id": "1", "agent_config": {"model": "llama"}}])
        return say(422, {"detail": [{"loc": ["body", "agent_config"], "msg": "Field required", "type": "missing"}]})


# --- lists ------------------------------------------------------------------------------------------------------------


class EndlessList(Quirk):
    """A list ignores `limit` and `after`, and says that there is more for ever."""

    path = "/files"

    def read(self, request: Request) -> Request:
        """All of it, from the start."""
        return replace(request, query=(("limit", "100"),)) if self._is_it(request) else request

    def late(self, request: Request, response: Response) -> Response:
        """And more."""
        return changed(response, {**body_of(response), "has_more": True}) if self._is_it(request) else response

    def _is_it(self, request: Request) -> bool:
        return request.method == "GET" and request.path == self.path


class EndlessStores(EndlessList):
    """The same for the list of vector stores."""

    path = "/vector_stores"


class Omits(Quirk):
    """A member is missing in lists."""

    member = "has_more"

    def late(self, request: Request, response: Response) -> Response:
        """The list without it."""
        body = body_of(response)
        if request.method != "GET" or not isinstance(body, dict) or not isinstance(body.get("data"), list):
            return response
        return changed(response, {key: item for key, item in body.items() if key != self.member})


class OmitsObjectInLists(Omits):
    """A list does not say that it is one."""

    member = "object"


class OmitsObject(Quirk):
    """Objects do not say what they are; lists do."""

    def late(self, request: Request, response: Response) -> Response:
        """Also inside of lists."""
        del request
        body = body_of(response)
        if not isinstance(body, dict) or "error" in body:
            return response
        if isinstance(body.get("data"), list):
            items = [{key: value for key, value in item.items() if key != "object"} for item in body["data"]]
            return changed(response, {**body, "data": items})
        return changed(response, {key: value for key, value in body.items() if key != "object"})


class LosesCursors(Quirk):
    """The object at the end of a page goes away before the next page is asked for: 400."""

    def __init__(self, real: Machine, times: int = 1) -> None:
        super().__init__(real)
        self.times = times
        self.lost: list[str] = []

    def early(self, request: Request) -> Response | None:
        """Somebody deletes it right now."""
        cursor = dict(request.query).get("after")
        if request.method != "GET" or cursor is None or len(self.lost) >= self.times:
            return None
        self.lost.append(cursor)
        deleted = self.real.handle(replace(request, method="DELETE", path=f"{request.path}/{cursor}", query=()))
        assert deleted.status == 200
        return None


class OddIds(Quirk):
    """The ids of vector stores hold characters that no id of the service has."""

    def read(self, request: Request) -> Request:
        """What the server knows them by."""
        body = (
            request.body.replace(b"vs:/", b"vs_")
            if request.headers.get("content-type") == JSON["content-type"]
            else request.body
        )
        return replace(request, path=request.path.replace("vs:/", "vs_"), body=body)

    def late(self, request: Request, response: Response) -> Response:
        """What it calls them."""
        del request
        return replace(response, body=response.body.replace(b'"vs_', b'"vs:/'))


# --- the wire ---------------------------------------------------------------------------------------------------------


class ClosesAfterErrors(Quirk):
    """After an error the connection is closed without a word: the next request on it is lost."""

    closed = False

    def early(self, request: Request) -> Response | None:
        """It never arrives."""
        del request
        if self.closed:
            self.closed = False
            raise Lost("the server closed the connection")
        return None

    def late(self, request: Request, response: Response) -> Response:
        """An error is the last answer on its connection."""
        del request
        self.closed = response.status >= 400
        return response


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, machine: Machine, *, closes_after_errors: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.machine = machine
        self.closes_after_errors = closes_after_errors
        self.turn = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is nobody's mistake."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _answer(self) -> None:
        url = urlsplit(self.path)
        query = tuple(parse_qsl(url.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = unquote(url.path).removeprefix("/v1")
        with self.server.turn:
            response = self.server.machine.handle(Request(self.command, path, query, headers, body))
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)
        self.close_connection = self.server.closes_after_errors and response.status >= 400

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the base class's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet."""


@contextmanager
def served(machine: Machine, *, closes_after_errors: bool = False) -> Iterator[str]:
    """The base URL of a machine behind real HTTP; keep-alive, and closed without a word after an error if asked for."""
    with _Server(machine, closes_after_errors=closes_after_errors) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            thread.join()
