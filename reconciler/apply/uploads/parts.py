"""A large file in parts, through `/uploads`: what is lost is sent again part by part, and all is checked at the end.

Parts and completion may be repeated, and the MD5 at completion is the only checksum that the service verifies. What was
begun and not completed is nothing: it cannot be used, appears in no list, and expires an hour after it was begun. So an
ambiguous beginning is simply abandoned, and no bytes that differ from the plan ever become a File.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from reconciler.account.objects import is_id
from reconciler.account.port import Call, Failure, Upload
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.uploads.sending import (
    Deadline,
    Digests,
    Reader,
    changed,
    insist,
    media_type,
    seconds_for,
)
from reconciler.kinds.kind import DocumentKind
from reconciler.manifest.files.refusals import TreeError
from reconciler.model.desired import Document

PART = 16 * 2**20
"""Bytes of a part. 64 MiB are allowed, but a lost answer costs the whole part once more, and each part has to arrive
within its own time; much smaller ones would spend their time on round trips (20 % at 8 MiB, 10 MB/s and 200 ms)."""
ABSENT = frozenset({404, 405, 410, 501})
"""How a server answers that has no `/uploads`."""
EXPIRES = "; what was begun there expires within an hour"


async def upload_in_parts(run: Run, document: Document, deadline: Deadline) -> Mapping[str, Any] | None:
    """The File that was made of the parts; None, and nothing sent, where the server has no `/uploads`.

    Raises Failure when the server definitely refused, else StepFailed. Nothing is left behind then, unless the
    completion was ambiguous to the end.
    """
    try:
        with run.open(document) as handle:
            upload = await _begin(run, document, deadline)
            if upload is None:
                return None
            return await _Transfer(run, document, deadline, handle, upload).file()
    except (TreeError, OSError) as error:
        raise StepFailed(f"{document.path}: {error}") from error


async def _begin(run: Run, document: Document, deadline: Deadline) -> str | None:
    deadline.begin()
    body = {
        "bytes": document.bytes,
        "filename": document.name,
        "mime_type": media_type(document.name),
        "purpose": DocumentKind.purpose,
    }
    call = Call("POST", "/uploads", json=body)  # a death after it leaves what expires within an hour, with its parts
    try:
        data = await insist(
            run,
            document,
            deadline,
            call,
            accepts=_is_upload,
            otherwise="the answer is no upload",
            aftermath=EXPIRES,
            final=ABSENT,
        )
    except Failure as failure:
        if failure.status in ABSENT:
            return None
        raise
    return str(data["id"])


def _is_upload(data: Mapping[str, Any]) -> bool:
    return data.get("object", "upload") == "upload" and data.get("status") == "pending" and is_id(data.get("id"))


def _is_part(data: Mapping[str, Any]) -> bool:
    return data.get("object", "upload.part") == "upload.part" and is_id(data.get("id"))


def _is_complete(data: Mapping[str, Any]) -> bool:
    file = data.get("file")
    there = isinstance(file, Mapping) and file.get("object", "file") == "file" and is_id(file.get("id"))
    return there and data.get("status") == "completed"


@dataclass(slots=True)
class _Transfer:
    """One upload that was begun, and the open file that fills it."""

    run: Run
    document: Document
    deadline: Deadline
    handle: BinaryIO
    upload: str

    async def file(self) -> Mapping[str, Any]:
        """Send the parts and complete; whatever goes wrong, the upload is cancelled."""
        try:
            parts, digests = await self._parts()
            if digests.sha256.hexdigest() != self.document.sha256:
                raise changed(self.document)
            return await self._complete(parts, digests)
        except (Failure, StepFailed, TreeError, OSError):
            with suppress(Failure):
                await self.run.account.send(Call("POST", f"/uploads/{self.upload}/cancel"))
            raise

    async def _parts(self) -> tuple[list[str], Digests]:
        parts, digests, start = list[str](), Digests(), 0
        while start < self.document.bytes:
            size = min(PART, self.document.bytes - start)
            part, digests = await self._part(start, size, digests)
            parts.append(part)
            start += size
        if Reader(self.handle, self.document, digests).read(1):
            raise changed(self.document)
        return parts, digests

    async def _part(self, start: int, size: int, before: Digests) -> tuple[str, Digests]:
        """The part's id, and the digests with the bytes of the attempt that counts."""
        digests = before

        @contextmanager
        def stretch() -> Iterator[BinaryIO]:
            nonlocal digests
            digests = before.copy()
            self.handle.seek(start)
            yield cast("BinaryIO", Reader(self.handle, self.document, digests, size))

        call = Call(
            "POST",
            f"/uploads/{self.upload}/parts",
            uploads=(Upload("data", "part", stretch, size),),
            timeout=seconds_for(size),
        )
        data = await insist(
            self.run, self.document, self.deadline, call, accepts=_is_part, otherwise="the answer is no part"
        )
        return str(data["id"]), digests

    async def _complete(self, parts: list[str], digests: Digests) -> Mapping[str, Any]:
        # A death after it, or an answer that is lost, leaves a File that only `gc` finds.
        call = Call(
            "POST",
            f"/uploads/{self.upload}/complete",
            json={"part_ids": parts, "md5": digests.md5.hexdigest()},
            timeout=seconds_for(self.document.bytes),
        )
        data = await insist(
            self.run,
            self.document,
            self.deadline,
            call,
            accepts=_is_complete,
            otherwise="the answer does not show the File that was made of the parts",
            aftermath="; perhaps there is a File now that nothing names",
        )
        return cast("Mapping[str, Any]", data["file"])
