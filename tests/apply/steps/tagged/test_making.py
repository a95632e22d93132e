"""Objects with metadata: written to only as the plan saw them, and honest about what a server does not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.commands.plan import prepare
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
    text_of,
    world_and_server,
)


def helper(root: Path, text: str = "one") -> tuple[World, Server]:
    world, server = world_and_server(root, profile="compatible")
    reader(world, text)
    return world, server


def reader(world: World, text: str, lifecycle: Any = None) -> None:
    world.write("data/x.csv", f"a\n{text}\n")
    tools = [{"type": "code_interpreter", "files": ["data/x.csv"]}]
    spec: dict[str, Any] = {"model": "gpt-6.1-terra", "instructions": f"{text}\n", "tools": tools}
    world.assistant("helper", "assistants", lifecycle=lifecycle, **spec)


def test_a_refused_create_or_update_leaves_no_files(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    server.before.append(lambda r: refuse(400, "bad") if is_write(r, "/assistants") else None)
    assert world.apply().exit == Exit.INCOMPLETE
    assert files_of(world) == []
    server.before.clear()
    assert world.settled()
    reader(world, "two")
    server.before.append(lambda r: refuse(400, "bad") if is_write(r, "/assistants") else None)
    assert world.apply().exit == Exit.INCOMPLETE
    assert len(files_of(world)) == 1
    server.before.clear()
    assert world.settled()
    assert len(files_of(world)) == 1


def test_an_update_in_doubt_keeps_its_files(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    reader(world, "two")
    server.before.append(lambda r: refuse(500) if is_write(r, "/assistants") else None)
    assert world.apply().exit == Exit.INCOMPLETE
    assert len(files_of(world)) == 2


def test_an_object_that_already_is_what_the_manifest_wants_is_left_unchanged(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    prepared = world.plan()
    assert world.settled()
    live = world.id_of("Assistant/helper")
    world.api("POST", f"/agents/{live}", {"instructions": "three\n"}, beta="agents=v1")
    assert ending(world, prepared=prepared).exit == Exit.STALE


@pytest.mark.parametrize("way", ["gone", "stripped"])
def test_an_object_that_shows_no_more_that_it_is_ours_is_left_alone(tmp_path: Path, way: str) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    world.assistant("other", "agents", model="gpt-6.1-terra")
    assert world.settled()
    live = world.id_of("Assistant/helper")
    for change in ("update", "delete"):
        if change == "update":
            world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
        else:
            world.remove("Assistant", "helper")
        prepared = world.plan()
        tags = world.api("GET", f"/agents/{live}", beta="agents=v1")["metadata"]
        if way == "gone" and change == "delete":
            world.api("DELETE", f"/agents/{live}", beta="agents=v1")
            assert world.apply(prepared=prepared).exit == 0
            continue
        if way == "gone":
            continue
        world.api("POST", f"/agents/{live}", {"metadata": {}}, beta="agents=v1")
        applied = world.apply(prepared=prepared)
        assert (applied.exit, "no longer shows" in text_of(applied)) == (Exit.STALE, True)
        world.api("POST", f"/agents/{live}", {"metadata": tags}, beta="agents=v1")


def test_an_object_that_vanishes_before_its_update_is_not_written_to(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    prepared = world.plan()
    world.api("DELETE", f"/agents/{world.id_of('Assistant/helper')}", beta="agents=v1")
    applied = world.apply(prepared=prepared)
    assert (applied.exit, "is gone since" in text_of(applied)) == (Exit.STALE, True)
    assert world.settled()


@pytest.mark.parametrize("way", ["gone", "changed", "tagged", "a record"])
def test_an_object_is_adopted_only_as_the_plan_saw_it(tmp_path: Path, way: str) -> None:
    world = World.new(tmp_path)
    live = world.api("POST", "/agents", {"model": "gpt-6-sol", "name": "Old"}, beta="agents=v1")["id"]
    world.assistant("helper", "agents", lifecycle={"adopt": live}, model="gpt-6.1-terra")
    prepared = world.plan()
    state = "ready;op=1.1;spec=0;v=1"
    tags = {"reconciler.stack": f"x#{'0' * 12}", "reconciler.address": "Assistant/x", "reconciler.state": state}
    record = {"reconciler.stack": f"x#{'0' * 12}", "reconciler.address": "Anchor/2"}
    body = {"changed": {"name": "New"}, "tagged": {"metadata": tags}, "a record": {"metadata": record}}.get(way)
    world.api("DELETE" if body is None else "POST", f"/agents/{live}", body, beta="agents=v1")
    assert world.apply(prepared=prepared).exit == Exit.STALE


def test_a_store_whose_size_is_no_number_is_no_traceback(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.store("docs", {"a.md": "# A\n"})

    def spoil(request: Request, response: Response) -> Response:
        one = is_read(request, "/vector_stores/vs_") and "/files" not in request.path
        return changed(response, lambda body: body | {"usage_bytes": "many"}) if one else response

    server.after.append(spoil)
    assert world.apply().exit == 0


def test_a_code_interpreter_file_that_is_gone_is_uploaded_again(tmp_path: Path) -> None:
    world, _ = helper(tmp_path)
    assert world.settled()
    world.api("DELETE", f"/files/{files_of(world)[0]}")
    assert world.time.run(lambda: _full(world)) == ["update Assistant/helper"]


async def _full(world: World) -> list[str]:
    session, _ = world.session()
    return [str(step) for step in (await prepare(session, refresh="full")).plan.steps]


def test_the_file_of_an_unconfirmed_assistant_goes_when_the_manifest_wants_it_no_more(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    server.before.append(lambda r: refuse(400, "bad") if is_write(r, "/assistants/") else None)
    assert world.apply().exit == Exit.INCOMPLETE
    assert len(files_of(world)) == 1
    server.before.clear()
    world.assistant("helper", "assistants", model="gpt-6.1-terra", instructions="none\n")
    assert world.settled()
    assert files_of(world) == []


def test_a_rename_that_died_is_known_by_its_files_though_the_manifest_forgot_it(tmp_path: Path) -> None:
    world, _ = helper(tmp_path)
    assert world.settled()
    store = next(item for item in world.api("GET", "/vector_stores?limit=100")["data"] if "anchor" in item["name"])
    world.remove("Assistant", "helper")
    tools = [{"type": "code_interpreter", "files": ["data/x.csv"]}]
    rest: dict[str, Any] = {"model": "gpt-6.1-terra", "instructions": "one\n", "tools": tools}
    world.assistant("guide", "assistants", lifecycle={"moved_from": "Assistant/helper"}, **rest)
    assert world.apply().exit == 0
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": store["metadata"]})  # the record was not written
    world.assistant("guide", "assistants", **rest)
    assert world.settled()
    assert len(files_of(world)) == 1
