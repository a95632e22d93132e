"""Attaching many Files at once: `/vector_stores/{id}/file_batches`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.emulator import store_files
from reconciler.emulator.errors import bad_request, no_such
from reconciler.emulator.store_files import STATUS
from reconciler.emulator.vector_stores import count

if TYPE_CHECKING:
    from reconciler.emulator.call import Call, Json

_IN_BATCH = "store = ? AND id IN (SELECT file FROM batch_files WHERE batch = ?)"
_COUNTS = f"SELECT {STATUS} AS status, count(*) FROM attachments WHERE {_IN_BATCH} GROUP BY status"  # noqa: S608


def create(call: Call) -> Json:
    """Attach Files, with shared attributes (`file_ids`) or each its own (`files`); all or none."""
    if ("file_ids" in call.body) == ("files" in call.body):
        raise bad_request("Exactly one of 'file_ids' and 'files' must be given.", param="file_ids")
    store = store_files.open_store(call)
    shared = {key: call.body[key] for key in ("attributes", "chunking_strategy") if key in call.body}
    wanted = call.body.get("files") or [{**shared, "file_id": file_id} for file_id in call.body["file_ids"]]
    new = store_files.attach(call, store["id"], wanted)
    batch = {"id": call.new_id("vsfb_"), "created_at": call.timestamp, "cancelled": False}
    call.storage.insert("batch", batch, now=call.now, parent=store["id"])
    for item in wanted:
        sql = "INSERT OR IGNORE INTO batch_files (batch, file) VALUES (?, ?)"
        call.storage.execute(sql, batch["id"], item["file_id"])
    store_files.touch(call, store)
    return _render(call, store["id"], batch, pending=len(new))


def retrieve(call: Call) -> Json:
    """Read one."""
    store, batch = _find(call)
    return _render(call, store, batch)


def list_files(call: Call) -> Json:
    """List the batch's files that are still in the store."""
    store, batch = _find(call)
    return store_files.list_where(call, _IN_BATCH, (store, batch["id"]))


def cancel(call: Call) -> Json:
    """Cancel what is still in progress; a batch that is done stays as it is."""
    store, batch = _find(call)
    sql = f"UPDATE attachments SET outcome = 'cancelled', usage = 0 WHERE {_IN_BATCH} AND settles_at > ?"  # noqa: S608
    cancelled = call.storage.execute(sql, store, batch["id"], call.now).rowcount
    if cancelled:
        batch["cancelled"] = True
        call.storage.save("batch", batch, parent=store)
    return _render(call, store, batch)


def _find(call: Call) -> tuple[str, Json]:
    store = store_files.read_store(call)["id"]
    where = f" in vector store '{store}'"
    return store, call.find(
        "batch", call.path["batch_id"], lambda wanted: no_such("file batch", wanted, where=where), parent=store
    )


def _render(call: Call, store: str, batch: Json, *, pending: int = 0) -> Json:
    rows = dict(call.storage.execute(_COUNTS, call.now, store, batch["id"]).fetchall())
    if pending:
        settled = sum(rows.values()) - pending
        rows = {"in_progress": pending, "completed": settled}
    counts = count(list(rows.items()))
    status = "cancelled" if batch["cancelled"] else "in_progress" if counts["in_progress"] else "completed"
    return {
        "id": batch["id"],
        "object": "vector_store.files_batch",
        "created_at": batch["created_at"],
        "vector_store_id": store,
        "status": status,
        "file_counts": counts,
    }
