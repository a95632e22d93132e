"""Deleting: an answer that was lost is looked after, and nobody else's object goes."""

from __future__ import annotations

from pathlib import Path

from reconciler.emulator import Request, Response
from reconciler.model.errors import Exit
from tests.acceptance.world import World
from tests.apply.requests.test_creating import helper
from tests.apply.server import Server, changed, is_read, refuse, times


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
