"""A run from its beginning: what it does not begin on, what it waits for after an unclean one, and that it ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.apply import Conclusion
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.commands.rollback import prepare_rollback
from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit, Stop
from tests.acceptance.world import World
from tests.apply.server import (
    anchors_of,
    ending,
    is_read,
    is_write,
    refuse,
    state_of,
    world_and_server,
)
from tests.ownership.leases import busy, edited, run


def test_a_read_only_key_plans_and_does_not_apply(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    for key in ("sk-readonly", "sk-wrong"):
        read_only = {"authorization": f"Bearer {key}"}

        def with_key(request: Request, headers: dict[str, str] = read_only) -> Response:
            return server.real.handle(replace(request, headers={**request.headers, **headers}))

        server.before[:] = [with_key]
        assert ending(world).exit == Exit.DENIED
    assert world.everything() == {}


def test_a_run_that_cannot_begin_its_steps_gives_the_stack_back(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    assert world.settled()
    store = anchors_of(world)[0]
    metadata = {**store["metadata"], "reconciler.j0": "file-unknown"}
    metadata["reconciler.anchor"] = metadata["reconciler.anchor"].replace("idle", "busy")
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": metadata})
    server.before.append(lambda request: refuse(403, "no") if is_read(request, "/files/file-unknown") else None)
    assert ending(world).exit == Exit.DENIED
    assert "run=;" in state_of(world)
    server.before.clear()
    assert world.settled()


def test_a_bug_in_a_step_is_not_swallowed_and_gives_the_stack_back(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")

    def bug(request: Request) -> Response | None:
        if is_write(request, "/agents"):
            raise ZeroDivisionError
        return None

    server.before.append(bug)
    with pytest.raises(ZeroDivisionError):
        world.apply()
    assert "run=;" in state_of(world)
    server.before.clear()
    assert world.settled()


def test_an_apply_that_nobody_listens_to_any_more_ends(tmp_path: Path) -> None:
    world = World.new(tmp_path, switches=Switches(processing_seconds=100))
    world.store("docs", {"a.md": "# A\n"})
    session, _ = world.session()

    async def work() -> None:
        events = carry_out(session, await prepare(session), Conclusion())
        async for event in events:
            if event.to_json()["event"] == "started":
                break
        await events.aclose()  # type: ignore[attr-defined]

    world.time.run(work)
    world.time.base += 700
    assert world.settled()


def test_a_blocked_plan_is_not_carried_out(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "helper")
    with pytest.raises(Stop) as stopped:
        world.apply()
    assert stopped.value.code is Exit.REFUSED


def test_what_arrives_late_is_found_before_anything_is_created(tmp_path: Path) -> None:
    """The create of a run that died executes half a minute later: the next run completes it, and makes no second."""
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    late: list[Request] = []

    def hold(request: Request) -> Response | None:
        if is_write(request, "/agents") and not late:
            late.append(request)
            raise asyncio.CancelledError
        return None

    server.before.append(hold)
    session, _ = world.session()

    async def die() -> None:
        with pytest.raises(asyncio.CancelledError):
            await run(session)

    world.time.run(die)
    busy(world, age=1, run_id="")
    again, _ = world.session()

    async def work() -> int:
        asyncio.get_running_loop().call_later(30, lambda: server.real.handle(late[0]))
        return await run(again)

    assert world.time.run(work) == 0
    agents = [item for item in world.everything().values() if item["object"] == "agent"]
    assert len(agents) == 1
    assert agents[0]["id"] == world.id_of("Assistant/helper")


def test_what_is_to_be_done_now_must_not_go_beyond_the_plan(tmp_path: Path) -> None:
    world = edited(tmp_path)
    busy(world, age=1, run_id="")
    agent = world.id_of("Assistant/helper")
    session, _ = world.session()

    async def work() -> int:
        change = {"model": "gpt-6-sol"}
        asyncio.get_running_loop().call_later(
            30, lambda: world.api("POST", f"/agents/{agent}", change, beta="agents=v1")
        )
        return await run(session)

    assert world.time.run(work) == Exit.STALE
    assert world.api("GET", f"/agents/{agent}", beta="agents=v1")["instructions"] == "one\n"
    assert world.settled()


def test_a_rollback_neither_waits_for_an_unclean_run_nor_hides_it(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    for word in ("one", "two"):
        world.assistant("helper", model="gpt-6.1-terra", instructions=f"{word}\n")
        assert world.settled()
    busy(world, age=1, run_id="")
    before = state_of(world)
    session, _ = world.session()
    began = world.time.now()

    async def work() -> int:
        conclusion = Conclusion()
        address = next(iter(item.address for item in session.loaded.desired))
        prepared = await prepare_rollback(session, address, None)
        async for _ in carry_out(session, prepared, conclusion):
            pass
        return int(conclusion.exit)

    assert world.time.run(work) == 0
    assert world.time.now() - began < 20
    assert [word for word in before.split(";") if not word.startswith("kinds")] == [
        word for word in state_of(world).split(";") if not word.startswith("kinds")
    ]
    assert world.settled()
    assert "idle" in state_of(world)


def test_a_failure_before_an_unclean_run_has_settled_leaves_it_on_record(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    busy(world, age=1, run_id="")
    before = state_of(world)
    session, _ = world.session()

    def deny() -> None:
        server.before.append(
            lambda request: refuse(401) if request.method == "GET" and "/agents" in request.path else None
        )

    async def work() -> int:
        asyncio.get_running_loop().call_later(30, deny)
        return await run(session)

    assert world.time.run(work) == Exit.DENIED
    server.before.clear()
    assert "busy" in state_of(world)
    assert [word for word in state_of(world).split(";") if word.startswith("beat")] == [
        word for word in before.split(";") if word.startswith("beat")
    ]
    assert world.settled()
