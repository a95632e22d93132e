"""Files in a vector store: `/vector_stores/{id}/files`. The id is the File's id; a status is a matter of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.emulator import processing
from reconciler.emulator.errors import ApiError, bad_request, no_such, no_such_file, no_such_store
from reconciler.emulator.paging import Listing, page
from reconciler.emulator.processing import Chunking
from reconciler.emulator.storage import dump, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.emulator.call import Call, Json

_COLUMNS = "store, id, created_at, settles_at, outcome, error, usage, attributes, chunk_tokens, chunk_overlap"
STATUS = "CASE WHEN outcome != 'cancelled' AND settles_at > ? THEN 'in_progress' ELSE outcome END"


@dataclass(frozen=True, slots=True)
class Attachment:
    """One row: a File in a store, with the outcome that shows once it has settled."""

    store: str
    id: str
    created_at: int
    settles_at: float
    outcome: str
    error: str | None
    usage: int
    attributes: str
    chunk_tokens: int
    chunk_overlap: int

    def status(self, now: float) -> str:
        """Give the status at a time."""
        pending = self.outcome != "cancelled" and self.settles_at > now
        return "in_progress" if pending else self.outcome


def create(call: Call) -> Json:
    """Attach a File. The response shows it in progress; attaching it again changes nothing."""
    store = open_store(call)
    attached = attach(call, store["id"], [call.body])
    touch(call, store)
    file_id = call.body["file_id"]
    return render(call, find(call, store["id"], file_id), pending=file_id in attached)


def retrieve(call: Call) -> Json:
    """Read one."""
    return render(call, find(call, read_store(call)["id"], call.path["file_id"]))


def update(call: Call) -> Json:
    """Set the attributes, the only thing that can change in place."""
    found = find(call, open_store(call)["id"], call.path["file_id"])
    attributes = call.updated("attributes", load(found.attributes))
    sql = "UPDATE attachments SET attributes = ? WHERE store = ? AND id = ?"
    call.storage.execute(sql, dump(attributes), found.store, found.id)
    return render(call, find(call, found.store, found.id))


def list_all(call: Call) -> Json:
    """List a store's files, all or those of one status."""
    return list_where(call, "store = ?", (read_store(call)["id"],))


def list_where(call: Call, where: str, args: tuple[Any, ...]) -> Json:
    """List attachments by our own condition and the request's filter."""
    wanted = call.query.get("filter")
    only, only_args = (f" AND {STATUS} = ?", (call.now, wanted)) if wanted else ("", ())
    listing = Listing(where, args, only, only_args, table="attachments", columns=_COLUMNS)
    return page(call, listing, lambda row: render(call, Attachment(*row)))


def delete(call: Call) -> Json:
    """Detach a File, which stays; one that is still being processed answers 404, as people report."""
    store = open_store(call)
    found = find(call, store["id"], call.path["file_id"])
    if found.status(call.now) == "in_progress":
        raise _missing(found.store, found.id)
    detach(call, "store = ? AND id = ?", found.store, found.id)
    touch(call, store)
    return {"id": found.id, "object": "vector_store.file.deleted", "deleted": True}


def content(call: Call) -> Json:
    """Give the parsed text, in pieces of the chunking's size but without the overlap, so that they join up."""
    found = find(call, read_store(call)["id"], call.path["file_id"])
    text = "" if found.status(call.now) != "completed" else stored_text(call, found.id)
    pieces = processing.chunks(text, Chunking(found.chunk_tokens, 0))
    data = [{"type": "text", "text": piece} for piece in pieces]
    return {"object": "vector_store.file_content.page", "data": data, "has_more": False, "next_page": None}


def stored_text(call: Call, file_id: str) -> str:
    """Read a File's text."""
    file = call.storage.find("file", file_id) or {"filename": ""}
    return processing.text_of(file["filename"], call.storage.read_content(file_id))


def read_store(call: Call) -> Json:
    """Read the store the request names."""
    return call.find("vector_store", call.path["vector_store_id"], no_such_store)


def open_store(call: Call) -> Json:
    """Read the store the request names, refusing one that has expired."""
    store = read_store(call)
    if store["expired"]:
        raise bad_request(f"Vector store {store['id']} has expired.", code="vector_store_expired")
    return store


def touch(call: Call, store: Json) -> None:
    """Note activity, which moves the expiry."""
    store["last_active_at"] = call.timestamp
    call.storage.save("vector_store", store, expires_at=expires_at(store))


def expires_at(store: Json) -> int | None:
    """Give the second at which a store expires, unless it has no policy or has expired already."""
    if store["expires_after"] is None or store["expired"]:
        return None
    return int(store["last_active_at"]) + int(store["expires_after"]["days"]) * 86_400


def find(call: Call, store: str, file_id: str) -> Attachment:
    """Read one attachment."""
    sql = f"SELECT {_COLUMNS} FROM attachments WHERE store = ? AND id = ?"  # noqa: S608
    row = call.storage.execute(sql, store, file_id).fetchone()
    if row is None:
        raise _missing(store, file_id)
    return Attachment(*row)


def _missing(store: str, file_id: str) -> ApiError:
    return no_such("file", file_id, where=f" in vector store '{store}'")


def attach(call: Call, store: str, wanted: Iterable[Mapping[str, Any]]) -> set[str]:
    """Attach Files as `{file_id, attributes, chunking_strategy}` say; give the ids that are new in the store."""
    new: set[str] = set()
    for item in wanted:
        chunking = chunking_of(item)
        file = call.find("file", item["file_id"], no_such_file)
        if _attach_one(call, store, file, chunking, item.get("attributes") or {}):
            new.add(file["id"])
    return new


def _attach_one(call: Call, store: str, file: Json, chunking: Chunking, attributes: Json) -> bool:
    sql = "SELECT 1 FROM attachments WHERE store = ? AND id = ?"
    if call.storage.execute(sql, store, file["id"]).fetchone():
        return False
    result = _processed(call, file, chunking)
    error = dump({"code": result.code, "message": result.message}) if result.code else None
    call.storage.execute(
        "INSERT INTO attachments (store, id, born, created_at, settles_at, outcome, error, usage, attributes, "
        "chunk_tokens, chunk_overlap) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(store, file["id"], call.now, call.timestamp, call.now + call.switches.processing_seconds),
        *(result.outcome, error, result.usage, dump(attributes), chunking.tokens, chunking.overlap),
    )
    return True


def _processed(call: Call, file: Json, chunking: Chunking) -> processing.Processed:
    if call.switches.failing:
        message = "The file could not be processed: the emulator was told so."
        return processing.Processed("failed", code=call.switches.failing, message=message)
    return processing.process(file["filename"], call.storage.read_content(file["id"]), chunking)


def chunking_of(item: Mapping[str, Any]) -> Chunking:
    """Resolve `chunking_strategy`; `auto` is 800 and 400. The overlap is at most half of the chunk."""
    strategy = item.get("chunking_strategy", {"type": "auto"})
    if strategy["type"] == "auto":
        return Chunking()
    size, overlap = strategy["static"]["max_chunk_size_tokens"], strategy["static"]["chunk_overlap_tokens"]
    if overlap * 2 > size:
        message = f"Invalid chunking_strategy: chunk_overlap_tokens ({overlap}) must not exceed half of "
        param = "chunking_strategy.static.chunk_overlap_tokens"
        raise bad_request(f"{message}max_chunk_size_tokens ({size}).", param=param, code="invalid_value")
    return Chunking(size, overlap)


def detach(call: Call, where: str, *args: Any) -> None:
    """Remove attachments, by our own condition, and what was indexed for them."""
    rows = call.storage.execute(f"SELECT store, id, indexed FROM attachments WHERE {where}", *args)  # noqa: S608
    for store, file_id, indexed in rows.fetchall():
        if indexed:
            call.storage.execute("DELETE FROM chunks WHERE store = ? AND file = ?", store, file_id)
    call.storage.execute(f"DELETE FROM attachments WHERE {where}", *args)  # noqa: S608


def render(call: Call, row: Attachment, *, pending: bool = False) -> Json:
    """Show an attachment; `pending` is how the response to its creation looks."""
    status = "in_progress" if pending else row.status(call.now)
    return {
        "id": row.id,
        "object": "vector_store.file",
        "created_at": row.created_at,
        "vector_store_id": row.store,
        "status": status,
        "usage_bytes": row.usage if status == "completed" else 0,
        "last_error": load(row.error) if row.error and status == "failed" else None,
        "attributes": shown_attributes(call, load(row.attributes)),
        "chunking_strategy": {
            "type": "static",
            "static": {"max_chunk_size_tokens": row.chunk_tokens, "chunk_overlap_tokens": row.chunk_overlap},
        },
    }


def shown_attributes(call: Call, attributes: Json) -> Json:
    """Show attributes, with `1` as `1.0` if the account is one of those."""
    if not call.switches.numbers_as_floats:
        return attributes
    return {key: float(item) if type(item) is int else item for key, item in attributes.items()}
