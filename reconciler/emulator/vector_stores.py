"""Vector stores themselves: `/vector_stores`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.emulator import store_files
from reconciler.emulator.paging import objects, page_of
from reconciler.emulator.store_files import STATUS, expires_at, read_store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from reconciler.emulator.call import Call, Json

_COUNTS = f"SELECT {STATUS} AS status, count(*), sum(usage) FROM attachments WHERE store = ? GROUP BY status"  # noqa: S608


def create(call: Call) -> Json:
    """Make a store and attach `file_ids`; the description is taken and never shown, as on the service."""
    return render(call, make(call, call.body), fresh=True)


def make(call: Call, body: Mapping[str, Any]) -> Json:
    """Make a store from a checked body."""
    store = {
        "id": call.new_id("vs_"),
        "created_at": call.timestamp,
        "name": body.get("name", ""),
        "metadata": body.get("metadata") or {},
        "expires_after": body.get("expires_after"),
        "last_active_at": call.timestamp,
        "expired": False,
    }
    call.storage.insert("vector_store", store, now=call.now, expires_at=expires_at(store))
    shared = {key: body[key] for key in ("chunking_strategy",) if key in body}
    store_files.attach(call, store["id"], [{"file_id": file_id, **shared} for file_id in body.get("file_ids", ())])
    return store


def retrieve(call: Call) -> Json:
    """Read one."""
    return render(call, read_store(call))


def list_all(call: Call) -> Json:
    """List them."""
    return page_of(call, objects("vector_store"), lambda store: render(call, store))


def update(call: Call) -> Json:
    """Change name, metadata or expiry; null removes. An expired store stays expired."""
    store = read_store(call)
    if "name" in call.body:
        store["name"] = call.body["name"] or ""
    if "metadata" in call.body:
        store["metadata"] = call.updated("metadata", store["metadata"])
    if "expires_after" in call.body:
        store["expires_after"] = call.body["expires_after"]
    store_files.touch(call, store)
    return render(call, store)


def delete(call: Call) -> Json:
    """Delete a store and its attachments; the Files stay."""
    store_id = read_store(call)["id"]
    store_files.detach(call, "store = ?", store_id)
    for batch in call.storage.children("batch", store_id):
        call.storage.execute("DELETE FROM batch_files WHERE batch = ?", batch["id"])
        call.storage.remove("batch", batch["id"], parent=store_id)
    call.storage.remove("vector_store", store_id)
    return {"id": store_id, "object": "vector_store.deleted", "deleted": True}


def expire(call: Call, store: Json) -> None:
    """Let a store expire: it stays, its files go."""
    store["expired"] = True
    store_files.detach(call, "store = ?", store["id"])
    call.storage.save("vector_store", store)


def count(rows: list[tuple[str, int]]) -> Json:
    """Add up statuses into `file_counts`."""
    found = dict(rows)
    counts = {name: found.get(name, 0) for name in ("in_progress", "completed", "failed", "cancelled")}
    return {**counts, "total": sum(counts.values())}


def render(call: Call, store: Json, *, fresh: bool = False) -> Json:
    """Show a store; a fresh one has not begun to process its files."""
    rows = call.storage.execute(_COUNTS, call.now, store["id"]).fetchall()
    if fresh:
        rows = [("in_progress", sum(row[1] for row in rows), 0)] if rows else []
    counts = count([(status, number) for status, number, _ in rows])
    status = "expired" if store["expired"] else "in_progress" if counts["in_progress"] else "completed"
    return {
        "id": store["id"],
        "object": "vector_store",
        "created_at": store["created_at"],
        "name": store["name"],
        "usage_bytes": sum(usage for status, _, usage in rows if status == "completed"),
        "file_counts": counts,
        "status": status,
        "expires_after": store["expires_after"],
        "expires_at": expires_at(store),
        "last_active_at": store["last_active_at"],
        "metadata": store["metadata"],
    }
