"""The stack's record: made, read, written in parts and deleted, whatever becomes of the answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit
from tests.acceptance.world import World
from tests.apply.server import (
    anchors_of,
    changed,
    ending,
    is_read,
    is_write,
    refuse,
    state_of,
    text_of,
    times,
    world_and_server,
)


def test_an_anchor_that_a_proxy_made_twice_loses_its_twin(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")

    def twice(request: Request) -> Response | None:
        if is_write(request, "/vector_stores") and request.method == "POST":
            server.before.clear()
            server.real.handle(request)
        return None

    server.before.append(twice)
    assert world.apply().exit == 0
    assert len(anchors_of(world)) == 1
    assert world.settled()


def test_an_anchor_that_was_not_made_is_asked_for_again(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    server.before.append(times(1, lambda request: refuse(500) if is_write(request, "/vector_stores") else None))
    assert world.apply().exit == 0
    assert len(anchors_of(world)) == 1
    assert world.settled()


def test_an_anchor_whose_creation_is_never_seen_stops_the_run_before_anything_else(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    server.before.append(lambda request: refuse(500) if is_write(request, "/vector_stores") else None)
    applied = ending(world)
    assert (applied.exit, "may or may not" in text_of(applied)) == (Exit.INCOMPLETE, True)
    server.before.clear()
    assert world.settled()


def test_an_anchor_that_takes_no_update_ends_the_run_with_nothing_else_written(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    server.before.append(lambda request: refuse(500) if is_write(request, "/vector_stores/") else None)
    applied = ending(world)
    assert (applied.exit, "got through" in text_of(applied)) == (Exit.INCOMPLETE, True)
    server.before.clear()
    assert world.settled()


def test_a_lost_answer_about_the_anchor_is_read_back(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    lost = times(1, lambda r: server.real.handle(r) and refuse(500) if is_write(r, "/vector_stores/") else None)
    server.before.append(lost)
    assert world.settled()


def test_an_answer_about_another_store_is_not_the_anchor(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")

    def other(request: Request, response: Response) -> Response:
        one = is_read(request, "/vector_stores/vs_")
        return changed(response, lambda body: body | {"id": "vs_/../../x"}) if one else response

    server.after.append(other)
    assert ending(world).exit == Exit.STALE


def many(world: World, count: int) -> None:
    for number in range(count):
        world.assistant(f"a-rather-long-name-for-an-assistant-{number:03d}", "agents", model="gpt-6.1-terra")


@pytest.mark.parametrize("merge", [False, True])
def test_an_inventory_grows_into_a_second_part_and_shrinks_again(tmp_path: Path, merge: bool) -> None:
    world = World.new(tmp_path, switches=Switches(merge_metadata=merge))
    many(world, 60)
    assert world.settled()
    assert len(anchors_of(world)) == 2
    assert "parts=2" in state_of(world)
    world.rules = replace(world.rules, allow_deletes=100)
    for number in range(2, 60):
        world.remove("Assistant", f"a-rather-long-name-for-an-assistant-{number:03d}")
    assert world.settled()
    assert "parts=1" in state_of(world)
    many(world, 60)
    assert world.settled()
    assert len(anchors_of(world)) == 2
    assert world.apply(destroy=True).exit == 0
    assert world.everything() == {}


def test_an_anchor_without_its_second_part_is_not_believed(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    many(world, 60)
    assert world.settled()
    second = next(store for store in anchors_of(world) if store["metadata"]["reconciler.address"] == "Anchor/2")
    world.api("DELETE", f"/vector_stores/{second['id']}")
    applied = ending(world)
    assert (applied.exit, "is missing" in text_of(applied)) == (Exit.DENIED, True)


def test_a_deletion_of_the_anchor_whose_answer_is_lost_is_sent_again(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    assert world.settled()

    def lost(request: Request) -> Response | None:
        ours = request.method == "DELETE" and "/vector_stores/" in request.path
        return server.real.handle(request) and refuse(500) if ours else None

    server.before.append(times(1, lost))
    assert world.apply(destroy=True).exit == 0
    assert world.everything() == {}


def test_an_anchor_that_cannot_be_deleted_makes_destroy_incomplete(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    assert world.settled()
    server.before.append(lambda r: refuse(500) if r.method == "DELETE" and "/vector_stores/" in r.path else None)
    applied = ending(world, destroy=True)
    assert applied.exit == Exit.UNAVAILABLE
    assert "The anchor could not be deleted" in text_of(applied)
    server.before.clear()
    assert world.apply(destroy=True).exit == 0
