"""The emulator as an ASGI application: in process under any HTTP client, or served by uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

import starlette.requests
import starlette.responses
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from reconciler.emulator.errors import ApiError
from reconciler.emulator.wire import Lost, Request, Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from reconciler.emulator.wire import Machine

MOST_BODY_BYTES = 600 * 2**20
HANG_UP = "reconciler.hang_up"
"""The scope's extension by which a server lets the application close the connection: a function without arguments."""


def application(machine: Machine, *, stopping: asyncio.Event | None = None) -> Starlette:
    """Make the application: any method, any path; the machine sees one request at a time.

    An answer that is delayed is sent at once when `stopping` is set. Where the server has no HANG_UP, a connection
    that is to be closed without an answer ends in Lost, and a body that breaks off is merely too short.
    """
    return Starlette(routes=[Route("/{path:path}", _Front(machine, stopping or asyncio.Event()))])


class _Front:
    """Reads a request whole, hands it over, sends the response."""

    def __init__(self, machine: Machine, stopping: asyncio.Event) -> None:
        self._machine = machine
        self._stopping = stopping
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
            try:
                with self._lock:
                    response = self._machine.handle(request)
            except Lost:
                if not await _hang_up(scope, receive):
                    raise
                return
            await self._wait(response.delay)
            if response.cut:
                await _break_off(response, scope, receive, send)
                return
            reply = _reply(response)
        await reply(scope, receive, send)

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)


def _reply(response: Response) -> starlette.responses.Response:
    return starlette.responses.Response(response.body, response.status, dict(response.headers))


async def _break_off(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send what there is of the body, then close the connection."""
    headers = _reply(response).raw_headers
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": True})
    if not await _hang_up(scope, receive):
        await send({"type": "http.response.body", "body": b""})


async def _hang_up(scope: Scope, receive: Receive) -> bool:
    """Close the connection and wait until it is gone: only then does a server not mind that nothing was answered."""
    close = scope.get("extensions", {}).get(HANG_UP)
    if close is None:
        return False
    close()
    while (await receive())["type"] != "http.disconnect":
        pass
    return True


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
