"""The live account under the real SDK: one request per send, nothing followed, nothing believed, nothing leaked."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import tempfile
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO

import httpx2
import pytest

from reconciler.account.live import LiveAccount, check_base_url, connect
from reconciler.account.port import Call, Execution, Failure, FailureKind, Reply, Upload

KEY = "sk-live-0123456789abcdef"
READ = Call("GET", "/vector_stores")
WRITE = Call("POST", "/vector_stores", json={"name": "docs"})

Handler = Callable[[httpx2.Request], httpx2.Response]


class Wire:
    """A mock of the network that counts requests."""

    def __init__(self, handler: Handler) -> None:
        self.requests: list[httpx2.Request] = []
        self._handler = handler

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return self._handler(request)

    async def send(self, call: Call, **options: Any) -> Reply:
        account = _account(httpx2.MockTransport(self), **options)
        try:
            return await account.send(call)
        finally:
            await account.aclose()

    def failed(self, call: Call) -> Failure:
        with pytest.raises(Failure) as caught:
            asyncio.run(self.send(call))
        assert len(self.requests) == 1
        assert KEY not in f"{caught.value} {caught.value!r} {caught.value.message}"
        return caught.value


def _account(transport: httpx2.AsyncBaseTransport, **options: Any) -> LiveAccount:
    given = {"organization": None, "project": None, "base_url": "https://api.example/v1", "timeout": 60.0, **options}
    return LiveAccount(api_key=KEY, transport=transport, **given)


def raising(error: Exception) -> Handler:
    def handler(_: httpx2.Request) -> httpx2.Response:
        raise error

    return handler


def ok(_: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, json={"id": "vs_1"}, headers={"date": "Wed, 18 Nov 2026 11:06:40 GMT"})


# --- what goes out ----------------------------------------------------------------------------------------------------


def test_a_call_is_one_request_with_its_method_path_query_body_and_headers() -> None:
    wire = Wire(ok)
    query = (("limit", "5"), ("include[]", "a"), ("include[]", "b c"))
    call = Call("POST", "/vector_stores", query=query, json={"name": "é"}, beta="agents=v1")
    reply = asyncio.run(wire.send(call, organization="org-1", project="proj-1"))
    (request,) = wire.requests
    assert (request.method, request.url.host, request.url.path) == ("POST", "api.example", "/v1/vector_stores")
    assert request.url.params.multi_items() == list(query)
    assert json.loads(request.content) == {"name": "é"}
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["openai-beta"] == "agents=v1"
    assert request.headers["openai-organization"] == "org-1"
    assert request.headers["openai-project"] == "proj-1"
    assert (reply.status, reply.data, reply.date) == (200, {"id": "vs_1"}, 1795000000.0)


def test_only_what_was_given_is_sent_whatever_the_environment_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, f"from-{name}")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.example")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer other\nOpenAI-Project: other")
    wire = Wire(ok)
    asyncio.run(wire.send(READ))
    (request,) = wire.requests
    assert request.url.host == "api.example"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert "openai-organization" not in request.headers
    assert "openai-project" not in request.headers
    assert "from-" not in str(request.headers.raw)


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "https://evil.example/x", "/a/../../b", "files", "/a?b=c", "/a#b", "/a b"]
)
def test_a_path_that_could_lead_elsewhere_is_refused_before_anything_is_sent(path: str) -> None:
    wire = Wire(ok)
    with pytest.raises(ValueError, match="not a path below the base URL"):
        asyncio.run(wire.send(Call("GET", path)))
    with pytest.raises(ValueError, match="not a method"):
        asyncio.run(wire.send(Call("PUT", "/files")))
    assert not wire.requests


# --- what comes back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [300, 302, 304, 307, 308, *range(400, 430), 500, 501, 502, 503, 504, 520, 599])
@pytest.mark.parametrize("call", [READ, WRITE, Call("DELETE", "/files/file-1")], ids=lambda call: call.method)
def test_no_status_makes_the_sdk_send_again(call: Call, status: int) -> None:
    headers = {"retry-after": "0", "x-should-retry": "true", "location": "https://evil.example/"}
    body = {"error": {"message": f"key {KEY}", "code": "c", "type": "t"}}
    failure = Wire(lambda _: httpx2.Response(status, headers=headers, json=body)).failed(call)
    assert failure.status == status


def test_a_redirect_is_not_followed_and_named() -> None:
    failure = Wire(lambda _: httpx2.Response(307, headers={"location": "https://evil.example/v1"})).failed(WRITE)
    assert (failure.kind, failure.execution) == (FailureKind.MALFORMED, Execution.AMBIGUOUS)
    assert "evil.example" in failure.message


@pytest.mark.parametrize("location", ["https://[broken", "\x80", "", "http://a:b:c/"])
def test_a_broken_redirect_is_just_a_redirect(location: str) -> None:
    assert (
        Wire(lambda _: httpx2.Response(307, headers=[(b"location", location.encode("latin-1"))])).failed(WRITE).status
        == 307
    )


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (httpx2.Response(200, html="<html>sign in</html>"), "a web page"),
        (httpx2.Response(200, text="{}"), "text/plain"),
        (httpx2.Response(200, headers={"content-type": "application/json"}, content=b'{"id": "v'), "breaks off"),
        (httpx2.Response(200, headers={"content-type": "application/json; charset=hex"}, content=b"\xff"), "UTF-8"),
        (httpx2.Response(200, json=[]), "an array"),
        (httpx2.Response(204), "answered 204 without a body"),
        (httpx2.Response(200, headers={"content-type": "application/json"}, content=b'{"a":' * 50_000), "deeply"),
        (httpx2.Response(200, headers={"content-type": "application/json"}, content=b"[" * 200), "deeply"),
    ],
)
def test_a_2xx_that_is_no_valid_answer_is_malformed(response: httpx2.Response, words: str) -> None:
    failure = Wire(lambda _: response).failed(WRITE)
    assert (failure.kind, failure.execution) == (FailureKind.MALFORMED, Execution.AMBIGUOUS)
    assert words in failure.message or "breaks off" in failure.message


def test_hostile_headers_do_no_harm() -> None:
    headers = [
        (b"content-type", b"application/json; charset=hex"),
        (b"set-cookie", b"a=b; domain=\xff; expires=never"),
        (b"date", b"\xff" * 40),
        (b"retry-after", b"9" * 400),
        (b"x-request-id", b"\x1b[31m"),
        (b"x-ratelimit-remaining-requests", b"9" * 6000),
    ]
    failure = Wire(lambda _: httpx2.Response(500, headers=headers, content=b"\xff")).failed(WRITE)
    assert (failure.status, failure.retry_after, failure.request_id) == (500, None, None)


class _Endless(httpx2.AsyncByteStream):
    """A body that never ends; knows how much of it was taken."""

    def __init__(self) -> None:
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.taken += 1 << 20
            yield b" " * (1 << 20)


@pytest.mark.parametrize(("kind", "limit"), [("application/json", 32), ("application/octet-stream", 60)])
@pytest.mark.parametrize("status", [200, 500])
def test_an_endless_body_is_cut_off(kind: str, limit: int, status: int) -> None:
    body = _Endless()
    failure = Wire(lambda _: httpx2.Response(status, headers={"content-type": kind}, stream=body)).failed(WRITE)
    assert (failure.kind, failure.execution) == (FailureKind.MALFORMED, Execution.AMBIGUOUS)
    assert f"{limit} MB" in failure.message
    assert body.taken <= (limit + 1) << 20


def test_a_compressed_answer_is_not_unpacked() -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    wire = Wire(lambda _: httpx2.Response(200, headers=headers, stream=_Endless()))
    assert "compressed" in wire.failed(READ).message
    assert wire.requests[0].headers["accept-encoding"] == "identity"


def test_a_binary_answer_comes_as_bytes() -> None:
    wire = Wire(lambda _: httpx2.Response(200, headers={"content-type": "application/zip"}, content=b"PK"))
    assert asyncio.run(wire.send(Call("GET", "/skills/skill_1/content", binary=True))).content == b"PK"


@pytest.mark.parametrize(
    ("error", "sort", "outcome"),
    [
        (httpx2.ConnectError("refused"), FailureKind.UNREACHABLE, Execution.NOT_EXECUTED),
        (httpx2.ConnectTimeout("late"), FailureKind.TIMEOUT, Execution.NOT_EXECUTED),
        (httpx2.PoolTimeout("late"), FailureKind.TIMEOUT, Execution.NOT_EXECUTED),
        (httpx2.ProxyError("403"), FailureKind.UNREACHABLE, Execution.NOT_EXECUTED),
        (httpx2.UnsupportedProtocol("ftp"), FailureKind.UNREACHABLE, Execution.NOT_EXECUTED),
        (httpx2.ReadTimeout("late"), FailureKind.TIMEOUT, Execution.AMBIGUOUS),
        (httpx2.WriteTimeout("late"), FailureKind.TIMEOUT, Execution.AMBIGUOUS),
        (httpx2.ReadError("reset"), FailureKind.UNREACHABLE, Execution.AMBIGUOUS),
        (httpx2.WriteError("reset"), FailureKind.UNREACHABLE, Execution.AMBIGUOUS),
        (httpx2.RemoteProtocolError(f"closed {KEY}"), FailureKind.UNREACHABLE, Execution.AMBIGUOUS),
        (httpx2.LocalProtocolError("too little"), FailureKind.UNREACHABLE, Execution.AMBIGUOUS),
    ],
)
def test_a_broken_connection_is_classified_by_whether_anything_was_sent(
    error: Exception, sort: FailureKind, outcome: Execution
) -> None:
    failure = Wire(raising(error)).failed(WRITE)
    assert (failure.kind, failure.execution, failure.status) == (sort, outcome, None)
    assert Wire(raising(error)).failed(READ).execution is Execution.NOT_EXECUTED


# --- a real socket on this machine ------------------------------------------------------------------------------------


async def _served(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], call: Call) -> Failure:
    """Send one call to a server on loopback that talks as it likes, and give how it failed."""
    connections = 0
    done = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            await talk(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        done.set()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    account = connect(api_key=KEY, base_url=f"http://127.0.0.1:{port}/v1")
    try:
        await account.send(call)
    except Failure as failure:
        assert connections == 1
        return failure
    finally:
        await account.aclose()
        await done.wait()
        server.close()
        await server.wait_closed()
    raise AssertionError("the call did not fail")


def test_an_answer_that_breaks_off_is_ambiguous_for_a_write() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"id": ')
        await writer.drain()

    failure = asyncio.run(_served(talk, WRITE))
    assert (failure.kind, failure.execution) == (FailureKind.UNREACHABLE, Execution.AMBIGUOUS)


def test_a_connection_closed_without_a_word_is_ambiguous_for_a_write() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await writer.drain()

    assert asyncio.run(_served(talk, WRITE)).execution is Execution.AMBIGUOUS


def test_an_answer_that_trickles_ends_at_the_timeout() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n")
        for _again in range(8):
            writer.write(b" ")
            await asyncio.sleep(0.05)

    started = time.monotonic()
    failure = asyncio.run(_served(talk, Call("GET", "/files", timeout=0.2)))
    assert failure.kind is FailureKind.TIMEOUT
    assert time.monotonic() - started < 2


def test_a_closed_port_is_not_executed() -> None:
    async def main() -> Failure:
        account = connect(api_key=KEY, base_url="http://127.0.0.1:9/v1")
        try:
            await account.send(WRITE)
        except Failure as failure:
            return failure
        finally:
            await account.aclose()
        raise AssertionError("port 9 answered")

    failure = asyncio.run(main())
    assert (failure.kind, failure.execution) == (FailureKind.UNREACHABLE, Execution.NOT_EXECUTED)
    assert "127.0.0.1:9" in failure.message


# --- uploads ----------------------------------------------------------------------------------------------------------


class _Drain(httpx2.AsyncBaseTransport):
    """Takes a request's body piece by piece and keeps none of it."""

    def __init__(self) -> None:
        self.size = 0
        self.head = b""
        self.headers = httpx2.Headers()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        self.headers = request.headers
        async for chunk in request.stream:
            self.size += len(chunk)
            self.head = (self.head + chunk)[:500]
        return httpx2.Response(200, json={"id": "file-1"})


def _sent(upload: Upload) -> _Drain:
    drain = _Drain()

    async def main() -> None:
        account = _account(drain)
        await account.send(Call("POST", "/files", form=(("purpose", "assistants"), ("tag", "é")), uploads=(upload,)))
        await account.aclose()

    asyncio.run(main())
    return drain


def test_an_upload_is_a_form_with_its_fields_and_its_length() -> None:
    drain = _sent(Upload("file", "guide.md", lambda: io.BytesIO(b"# Guide"), 7, "text/markdown"))
    assert drain.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert int(drain.headers["content-length"]) == drain.size
    assert b'name="purpose"\r\n\r\nassistants\r\n' in drain.head
    assert 'name="tag"\r\n\r\né\r\n'.encode() in drain.head
    assert b'name="file"; filename="guide.md"\r\nContent-Type: text/markdown\r\n\r\n# Guide\r\n' in drain.head


def test_an_upload_of_100_mb_takes_no_memory() -> None:
    size = 100 * 1024 * 1024
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "large.bin"
        path.touch()
        os.truncate(path, size)
        _sent(Upload("file", "small.bin", lambda: io.BytesIO(b"x"), 1))
        tracemalloc.start()
        try:
            drain = _sent(Upload("file", "large.bin", lambda: path.open("rb"), size))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert drain.size > size
    assert peak < 4 * 1024 * 1024


@pytest.mark.parametrize("promised", [6, 8])
def test_a_file_that_changes_while_it_is_read_is_a_failure(promised: int) -> None:
    with pytest.raises(Failure, match=r"guide\.md changed") as caught:
        _sent(Upload("file", "guide.md", lambda: io.BytesIO(b"# Guide"), promised))
    assert caught.value.execution is Execution.AMBIGUOUS


def test_what_reading_raises_comes_through_and_the_handle_is_closed() -> None:
    class Torn(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise RuntimeError("the digest does not match")

    handles: list[BinaryIO] = []

    def opened() -> BinaryIO:
        handles.append(Torn(b"x"))
        return handles[-1]

    with pytest.raises(RuntimeError, match="digest"):
        _sent(Upload("file", "guide.md", opened, 1))
    assert handles[0].closed


# --- where to ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://eu.api.openai.com/v1/",
        "http://localhost:8080/v1",
        "http://127.0.0.1/",
        "http://[::1]:80",
    ],
)
def test_https_and_loopback_are_fine(url: str) -> None:
    assert check_base_url(url).hostname


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://api.openai.com/v1", "in the clear"),
        ("http://localhost.evil.example/v1", "in the clear"),
        ("http://169.254.169.254/v1", "in the clear"),
        ("ftp://api.openai.com", "in the clear"),
        ("https://user:pass@api.openai.com/v1", "user name"),
        ("https://api.openai.com@evil.example/v1", "user name"),
        ("https:///v1", "form"),
        ("api.openai.com", "form"),
        ("https://a.example/v1?x=y", "form"),
        ("https://a.example\\@b.example/", "user name"),
        ("https://a.example\\b", "form"),
        ("https://a.exa mple/", "form"),
        ("https://[broken/", "cannot be read"),
        ("https://a.example:99999/", "cannot be read"),
    ],
)
def test_other_base_urls_are_refused_with_a_reason(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        connect(api_key=KEY, base_url=url)
    assert "pass" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize("key", ["", "  ", "sk-a\nb", "sk-é"])
def test_a_key_that_cannot_be_one_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="API key"):
        connect(api_key=key)


def test_the_host_is_shown_and_the_key_is_not() -> None:
    account = connect(api_key=KEY, base_url="https://eu.api.openai.com:8443/v1")
    assert account.host == "eu.api.openai.com:8443"
    assert KEY not in f"{account!r} {account}"
    asyncio.run(account.aclose())


def test_a_proxy_is_used_but_never_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    real = httpx2.AsyncHTTPTransport

    def transport(**options: Any) -> httpx2.AsyncHTTPTransport:
        seen.append(options["proxy"])
        return real()

    monkeypatch.setattr(httpx2, "AsyncHTTPTransport", transport)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "internal.example")
    for url in (
        "https://api.openai.com/v1",
        "https://internal.example/v1",
        "https://localhost/v1",
        "http://127.0.0.1/v1",
    ):
        asyncio.run(connect(api_key=KEY, base_url=url).aclose())
    assert seen == ["http://proxy.example:3128", None, None, None]
