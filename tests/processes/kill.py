"""Real processes: `reconciler apply` is killed at one request against `reconciler emulator serve`, and then run again.

Between the two stands a proxy that counts requests. It kills the client either before the request reaches the server,
or when the server has acted and its answer is on the way. What is then expected is what docs/guarantees.md says.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
STACK = ("reconciler.yaml", "assistants", "knowledge")
"""What makes up the example stack."""
KEY = "sk-local"
BETA = "agents=v1, assistants=v2"
LATER = "11m"
"""How far ahead the account's clock is when the command is run again: a dead run's lease is over."""
PATIENCE = 120.0
"""Seconds after which a command is taken to hang."""


class Position(Enum):
    """When the process is killed: before its request reaches the server, or after the server has acted."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Kill:
    """The process is killed at its `request`-th request, counted from 1 as they arrive at the proxy."""

    request: int
    position: Position


@dataclass(slots=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


# --- the way between client and server --------------------------------------------------------------------------------


class Proxy(ThreadingHTTPServer):
    """Forwards requests to a server, counts them, and kills the client at one of them."""

    daemon_threads = True

    def __init__(self, upstream: str, kill: Kill | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Forward)
        host, _, port = upstream.rpartition(":")
        self.upstream = (host, int(port))
        self.kill = kill
        self.client: subprocess.Popen[str] | None = None
        self.methods: list[str] = []
        self._count = threading.Lock()
        self.started = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed leaves broken connections behind."""

    @property
    def url(self) -> str:
        """The base URL for the client."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def arrive(self, method: str) -> Position | None:
        """Count one request; where the client is to be killed at it, if at all."""
        with self._count:
            self.methods.append(method)
            hit = self.kill is not None and len(self.methods) == self.kill.request
        return self.kill.position if hit and self.kill else None

    def strike(self) -> None:
        """Kill the client, as the system does when memory runs out."""
        self.started.wait(PATIENCE)
        assert self.client is not None
        self.client.send_signal(signal.SIGKILL)
        self.client.wait(PATIENCE)


class _Forward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _forward(self) -> None:
        try:
            body = self._body()
        except EOFError:  # the client died while it sent this: no server acts on a part of a request
            self.close_connection = True
            return
        position = self.server.arrive(self.command)
        if position is Position.BEFORE:
            self._strike()
            return
        connection = http.client.HTTPConnection(*self.server.upstream, timeout=PATIENCE)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if position is Position.AFTER:
            self._strike()
            return
        with contextlib.suppress(OSError):
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OWN:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def _strike(self) -> None:
        self.server.strike()
        self.close_connection = True

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") == "chunked":
            return b"".join(self._chunks())
        return self._exactly(int(self.headers.get("content-length") or 0))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._line().split(b";")[0], 16):
            yield self._exactly(size)
            self._line()
        self._line()

    def _exactly(self, size: int) -> bytes:
        content = self.rfile.read(size)
        if len(content) < size:
            raise EOFError
        return content

    def _line(self) -> bytes:
        line = self.rfile.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return line

    do_GET = do_POST = do_DELETE = _forward  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its signature
        """Say nothing."""


_OWN = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive", "host"})
"""Headers of one hop."""


# --- the commands -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Site:
    """A copy of the example stack, and the account that it is applied to, kept in one file."""

    directory: Path
    wrong: list[str] = field(default_factory=list)

    @classmethod
    def new(cls, directory: Path) -> Site:
        """An empty account."""
        for name in STACK:
            source, target = ROOT / name, directory / "stack" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        return cls(directory)

    @contextlib.contextmanager
    def served(self, *options: str) -> Iterator[str]:
        """Serve the account over HTTP; gives host and port."""
        command = [
            *_RECONCILER,
            "emulator",
            "serve",
            "--port",
            "0",
            "--db",
            str(self.directory / "account.db"),
            *options,
        ]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=_environment()
        )
        assert process.stderr is not None
        reading: threading.Thread | None = None
        try:
            said, found = "", None
            while found is None and (line := process.stderr.readline()):
                said += line
                found = re.search(r"http://(127\.0\.0\.1:[0-9]+)/v1", line)
            if found is None:
                raise RuntimeError(f"the emulator did not start: {said}")
            reading = threading.Thread(target=process.stderr.read, daemon=True)  # or a full pipe would stop it
            reading.start()
            yield found[1]
        finally:
            process.terminate()
            process.wait(PATIENCE)
            if reading is not None:
                reading.join()
            process.stderr.close()

    def run(self, upstream: str, *arguments: str, kill: Kill | None = None) -> tuple[Ended, list[str]]:
        """One command to its end, or to the request at which it is killed; the methods of its requests."""
        proxy = Proxy(upstream, kill)
        serving = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        serving.start()
        try:
            environment = _environment() | {"OPENAI_BASE_URL": proxy.url, "OPENAI_API_KEY": KEY}
            process = subprocess.Popen(
                [*_RECONCILER, *arguments],
                cwd=self.directory / "stack",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            proxy.client = process
            proxy.started.set()
            try:
                out, err = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                err += f"\nit was still running after {PATIENCE:.0f} s"
            return Ended(process.returncode, out, err), proxy.methods
        finally:
            proxy.shutdown()
            proxy.server_close()
            serving.join()


_RECONCILER = (sys.executable, "-c", "from reconciler.cli import main; main()")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "RECONCILER_"))}
    return kept | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


# --- what is in the account -------------------------------------------------------------------------------------------


def api(upstream: str, method: str, path: str, body: Any = None) -> Any:
    """One request of somebody else."""
    host, _, port = upstream.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
    headers = {"authorization": "Bearer sk-other", "openai-beta": BETA, "content-type": "application/json"}
    try:
        connection.request(method, f"/v1{path}", None if body is None else json.dumps(body), headers)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def settle_strangers(upstream: str) -> None:
    """Objects of others: with our names, and with somebody else's tags."""
    theirs = {"reconciler.stack": "fellside-support-2#0123456789ab", "reconciler.address": "VectorStore/product-docs"}
    api(upstream, "POST", "/vector_stores", {"name": "product-docs", "metadata": {"note": "foreign"}})
    api(upstream, "POST", "/vector_stores", {"name": "product-docs", "metadata": theirs})
    api(
        upstream,
        "POST",
        "/agents",
        {"name": "release-notes", "model": "gpt-6.1-terra", "metadata": {"note": "foreign"}},
    )


def objects(upstream: str) -> list[dict[str, Any]]:
    """Every object that a stack may own, as the API shows it; activity times apart."""
    found = []
    for path in ("/vector_stores", "/agents", "/skills"):
        page = api(upstream, "GET", f"{path}?limit=100")
        assert page["has_more"] is False
        for item in page["data"]:
            item.pop("last_active_at", None)
            found.append(item)
    return found


def split(found: list[dict[str, Any]]) -> tuple[list[str], str]:
    """The addresses of what is the example stack's, and all the rest as one text."""
    ours, others = [], []
    for item in found:
        tags = item.get("metadata") or {}
        line = re.search(r"fellside-support#[0-9a-f]{12}", f"{tags.get('reconciler.stack')} {item.get('description')}")
        if line is None:
            others.append(item)
        else:
            ours.append(tags.get("reconciler.address") or f"skill {item['name']}")
    return sorted(ours), json.dumps(others, sort_keys=True)


# --- one death --------------------------------------------------------------------------------------------------------

APPLY = ("apply", "--yes", "--settle", "2s")


def fault_free(directory: Path) -> tuple[list[str], list[str]]:
    """The methods of a first apply's requests in a typical order, and the addresses that are there after it."""
    site = Site.new(directory)
    with site.served() as upstream:
        ended, methods = site.run(upstream, *APPLY)
        assert ended.code == 0, ended
        return methods, split(objects(upstream))[0]


def survive(directory: Path, kill: Kill, expected: list[str]) -> list[str]:
    """Kill a first apply at one request, run it twice more, and say what is not as promised."""
    site = Site.new(directory)
    wrong = site.wrong
    with site.served() as upstream:
        settle_strangers(upstream)
        strangers = split(objects(upstream))[1]
        died, _ = site.run(upstream, *APPLY, kill=kill)
        if died.code == 0:
            return []  # it was over before: the order of concurrent requests is not the same every time
        if died.code != -signal.SIGKILL:
            wrong.append(f"it ended with {died.code} before it could be killed: {died.err}")
    with site.served("--ahead", LATER) as upstream:
        first, _ = site.run(upstream, *APPLY)
        second, methods = site.run(upstream, *APPLY)
        plan, _ = site.run(upstream, "plan", "--detailed-exitcode")
        if second.code != 0:
            wrong.append(
                f"the second apply ends with {second.code}: {second.err} (the first: {first.code} {first.err})"
            )
        if plan.code != 0:
            wrong.append(f"the plan is not empty: {plan.out}{plan.err}")
        if first.code == 0 and set(methods) != {"GET"}:
            wrong.append(f"the second apply had something to do: {Counter(methods)}")
        for ended in (first, second, plan):
            if "Traceback" in ended.err:
                wrong.append(ended.err)
        ours, others = split(objects(upstream))
        if ours != expected:
            wrong.append(f"objects: {ours}")
        if others != strangers:
            wrong.append(f"foreign objects changed: {others}")
    return wrong
