"""A large file on its way to the account: how long it takes in parts and in one request, and how much memory.

The other side is a process of its own that reads requests and throws them away, so what is measured is this side: the
reading, the digests, the SDK, the sockets of this machine. `python -m tests.benchmarks.uploads` is what runs inside.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.account.clock import SystemClock
from reconciler.account.live import connect
from reconciler.account.port import Account, Call, Reply
from reconciler.apply.run import Run
from reconciler.apply.uploads.uploading import upload_file
from reconciler.model.desired import Document
from reconciler.ownership.anchor import Anchor
from reconciler.ownership.lease import Lease
from reconciler.ownership.ledger import Ledger
from reconciler.ownership.record import Record
from reconciler.ownership.stores import Stores
from tests.benchmarks.measure import Case

MOST_GROWTH = 40
"""MiB by which a large upload may exceed a small one at its peak."""
REPOSITORY = Path(__file__).resolve().parents[2]
BLOCK = bytes(range(256)) * 4096


def cases(workplace: Path, *, megabytes: int) -> Iterator[Case]:
    """One file of so many MiB below `workplace`, and a server for as long as the case is used."""
    file = workplace / "large.md"
    document = _written(file, megabytes)
    small = _written(workplace / "small.md", 0)
    with _server() as url:
        base, _ = _inside(url, workplace / "small.md", small, in_parts=True)
        peak, requests = _inside(url, file, document, in_parts=True)
        alone, _ = _inside(url, file, document, in_parts=False)
        if peak - base > MOST_GROWTH:
            raise RuntimeError(f"{megabytes} MiB took {peak - base:.0f} MiB of memory more than a small file")
        note = (
            f"{requests} requests against 1; +{peak - base:.1f} MiB of memory, +{alone - base:.1f} MiB in one request"
        )
        yield Case(
            f"upload of {megabytes} MiB in parts",
            lambda: _upload(url, file, document, in_parts=True),
            "in one request",
            lambda: _upload(url, file, document, in_parts=False),
            note=note,
        )


def _written(file: Path, megabytes: int) -> Document:
    digest = hashlib.sha256()
    with file.open("wb") as handle:
        for _ in range(megabytes):
            handle.write(BLOCK)
            digest.update(BLOCK)
        handle.write(b"end")
        digest.update(b"end")
    return Document(file.name, file.name, file.name, megabytes * len(BLOCK) + 3, digest.hexdigest())


# --- one upload -------------------------------------------------------------------------------------------------------


class _Counting:
    """An account that counts what is sent."""

    def __init__(self, account: Account) -> None:
        self.requests = 0
        self._account = account

    async def send(self, call: Call) -> Reply:
        self.requests += 1
        return await self._account.send(call)


def _upload(url: str, file: Path, document: Document, *, in_parts: bool) -> int:
    """Upload it once; how many requests that took."""

    async def main() -> int:
        live = connect(api_key="sk-benchmark", base_url=url)
        account, clock = _Counting(live), SystemClock()
        record = Record(Stores(account, clock, "bench"), Anchor("bench", "0" * 12))
        run = Run(
            account, clock, "bench", "run", Ledger(Lease(record, "run")), lambda _: file.open("rb"), lambda _: None
        )
        run.traffic.in_parts = in_parts
        try:
            await upload_file(run, document)
        finally:
            await live.aclose()
        return account.requests

    return asyncio.run(main())


def _inside(url: str, file: Path, document: Document, *, in_parts: bool) -> tuple[float, int]:
    """One upload in a process of its own: the peak of its memory in MiB, and its requests."""
    command = [sys.executable, "-m", __spec__.name, url, str(file), str(document.bytes), document.sha256]
    done = subprocess.run(
        [*command, *(["--in-parts"] if in_parts else [])], cwd=REPOSITORY, check=True, capture_output=True
    )
    said = json.loads(done.stdout)
    return said["peak_kib"] / 1024, said["requests"]


# --- the other side ---------------------------------------------------------------------------------------------------


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", __spec__.name, "serve"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.terminate()


async def _serve() -> None:
    server = await asyncio.start_server(_swallow, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - how the port gets to the one who waits for it
    async with server:
        await server.serve_forever()


async def _swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer requests as the account does, and keep nothing of them."""
    try:
        while head := await _head(reader):
            target, left = head
            while left > 0:
                left -= len(await reader.read(min(left, 2**18)) or b"x" * left)
            body = json.dumps(_answer(target)).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
            writer.write(f"content-length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
    finally:
        writer.close()


async def _head(reader: asyncio.StreamReader) -> tuple[str, int] | None:
    """The path of the next request and the length of its body; None when there is no further one."""
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return lines[0].split(" ")[1], int(headers.get("content-length", "0"))


def _answer(target: str) -> dict[str, object]:
    file: dict[str, object] = {"id": "file-1", "object": "file"}
    answers: dict[str, dict[str, object]] = {
        "uploads": {"id": "upload_1", "object": "upload", "status": "pending"},
        "parts": {"id": "part_1", "object": "upload.part"},
        "complete": {"id": "upload_1", "object": "upload", "status": "completed", "file": file},
    }
    return answers.get(target.rpartition("/")[2], file)


def main() -> None:
    """Serve, or upload once and say what that took."""
    if sys.argv[1:] == ["serve"]:
        asyncio.run(_serve())
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.uploads")
    parser.add_argument("url")
    parser.add_argument("file", type=Path)
    parser.add_argument("bytes", type=int)
    parser.add_argument("sha256")
    parser.add_argument("--in-parts", action="store_true")
    options = parser.parse_args()
    document = Document(options.file.name, options.file.name, options.file.name, options.bytes, options.sha256)
    requests = _upload(options.url, options.file, document, in_parts=options.in_parts)
    sys.stdout.write(json.dumps({"requests": requests, "peak_kib": _peak()}))


def _peak() -> int:
    """The most memory that this process had, in KiB. What `getrusage` says on Linux includes that of its parent."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    main()
