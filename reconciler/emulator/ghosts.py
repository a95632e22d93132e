"""Deleted, and still to be seen: what lists and reads show of an object for a while after it is gone.

The account itself is never wrong: the rows are really deleted, so writes meet a 404 and whoever looks at the tables
sees the truth. What was deleted is kept beside them in temporary tables of this connection, and a read that is to see
ghosts gets temporary views, named like the tables, that show both. Nothing of it outlives the process.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_IDENTITY = {"objects": ("kind", "parent", "id"), "attachments": ("store", "id"), "contents": ("owner", "piece")}


class Ghosts:
    """The ghosts of one connection. Both contexts belong inside a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._columns: dict[str, str] = {}

    @contextmanager
    def kept(self, *, until: float) -> Iterator[None]:
        """Keep what is deleted inside as ghosts until a time, in seconds since 1970."""
        self._make_room()
        for table, columns in self._columns.items():
            old = ", ".join(f"old.{column}" for column in columns.split(", "))
            self._connection.execute(
                f"CREATE TEMP TRIGGER keep_{table} AFTER DELETE ON main.{table} BEGIN "  # noqa: S608
                f"INSERT OR REPLACE INTO ghost_{table} ({columns}, until) VALUES ({old}, {_literal(until)}); END"
            )
        try:
            yield
        finally:
            self._drop("TRIGGER", "keep_")

    @contextmanager
    def shown(self, now: float) -> Iterator[None]:
        """Let every read inside see the ghosts of this time, where nothing of their identity exists again."""
        self._make_room()
        for table, columns in self._columns.items():
            same = " AND ".join(f"here.{column} = ghost.{column}" for column in _IDENTITY[table])
            self._connection.execute(
                f"CREATE TEMP VIEW {table} AS SELECT {columns} FROM main.{table} UNION ALL "  # noqa: S608
                f"SELECT {columns} FROM ghost_{table} AS ghost WHERE until > {_literal(now)} "
                f"AND NOT EXISTS (SELECT 1 FROM main.{table} AS here WHERE {same})"
            )
        try:
            yield
        finally:
            self._drop("VIEW", "")

    def _make_room(self) -> None:
        """Make the tables of ghosts. Asked for every time: a transaction that was rolled back took them along."""
        for table, identity in _IDENTITY.items():
            if table not in self._columns:
                described = self._connection.execute(f"PRAGMA main.table_info({table})").fetchall()
                self._columns[table] = ", ".join(row[1] for row in described)
            self._connection.execute(
                f"CREATE TEMP TABLE IF NOT EXISTS ghost_{table} AS SELECT *, 0.0 AS until FROM main.{table} WHERE 0"  # noqa: S608
            )
            self._connection.execute(
                f"CREATE UNIQUE INDEX IF NOT EXISTS temp.one_{table} ON ghost_{table} ({', '.join(identity)})"
            )

    def _drop(self, what: str, prefix: str) -> None:
        for table in self._columns:
            self._connection.execute(f"DROP {what} IF EXISTS temp.{prefix}{table}")


def _literal(seconds: float) -> str:
    """A time in SQL, where it can stand in a trigger; infinity is beyond every time."""
    return "9e999" if seconds == float("inf") else repr(float(seconds))
