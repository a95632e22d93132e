"""The emulator as an ASGI application: in process under any HTTP client, or served by uvicorn."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import starlette.requests
import starlette.responses
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from reconciler.emulator.errors import ApiError
from reconciler.emulator.wire import Request

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from reconciler.emulator.machine import Emulator

MOST_BODY_BYTES = 600 * 2**20


def application(emulator: Emulator) -> Starlette:
    """Make the application: any method, any path; the emulator sees one request at a time."""
    return Starlette(routes=[Route("/{path:path}", _Front(emulator))])


class _Front:
    """Reads a request whole, hands it over, sends the response."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = starlette.requests.Request(scope, receive)
        try:
            request = await _read(incoming)
        except ClientDisconnect:
            return
        except ApiError as error:
            reply = starlette.responses.Response(error.body(), error.status, media_type="application/json")
        else:
            # Not awaited on purpose: a call takes microseconds, and order of arrival stays order of effect.
            with self._lock:
                response = self._emulator.handle(request)
            reply = starlette.responses.Response(response.body, response.status, dict(response.headers))
        await reply(scope, receive, send)


async def _read(incoming: starlette.requests.Request) -> Request:
    body = bytearray()
    async for piece in incoming.stream():
        body += piece
        if len(body) > MOST_BODY_BYTES:
            raise ApiError(413, f"The request is too large; the maximum is {MOST_BODY_BYTES} bytes.")
    headers: dict[str, str] = {}
    for name, value in incoming.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    query = tuple(incoming.query_params.multi_items())
    return Request(incoming.method, incoming.scope["path"], query, headers, bytes(body))
