"""Uploads: streamed, sent again when their answer was lost, and refused when the bytes are not those of the plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.emulator import Request, Response
from reconciler.errors import Exit
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


def test_a_request_that_is_answered_before_the_file_was_read_is_no_upload(tmp_path: Path) -> None:
    world, server = store(tmp_path)
    later: list[Response] = []
    server.after.append(lambda r, a: later.append(a) or a if uploads(r) else a)  # type: ignore[func-returns-value]
    assert world.settled()
    assert len(later) == 1
