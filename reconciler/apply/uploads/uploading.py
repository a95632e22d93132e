"""Uploading one file of the tree: streamed, never loaded whole, and checked to be what the plan was made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast

from reconciler.account.objects import is_id
from reconciler.account.port import Call, Failure, Upload
from reconciler.apply.requests.deleting import delete_files
from reconciler.apply.requests.refusals import is_fatal
from reconciler.apply.run import Run, StepFailed
from reconciler.apply.uploads.parts import upload_in_parts
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
from reconciler.model.desired import Document

LARGE_FROM = 8 * 2**20
"""Bytes from which a file goes in parts: below, three requests cost more than what a lost answer costs."""


async def upload_file(run: Run, document: Document, deadline: Deadline | None = None) -> str:
    """The id of a new File with the document's bytes. `deadline`: what the file's processing is to share.

    Only ambiguous uploads can leave a File behind: they are abandoned and sent again, for a File cannot be told from
    another one of the same name and size. Raises StepFailed, or the Failure that every other upload would meet, too.
    """
    try:
        return await _upload(run, document, deadline or Deadline(run.clock, run.file_deadline))
    except Failure as failure:
        if is_fatal(failure):
            run.traffic.barred = run.traffic.barred or failure
            raise
        request = f" [request {failure.request_id}]" if failure.request_id else ""
        raise StepFailed(f"{document.path}: {failure.message}{request}") from failure


async def _upload(run: Run, document: Document, deadline: Deadline) -> str:
    if document.bytes < LARGE_FROM:
        return await _in_one_request(run, document, deadline)
    async with run.traffic.large:
        file = await upload_in_parts(run, document, deadline) if run.traffic.in_parts else None
        if file is not None:
            return await _as_planned(run, document, file)
        run.traffic.in_parts = False
        return await _in_one_request(run, document, deadline)


async def _in_one_request(run: Run, document: Document, deadline: Deadline) -> str:
    digests = Digests()

    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        nonlocal digests
        deadline.begin()
        digests = Digests()
        with run.open(document) as handle:
            yield cast("BinaryIO", Reader(handle, document, digests))

    call = Call(
        "POST",
        DocumentKind.uploads,
        form=(("purpose", DocumentKind.purpose),),
        uploads=(Upload("file", document.name, opened, document.bytes, media_type(document.name)),),
        timeout=seconds_for(document.bytes),
        guard=run.traffic.allowed,
    )
    # A death after it, or an answer that is lost, leaves a File that only `gc` finds.
    file = await insist(run, document, deadline, call, accepts=_is_file, otherwise="the answer is not a File")
    if digests.sha256.hexdigest() != document.sha256:
        raise await _undone(run, file, changed(document))
    return await _as_planned(run, document, file)


def _is_file(data: Mapping[str, Any]) -> bool:
    return data.get("object", "file") == "file" and is_id(data.get("id"))


async def _as_planned(run: Run, document: Document, file: Mapping[str, Any]) -> str:
    """The id of a File, unless the server says that it is of another size than what it was sent."""
    size = file.get("bytes")
    if isinstance(size, int) and size != document.bytes:
        why = f"{document.path}: the server kept {size:,} bytes of {document.bytes:,}; run again"
        raise await _undone(run, file, StepFailed(why))
    return str(file["id"])


async def _undone(run: Run, file: Mapping[str, Any], failed: StepFailed) -> StepFailed:
    """Delete a File that this very call created, and give the error to raise; it names a File that had to stay."""
    file_id = str(file["id"])
    with suppress(Failure, StepFailed):
        await delete_files(run, [file_id])
        return failed
    return StepFailed(f"{failed.summary} (the File {file_id} could not be deleted again)")
