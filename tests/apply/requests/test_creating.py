"""A create is sent once, and again only when a list that was read to its end shows that there is nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.emulator import Request, Response
from reconciler.model.errors import Exit
from tests.acceptance.world import World
from tests.apply.server import Server, changed, is_read, is_write, refuse, say, text_of, world_and_server


def helper(root: Path) -> tuple[World, Server]:
    world, server = world_and_server(root)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    return world, server


def agents(world: World) -> list[str]:
    return [item["id"] for item in world.everything().values() if item["object"] == "agent"]


def creates(request: Request) -> bool:
    return is_write(request, "/agents") and request.path.endswith("/agents")


def test_a_server_that_drops_metadata_gets_one_object_and_a_clear_message(tmp_path: Path) -> None:
    world, server = helper(tmp_path)

    def drop(request: Request) -> Response | None:
        if not creates(request):
            return None
        body = json.loads(request.body)
        body.pop("metadata")
        return say(200, world.api("POST", "/agents", body, beta="agents=v1"))

    server.before.append(drop)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    [live] = agents(world)
    assert f"was answered with {live}, which does not carry our tag" in text_of(applied)


@pytest.mark.parametrize("identity", ["agent_/../../files", "a" * 200, 7, None, ["x"]])
def test_an_answer_with_an_impossible_id_is_looked_for_in_the_list(tmp_path: Path, identity: object) -> None:
    world, server = helper(tmp_path)

    def spoil(request: Request, response: Response) -> Response:
        return changed(response, lambda body: body | {"id": identity}) if creates(request) else response

    server.after.append(spoil)
    assert world.settled()
    assert len(agents(world)) == 1


def test_what_never_arrived_is_sent_at_most_three_times(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    server.before.append(lambda request: refuse(500) if creates(request) else None)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert len([call for call in applied.calls if call.method == "POST" and call.path == "/agents"]) == 3
    assert "may or may not have been created" in text_of(applied)
    server.before.clear()
    assert world.settled()


@pytest.mark.parametrize(("status", "code"), [(500, Exit.INCOMPLETE), (401, Exit.DENIED)])
def test_a_lost_create_that_cannot_be_looked_for_is_not_sent_again(tmp_path: Path, status: int, code: Exit) -> None:
    world, server = helper(tmp_path)
    prepared = world.plan()
    server.before.append(lambda request: refuse(500) if creates(request) else None)
    server.before.append(lambda request: refuse(status) if is_read(request, "/agents") else None)
    applied = world.apply(prepared=prepared)
    assert applied.exit == code
    assert "looking for it failed" in text_of(applied)
    assert len([call for call in applied.calls if call.method == "POST" and call.path == "/agents"]) == 1
    server.before.clear()
    assert world.settled()


def test_a_busy_service_gets_the_create_again_under_another_op(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    ops: list[str] = []

    def slow_down(request: Request) -> Response | None:
        if not creates(request):
            return None
        ops.append(json.loads(request.body)["metadata"]["reconciler.state"])
        return refuse(429, "too fast", "slow_down") if len(ops) < 3 else None

    server.before.append(slow_down)
    assert world.settled()
    assert len(ops) == len(set(ops)) == 3
    assert len(agents(world)) == 1
