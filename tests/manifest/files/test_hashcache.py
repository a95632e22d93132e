"""The stat cache: right or absent, never in the way."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.manifest.files.hashcache import _TABLE, Content, HashCache
from reconciler.manifest.text.secrets import Found

NOW = 10_000_000_000_000_000_000 // 4
CONTENT = Content("ab" * 32, (Found("Stripe key", 3, 32),))


def status(
    *, inode: int = 2**63 + 5, size: int = 7, mtime: int = NOW - 3 * 10**9, ctime: int = NOW - 3 * 10**9
) -> os.stat_result:
    times = {"st_atime_ns": 0, "st_mtime_ns": mtime, "st_ctime_ns": ctime}
    return os.stat_result((0o100644, inode, 1, 1, 0, 0, size, 0, 0, 0), times)


def cached(path: Path, found: os.stat_result, *, scan: bool = True) -> Content | None:
    with HashCache(path, NOW) as cache:
        return cache.get(found, scan=scan)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / ".reconciler" / "cache.db"
    with HashCache(path, NOW) as cache:
        cache.put(status(), CONTENT, scan=True)
        assert cache.get(status(), scan=True) == CONTENT
    return path


def test_what_was_learnt_is_remembered(path: Path) -> None:
    assert cached(path, status()) == CONTENT


@pytest.mark.parametrize("change", [{"inode": 6}, {"size": 8}, {"mtime": 1}, {"ctime": 1}])
def test_any_change_of_the_status_forgets(path: Path, change: dict[str, int]) -> None:
    assert cached(path, status(**change)) is None


def test_a_hash_without_a_search_does_not_stand_for_one_with(path: Path) -> None:
    assert cached(path, status(), scan=False) is None


@pytest.mark.parametrize("change", [{"mtime": NOW - 10**9}, {"ctime": NOW - 10**9}, {"mtime": NOW + 10**12}])
def test_a_file_touched_just_now_is_not_remembered(path: Path, change: dict[str, int]) -> None:
    with HashCache(path, NOW) as cache:
        cache.put(status(**change), CONTENT, scan=True)
    assert cached(path, status(**change)) is None


def test_a_new_hash_replaces_the_old_one(path: Path) -> None:
    newer = Content("cd" * 32)
    with HashCache(path, NOW) as cache:
        cache.put(status(size=8), newer, scan=True)
    assert cached(path, status(size=8)) == newer
    assert cached(path, status()) is None


def test_outside_of_a_with_statement_it_knows_only_what_it_learnt(path: Path) -> None:
    assert HashCache(path, NOW).get(status(), scan=True) is None


@pytest.mark.parametrize("data", [b"", b"garbage" * 500, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_database_is_worked_without(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert cached(path, status()) is None
    with HashCache(path, NOW) as cache:
        cache.put(status(), CONTENT, scan=True)
    assert cached(path, status()) in {None, CONTENT}


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TRIGGER t AFTER INSERT ON hashes BEGIN DELETE FROM hashes; END",
        "CREATE TABLE other (x)",
        "ALTER TABLE hashes ADD COLUMN x",
        "DROP TABLE hashes; CREATE VIEW hashes AS SELECT 1",
    ],
)
def test_a_database_that_is_not_ours_is_left_alone(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(script)
    connection.close()
    assert cached(path, status()) is None


@pytest.mark.parametrize(
    ("sha256", "secrets"),
    [
        ("xx" * 32, "[]"),
        ("ab", "[]"),
        (7, "[]"),
        (None, None),
        ("ab" * 32, "[[1]]"),
        ("ab" * 32, "{"),
        ("ab" * 32, "[" * 100_000),
        ("ab" * 32, '[["\u001b[2J", 1, 1]]'),
        ("ab" * 32, '[["Stripe key", "x", 1]]'),
        ("ab" * 32, '[["Stripe key", 1e999, 1]]'),
        ("ab" * 32, "7"),
    ],
)
def test_a_row_that_we_would_not_have_written_is_ignored(path: Path, sha256: object, secrets: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE hashes SET sha256=?, secrets=?", (sha256, secrets))
    connection.close()
    assert cached(path, status()) is None


def test_a_locked_database_is_worked_without(path: Path) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        holder.execute("BEGIN EXCLUSIVE")
        assert cached(path, status()) is None
    finally:
        holder.close()
    with HashCache(path, NOW) as cache:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        cache.put(status(inode=9), CONTENT, scan=True)
        assert cache.get(status(inode=8), scan=True) is None
    holder.close()
    assert cached(path, status(inode=9)) is None


def test_links_pipes_and_files_in_the_way_are_not_touched(tmp_path: Path, path: Path) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"")
    path.unlink()
    path.symlink_to(target)
    assert cached(path, status()) is None
    assert target.read_bytes() == b""
    path.unlink()
    os.mkfifo(path)
    assert cached(path, status()) is None
    (tmp_path / "file").write_text("x")
    assert cached(tmp_path / "file" / "cache.db", status()) is None
    (tmp_path / "away").symlink_to(tmp_path / ".reconciler")
    assert cached(tmp_path / "away" / "cache.db", status()) is None
    assert cached(tmp_path / "missing" / "deeper" / "cache.db", status()) is None


def test_the_schema_is_stored_as_we_compare_it(path: Path) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall() == [(_TABLE,)]
    connection.close()
