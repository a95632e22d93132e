"""A service that misbehaves, over HTTP in this process: one message that names the call once, a way out, the exit code."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import uvicorn

from reconciler.emulator import Emulator
from reconciler.emulator.asgi import application
from reconciler.emulator.fault_rules import parse
from reconciler.emulator.faults import Faulty
from tests.cli.conftest import Command

Serve = Callable[[str], None]
PLAN = ("plan", "--as-of", "2026-11-22")


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serve an empty account that obeys one rule, and point the command line at it."""
    running: list[tuple[uvicorn.Server, threading.Thread, Emulator]] = []

    def begin(rule: str) -> None:
        emulator = Emulator()
        machine = Faulty(emulator, parse(f"faults: [{{{rule}}}]", "faults.yaml"), clock=time.time)
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application(machine), log_level="error", ws="none", lifespan="off"))
        thread = threading.Thread(target=asyncio.run, args=(server.serve(sockets=[listener]),))
        thread.start()
        running.append((server, thread, emulator))
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-local")

    yield begin
    for server, thread, emulator in running:
        server.should_exit = True
        thread.join()
        emulator.close()


@pytest.mark.parametrize(
    ("rule", "summary", "advice"),
    [
        (
            "status: 304",
            "GET /vector_stores answered 304 instead of an object: that is a cache between us and the API (",
            "Check that OPENAI_BASE_URL is an OpenAI API, with no proxy or login page in front of it.",
        ),
        ("status: 400", "GET /vector_stores answered 400: ", "Check that OPENAI_BASE_URL is an OpenAI API"),
        ("status: 413", "GET /vector_stores answered 413: ", "Check that OPENAI_BASE_URL is an OpenAI API"),
        ("status: 422", "GET /vector_stores answered 422: ", "Check that OPENAI_BASE_URL is an OpenAI API"),
        ("status: 451", "GET /vector_stores answered 451: ", "Check that OPENAI_BASE_URL is an OpenAI API"),
        (
            "status: 429, headers: {retry-after: 86400}",
            "GET /vector_stores answered 429: ",
            "The service asks to wait 24 h, until ",
        ),
    ],
)
def test_a_plan_that_cannot_be_made_says_which_call_failed_and_what_to_do(
    reconciler: Command, serve: Serve, rule: str, summary: str, advice: str
) -> None:
    serve(f"on: GET /vector_stores, effect: status, {rule}")
    ended = reconciler(*PLAN)
    first, second = ended.err.splitlines()
    assert (ended.code, ended.out) == (9, "")
    assert first.startswith(f"Error: {summary}")
    assert first.count("/vector_stores") == 1
    assert first.endswith((".", ")."))
    assert second.startswith(advice)
