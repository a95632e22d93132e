from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from reconciler.emulator import Emulator, EmulatorError, Request
from tests.emulator.account import HEADERS, Account

if TYPE_CHECKING:
    from pathlib import Path

WRITER = """
import sys
from reconciler.emulator import Emulator, Request
emulator = Emulator(sys.argv[1])
headers = {"authorization": "Bearer sk", "content-type": "application/json"}
while True:
    response = emulator.handle(Request("POST", "/vector_stores", (), headers, b'{"name": "x"}'))
    print(response.body.decode(), flush=True)
"""


def test_the_account_survives_reopening(tmp_path: Path) -> None:
    path = tmp_path / "state" / "local.db"
    first = Account(path)
    with first.emulator:
        file = first.upload("a.md", "A zebra.")
        store = first.store(name="docs", file_ids=[file])
        first.post(f"/vector_stores/{store}/search", {"query": "zebra"})
        listed = first.get("/vector_stores")
    again = Account(path)
    with again.emulator:
        assert again.get("/vector_stores") == listed
        assert again.post(f"/vector_stores/{store}/search", {"query": "zebra"})["data"][0]["file_id"] == file


def test_the_file_is_private(tmp_path: Path) -> None:
    Account(tmp_path / "local.db").emulator.close()
    assert (tmp_path / "local.db").stat().st_mode & 0o077 == 0


def test_two_emulators_share_one_file(tmp_path: Path) -> None:
    first, second = Account(tmp_path / "local.db"), Account(tmp_path / "local.db")
    with first.emulator, second.emulator:
        store = first.store(name="docs")
        assert second.get(f"/vector_stores/{store}")["name"] == "docs"
        second.post(f"/vector_stores/{store}", {"name": "renamed"})
        assert first.get(f"/vector_stores/{store}")["name"] == "renamed"


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    emulators = [Emulator(tmp_path / "local.db") for _ in range(2)]

    def write(emulator: Emulator) -> None:
        for _ in range(40):
            emulator.handle(Request("POST", "/vector_stores", (), HEADERS, b"{}"))

    threads = [threading.Thread(target=write, args=(emulator,)) for emulator in emulators]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = Account(tmp_path / "local.db")
    assert len(seen.get("/vector_stores", limit=100)["data"]) == 80
    for emulator in (*emulators, seen.emulator):
        emulator.close()


def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "local.db"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    answered = [process.stdout.readline() for _ in range(5)]
    os.kill(process.pid, signal.SIGKILL)
    answered += process.stdout.readlines()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    account = Account(path)
    kept = {store["id"] for store in account.get("/vector_stores", order="asc", limit=100)["data"]}
    assert all(any(store in line for store in kept) for line in answered[:100] if line.endswith("\n"))


def test_what_was_refused_has_changed_nothing(account: Account) -> None:
    body = {"model": "m", "tool_resources": {"file_search": {"vector_stores": [{"file_ids": ["file-none"]}]}}}
    assert account.send("POST", "/assistants", body).status == 404
    assert account.get("/vector_stores")["data"] == []


@pytest.mark.parametrize("content", [b"not a database, but long enough to look like something" * 40, b"x"])
def test_a_file_of_another_kind_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(EmulatorError, match=r"notes\.txt"):
        Emulator(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(EmulatorError, match="another program"):
        Emulator(path)
    assert path.read_bytes() == before


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "local.db"
    Emulator(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(EmulatorError, match="newer version"):
        Emulator(path)


def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match="Cannot use"):
        Emulator(tmp_path)


def test_a_closed_database_gives_a_response_all_the_same(account: Account) -> None:
    account.emulator.close()
    answer = account.send("GET", "/vector_stores")
    assert answer.error == (503, "server_is_overloaded", None)
