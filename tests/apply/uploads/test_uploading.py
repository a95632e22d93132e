"""Uploads: streamed, sent again when their answer was lost, and refused when the bytes are not those of the plan."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import tempfile
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import httpx2
import pytest

from reconciler.account.clock import SystemClock
from reconciler.account.live import LiveAccount
from reconciler.apply.run import Run
from reconciler.apply.uploads.uploading import upload_file
from reconciler.emulator import Request, Response
from reconciler.model.desired import Document
from reconciler.model.errors import Exit
from reconciler.ownership.anchor import Anchor
from reconciler.ownership.lease import Lease
from reconciler.ownership.ledger import Ledger
from reconciler.ownership.record import Record
from reconciler.ownership.stores import Stores
from tests.acceptance.world import World
from tests.apply.server import Server, changed, files_of, is_write, refuse, text_of, times, world_and_server


def store(root: Path) -> tuple[World, Server]:
    world, server = world_and_server(root)
    world.store("docs", {"a.md": "# A\n"})
    return world, server


def uploads(request: Request) -> bool:
    return is_write(request, "/files") and "/vector_stores" not in request.path and request.method == "POST"


def test_a_lost_upload_is_sent_again_and_never_adopted(tmp_path: Path) -> None:
    world, server = store(tmp_path)
    server.before.append(times(1, lambda r: server.real.handle(r) and refuse(500) if uploads(r) else None))
    assert world.settled()
    assert len(files_of(world)) == 2  # one orphan: nothing shows whose it is


def test_an_upload_that_never_arrives_is_given_up_after_three_attempts(tmp_path: Path) -> None:
    world, server = store(tmp_path)
    server.before.append(lambda r: refuse(500, "broken") if uploads(r) else None)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "docs/a.md: it could not be uploaded: broken (tried 3 times)" in text_of(applied)


def test_a_refusal_names_the_file_its_cause_and_the_request(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.write("data/x.csv", "a\n1\n")
    tools = [{"type": "code_interpreter", "files": ["data/x.csv"]}]
    world.assistant("helper", model="gpt-6.1-terra", instructions="Count.", tools=tools)
    said = refuse(400, "this file is bad")
    said = replace(said, headers={**said.headers, "x-request-id": "req_7"})
    server.before.append(lambda r: said if uploads(r) else None)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "data/x.csv: this file is bad [request req_7]" in text_of(applied)


@pytest.mark.parametrize("answer", [{"id": "../../x"}, {"id": None}, {"object": "thing"}])
def test_an_answer_that_is_no_file_is_not_used(tmp_path: Path, answer: dict[str, object]) -> None:
    world, server = store(tmp_path)
    server.after.append(lambda r, a: changed(a, lambda body: body | answer) if uploads(r) else a)
    applied = world.apply()
    assert (applied.exit, "the answer is not a File" in text_of(applied)) == (Exit.INCOMPLETE, True)


@pytest.mark.parametrize("deletable", [True, False])
def test_a_file_whose_bytes_changed_since_the_plan_is_not_attached(tmp_path: Path, deletable: bool) -> None:
    world, server = store(tmp_path)
    prepared = world.plan()
    world.write("docs/a.md", "# B\n")
    if not deletable:
        server.before.append(lambda r: refuse(400) if r.method == "DELETE" else None)
    applied = world.apply(prepared=prepared)
    assert (applied.exit, "it changed while the run was under way" in text_of(applied)) == (Exit.INCOMPLETE, True)
    assert len(files_of(world)) == (0 if deletable else 1)


@pytest.mark.parametrize("way", ["gone", "grown"])
def test_a_file_that_is_gone_or_grew_since_the_plan_is_named(tmp_path: Path, way: str) -> None:
    world, _ = store(tmp_path)
    world.write("docs/b.md", "# B\n")
    prepared = world.plan()
    if way == "gone":
        (world.root / "docs/a.md").unlink()
    else:
        world.write("docs/a.md", "# much longer\n")
    applied = world.apply(prepared=prepared)
    assert (applied.exit, "docs/a.md: " in text_of(applied)) == (Exit.INCOMPLETE, True)


def test_a_file_of_another_size_than_what_was_sent_is_deleted_again(tmp_path: Path) -> None:
    world, server = store(tmp_path)
    server.after.append(lambda r, a: changed(a, lambda body: body | {"bytes": 2}) if uploads(r) else a)
    applied = world.apply()
    assert (applied.exit, "the server kept 2 bytes of 4" in text_of(applied)) == (Exit.INCOMPLETE, True)
    assert files_of(world) == []


def test_a_file_that_could_not_be_deleted_again_is_named(tmp_path: Path) -> None:
    world, server = store(tmp_path)
    server.after.append(lambda r, a: changed(a, lambda body: body | {"bytes": 2}) if uploads(r) else a)
    server.before.append(lambda r: refuse(400) if r.method == "DELETE" else None)
    applied = world.apply()
    [left] = files_of(world)
    assert f"the File {left} could not be deleted again" in text_of(applied)
    server.before.clear()
    server.after.clear()
    assert world.settled()
    assert left not in files_of(world)


def test_what_a_file_is_stands_in_its_request(tmp_path: Path) -> None:
    world, _ = store(tmp_path)
    applied = world.apply()
    [upload] = [part for call in applied.calls for part in call.uploads]
    assert (upload.filename, upload.size, upload.content_type) == ("a.md", 4, "text/markdown")


def test_a_large_file_takes_no_memory_on_its_way_to_the_live_account() -> None:
    size = 70 * 2**20
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "large.md"
        path.touch()
        os.truncate(path, size)
        digest = hashlib.sha256()
        with path.open("rb") as handle:
            while chunk := handle.read(2**20):
                digest.update(chunk)
        document = Document("large.md", "large.md", "large.md", size, digest.hexdigest())
        small = replace(document, bytes=0, sha256=hashlib.sha256().hexdigest())
        assert sent(small, io.BytesIO) == ["/v1/files"]
        tracemalloc.start()
        try:
            paths = sent(document, lambda: path.open("rb"))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert paths == ["/v1/uploads", *["/v1/uploads/upload_1/parts"] * 5, "/v1/uploads/upload_1/complete"]
    assert peak < 4 * 2**20


class _Drain(httpx2.AsyncBaseTransport):
    """Swallows what is sent, and says what a service would say."""

    def __init__(self, document: Document) -> None:
        self.paths: list[str] = []
        self._file = {"id": "file-1", "object": "file", "bytes": document.bytes}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        async for _ in request.stream:
            pass
        self.paths.append(request.url.path)
        answers = {
            "uploads": {"id": "upload_1", "object": "upload", "status": "pending"},
            "parts": {"id": f"part_{len(self.paths)}", "object": "upload.part"},
            "complete": {"id": "upload_1", "object": "upload", "status": "completed", "file": self._file},
        }
        return httpx2.Response(200, json=answers.get(request.url.path.rpartition("/")[2], self._file))


def sent(document: Document, opened: Callable[[], BinaryIO]) -> list[str]:
    """The requests that one upload through the SDK takes."""
    drain = _Drain(document)

    async def main() -> None:
        account = LiveAccount(
            api_key="sk-test",
            organization=None,
            project=None,
            base_url="https://api.example/v1",
            timeout=60.0,
            transport=drain,
        )
        record = Record(Stores(account, SystemClock(), "acme"), Anchor("acme", "0" * 12))
        run = Run(
            account, SystemClock(), "acme", "run", Ledger(Lease(record, "run")), lambda _: opened(), lambda _: None
        )
        assert await upload_file(run, document) == "file-1"
        await account.aclose()

    asyncio.run(main())
    return drain.paths


def test_a_request_that_is_answered_before_the_file_was_read_is_no_upload(tmp_path: Path) -> None:
    world, server = store(tmp_path)
    later: list[Response] = []
    server.after.append(lambda r, a: later.append(a) or a if uploads(r) else a)  # type: ignore[func-returns-value]
    assert world.settled()
    assert len(later) == 1
