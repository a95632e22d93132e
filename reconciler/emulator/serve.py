"""The emulator over HTTP, on this machine only."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

from reconciler.emulator.asgi import application
from reconciler.emulator.errors import EmulatorError
from reconciler.emulator.machine import Emulator
from reconciler.emulator.settings import Profile, Switches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST = "127.0.0.1"
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Server(uvicorn.Server):
    """Stops at a signal and returns, where uvicorn would raise the signal a second time."""

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
) -> None:
    """Serve the account in `database` until SIGINT or SIGTERM; port 0 takes a free one.

    `say` is called with each line meant for the user. Raises EmulatorError if the port is taken or the database
    cannot be used.
    """
    emulator = Emulator(database, profile=profile, switches=switches)
    try:
        with _listen(port) as listener:
            url = f"http://{HOST}:{listener.getsockname()[1]}/v1"
            for line in (f"The emulator serves {database} at {url}", *_instructions(url)):
                say(line)
            config = uvicorn.Config(application(emulator), log_level="warning", access_log=False, ws="none")
            _Server(config).run(sockets=[listener])
    finally:
        emulator.close()


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
