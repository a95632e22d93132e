"""Remember the sha-256 of files that have not changed, so that `plan` reads only what is new.

A file is the same while device, inode, size, mtime and ctime are; one that was touched within two seconds of being read
is not remembered, since a later change could leave all five as they were. The cache lies in the working directory,
where anybody may have put anything: it is a hint for `plan` and `validate`, never for what `apply` sends, and whatever
is wrong with it means only that files are read again.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat as modes
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from reconciler.manifest.text.secrets import KINDS, VERSION, Found

_RACY_NS = 2_000_000_000
_TABLE = (
    "CREATE TABLE hashes (device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, "
    "scan INTEGER, sha256 TEXT, secrets TEXT, PRIMARY KEY (device, inode, scan))"
)
_READ = (
    "SELECT sha256, secrets FROM hashes WHERE device=? AND inode=? AND scan=? AND size=? AND mtime_ns=? AND ctime_ns=?"
)
_WRITE = (
    "INSERT OR REPLACE INTO hashes (device, inode, scan, size, mtime_ns, ctime_ns, sha256, secrets) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_Key = tuple[int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Content:
    """What reading a file gave: 64 hex digits, and the credentials found in it."""

    sha256: str
    secrets: tuple[Found, ...] = ()


@dataclass(slots=True)
class HashCache:
    """A cache at `path` (`.reconciler/cache.db`); `now_ns` is the time at which the run began, in nanoseconds.

    Use it as a context manager: what was learnt is written at the end.
    """

    path: Path
    now_ns: int
    _connection: sqlite3.Connection | None = field(default=None, init=False)
    _learnt: dict[_Key, Content] = field(default_factory=dict, init=False)

    def __enter__(self) -> Self:
        try:
            if _is_safe(self.path):
                self._connection = _connect(self.path)
        except (sqlite3.Error, OSError, ValueError):
            self._connection = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            rows = [(*key, content.sha256, _dump(content)) for key, content in self._learnt.items()]
            connection.executemany(_WRITE, rows)
            connection.commit()
        except sqlite3.Error:
            pass
        finally:
            connection.close()

    def get(self, stat: os.stat_result, *, scan: bool) -> Content | None:
        """What is known of a file with this status; with `scan`, only if it was searched for credentials."""
        key = _key(stat, scan=scan)
        if self._connection is None or key in self._learnt:
            return self._learnt.get(key)
        try:
            row = self._connection.execute(_READ, key).fetchone()
            return None if row is None else _load(row)
        except (sqlite3.Error, ValueError, TypeError, OverflowError, RecursionError):
            return None

    def put(self, stat: os.stat_result, content: Content, *, scan: bool) -> None:
        """Remember what a file with this status contains, unless it may still be changing."""
        if max(stat.st_mtime_ns, stat.st_ctime_ns) < self.now_ns - _RACY_NS:
            self._learnt[_key(stat, scan=scan)] = content


def _key(stat: os.stat_result, *, scan: bool) -> _Key:
    signed = [(number + 2**63) % 2**64 - 2**63 for number in (stat.st_dev, stat.st_ino)]
    return (signed[0], signed[1], VERSION if scan else 0, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def _is_safe(path: Path) -> bool:
    """Whether the database is a plain file, or absent, in a real directory (which is made if need be)."""
    path.parent.mkdir(exist_ok=True)
    if not modes.S_ISDIR(path.parent.lstat().st_mode):
        return False
    beside = [path.with_name(path.name + suffix) for suffix in ("", "-journal", "-wal", "-shm")]
    return all(modes.S_ISREG(item.lstat().st_mode) for item in beside if os.path.lexists(item))


def _connect(path: Path) -> sqlite3.Connection | None:
    """Open the database; anything in it that we did not put there means that it is not ours."""
    connection = sqlite3.connect(path, timeout=0)
    try:
        connection.execute("PRAGMA trusted_schema=OFF")
        schema = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        if not schema:
            connection.execute(_TABLE)
        elif schema != [(_TABLE,)]:
            connection.close()
            return None
    except BaseException:
        connection.close()
        raise
    return connection


def _dump(content: Content) -> str:
    return json.dumps([[item.kind, item.offset, item.length] for item in content.secrets])


def _load(row: tuple[object, object]) -> Content | None:
    """A row's content, or None if it is not what we would have written."""
    digest, secrets = row
    if not (isinstance(digest, str) and len(digest) == 64 and set(digest) <= set("0123456789abcdef")):
        return None
    found = [Found(str(kind), int(offset), int(length)) for kind, offset, length in json.loads(str(secrets))]
    return Content(digest, tuple(found)) if all(item.kind in KINDS for item in found) else None
