"""Taking documents away: nothing is deleted that is still shown, and nothing that is forgotten stays behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.account.port import Call
from reconciler.emulator import Request, Response
from reconciler.model.errors import Exit
from tests.acceptance.world import World
from tests.apply.server import (
    Server,
    changed,
    ending,
    files_of,
    is_read,
    is_write,
    refuse,
    say,
    state_of,
    text_of,
    times,
    world_and_server,
)


def two_less_one(root: Path) -> tuple[World, Server, str]:
    """Two documents were applied, b.md is to go; its File's id."""
    world, server = world_and_server(root)
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"})
    assert world.settled()
    (world.root / "docs/b.md").unlink()
    store = world.id_of("VectorStore/docs")
    listed = world.api("GET", f"/vector_stores/{store}/files")["data"]
    return world, server, next(i["id"] for i in listed if i["attributes"]["reconciler_path"] == "docs/b.md")


def haunted(world: World, file_id: str, *, until: float) -> Callable[[Request, Response], Response]:
    """Lists go on showing an attachment, though its id answers 404."""
    store = world.id_of("VectorStore/docs")
    ghost = world.api("GET", f"/vector_stores/{store}/files/{file_id}")

    def rule(request: Request, response: Response) -> Response:
        listing = is_read(request, f"/vector_stores/{store}/files") and request.path.endswith("/files")
        if not listing or world.time.now() >= until:
            return response
        shown = json.loads(response.body)["data"]
        return changed(response, lambda body: body | {"data": [*shown, *([] if ghost in shown else [ghost])]})

    return rule


def deletions(world_calls: list[Call]) -> list[str]:
    return [call.path for call in world_calls if call.method == "DELETE"]


def test_a_file_is_deleted_when_neither_its_id_nor_the_list_shows_its_attachment_any_more(tmp_path: Path) -> None:
    world, server, file_id = two_less_one(tmp_path)
    until = world.time.now() + 20
    server.after.append(haunted(world, file_id, until=until))
    deleted: list[float] = []

    def note(request: Request) -> Response | None:
        deleted.extend([world.time.now()] * (request.method == "DELETE" and request.path == f"/files/{file_id}"))
        return None

    server.before.append(note)
    applied = world.apply()
    assert (applied.exit, len(files_of(world))) == (0, 1)
    assert len(deleted) == 1
    assert deleted[0] >= until


def test_what_is_still_listed_after_the_settle_window_keeps_its_file_in_the_journal(tmp_path: Path) -> None:
    world, server, file_id = two_less_one(tmp_path)
    server.after.append(haunted(world, file_id, until=world.time.now() + 10_000))
    began = world.time.now()
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "still lists what was detached" in text_of(applied)
    assert 60 <= world.time.now() - began < 80
    assert file_id in files_of(world)
    assert f"/files/{file_id}" not in deletions(applied.calls)
    assert file_id in json.dumps(world.api("GET", "/vector_stores?limit=100"))
    server.after.clear()
    assert world.settled()
    assert file_id not in files_of(world)
    assert "idle" in state_of(world)


def test_a_ghost_is_not_forgotten_by_the_run_that_meets_it_and_fails(tmp_path: Path) -> None:
    world, server, file_id = two_less_one(tmp_path)
    store = f"/vector_stores/{world.id_of('VectorStore/docs')}"
    attachment = f"{store}/files/{file_id}"
    ghost = world.api("GET", attachment)
    server.after.append(haunted(world, file_id, until=world.time.now() + 10_000))
    assert world.apply().exit == Exit.INCOMPLETE
    server.before.append(lambda request: say(200, ghost) if is_read(request, attachment) else None)
    server.before.append(lambda request: refuse(400) if request.path == store else None)
    assert world.apply().exit == Exit.INCOMPLETE
    server.before.clear()
    server.after.clear()
    assert world.settled()
    assert file_id not in files_of(world)


def test_one_list_serves_for_all_that_is_taken_away_together(tmp_path: Path) -> None:
    world, _ = world_and_server(tmp_path)
    world.store("docs", {f"{number:02d}.md": f"# {number}\n" for number in range(30)})
    assert world.settled()
    world.rules = world.rules.__class__(allow_deletes=30)
    for number in range(25):
        (world.root / f"docs/{number:02d}.md").unlink()
    applied = world.apply()
    assert applied.exit == 0
    first, last = (
        [number for number, call in enumerate(applied.calls) if call.method == "DELETE"][position]
        for position in (0, -1)
    )
    lists = [call for call in applied.calls[first:last] if call.method == "GET" and call.path.endswith("/files")]
    assert len(lists) == 1


def test_a_deletion_that_is_refused_leaves_the_file_in_the_journal(tmp_path: Path) -> None:
    world, server, file_id = two_less_one(tmp_path)
    server.before.append(
        lambda r: refuse(403, "no") if r.method == "DELETE" and r.path == f"/files/{file_id}" else None
    )
    applied = ending(world)
    assert applied.exit == Exit.DENIED
    assert file_id in files_of(world)
    server.before.clear()
    assert world.settled()
    assert file_id not in files_of(world)


@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_answer_to_a_detachment_is_looked_after(tmp_path: Path, executed: bool) -> None:
    world, server, file_id = two_less_one(tmp_path)

    def lost(request: Request) -> Response | None:
        if not (request.method == "DELETE" and is_write(request, "/vector_stores/", file_id)):
            return None
        if executed:
            server.real.handle(request)
        return refuse(500)

    server.before.append(times(1, lost))
    assert world.settled()
    assert file_id not in files_of(world)
