"""One SQLite file is the whole account: it survives restarts and `kill -9`, and two processes may share it."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.emulator.errors import EmulatorError
from reconciler.emulator.ghosts import Ghosts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.emulator.call import Json

APPLICATION_ID = 0x52454331
VERSION = 1
BUSY_SECONDS = 30
_HEADER = b"SQLite format 3\x00"
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

_SCHEMA = """
CREATE TABLE objects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL, parent TEXT NOT NULL, id TEXT NOT NULL,
  born REAL NOT NULL, created_at INTEGER NOT NULL, expires_at REAL,
  doc TEXT NOT NULL
);
CREATE UNIQUE INDEX object_identity ON objects (kind, parent, id);
CREATE INDEX object_order ON objects (kind, parent, created_at, seq);
CREATE INDEX object_expiry ON objects (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE contents (owner TEXT NOT NULL, piece INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE (owner, piece));

CREATE TABLE attachments (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  store TEXT NOT NULL, id TEXT NOT NULL,
  born REAL NOT NULL, created_at INTEGER NOT NULL,
  settles_at REAL NOT NULL, outcome TEXT NOT NULL, error TEXT, usage INTEGER NOT NULL,
  attributes TEXT NOT NULL, chunk_tokens INTEGER NOT NULL, chunk_overlap INTEGER NOT NULL,
  indexed INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX attachment_identity ON attachments (store, id);
CREATE INDEX attachment_order ON attachments (store, created_at, seq);
CREATE INDEX attachment_counts ON attachments (store, outcome, settles_at, usage);
CREATE INDEX attachment_file ON attachments (id);

CREATE TABLE batch_files (batch TEXT NOT NULL, file TEXT NOT NULL, PRIMARY KEY (batch, file)) WITHOUT ROWID;

CREATE TABLE chunks (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  store TEXT NOT NULL, file TEXT NOT NULL, position INTEGER NOT NULL, text TEXT NOT NULL
);
CREATE INDEX chunk_owner ON chunks (store, file, position);
CREATE VIRTUAL TABLE chunk_words USING fts5 (
  text, content='chunks', content_rowid='seq', tokenize="porter unicode61 remove_diacritics 2"
);
CREATE TRIGGER chunk_added AFTER INSERT ON chunks BEGIN
  INSERT INTO chunk_words (rowid, text) VALUES (new.seq, new.text);
END;
CREATE TRIGGER chunk_removed AFTER DELETE ON chunks BEGIN
  INSERT INTO chunk_words (chunk_words, rowid, text) VALUES ('delete', old.seq, old.text);
END;
"""


class Storage:
    """The tables, and the few operations on them that every service needs."""

    def __init__(self, database: str | Path) -> None:
        self._place = str(database)
        try:
            self._connection = self._open()
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            raise EmulatorError(f"Cannot use {self._place} as the emulator's database: {error}.") from error
        self.ghosts = Ghosts(self._connection)

    def _open(self) -> sqlite3.Connection:
        if self._place != ":memory:":
            Path(self._place).parent.mkdir(parents=True, exist_ok=True)
            # Documents and prompts are stored here: nobody else on the machine needs to read them.
            os.close(os.open(self._place, os.O_RDWR | os.O_CREAT, 0o600))
            self._check_header()
        return sqlite3.connect(self._place, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    def _check_header(self) -> None:
        """Refuse what SQLite would take for an empty database and overwrite: a file shorter than a header."""
        with Path(self._place).open("rb") as file:
            if file.read(len(_HEADER)) not in (b"", _HEADER):
                raise EmulatorError(f"{self._place} is not a database; give the emulator its own file.")

    def _prepare(self) -> None:
        try:
            self._check_ours()
            self.execute("PRAGMA journal_mode = WAL")
            self.execute("PRAGMA synchronous = NORMAL")
            with self.transaction(writes=True):
                if self._check_ours() == 0:
                    self._create()
        except BaseException:
            self._connection.close()
            raise

    def _check_ours(self) -> int:
        version: int = self.execute("PRAGMA user_version").fetchone()[0]
        application = self.execute("PRAGMA application_id").fetchone()[0]
        tables = self.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != APPLICATION_ID and (tables or version):
            raise EmulatorError(f"{self._place} is a database of another program; give the emulator its own file.")
        if version > VERSION:
            message = f"{self._place} was written by a newer version (schema {version}, this one knows {VERSION})"
            raise EmulatorError(f"{message}; upgrade, or use another file.")
        return version

    def _create(self) -> None:
        statement = ""
        for line in _SCHEMA.splitlines():
            statement += line + "\n"
            if sqlite3.complete_statement(statement):
                self.execute(statement)
                statement = ""
        self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        """Run one statement."""
        return self._connection.execute(sql, args)

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[None]:
        """All or nothing. A writing one takes the lock at its start, so it never fails half-way for want of it."""
        if self._place == ":memory:" and not writes:
            yield  # nobody else is there to write in between
            return
        self.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            # SQLite may have rolled back by itself, for example when the disk is full.
            if self._connection.in_transaction:
                self.execute("ROLLBACK")
            raise

    def insert(self, kind: str, doc: Json, *, now: float, parent: str = "", expires_at: float | None = None) -> None:
        """Add an object; its id is `doc["id"]`."""
        self.execute(
            "INSERT INTO objects (kind, parent, id, born, created_at, expires_at, doc) VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(kind, parent, doc["id"], now, int(now), expires_at, dump(doc)),
        )

    def find(self, kind: str, object_id: str, *, parent: str = "") -> Json | None:
        """Read an object, or None."""
        row = self.execute(
            "SELECT doc FROM objects WHERE kind = ? AND parent = ? AND id = ?", kind, parent, object_id
        ).fetchone()
        return load(row[0]) if row else None

    def save(self, kind: str, doc: Json, *, parent: str = "", expires_at: float | None = None) -> None:
        """Write an object that exists."""
        self.execute(
            "UPDATE objects SET doc = ?, expires_at = ? WHERE kind = ? AND parent = ? AND id = ?",
            *(dump(doc), expires_at, kind, parent, doc["id"]),
        )

    def remove(self, kind: str, object_id: str, *, parent: str = "") -> None:
        """Delete an object."""
        self.execute("DELETE FROM objects WHERE kind = ? AND parent = ? AND id = ?", kind, parent, object_id)

    def children(self, kind: str, parent: str) -> list[Json]:
        """Read all objects of a parent, oldest first."""
        sql = "SELECT doc FROM objects WHERE kind = ? AND parent = ? ORDER BY seq"
        return [load(doc) for (doc,) in self.execute(sql, kind, parent)]

    def expired(self, now: float) -> list[tuple[str, Json]]:
        """Name the objects whose time has come, as (kind, object)."""
        sql = "SELECT kind, doc FROM objects WHERE expires_at <= ? ORDER BY expires_at, seq"
        return [(kind, load(doc)) for kind, doc in self.execute(sql, now)]

    def write_content(self, owner: str, data: bytes) -> None:
        """Store the bytes of a file, an upload's part or a skill version."""
        self.execute("INSERT INTO contents (owner, piece, data) VALUES (?, 0, ?)", owner, data)

    def read_content(self, owner: str) -> bytes:
        """Read all bytes of an owner."""
        return b"".join(self.pieces(owner))

    def pieces(self, owner: str) -> Iterator[bytes]:
        """Read an owner's bytes piece by piece, so that a large upload is never in memory at once."""
        for (data,) in self.execute("SELECT data FROM contents WHERE owner = ? ORDER BY piece", owner):
            yield data

    def move_content(self, owner: str, *, to: str, piece: int) -> None:
        """Make an upload's part a piece of the file."""
        self.execute("UPDATE contents SET owner = ?, piece = ? WHERE owner = ?", to, piece, owner)

    def remove_content(self, owner: str) -> None:
        """Forget an owner's bytes."""
        self.execute("DELETE FROM contents WHERE owner = ?", owner)


def dump(value: Any) -> str:
    """Write a value as compact JSON."""
    return _ENCODER.encode(value)


def load(text: str) -> Any:
    """Read what `dump` wrote."""
    return json.loads(text)
