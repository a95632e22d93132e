"""Sending the bytes of one file of the tree: read once while they go out, counted, digested, and within a deadline."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, Protocol

from reconciler.account.outcomes import CHANGED
from reconciler.account.port import Call, Clock, Failure
from reconciler.apply.run import Run, StepFailed
from reconciler.manifest.files.refusals import TreeError
from reconciler.model.desired import Document

PAUSES = (0.0, 1.0, 4.0)
"""Seconds before each attempt to send something whose second execution does no harm."""
SECONDS_PER_MIB = 4.0
"""How long a request with bytes may take, beside a minute: at least 256 KiB/s."""


@dataclass(slots=True)
class Deadline:
    """How long one file may take in all: upload, processing and every retry. It runs from the first byte on.

    Not from the moment at which the file is queued: of two thousand files the last one would have no time left.
    """

    clock: Clock
    seconds: float
    _until: float | None = None

    def begin(self, *, ago: float = 0.0) -> None:
        """Let it run, as if since so many seconds, unless it does already."""
        if self._until is None:
            self._until = self.clock.monotonic() - ago + self.seconds

    @property
    def left(self) -> float:
        """Seconds; nothing or less once it is over."""
        return self.seconds if self._until is None else self._until - self.clock.monotonic()


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...
    def copy(self) -> _Hash: ...


@dataclass(slots=True)
class Digests:
    """What the bytes that really went out add up to; the service checks the MD5, the plan holds the SHA-256."""

    sha256: _Hash = field(default_factory=hashlib.sha256)
    md5: _Hash = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))

    def update(self, data: bytes) -> None:
        """Take more bytes in."""
        self.sha256.update(data)
        self.md5.update(data)

    def copy(self) -> Digests:
        """The same so far: a part that is sent again must not be counted twice."""
        return Digests(self.sha256.copy(), self.md5.copy())


class Reader(io.RawIOBase):
    """Reads on where a handle stands, at most so many bytes, and digests what it gives. Errors name the file."""

    def __init__(self, handle: BinaryIO, document: Document, digests: Digests, most: int | None = None) -> None:
        super().__init__()
        self._handle = handle
        self._document = document
        self._digests = digests
        self._left = most

    def readable(self) -> bool:
        """It is for reading only."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes; raises TreeError when the disk does not give them."""
        if self._left is not None:
            size = self._left if size < 0 else min(size, self._left)
        try:
            chunk = self._handle.read(size)
        except OSError as error:
            file = self._document.file
            raise TreeError(file, f"{file} cannot be read: {error.strerror or error}.") from error
        self._digests.update(chunk)
        if self._left is not None:
            self._left -= len(chunk)
        return chunk


async def insist(
    run: Run,
    document: Document,
    deadline: Deadline,
    call: Call,
    *,
    accepts: Callable[[Mapping[str, Any]], bool],
    otherwise: str,
    aftermath: str = "",
    final: Collection[int] = (),
) -> Mapping[str, Any]:
    """The accepted answer to a call that is sent again when it ended ambiguously: doing it twice does no harm.

    `otherwise` says what an answer is that is not accepted, `aftermath` what may be left when all attempts failed;
    `final` are statuses that settle the matter. Raises Failure when the server definitely refused, else StepFailed.
    """
    last = ""
    for pause in PAUSES:
        if pause:
            await run.clock.sleep(pause)
        left = deadline.left
        if left <= 0:
            raise too_late(document, deadline, last)
        try:
            reply = await run.account.send(replace(call, timeout=min(call.timeout, left)))
        except (TreeError, OSError) as error:
            raise StepFailed(f"{document.path}: {error}") from error
        except Failure as failure:
            if failure.code == CHANGED:
                raise changed(document) from failure
            if not failure.ambiguous or failure.status in final:
                raise
            last = failure.message
            continue
        if accepts(reply.data):
            return reply.data
        last = otherwise
    raise StepFailed(f"{document.path}: it could not be uploaded: {last} (tried {len(PAUSES)} times){aftermath}")


def changed(document: Document) -> StepFailed:
    """The file is no longer what the plan was made from."""
    return StepFailed(f"{document.path}: it changed while the run was under way; plan again")


def too_late(document: Document, deadline: Deadline, last: str = "") -> StepFailed:
    """The time for the file is over before it was there."""
    why = f" ({last})" if last else ""
    return StepFailed(
        f"{document.path}: not uploaded within {deadline.seconds:.0f} s{why}; run again, or allow more (--file-timeout)"
    )


def seconds_for(size: int) -> float:
    """How long a request with so many bytes may take."""
    return 60.0 + SECONDS_PER_MIB * size / 2**20


_MEDIA_TYPES = {
    "c": "text/x-c",
    "cpp": "text/x-c++",
    "cs": "text/x-csharp",
    "css": "text/css",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "gif": "image/gif",
    "go": "text/x-golang",
    "html": "text/html",
    "java": "text/x-java",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript",
    "json": "application/json",
    "md": "text/markdown",
    "pdf": "application/pdf",
    "php": "text/x-php",
    "png": "image/png",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "py": "text/x-python",
    "rb": "text/x-ruby",
    "sh": "application/x-sh",
    "tar": "application/x-tar",
    "tex": "text/x-tex",
    "ts": "application/typescript",
    "txt": "text/plain",
    "webp": "image/webp",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "text/xml",
    "zip": "application/zip",
}


def media_type(name: str) -> str:
    """The media type that the service expects of a file's extension (its file search guide).

    A table of our own: `mimetypes` reads the machine's, and `/uploads` refuses what it does not expect.
    """
    _, dot, extension = name.rpartition(".")
    return _MEDIA_TYPES.get(extension.lower() if dot else "", "application/octet-stream")
