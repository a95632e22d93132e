"""Large files go in parts: what is lost is sent again, what differs from the plan never becomes a File."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.uploads import parts
from reconciler.apply.uploads import uploading as uploads
from reconciler.emulator import Request, Response
from reconciler.model.errors import Exit
from tests.acceptance.world import Applied, World
from tests.apply.server import Server, changed, files_of, is_write, refuse, say, text_of, times, world_and_server

TEXT = "# A large text, of thirty-eight bytes\n"
BODIES = [TEXT[:16], TEXT[16:32], TEXT[32:]]


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen bytes make a large file, and a part."""
    monkeypatch.setattr(uploads, "LARGE_FROM", 16)
    monkeypatch.setattr(parts, "PART", 16)


def one(root: Path, text: str = TEXT) -> tuple[World, Server]:
    world, server = world_and_server(root)
    world.store("docs", {"a.md": text})
    return world, server


def sent(applied: Applied) -> list[str]:
    """What was written to Files and uploads, ids left out."""
    paths = [write for write in applied.writes if write.startswith(("POST /uploads", "POST /files", "DELETE /files"))]
    return [re.sub(r"(upload_|file-)[0-9a-f]+", "ID", path) for path in paths]


def content_of(world: World, server: Server) -> bytes:
    file_id = files_of(world)[0]
    return server.real._storage.read_content(file_id)


def part_of(request: Request) -> bool:
    return is_write(request, "/uploads/", "/parts")


def completion(request: Request) -> bool:
    return is_write(request, "/complete")


def lost(server: Server, which: Callable[[Request], bool], *, executed: bool, count: int = 1) -> None:
    """So many answers never arrive."""

    def rule(request: Request) -> Response | None:
        if not which(request):
            return None
        if executed:
            server.real.handle(request)
        return refuse(500, "the answer was lost")

    server.before.append(times(count, rule))


PLAIN = ["POST /uploads", *["POST /uploads/ID/parts"] * 3, "POST /uploads/ID/complete"]


def test_a_large_file_goes_in_parts_and_is_checked_by_its_md5(tmp_path: Path) -> None:
    world, server = one(tmp_path)
    bodies: list[Any] = []
    server.before.append(lambda r: bodies.append(json.loads(r.body)) if completion(r) else None)
    applied = world.apply()
    assert (applied.exit, sent(applied)) == (0, PLAIN)
    begun = next(call.json for call in applied.calls if call.path == "/uploads")
    assert begun == {"bytes": 38, "filename": "a.md", "mime_type": "text/markdown", "purpose": "assistants"}
    assert bodies[0]["md5"] == hashlib.md5(TEXT.encode()).hexdigest()
    assert content_of(world, server) == TEXT.encode()
    assert all(not world.steps() for _ in range(3))


def test_a_small_file_goes_in_one_request(tmp_path: Path) -> None:
    world, _ = one(tmp_path, "# Small\n")
    assert sent(world.apply()) == ["POST /files"]


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("count", [1, 2])
def test_a_part_whose_answer_is_lost_is_sent_again_alone(tmp_path: Path, executed: bool, count: int) -> None:
    world, server = one(tmp_path)
    number = [0]

    def second(request: Request) -> bool:
        number[0] += part_of(request)
        return part_of(request) and 2 <= number[0] <= 1 + count

    lost(server, second, executed=executed, count=count)
    applied = world.apply()
    assert applied.exit == 0
    assert sent(applied) == ["POST /uploads", *["POST /uploads/ID/parts"] * (3 + count), "POST /uploads/ID/complete"]
    assert content_of(world, server) == TEXT.encode()
    assert len(files_of(world)) == 1


@pytest.mark.parametrize("executed", [True, False])
def test_a_beginning_whose_answer_is_lost_is_abandoned_and_leaves_no_file(tmp_path: Path, executed: bool) -> None:
    world, server = one(tmp_path)
    lost(server, lambda r: is_write(r, "/uploads") and r.path.endswith("/uploads"), executed=executed)
    applied = world.apply()
    assert (applied.exit, sent(applied)) == (0, ["POST /uploads", *PLAIN])
    assert len(files_of(world)) == 1


@pytest.mark.parametrize("executed", [True, False])
def test_a_completion_whose_answer_is_lost_is_asked_for_again_and_makes_one_file(
    tmp_path: Path, executed: bool
) -> None:
    world, server = one(tmp_path)
    lost(server, completion, executed=executed)
    applied = world.apply()
    assert (applied.exit, sent(applied)) == (0, [*PLAIN, "POST /uploads/ID/complete"])
    assert len(files_of(world)) == 1


@pytest.mark.parametrize("which", [part_of, completion])
def test_what_never_arrives_is_given_up_after_three_attempts_and_cancelled(
    tmp_path: Path, which: Callable[[Request], bool]
) -> None:
    world, server = one(tmp_path)
    lost(server, which, executed=False, count=99)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert sent(applied)[-1] == "POST /uploads/ID/cancel"
    assert "docs/a.md: it could not be uploaded: the answer was lost (tried 3 times)" in text_of(applied)
    assert files_of(world) == []
    server.before.clear()
    assert world.settled()


def test_a_beginning_that_never_arrives_says_that_it_expires(tmp_path: Path) -> None:
    world, server = one(tmp_path)
    lost(server, lambda r: is_write(r, "/uploads"), executed=True, count=99)
    applied = world.apply()
    assert "(tried 3 times); what was begun there expires within an hour" in text_of(applied)
    assert sent(applied) == ["POST /uploads"] * 3


def test_bytes_that_were_damaged_on_the_way_never_become_a_file(tmp_path: Path) -> None:
    world, server = one(tmp_path)
    real = server.real.handle

    def damaged(request: Request) -> Response | None:
        return real(replace(request, body=request.body.replace(b"thirty", b"forty-"))) if part_of(request) else None

    server.before.append(damaged)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "docs/a.md: The md5 of the parts does not match" in text_of(applied)
    assert sent(applied) == [*PLAIN, "POST /uploads/ID/cancel"]
    assert files_of(world) == []
    server.before.clear()
    assert world.settled()


@pytest.mark.parametrize("which", [part_of, completion])
def test_a_definite_refusal_ends_the_upload_with_its_cause(tmp_path: Path, which: Callable[[Request], bool]) -> None:
    world, server = one(tmp_path)
    server.before.append(lambda r: refuse(400, "not like this") if which(r) else None)
    applied = world.apply()
    assert (applied.exit, "docs/a.md: not like this" in text_of(applied)) == (Exit.INCOMPLETE, True)
    assert sent(applied)[-1] == "POST /uploads/ID/cancel"
    assert files_of(world) == []


def test_an_upload_that_cannot_even_be_cancelled_is_no_second_problem(tmp_path: Path) -> None:
    world, server = one(tmp_path)
    server.before.append(lambda r: refuse(400, "not like this") if part_of(r) or is_write(r, "/cancel") else None)
    assert "docs/a.md: not like this" in text_of(world.apply())


@pytest.mark.parametrize("status", [404, 405, 410, 501])
def test_a_server_without_uploads_gets_files_in_one_request_and_is_not_asked_again(tmp_path: Path, status: int) -> None:
    world, server = one(tmp_path)
    server.before.append(lambda r: refuse(status, "no such route") if is_write(r, "/uploads") else None)
    applied = world.apply()
    assert (applied.exit, sent(applied)) == (0, ["POST /uploads", "POST /files"])
    for number in range(8):
        world.write(f"docs/{number}.md", TEXT)
    applied = world.apply()
    assert applied.exit == 0
    assert 1 <= sent(applied).count("POST /uploads") <= 4  # four large files are under way at once
    assert sent(applied).count("POST /files") == 8


@pytest.mark.parametrize(
    ("which", "answer", "words"),
    [
        ("/uploads", {"id": "../../x"}, "the answer is no upload"),
        ("/uploads", {"status": "expired"}, "the answer is no upload"),
        ("/parts", {"object": "part"}, "the answer is no part"),
        ("/complete", {"file": None}, "the answer does not show the File"),
        ("/complete", {"status": "pending"}, "the answer does not show the File"),
    ],
)
def test_an_answer_that_does_not_show_what_was_made_is_not_used(
    tmp_path: Path, which: str, answer: dict[str, object], words: str
) -> None:
    world, server = one(tmp_path)

    def rule(request: Request, response: Response) -> Response:
        here = is_write(request, "/uploads") and request.path.endswith(which)
        return changed(response, lambda body: body | answer) if here else response

    server.after.append(rule)
    applied = world.apply()
    assert (applied.exit, words in text_of(applied)) == (Exit.INCOMPLETE, True)


def test_a_file_of_another_size_than_what_was_sent_is_deleted_again(tmp_path: Path) -> None:
    world, server = one(tmp_path)
    server.after.append(lambda r, a: changed(a, lambda b: b["file"].update(bytes=7)) if completion(r) else a)
    applied = world.apply()
    assert "docs/a.md: the server kept 7 bytes of 38" in text_of(applied)
    assert files_of(world) == []


def test_the_deadline_is_one_for_the_whole_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART", 2)
    world, server = one(tmp_path)
    server.after.append(lambda r, a: replace(a, delay=50.0) if part_of(r) else a)
    began = world.time.now()
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "docs/a.md: not uploaded within 600 s" in text_of(applied)
    assert 600 <= world.time.now() - began < 620
    assert sent(applied)[-1] == "POST /uploads/ID/cancel"


def test_a_load_signal_on_a_part_is_waited_for_and_its_bytes_are_counted_once(tmp_path: Path) -> None:
    world, server = one(tmp_path)
    limited = say(429, {"error": {"message": "slow down", "type": "requests", "code": "slow_down"}})
    limited = replace(limited, headers={**limited.headers, "retry-after": "2"})
    server.before.append(times(2, lambda r: limited if part_of(r) else None))
    assert world.settled()
    assert content_of(world, server) == TEXT.encode()
