"""Having a stack: signs of life, what is noticed before a write, and giving it back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.account.port import Call, Failure
from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit, Stop
from reconciler.ownership.lease import Leased
from reconciler.ownership.taking import TAKEOVER
from tests.acceptance.world import World
from tests.apply.server import (
    anchors_of,
    ending,
    is_read,
    is_write,
    refuse,
    state_of,
    text_of,
    times,
    world_and_server,
)
from tests.ownership.leases import busy, first_lease, rewrite, run


def test_no_write_leaves_a_run_that_has_shown_no_sign_of_life_for_long(tmp_path: Path) -> None:
    """The anchor refuses every sign of life while a document is processed: nothing more is written."""
    world, server = world_and_server(tmp_path, switches=Switches(processing_seconds=90))
    world.store("docs", {"a.md": "# A\n"})
    world.assistant("helper", model="gpt-6.1-terra", tools=[{"type": "file_search", "vector_stores": ["docs"]}])
    began = world.time.now()

    def rule(request: Request) -> Response | None:
        ours = is_write(request, "/vector_stores/vs_") and b"reconciler.anchor" in request.body
        return refuse(400) if ours and world.time.now() - began > 15 else None

    server.before.append(rule)
    applied = ending(world)
    assert applied.exit == Exit.INCOMPLETE
    assert [item for item in world.everything().values() if item["object"] == "skill"] == []
    server.before.clear()
    world.time.base += TAKEOVER
    assert world.settled()


def test_a_write_that_had_to_wait_is_sent_only_after_another_look(tmp_path: Path) -> None:
    """A Retry-After of half a minute closes the gate; meanwhile another run takes the stack."""
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    session, _ = world.session()
    slow_down = Response(
        429,
        b'{"error": {"message": "slow down", "type": "requests", "code": "slow_down"}}',
        {"content-type": "application/json", "retry-after": "30"},
    )

    def gate(request: Request) -> Response | None:
        if is_write(request, "/agents/"):
            asyncio.get_running_loop().call_later(10, lambda: busy(world, age=0, run_id="bbbbbbbb"))
            return slow_down
        return None

    server.before.append(times(1, gate))
    assert world.time.run(lambda: run(session)) == Exit.LOCKED
    agent = next(item for item in world.everything().values() if item["object"] == "agent")
    assert agent["instructions"] == "one\n"
    assert "run=bbbbbbbb" in state_of(world)


def test_being_told_to_wait_too_long_ends_the_run_with_exit_9(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    for name in ("one", "two", "three"):
        world.assistant(name, "agents", model="gpt-6.1-terra")
    slow_down = Response(
        429,
        b'{"error": {"message": "slow down", "type": "requests", "code": "slow_down"}}',
        {"content-type": "application/json", "retry-after": "600"},
    )
    server.before.append(lambda request: slow_down if is_write(request, "/agents") else None)
    began = world.time.now()
    applied = ending(world)
    assert applied.exit == Exit.UNAVAILABLE
    assert "600 s" in text_of(applied) or "wait" in text_of(applied)
    assert world.time.now() - began < 60


def slow(root: Path) -> World:
    """A world whose apply takes a while: its document is processed for a minute and a half."""
    world = World.new(root, switches=Switches(processing_seconds=90))
    world.store("docs", {"a.md": "# A\n"})
    tool = {"type": "file_search", "vector_stores": ["docs"]}
    world.assistant("helper", model="gpt-6.1-terra", tools=[tool])
    return world


def meanwhile(world: World, seconds: float, what: Any) -> int:
    """Apply, and do something else to the account after so many seconds."""
    session, _ = world.session()

    async def work() -> int:
        asyncio.get_running_loop().call_later(seconds, what)
        return await run(session)

    return world.time.run(work)


def test_a_run_that_was_taken_over_writes_nothing_more(tmp_path: Path) -> None:
    world = slow(tmp_path)
    assert meanwhile(world, 30, lambda: rewrite(world, state_run="bbbbbbbb")) == Exit.LOCKED
    assert "run=bbbbbbbb" in state_of(world)
    assert [item for item in world.everything().values() if item["object"] == "skill"] == []


def test_a_run_whose_stack_was_taken_over_and_given_back_writes_nothing_more(tmp_path: Path) -> None:
    world = slow(tmp_path)
    assert meanwhile(world, 30, lambda: rewrite(world, state_run="", state_serial="7")) == Exit.LOCKED
    assert "serial=7" in state_of(world)


def test_an_anchor_that_is_deleted_under_a_run_stops_it(tmp_path: Path) -> None:
    world = slow(tmp_path)
    gone = meanwhile(world, 30, lambda: world.api("DELETE", f"/vector_stores/{anchors_of(world)[0]['id']}"))
    assert gone == Exit.STALE
    assert [item for item in world.everything().values() if item["object"] == "skill"] == []


@pytest.mark.parametrize("metadata", [{"reconciler.stack": ""}, {"reconciler.anchor": "v=9"}])
def test_an_anchor_that_is_changed_by_hand_under_a_run_stops_it(tmp_path: Path, metadata: dict[str, str]) -> None:
    world = slow(tmp_path)

    def spoil() -> None:
        store = anchors_of(world)[0]
        world.api("POST", f"/vector_stores/{store['id']}", {"metadata": {**store["metadata"], **metadata}})

    assert meanwhile(world, 30, spoil) == Exit.STALE


def test_signs_of_life_outlast_a_server_that_fails_for_a_while(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path, switches=Switches(processing_seconds=200))
    world.store("docs", {"a.md": "# A\n"})
    began = world.time.now()

    def rule(request: Request) -> Response | None:
        ours = is_write(request, "/vector_stores/vs_") and b"busy" in request.body
        return refuse(400) if ours and 15 < world.time.now() - began < 50 else None

    server.before.append(rule)
    assert world.apply().exit == 0
    assert "idle" in state_of(world)


def test_a_run_that_is_asked_to_wait_for_a_day_gives_the_stack_back_all_the_same(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    asked = {"content-type": "application/json", "retry-after": "86400"}
    tomorrow = replace(refuse(429, code="rate_limit_exceeded"), headers=asked)
    server.before.append(times(1, lambda request: tomorrow if is_write(request, "/agents") else None))
    assert ending(world).exit == Exit.UNAVAILABLE
    assert ";run=;" in state_of(world)
    assert world.settled()


def test_reads_need_no_lease_and_writes_do(tmp_path: Path) -> None:
    world = World.new(tmp_path)

    async def work() -> None:
        lease = await first_lease(world)
        leased = Leased(lease.record.stores.account, lease)
        lease.lost = Stop(Exit.LOCKED, "gone")
        await leased.send(Call("GET", "/vector_stores", beta="assistants=v2"))
        with pytest.raises(Stop):
            await leased.send(Call("POST", "/vector_stores", beta="assistants=v2", json={}))

    world.time.run(work)


def test_an_anchor_that_cannot_be_read_is_no_reason_to_write(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)

    async def work() -> None:
        lease = await first_lease(world)
        server.before.append(lambda request: refuse(401) if is_read(request, "/vector_stores/") else None)
        with pytest.raises(Failure):
            await lease.confirm(at_once=True)
        with pytest.raises(Failure):
            await lease.remove()

    world.time.run(work)


def test_a_stack_that_was_given_back_without_an_answer_is_not_taken_for_another_runs(tmp_path: Path) -> None:
    """The last write arrives, its answer and the look at it are lost: the next look shows that all is well."""
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    lost: list[bool] = []

    def lose(request: Request) -> Response | None:
        if is_write(request, "/vector_stores/vs_") and b"idle" in request.body and not lost:
            server.real.handle(request)
            lost.append(True)
            return refuse(500)
        return None

    def blind(request: Request) -> Response | None:
        if len(lost) == 1 and is_read(request, "/vector_stores/vs_"):
            lost.append(True)
            return Response(307, b"", {"location": "https://elsewhere.invalid/"})
        return None

    server.before.extend([blind, lose])
    assert world.apply().exit == 0
    assert "idle" in state_of(world)
    assert len(lost) > 1
