"""Lists: newest first, cursors by id, `has_more` from one row too many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.emulator.errors import ApiError, invalid
from reconciler.emulator.storage import load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reconciler.emulator.call import Call, Json

MOST = 100
DEFAULT = 20


def no_cursor(cursor: str, name: str) -> ApiError:
    """400 for a cursor whose object does not exist (any more)."""
    return invalid(name, f"no object with id '{cursor}' in this list")


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows a list is cut from. Everything but `args` is our own SQL, never a client's.

    `only` narrows what is shown; a cursor may name any object of the list, shown or not.
    """

    where: str
    args: tuple[Any, ...]
    only: str = ""
    only_args: tuple[Any, ...] = ()
    table: str = "objects"
    columns: str = "doc"
    key: str = "created_at"
    default: int = DEFAULT
    most: int = MOST
    no_cursor: Callable[[str, str], ApiError] = no_cursor


def objects(kind: str, *, parent: str = "", **more: Any) -> Listing:
    """The objects of a kind, all or those of a parent."""
    return Listing("kind = ? AND parent = ?", (kind, parent), **more)


def having(path: str, wanted: str | None) -> dict[str, Any]:
    """Narrow a listing to objects with this value at a JSON path; None narrows nothing."""
    return {} if wanted is None else {"only": " AND json_extract(doc, ?) = ?", "only_args": (path, wanted)}


def page_of(call: Call, listing: Listing, render: Callable[[Json], Json] = lambda doc: doc) -> Json:
    """Cut one page of objects, which are shown as they are stored unless said otherwise."""
    return page(call, listing, lambda row: render(load(row[0])))


def page(call: Call, listing: Listing, render: Callable[[Sequence[Any]], Json]) -> Json:
    """Cut one page as the request's `limit`, `order`, `after` and `before` say.

    A limit above the maximum is clamped. Objects younger than the list lag are not listed.
    """
    limit = min(call.query.get("limit", listing.default), listing.most)
    ascending = call.query.get("order", "desc") == "asc"
    where, args = listing.where + listing.only, [*listing.args, *listing.only_args]
    if call.switches.list_lag > 0:
        where += " AND born <= ?"
        args.append(call.now - call.switches.list_lag)
    backwards = "before" in call.query and "after" not in call.query
    for name, forwards in (("after", True), ("before", False)):
        if name in call.query:
            where += f" AND ({listing.key}, seq) {'>' if ascending is forwards else '<'} (?, ?)"
            args.extend(_position(call, listing, call.query[name], name))
    direction = "ASC" if ascending is not backwards else "DESC"
    rows = call.storage.execute(
        f"SELECT {listing.columns} FROM {listing.table} WHERE {where} "  # noqa: S608
        f"ORDER BY {listing.key} {direction}, seq {direction} LIMIT ?",
        *(*args, limit + 1),
    ).fetchall()
    shown = rows[:limit][::-1] if backwards else rows[:limit]
    return envelope([render(row) for row in shown], has_more=len(rows) > limit)


def _position(call: Call, listing: Listing, cursor: str, name: str) -> tuple[int, int]:
    row = call.storage.execute(
        f"SELECT {listing.key}, seq FROM {listing.table} WHERE {listing.where} AND id = ?",  # noqa: S608
        *(*listing.args, cursor),
    ).fetchone()
    if row is None:
        raise listing.no_cursor(cursor, name)
    return row[0], row[1]


def envelope(data: list[Json], *, has_more: bool) -> Json:
    """Wrap a page."""
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }
