"""Releases that go, or that are let go."""

from __future__ import annotations

from pathlib import Path

from reconciler.emulator import Request, Response
from reconciler.model.errors import Exit
from tests.apply.server import (
    changed,
    files_of,
    is_read,
    is_write,
    refuse,
    text_of,
    times,
    world_and_server,
)
from tests.apply.steps.versioned.test_releasing import helper, release


def test_a_release_that_is_forgotten_must_be_readable(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("old", lifecycle={"on_delete": "retain"}, model="gpt-6.1-terra")
    world.assistant("other", model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "old")
    server.before.append(lambda r: refuse(404) if is_read(r, "/skills/", "/content") else None)
    applied = world.apply()
    assert (applied.exit, "can be read" in text_of(applied)) == (Exit.INCOMPLETE, True)
    server.before.clear()
    lost = times(1, lambda r: server.real.handle(r) and refuse(500) if is_write(r, "/skills/", "/versions") else None)
    server.before.append(lost)
    assert world.settled()


def test_a_release_is_not_deleted_before_its_list_shows_the_newest_version(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    assert world.settled()
    release(world, "two")
    assert world.settled()
    world.remove("Assistant", "helper")
    prepared, blind = world.plan(), [2]

    def lagging(request: Request, response: Response) -> Response:
        if is_read(request, "/skills/", "/versions") and blind[0]:
            blind[0] -= 1
            return changed(response, lambda body: body | {"data": body["data"][1:]})
        return response

    server.after.append(lagging)
    assert (world.apply(prepared=prepared).exit, blind) == (0, [0])
    assert len(files_of(world)) == 1
