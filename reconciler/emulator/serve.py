"""The emulator over HTTP, on this machine only."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from reconciler.emulator.asgi import HANG_UP, application
from reconciler.emulator.errors import EmulatorError
from reconciler.emulator.faults import Faulty
from reconciler.emulator.machine import Emulator
from reconciler.emulator.settings import Profile, Switches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from reconciler.emulator.fault_rules import Rules

HOST = "127.0.0.1"
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Connection(H11Protocol):
    """Lets the application close the connection, which is how an answer gets lost; and answers at once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._application = self.app
        self.app = self._run

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin. An answer is two writes; the second must not wait until the client has confirmed the first (40 ms)."""
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"] = {HANG_UP: self.transport.close}
        await self._application(scope, receive, send)


class _Server(uvicorn.Server):
    """Stops at a signal and returns, where uvicorn would raise the signal a second time."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, without waiting for answers that are merely delayed."""
        self._stopping.set()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(
    database: str | Path,
    *,
    say: Callable[[str], None],
    port: int = 0,
    profile: Profile = Profile.OPENAI,
    switches: Switches | None = None,
    rules: Rules | None = None,
    ahead: float = 0.0,
) -> None:
    """Serve the account in `database` until SIGINT or SIGTERM; port 0 takes a free one.

    `say` is called with each line meant for the user. `rules` say which requests go wrong, and how. The
    account's clock is `ahead` by so many seconds. Raises EmulatorError if the port is taken or the database cannot be
    used.
    """

    def clock() -> float:
        return time.time() + ahead

    with Emulator(database, profile=profile, clock=clock, switches=switches) as emulator, _listen(port) as listener:
        url = f"http://{HOST}:{listener.getsockname()[1]}/v1"
        for line in (f"The emulator serves {database} at {url}", *_instructions(url)):
            say(line)
        machine = emulator if rules is None else Faulty(emulator, rules, clock=clock)
        stopping = asyncio.Event()
        front = _dated(application(machine, stopping=stopping), clock)
        config = uvicorn.Config(
            front, http=_Connection, log_level="warning", access_log=False, ws="none", date_header=False
        )
        _Server(config, stopping).run(sockets=[listener])


def _dated(application: ASGIApp, clock: Callable[[], float]) -> ASGIApp:
    """The application with the account's time, not the machine's, as the date of its answers."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = (b"date", formatdate(clock(), usegmt=True).encode())
                others = [pair for pair in message["headers"] if pair[0].lower() != b"date"]
                message = {**message, "headers": [*others, date]}
            await send(message)

        await application(scope, receive, dated)

    return run


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except (OSError, OverflowError) as error:
        message = f"Cannot listen on {HOST}:{port}: {error}. Choose another port, or 0 for a free one."
        raise EmulatorError(message) from error


def _instructions(url: str) -> tuple[str, ...]:
    return (
        f"export OPENAI_BASE_URL={url}",
        "export OPENAI_API_KEY=sk-local    # any key is accepted",
        "Stop with Ctrl-C.",
    )
