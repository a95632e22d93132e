"""A create is sent once, and again only when a list that was read to its end shows that there is nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.emulator import Request, Response
from reconciler.model.errors import Exit
from tests.acceptance.world import World
from tests.apply.server import Server, changed, is_read, is_write, refuse, say, text_of, times, world_and_server


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


def test_a_lost_update_that_cannot_be_read_back_is_in_doubt(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    gone: list[bool] = []

    def lose(request: Request) -> Response | None:
        if is_write(request, "/agents/"):
            gone.append(True)
            return refuse(500)
        return refuse(500) if gone and is_read(request, "/agents/") else None

    server.before.append(lose)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert applied.events[-1]["in_doubt"] == 1
    server.before.clear()
    assert world.settled()


def test_an_update_that_conflicts_waits_as_long_as_it_is_told(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    busy = Response(409, b"{}", {"content-type": "application/json", "retry-after": "20"})
    server.before.append(times(1, lambda request: busy if is_write(request, "/agents/") else None))
    began = world.time.now()
    assert world.apply().exit == 0
    assert world.time.now() - began >= 20


def test_an_update_that_never_arrives_is_given_up(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    server.before.append(lambda request: refuse(500) if is_write(request, "/agents/") else None)
    applied = world.apply()
    assert (applied.exit, "did not arrive" in text_of(applied)) == (Exit.INCOMPLETE, True)


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


def test_a_lost_update_is_not_sent_again_over_what_somebody_else_wrote(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    [agent] = agents(world)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")

    def lose(request: Request) -> Response | None:
        if not is_write(request, "/agents/"):
            return None
        world.api("POST", f"/agents/{agent}", {"instructions": "a person's"}, beta="agents=v1")
        return refuse(500)

    server.before.append(times(1, lose))
    applied = world.apply()
    assert (applied.exit, "somebody else wrote" in text_of(applied)) == (Exit.STALE, True)
    assert "which may still be executed" in text_of(applied)  # the lost update would bring our tags back
    assert world.api("GET", f"/agents/{agent}", beta="agents=v1")["instructions"] == "a person's"
    assert world.settled()


def test_an_update_that_was_refused_as_too_early_is_not_sent_again_over_what_somebody_wrote(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    agent = world.id_of("Assistant/helper")

    def busy(request: Request) -> Response | None:
        if not is_write(request, f"/agents/{agent}"):
            return None
        metadata = world.api("GET", f"/agents/{agent}", beta="agents=v1")["metadata"]
        world.api("POST", f"/agents/{agent}", {"metadata": {**metadata, "owner": "cx"}}, beta="agents=v1")
        return refuse(429, "slow down", "rate_limit_exceeded")

    server.before.append(times(1, busy))
    assert world.apply().exit == Exit.STALE
    assert world.api("GET", f"/agents/{agent}", beta="agents=v1")["metadata"]["owner"] == "cx"
    assert world.settled()
    assert world.api("GET", f"/agents/{agent}", beta="agents=v1")["metadata"]["owner"] == "cx"


def test_an_update_to_a_busy_service_is_sent_again_and_given_up_in_the_end(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    busy = refuse(429, "slow down", "rate_limit_exceeded")
    server.before.append(times(4, lambda request: busy if is_write(request, "/agents/") else None))
    assert world.apply().exit == Exit.INCOMPLETE
    server.before[:] = [times(3, lambda request: busy if is_write(request, "/agents/") else None)]
    assert world.settled()


def removed(root: Path) -> tuple[World, Server, str]:
    """A world whose only agent has no manifest any more."""
    world, server = helper(root)
    world.assistant("other", "agents", model="gpt-6.1-terra")
    assert world.settled()
    agent = world.id_of("Assistant/helper")
    world.remove("Assistant", "helper")
    return world, server, agent


def deletes(request: Request) -> bool:
    return request.method == "DELETE" and "/agents/" in request.path


def test_a_delete_whose_answer_was_lost_is_read_back_and_not_repeated(tmp_path: Path) -> None:
    world, server, agent = removed(tmp_path)
    server.before.append(times(1, lambda r: server.real.handle(r) and refuse(500) if deletes(r) else None))
    applied = world.apply()
    assert applied.exit == 0
    assert applied.writes.count(f"DELETE /agents/{agent}") == 1


def test_a_delete_that_did_not_arrive_is_sent_again(tmp_path: Path) -> None:
    world, server, agent = removed(tmp_path)
    server.before.append(times(1, lambda r: refuse(500) if deletes(r) else None))
    applied = world.apply()
    assert applied.exit == 0
    assert applied.writes.count(f"DELETE /agents/{agent}") == 2


def test_what_went_away_by_itself_is_as_good_as_deleted(tmp_path: Path) -> None:
    world, server, _ = removed(tmp_path)
    gone = times(1, lambda r: server.real.handle(r) and refuse(404, code="not_found_error") if deletes(r) else None)
    server.before.append(gone)
    assert world.apply().exit == 0


def test_a_lost_delete_is_not_repeated_on_an_object_that_somebody_took_over(tmp_path: Path) -> None:
    world, server, agent = removed(tmp_path)

    def lose(request: Request) -> Response | None:
        if not deletes(request):
            return None
        world.api("POST", f"/agents/{agent}", {"metadata": {"owner": "somebody"}}, beta="agents=v1")
        return refuse(500)

    server.before.append(times(1, lose))
    applied = world.apply()
    assert applied.exit == Exit.STALE
    assert world.api("GET", f"/agents/{agent}", beta="agents=v1")["metadata"] == {"owner": "somebody"}


def test_after_a_lost_delete_a_list_that_still_shows_the_object_is_waited_for(tmp_path: Path) -> None:
    world, server, agent = removed(tmp_path)
    shown = world.api("GET", f"/agents/{agent}", beta="agents=v1")
    since: list[float] = []

    def lose(request: Request) -> Response | None:
        if not deletes(request):
            return None
        since.append(world.time.now())
        server.real.handle(request)
        return refuse(500)

    def ghost(request: Request, response: Response) -> Response:
        listing = is_read(request, "/agents") and request.path.endswith("/agents")
        if not (since and listing and world.time.now() < since[0] + 20):
            return response
        return changed(response, lambda body: body | {"data": [shown, *body["data"]]})

    server.before.append(times(1, lose))
    server.after.append(ghost)
    applied = world.apply()
    assert applied.exit == 0
    assert applied.writes.count(f"DELETE /agents/{agent}") == 1
    assert world.time.now() - since[0] >= 20
