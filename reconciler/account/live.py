"""The real account: the OpenAI SDK, held so that it sends one request per call and judges nothing.

By default the SDK sends a second create after a cut connection, follows a redirect with the whole file, and returns a
web page as if it were an answer. Here it builds, authenticates and sends; a transport around the network reads each
answer with a cap and keeps the raw form, and `outcomes` decides what it means. Of the SDK only the generic get, post
and delete are used: building its typed resources takes seconds, and they mangle what they do not know.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import re
import time
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import SplitResult, urlencode, urlsplit

import httpx2
import openai

from reconciler.account.outcomes import (
    BINARY_LIMIT,
    JSON_LIMIT,
    UNEXPECTED,
    Answer,
    Redaction,
    changed,
    classify,
    failure,
    lowered,
    media_type,
)
from reconciler.account.port import Call, Execution, Failure, FailureKind, Reply, Upload

if TYPE_CHECKING:
    from openai._types import RequestOptions

DEFAULT_BASE_URL = "https://api.openai.com/v1"

_CONNECT_SECONDS = 10.0
_ANSWER = "reconciler.answer"
_SAFE_PATH = re.compile(r"/(?!/)[A-Za-z0-9_./-]*")

_NEVER_SENT: dict[type[Exception], FailureKind] = {
    httpx2.ConnectTimeout: FailureKind.TIMEOUT,
    httpx2.PoolTimeout: FailureKind.TIMEOUT,
    httpx2.ConnectError: FailureKind.UNREACHABLE,
    httpx2.ProxyError: FailureKind.UNREACHABLE,
    httpx2.UnsupportedProtocol: FailureKind.UNREACHABLE,
}
"""Errors that happen before the first byte of a request is on its way."""


class _Unacceptable(httpx2.TransportError):
    """An answer that is not read: beyond the cap, or compressed."""


class _KeepRaw(httpx2.AsyncBaseTransport):
    """Reads answers under a cap, and lets the SDK see their status only.

    What a hostile header or body could make the SDK stumble over never reaches it: the raw answer travels in the
    response's extensions. Compression is not asked for and not accepted, or the cap would mean nothing.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request and read its whole answer."""
        started = time.monotonic()
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        try:
            body = await _read(response)
        finally:
            await response.aclose()
        headers = lowered(response.headers.multi_items())
        answer = Answer(response.status_code, headers, body, time.monotonic() - started)
        shown = {"content-type": "application/json"}
        return httpx2.Response(response.status_code, headers=shown, content=b"{}", extensions={_ANSWER: answer})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


async def _read(response: httpx2.Response) -> bytes:
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise _Unacceptable("the answer is compressed, which was not asked for")
    json = "json" in media_type(lowered(response.headers.multi_items()))
    limit = JSON_LIMIT if json else BINARY_LIMIT
    body = bytearray()
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    async for chunk in response.stream:
        body += chunk
        if len(body) > limit:
            raise _Unacceptable(f"the answer is larger than {limit // 1024 // 1024} MB")
    return bytes(body)


class LiveAccount:
    """An account behind HTTP: one `send` is exactly one request. Close it with `aclose`."""

    def __init__(
        self,
        *,
        api_key: str,
        organization: str | None,
        project: str | None,
        base_url: str,
        timeout: float,
        transport: httpx2.AsyncBaseTransport,
        host: str | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self._host = host or httpx2.URL(base_url).netloc.decode("ascii")
        self._redact = Redaction((api_key,))
        self._on_close = on_close
        self._headers: dict[str, str | openai.Omit] = {
            "Authorization": f"Bearer {api_key}",
            "OpenAI-Organization": organization or openai.Omit(),
            "OpenAI-Project": project or openai.Omit(),
        }
        self._client = openai.AsyncOpenAI(
            api_key=api_key,
            organization=organization,
            project=project,
            base_url=base_url,
            timeout=timeout,
            max_retries=0,
            http_client=httpx2.AsyncClient(
                transport=_KeepRaw(transport), timeout=timeout, follow_redirects=False, trust_env=False
            ),
        )
        self._client.admin_api_key = None  # the SDK takes OPENAI_ADMIN_KEY by itself; it has no business here

    @property
    def host(self) -> str:
        """Which account this is, as a plan shows it: the API's host, or `local`."""
        return self._host

    async def aclose(self) -> None:
        """Close all connections, and what stands behind them."""
        await self._client.close()
        if self._on_close is not None:
            self._on_close()

    async def send(self, call: Call) -> Reply:
        """Send one call once; raises Failure. What reading an upload raises comes through as it is."""
        _check(call)
        answer = await self._answer(call)
        return classify(call, answer, redact=self._redact)

    async def _answer(self, call: Call) -> Answer:
        try:
            async with asyncio.timeout(call.timeout):
                response = await self._request(call)
        except openai.APIStatusError as error:
            response = error.response
        except openai.APIConnectionError as error:
            raise self._lost(call, error.__cause__ or error) from error
        except TimeoutError as error:
            raise self._late(call) from error
        answer = response.extensions[_ANSWER]
        assert isinstance(answer, Answer)
        return answer

    async def _request(self, call: Call) -> httpx2.Response:
        path = f"{call.path}?{urlencode(call.query)}" if call.query else call.path
        options = self._options(call)
        with contextlib.ExitStack() as stack:
            files: list[Any] = [(name, (None, value)) for name, value in call.form]
            files += [_part(call, upload, stack) for upload in call.uploads]
            if call.method == "GET":
                return await self._client.get(path, cast_to=httpx2.Response, options=options)
            if call.method == "DELETE":
                return await self._client.delete(path, cast_to=httpx2.Response, body=call.json, options=options)
            if files:
                return await self._client.post(path, cast_to=httpx2.Response, files=files, options=options)
            return await self._client.post(path, cast_to=httpx2.Response, body=call.json, options=options)

    def _options(self, call: Call) -> RequestOptions:
        headers = dict(self._headers)
        if call.beta is not None:
            headers["OpenAI-Beta"] = call.beta
        if call.form or call.uploads:
            headers["Content-Type"] = "multipart/form-data"
        if call.binary:
            headers["Accept"] = "*/*"
        connect = min(_CONNECT_SECONDS, call.timeout / 2)
        timeout = httpx2.Timeout(call.timeout, connect=connect, pool=connect)
        return {"headers": headers, "max_retries": 0, "timeout": timeout, "follow_redirects": False}

    def _lost(self, call: Call, error: BaseException) -> Failure:
        if isinstance(error, _Unacceptable):
            message = f"{call.method} {call.path}: {error}"
            return self._failure(call, Execution.AMBIGUOUS, FailureKind.MALFORMED, message, code=UNEXPECTED)
        for error_type, kind in _NEVER_SENT.items():
            if isinstance(error, error_type):
                message = f"{self._host} cannot be reached: {_first_line(error)}"
                return self._failure(call, Execution.NOT_EXECUTED, kind, message)
        if isinstance(error, httpx2.TimeoutException):
            return self._late(call)
        message = f"the connection to {self._host} broke before the answer was complete: {_first_line(error)}"
        return self._failure(call, Execution.AMBIGUOUS, FailureKind.UNREACHABLE, message)

    def _late(self, call: Call) -> Failure:
        message = f"no complete answer from {self._host} within {call.timeout:g} s"
        return self._failure(call, Execution.AMBIGUOUS, FailureKind.TIMEOUT, message)

    def _failure(
        self, call: Call, execution: Execution, kind: FailureKind, message: str, *, code: str | None = None
    ) -> Failure:
        return failure(call, execution=execution, kind=kind, message=message, redact=self._redact, code=code)


def _check(call: Call) -> None:
    """Refuse what is no call of this API before anything leaves: a path must not be able to name another host."""
    if call.method not in ("GET", "POST", "DELETE"):
        raise ValueError(f"{call.method} is not a method of this API")
    if not _SAFE_PATH.fullmatch(call.path) or ".." in call.path:
        raise ValueError(f"{call.path!r} is not a path below the base URL")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


# --- uploads ----------------------------------------------------------------------------------------------------------


class _Part:
    """A handle that the SDK streams from: it promises `size` bytes and notices when the file has others."""

    def __init__(self, call: Call, upload: Upload, handle: BinaryIO) -> None:
        self._call = call
        self._upload = upload
        self._handle = handle
        self._position = 0

    def read(self, size: int) -> bytes:
        """The next bytes; one more than promised or one less is a failure."""
        chunk = self._handle.read(size)
        self._position += len(chunk)
        if self._position > self._upload.size or (not chunk and self._position < self._upload.size):
            raise changed(self._call, self._upload)
        return chunk

    def seek(self, offset: int, whence: int = 0) -> int:
        """Only ever used to find out the length and to go back to the start, before anything is read."""
        self._position = offset + (self._upload.size if whence == os.SEEK_END else 0)
        return self._position

    def tell(self) -> int:
        """Where the next read starts."""
        return self._position


def _part(call: Call, upload: Upload, stack: contextlib.ExitStack) -> tuple[str, tuple[str, Any, str]]:
    handle = stack.enter_context(upload.open())
    return upload.field, (upload.filename, _Part(call, upload, handle), upload.content_type)


# --- where the account is ---------------------------------------------------------------------------------------------


def connect(
    *,
    api_key: str,
    organization: str | None = None,
    project: str | None = None,
    base_url: str = DEFAULT_BASE_URL,
    timeout: float = 60.0,
) -> LiveAccount:
    """The account behind a base URL, `timeout` in seconds; raises ValueError if the key must not be sent there."""
    url = check_base_url(base_url)
    if not api_key.strip() or not api_key.isascii() or not api_key.isprintable():
        raise ValueError("the API key is empty or holds characters that no key has")
    return LiveAccount(
        api_key=api_key,
        organization=organization,
        project=project,
        base_url=base_url,
        timeout=timeout,
        transport=httpx2.AsyncHTTPTransport(
            proxy=_proxy(url), retries=0, limits=httpx2.Limits(max_connections=128, max_keepalive_connections=32)
        ),
    )


def check_base_url(base_url: str) -> SplitResult:
    """Read a base URL; raises ValueError unless it is https, or http on this machine, and holds no credentials."""
    try:
        url = urlsplit(base_url)
        _ = url.port
    except ValueError as error:
        raise ValueError("the base URL cannot be read") from error
    if "@" in url.netloc:
        raise ValueError("the base URL holds a user name or a password; keys are given by OPENAI_API_KEY only")
    if not url.hostname or url.query or url.fragment or re.search(r"[\s\\\x00-\x1f]", base_url):
        raise ValueError(f"the base URL {base_url!r} is not of the form https://host/path")
    if url.scheme == "https" or (url.scheme == "http" and _loopback(url.hostname)):
        return url
    raise ValueError(
        f"the base URL {base_url!r} would send the API key in the clear; use https (http only on loopback)"
    )


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _proxy(url: SplitResult) -> str | None:
    """The proxy that the environment names for this host; never one for this machine itself."""
    host = url.hostname or ""
    if _loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all")
