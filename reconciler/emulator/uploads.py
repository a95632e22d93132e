"""Large files in parts: `/uploads`. The MD5 at completion is the only checksum the service verifies."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from reconciler.emulator import files
from reconciler.emulator.errors import ApiError, bad_request

if TYPE_CHECKING:
    from reconciler.emulator.call import Call, Json

MOST_PART_BYTES = 64 * 2**20
LIFETIME_SECONDS = 3_600


def create(call: Call) -> Json:
    """Open an upload, for an hour."""
    body = call.body
    files.check_name(body["filename"], body["purpose"])
    upload = {
        "id": call.new_id("upload_"),
        "object": "upload",
        "bytes": body["bytes"],
        "created_at": call.timestamp,
        "expires_at": call.timestamp + LIFETIME_SECONDS,
        "filename": body["filename"],
        "purpose": body["purpose"],
        "status": "pending",
        "file": None,
        "expires_after": body.get("expires_after"),
        "part_ids": [],
    }
    call.storage.insert("upload", upload, now=call.now, expires_at=upload["expires_at"])
    return _render(upload)


def add_part(call: Call) -> Json:
    """Take one part; the order is said at completion."""
    upload = _pending(call)
    content = call.body["data"].content
    if len(content) > MOST_PART_BYTES:
        raise ApiError(413, f"Part is too large: {len(content)} bytes, the maximum is {MOST_PART_BYTES}.", param="data")
    part = {
        "id": call.new_id("part_"),
        "object": "upload.part",
        "created_at": call.timestamp,
        "upload_id": upload["id"],
    }
    call.storage.insert("part", {**part, "bytes": len(content)}, now=call.now, parent=upload["id"])
    call.storage.write_content(part["id"], content)
    return part


def complete(call: Call) -> Json:
    """Make the File; completing again with the same parts gives the same answer."""
    part_ids = call.body["part_ids"]
    upload = _find(call)
    if upload["status"] == "completed" and upload["part_ids"] == part_ids:
        return _render(upload)
    _require_pending(upload)
    _check(call, upload, part_ids)
    file = files.new(call, upload["filename"], upload["purpose"], upload["bytes"], upload["expires_after"])
    for piece, part_id in enumerate(part_ids):
        call.storage.move_content(part_id, to=file["id"], piece=piece)
    _drop_parts(call, upload["id"])
    upload.update(status="completed", file=file, part_ids=part_ids)
    call.storage.save("upload", upload)
    return _render(upload)


def _check(call: Call, upload: Json, part_ids: list[str]) -> None:
    parts = {part["id"]: part for part in call.storage.children("part", upload["id"])}
    if len(set(part_ids)) != len(part_ids):
        raise bad_request("Each part may be used once.", param="part_ids")
    for part_id in part_ids:
        if part_id not in parts:
            raise bad_request(f"Part '{part_id}' does not belong to {upload['id']}.", param="part_ids")
    total = sum(parts[part_id]["bytes"] for part_id in part_ids)
    if total != upload["bytes"]:
        raise bad_request(f"The parts have {total} bytes, but the upload was created for {upload['bytes']} bytes.")
    if total > files.MOST_BYTES:
        raise files.too_large(total)
    if "md5" in call.body:
        digest = hashlib.md5(usedforsecurity=False)
        for part_id in part_ids:
            for piece in call.storage.pieces(part_id):
                digest.update(piece)
        if digest.hexdigest() != call.body["md5"].lower():
            raise bad_request("The md5 of the parts does not match the md5 that was given.", param="md5")


def cancel(call: Call) -> Json:
    """Give up an upload."""
    upload = _pending(call)
    return _render(_end(call, upload, "cancelled"))


def expire(call: Call, upload: Json) -> None:
    """Let an upload expire, unless it ended otherwise."""
    status = "expired" if upload["status"] == "pending" else upload["status"]
    _end(call, upload, status)


def _end(call: Call, upload: Json, status: str) -> Json:
    _drop_parts(call, upload["id"])
    upload["status"] = status
    call.storage.save("upload", upload)
    return upload


def _drop_parts(call: Call, upload_id: str) -> None:
    for part in call.storage.children("part", upload_id):
        call.storage.remove_content(part["id"])
        call.storage.remove("part", part["id"], parent=upload_id)


def _pending(call: Call) -> Json:
    upload = _find(call)
    _require_pending(upload)
    return upload


def _find(call: Call) -> Json:
    return call.find("upload", call.path["upload_id"], _missing)


def _missing(upload_id: str) -> ApiError:
    return ApiError(404, f"No such Upload object: {upload_id}", param="id")


def _require_pending(upload: Json) -> None:
    if upload["status"] != "pending":
        raise bad_request(f"Upload {upload['id']} is {upload['status']}.", code="invalid_upload_status")


def _render(upload: Json) -> Json:
    return {key: value for key, value in upload.items() if key not in ("expires_after", "part_ids")}
