"""The emulated account by plain function calls: no SDK, no HTTP, microseconds per call.

The simulation and the fast tests run on it. It builds the very request that would go over the wire and lets `outcomes`
judge the answer, so the engine cannot tell it from the live account.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import Protocol

from reconciler.account.outcomes import Answer, changed, classify, failure, lowered
from reconciler.account.port import Call, Clock, Execution, Failure, FailureKind, Reply, Upload
from reconciler.emulator.wire import Lost, Request, Response

_BOUNDARY = "----reconciler-8f2c1d0a7b"
"""Fixed, so that equal calls are equal requests; `_free_boundary` lengthens it should a file contain it."""


class Machine(Protocol):
    """Anything that answers requests as an account does: the emulator, also a faulty one, which raises Lost."""

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        ...


class DirectAccount:
    """An account on this machine; `calls` logs every call that was sent.

    `before` and `after` see each call (and its response) and may raise, as a fault would. `latency` gives the seconds
    that a call takes on the injected clock: half of them before the server acts and half after it. With a clock, the
    answers carry a `Date` as a web server's do, and what a faulty machine delays is waited for. A connection that the
    machine closes ends as it does on the live account.
    """

    def __init__(
        self,
        machine: Machine,
        *,
        clock: Clock | None = None,
        latency: Callable[[Call], float] | None = None,
        before: Callable[[Call], None] | None = None,
        after: Callable[[Call, Response], None] | None = None,
    ) -> None:
        if latency is not None and clock is None:
            raise ValueError("latency needs a clock to pass on")
        self.calls: list[Call] = []
        self._machine = machine
        self._clock = clock
        self._latency = latency
        self._before = before
        self._after = after

    async def send(self, call: Call) -> Reply:
        """Send one call once; raises Failure."""
        seconds = latency = self._latency(call) if self._latency is not None else 0.0
        await self._travel(latency / 2)
        self.calls.append(call)
        if self._before is not None:
            self._before(call)
        try:
            response = self._machine.handle(request_of(call))
        except Lost as error:
            await self._travel(latency / 2)
            raise _broken(call, str(error)) from error
        if self._after is not None:
            self._after(call, response)
        headers = lowered(response.headers.items())
        if self._clock is not None:
            await self._wait(call, response.delay)
            seconds += response.delay
            headers.setdefault("date", _http_date(int(self._clock.now())))
        await self._travel(latency / 2)
        if response.cut:
            raise _broken(call, "it was cut off in the middle")
        return classify(call, Answer(response.status, headers, response.body, seconds))

    async def _wait(self, call: Call, delay: float) -> None:
        """Wait for a delayed answer, but no longer than the call may take."""
        if self._clock is None or delay <= 0:
            return
        await self._clock.sleep(min(delay, call.timeout))
        if delay >= call.timeout:
            message = f"no complete answer within {call.timeout:g} s"
            raise failure(call, execution=Execution.AMBIGUOUS, kind=FailureKind.TIMEOUT, message=message)

    async def _travel(self, seconds: float) -> None:
        if self._clock is not None and self._latency is not None:
            await self._clock.sleep(seconds)


@lru_cache(maxsize=256)
def _http_date(now: int) -> str:
    return formatdate(now, usegmt=True)


def _broken(call: Call, reason: str) -> Failure:
    message = f"the connection broke before the answer was complete: {reason}"
    return failure(call, execution=Execution.AMBIGUOUS, kind=FailureKind.UNREACHABLE, message=message)


def request_of(call: Call) -> Request:
    """The request that a call is on the wire; raises Failure if an upload has not the size that the call says."""
    body, content_type = _body(call)
    headers = {"authorization": "Bearer local", "content-type": content_type, "openai-beta": call.beta}
    sent: Mapping[str, str] = {name: value for name, value in headers.items() if value is not None}
    return Request(call.method, call.path, call.query, sent, body)


def _body(call: Call) -> tuple[bytes, str | None]:
    if call.form or call.uploads:
        return _multipart(call)
    if call.json is None:
        return b"", None
    return json.dumps(call.json, ensure_ascii=False, allow_nan=False).encode(), "application/json"


def _multipart(call: Call) -> tuple[bytes, str]:
    contents = [_content(call, upload) for upload in call.uploads]
    parts = [(_disposition(name), value.encode()) for name, value in call.form]
    parts += [
        (f"{_disposition(up.field, up.filename)}\r\nContent-Type: {up.content_type}", content)
        for up, content in zip(call.uploads, contents, strict=True)
    ]
    boundary = _free_boundary([content for _, content in parts])
    body = b"".join(f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts)
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _content(call: Call, upload: Upload) -> bytes:
    with upload.open() as handle:
        content = handle.read()
    if len(content) != upload.size:
        raise changed(call, upload)
    return content


def _free_boundary(contents: list[bytes]) -> str:
    boundary = _BOUNDARY
    while any(boundary.encode() in content for content in contents):
        boundary += "x"
    return boundary


def _disposition(name: str, filename: str | None = None) -> str:
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    return head if filename is None else f'{head}; filename="{_quoted(filename)}"'


def _quoted(text: str) -> str:
    """As browsers quote (and httpx2 does): percent-encoded where a quote or a line end would break the header."""
    return "".join(f"%{ord(char):02X}" if char in '"\\' or ord(char) < 0x20 else char for char in text)
