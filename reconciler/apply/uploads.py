"""Uploading one file of the tree: streamed, never loaded whole, and checked to be what the plan was made from."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from reconciler.account.port import Call, Failure, Outcome, Sort, Upload
from reconciler.apply.run import Run, StepFailed
from reconciler.manifest.tree import TreeError
from reconciler.model import Document
from reconciler.observe import is_id

ATTEMPTS = 3
PURPOSE = "assistants"
SECONDS_PER_MIB = 4.0
"""How long an upload may take, beside a minute: at least 256 KiB/s."""


class _Hashing(io.RawIOBase):
    """Reads from a handle and keeps the sha-256 of what went by; starting over starts the digest over."""

    def __init__(self, handle: BinaryIO) -> None:
        super().__init__()
        self._handle = handle
        self.digest = hashlib.sha256()
        self.count = 0

    def readable(self) -> bool:
        """It is for reading only."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        chunk = self._handle.read(size)
        self.digest.update(chunk)
        self.count += len(chunk)
        return chunk

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Only back to the start, or to the end to learn the size."""
        if (offset, whence) == (0, io.SEEK_SET):
            self.digest = hashlib.sha256()
            self.count = 0
        return self._handle.seek(offset, whence)

    def tell(self) -> int:
        """Where the handle stands."""
        return self._handle.tell()


async def upload_file(run: Run, document: Document) -> str:
    """The id of a new File with the document's bytes; raises StepFailed or Failure.

    An ambiguous upload is abandoned and sent again: a File cannot be told from another of the same name and size.
    """
    last: Failure | None = None
    for _ in range(ATTEMPTS):
        source = _Source(run, document)
        call = Call(
            "POST",
            "/files",
            form=(("purpose", PURPOSE),),
            uploads=(Upload("file", document.name, source.open, document.bytes),),
            timeout=60.0 + SECONDS_PER_MIB * document.bytes / 2**20,
        )
        try:
            reply = await run.account.send(call)
        except (TreeError, OSError) as error:
            raise StepFailed(f"{document.path}: {error}") from error
        except Failure as failure:
            if not failure.ambiguous:
                raise
            last = failure
            continue
        file_id = str(reply.data.get("id"))
        if reply.data.get("object") != "file" or not is_id(reply.data.get("id")):
            last = _malformed(call)
            continue
        if not source.is_the_planned_one():
            await _forget(run, file_id)
            raise StepFailed(f"{document.path}: it changed while the run was under way; plan again")
        return file_id
    raise StepFailed(
        f"{document.path}: it could not be uploaded: {last.message if last else ''} (tried {ATTEMPTS} times)"
    )


class _Source:
    """Opens a document for one call, and knows afterwards what was read."""

    def __init__(self, run: Run, document: Document) -> None:
        self._run = run
        self._document = document
        self._reader: _Hashing | None = None

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """A handle for the transport."""
        with self._run.open(self._document) as handle:
            self._reader = _Hashing(handle)
            yield self._reader  # type: ignore[misc]

    def is_the_planned_one(self) -> bool:
        """Whether the bytes that went by are those that the plan was made from."""
        return self._reader is not None and self._reader.digest.hexdigest() == self._document.sha256


def _malformed(call: Call) -> Failure:
    return Failure(call, outcome=Outcome.AMBIGUOUS, sort=Sort.MALFORMED, message="the answer is not a File")


async def _forget(run: Run, file_id: str) -> None:
    """Delete a File that this very call created; if that fails it stays behind as an orphan."""
    try:
        await run.account.send(Call("DELETE", f"/files/{file_id}"))
    except Failure:
        return
