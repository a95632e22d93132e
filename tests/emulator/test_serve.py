from __future__ import annotations

import json
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from reconciler.emulator import EmulatorError
from reconciler.emulator import serve as serving
from reconciler.emulator.fault_rules import parse

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

SERVER = """
import sys
from reconciler.emulator.serve import serve
serve(sys.argv[1], say=lambda line: print(line, flush=True))
"""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_on_a_free_port_says_where_and_stops_at_a_signal(tmp_path: Path, stop: signal.Signals) -> None:
    command = [sys.executable, "-c", SERVER, str(tmp_path / "local.db")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(4)]
    url = lines[1].strip().removeprefix("export OPENAI_BASE_URL=")
    assert url.startswith("http://127.0.0.1:")
    request = urllib.request.Request(f"{url}/models", headers={"authorization": "Bearer sk-local"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["object"] == "list"
    process.send_signal(stop)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def test_an_answer_does_not_wait_until_the_client_has_confirmed_its_first_half(tmp_path: Path) -> None:
    with Served(tmp_path / "x.db", "faults: []") as served, served.connect() as client:
        took = []
        for _ in range(50):
            started = time.monotonic()
            client.sendall(_request("GET", "/vector_stores", b"", connection="keep-alive"))
            answer = b""
            while not answer.endswith(b'"has_more":false}'):
                answer += client.recv(65_536)
            took.append(time.monotonic() - started)
        assert min(took) < 0.03


def test_a_taken_port_is_one_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EmulatorError, match=f"Cannot listen on 127.0.0.1:{port}"):
            serving.serve(tmp_path / "local.db", port=port, say=print)


def test_a_database_that_cannot_be_used_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match="Cannot use"):
        serving.serve(tmp_path, say=print)


# --- faults: what goes over the wire ----------------------------------------------------------------------------------


class Reachable(serving._Server):
    """A server that can be stopped from another thread."""

    last: Reachable

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        Reachable.last = self


class Served:
    """A server with rules in a thread of its own, and a client that sees every byte."""

    def __init__(self, database: Path, rules: str) -> None:
        self.faults: list[str] = []
        obeyed = parse(rules, "faults.yaml", say=self.faults.append)
        lines: queue.Queue[str] = queue.Queue()

        def run() -> None:
            with mock.patch.object(serving, "_Server", Reachable):
                serving.serve(database, say=lines.put, rules=obeyed)

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        said = [lines.get(timeout=20) for _ in range(4)]
        self.port = int(said[1].rpartition(":")[2].partition("/")[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        Reachable.last.should_exit = True
        self.thread.join(20)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def raw(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Everything that comes back on a new connection until the server closes it."""
        with self.connect() as client:
            client.sendall(_request(method, path, body))
            return _until_closed(client)

    def json(self, method: str, path: str, body: bytes = b"") -> Any:
        head, _, content = self.raw(method, path, body).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        return json.loads(content)

    def stop(self) -> list[str]:
        """What the server said of faults from its start to its clean end."""
        self.__exit__()
        assert not self.thread.is_alive()
        return self.faults


def _request(method: str, path: str, body: bytes, *, connection: str = "close") -> bytes:
    head = f"{method} /v1{path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer sk-x\r\nConnection: {connection}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _until_closed(client: socket.socket) -> bytes:
    received = b""
    while piece := client.recv(65_536):
        received += piece
    return received


def rule(effect: str, *, on: str = "POST /vector_stores", more: str = "") -> str:
    return f"faults: [{{on: {on}, nth: 1, effect: {effect}{more}}}]"


@pytest.mark.parametrize(("effect", "executed"), [("lost", 1), ("dropped", 0), ("late, seconds: 900", 0)])
def test_a_connection_is_closed_without_a_single_byte_and_the_server_goes_on(
    tmp_path: Path, effect: str, executed: int
) -> None:
    with Served(tmp_path / "x.db", rule(effect)) as served:
        assert served.raw("POST", "/vector_stores", b'{"name": "docs"}') == b""
        assert len(served.json("GET", "/vector_stores")["data"]) == executed
        word = effect.partition(",")[0]
        assert served.stop() == [f"fault: {word} POST /v1/vector_stores (request 1)"]


def test_a_connection_that_is_kept_alive_is_closed_too(tmp_path: Path) -> None:
    with Served(tmp_path / "x.db", rule("dropped")) as served:
        with served.connect() as client:
            client.sendall(_request("GET", "/vector_stores", b"", connection="keep-alive"))
            answer = b""
            while not answer.endswith(b'"has_more":false}'):
                answer += client.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200 OK")
            client.sendall(_request("POST", "/vector_stores", b"{}", connection="keep-alive"))
            assert _until_closed(client) == b""
        assert served.stop() == ["fault: dropped POST /v1/vector_stores (request 2)"]


def test_a_body_breaks_off_before_its_announced_length(tmp_path: Path) -> None:
    with Served(tmp_path / "x.db", rule("truncated")) as served:
        head, _, body = served.raw("POST", "/vector_stores", b'{"name": "docs"}').partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        (length,) = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        assert 0 < len(body) < length
        assert body.startswith(b'{"id"')
        assert [store["name"] for store in served.json("GET", "/vector_stores")["data"]] == ["docs"]
        assert served.stop() == ["fault: truncated POST /v1/vector_stores (request 1)"]


@pytest.mark.parametrize(
    ("effect", "status", "contents"),
    [
        ("html", b"200 OK", b"<!doctype html>"),
        ("redirect", b"307 Temporary Redirect", b"location: https://elsewhere.invalid/v1/vector_stores"),
        ("status, status: 429, headers: {retry-after: -5}", b"429 Too Many Requests", b"retry-after: -5\r\n"),
        ("status, status: 204", b"204 No Content", b"x-request-id"),
        ("status, status: 304", b"304 Not Modified", b"x-request-id"),
        ("status, status: 599", b"599 ", b'"server_error"'),
    ],
)
def test_every_other_answer_is_proper_http(tmp_path: Path, effect: str, status: bytes, contents: bytes) -> None:
    with Served(tmp_path / "x.db", rule(effect)) as served:
        answer = served.raw("POST", "/vector_stores", b"{}")
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert contents in answer
        assert len(served.stop()) == 1


def test_a_delayed_answer_arrives_when_it_should(tmp_path: Path) -> None:
    with Served(tmp_path / "x.db", rule("delay", more=", seconds: 0.3")) as served:
        started = time.monotonic()
        assert served.raw("POST", "/vector_stores", b"{}").startswith(b"HTTP/1.1 200 OK")
        assert time.monotonic() - started >= 0.3


def test_a_long_delay_holds_up_neither_other_requests_nor_the_servers_end(tmp_path: Path) -> None:
    with Served(tmp_path / "x.db", rule("delay", more=", seconds: 3600")) as served, served.connect() as slow:
        slow.sendall(_request("POST", "/vector_stores", b"{}"))
        assert len(served.json("GET", "/vector_stores")["data"]) == 1
        assert len(served.stop()) == 1
        assert _until_closed(slow).startswith(b"HTTP/1.1 200 OK")


def test_a_late_request_is_executed_on_the_servers_clock(tmp_path: Path) -> None:
    with Served(tmp_path / "x.db", rule("late, seconds: 0.2")) as served:
        assert served.raw("POST", "/vector_stores", b"{}") == b""
        deadline = time.monotonic() + 10
        while not served.json("GET", "/vector_stores")["data"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
