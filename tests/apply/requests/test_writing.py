"""Writing to what may have been written to: never again without a look, and never over what somebody else wrote."""

from __future__ import annotations

from pathlib import Path

from reconciler.emulator import Request, Response
from reconciler.model.errors import Exit
from tests.apply.requests.test_creating import agents, helper
from tests.apply.server import is_read, is_write, refuse, text_of, times


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
