from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest

from reconciler.emulator import EmulatorError
from reconciler.emulator.serve import serve

if TYPE_CHECKING:
    from pathlib import Path

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


def test_a_taken_port_is_one_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EmulatorError, match=f"Cannot listen on 127.0.0.1:{port}"):
            serve(tmp_path / "local.db", port=port, say=print)


def test_a_database_that_cannot_be_used_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match="Cannot use"):
        serve(tmp_path, say=print)
