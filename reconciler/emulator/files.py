"""Files: `/files`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reconciler.emulator import store_files
from reconciler.emulator.call import Reply
from reconciler.emulator.errors import ApiError, bad_request, no_such_file
from reconciler.emulator.paging import having, objects, page_of
from reconciler.emulator.processing import extension_of

if TYPE_CHECKING:
    from reconciler.emulator.call import Call, Json

MOST_BYTES = 512 * 2**20
BATCH_SECONDS = 30 * 86_400
UNREADABLE = ("assistants", "user_data")
ASSISTANT_EXTENSIONS = re.findall(
    r"\w+",
    "c cpp cs css csv doc docx gif go html java jpeg jpg js json md pdf php pkl png pptx py rb sh tar tex ts txt webp "
    "xlsx xml zip",
)


def create(call: Call) -> Json:
    """Store an uploaded file; equal names and equal contents are different Files."""
    part = call.body["file"]
    if len(part.content) > MOST_BYTES:
        raise too_large(len(part.content))
    file = new(call, part.filename, call.body["purpose"], len(part.content), call.body.get("expires_after"))
    call.storage.write_content(file["id"], part.content)
    return file


def too_large(size: int) -> ApiError:
    """413 beyond 512 MB."""
    return ApiError(413, f"File is too large: {size} bytes, the maximum is {MOST_BYTES}.", param="file")


def new(call: Call, filename: str, purpose: str, size: int, expires_after: Json | None) -> Json:
    """Add a File without its bytes."""
    check_name(filename, purpose)
    seconds = (expires_after or {}).get("seconds", BATCH_SECONDS if purpose == "batch" else None)
    expires_at = None if seconds is None else call.timestamp + seconds
    file = {
        "id": call.new_id("file-"),
        "object": "file",
        "bytes": size,
        "created_at": call.timestamp,
        "expires_at": expires_at,
        "filename": filename,
        "purpose": purpose,
        "status": "processed",
        "status_details": None,
    }
    call.storage.insert("file", file, now=call.now, expires_at=expires_at)
    return file


def check_name(filename: str, purpose: str) -> None:
    """Refuse what the purpose `assistants` does not take; vector stores take even less."""
    extension = extension_of(filename)
    if not filename:
        raise bad_request("Invalid 'file': the file has no name.", param="file")
    if purpose == "assistants" and extension and extension.lower() not in ASSISTANT_EXTENSIONS:
        listed = ", ".join(f'"{item}"' for item in ASSISTANT_EXTENSIONS)
        raise bad_request(f"Invalid extension {extension}. Supported formats: {listed}", param="file")


def retrieve(call: Call) -> Json:
    """Read one."""
    return call.find("file", call.path["file_id"], no_such_file)


def list_all(call: Call) -> Json:
    """List them, all or those of one purpose, up to 10,000 at once."""
    wanted = having("$.purpose", call.query.get("purpose"))
    return page_of(call, objects("file", **wanted, default=10_000, most=10_000))


def delete(call: Call) -> Json:
    """Delete a File, and with it every attachment."""
    file = retrieve(call)
    remove(call, file)
    return {"id": file["id"], "object": "file", "deleted": True}


def remove(call: Call, file: Json) -> None:
    """Delete a File whoever asks: a request, or its expiry."""
    store_files.detach(call, "id = ?", file["id"])
    call.storage.remove_content(file["id"])
    call.storage.remove("file", file["id"])


def content(call: Call) -> Reply:
    """Give the bytes, which the service refuses for the purposes that assistants use."""
    file = retrieve(call)
    if file["purpose"] in UNREADABLE:
        raise bad_request(f"Not allowed to download files of purpose: {file['purpose']}")
    return Reply(call.storage.read_content(file["id"]), "application/octet-stream")
