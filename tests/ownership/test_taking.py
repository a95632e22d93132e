"""Taking a stack: two runs at the same moment, slow servers, dead holders."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.account.port import Call
from reconciler.apply import Conclusion
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit, Stop
from reconciler.ownership.lease import HEARTBEAT, SILENCE
from reconciler.ownership.liveness import LockFiles, Unknown
from reconciler.ownership.taking import SERVICE, TAKEOVER
from tests.apply.server import (
    anchors_of,
    ending,
    is_write,
    refuse,
    state_of,
    text_of,
    times,
    world_and_server,
)
from tests.ownership.leases import busy, edited, helper, rewrite, run, through


@pytest.mark.parametrize("apart", [0.0, 0.1, 0.5, 1.0, 1.9, 2.5, 4.0])
def test_of_two_runs_at_once_at_most_one_writes(tmp_path: Path, apart: float) -> None:
    world = edited(tmp_path)
    writes: list[list[str]] = [[], []]

    def slow(number: int) -> Callable[[Call], float]:
        def latency(call: Call) -> float:
            if call.path.startswith("/agents") and not call.reads:
                writes[number].append(call.path)
            return 0.3 + 0.2 * number

        return latency

    async def race() -> list[int]:
        async def late() -> int:
            await asyncio.sleep(apart)
            return await run(through(world, slow(1)))

        return list(await asyncio.gather(run(through(world, slow(0))), late()))

    codes = world.time.run(race)
    assert sum(bool(one) for one in writes) <= 1
    assert set(codes) <= {Exit.DONE, Exit.STALE, Exit.LOCKED}
    world.time.base += TAKEOVER
    assert world.settled()


@pytest.mark.parametrize("lag", [0.0, 2.0, 10.0, 50.0])
@pytest.mark.parametrize("apart", [0.0, 1.5, 3.5, 20.0])
def test_two_first_applies_never_both_create(tmp_path: Path, lag: float, apart: float) -> None:
    world = helper(tmp_path, switches=Switches(list_lag=lag))

    async def race() -> list[int]:
        async def late() -> int:
            await asyncio.sleep(apart)
            return await run(through(world, lambda _: 0.2))

        return list(await asyncio.gather(run(through(world, lambda _: 0.2)), late()))

    codes = world.time.run(race)
    assert codes.count(Exit.DONE) <= 2
    assert len(anchors_of(world)) <= 1
    world.time.base += TAKEOVER
    assert world.settled()
    world.time.base += lag
    assert len([item for item in world.everything().values() if item["object"] == "agent"]) == 1


def test_a_server_too_slow_for_a_safe_lease_is_given_up_and_the_stack_left_free(tmp_path: Path) -> None:
    world = edited(tmp_path)
    before = state_of(world)

    async def work() -> Stop:
        session = through(world, lambda call: 1.5 if call.path.startswith("/vector_stores/") else 0.1)
        with pytest.raises(Stop) as stopped:
            async for _ in carry_out(session, await prepare(session), Conclusion()):
                pass
        return stopped.value

    stop = world.time.run(work)
    assert stop.code is Exit.UNAVAILABLE
    assert "could not be taken" in stop.summary
    assert state_of(world) == before
    assert world.settled()


def test_the_pause_is_longer_than_any_rival_may_need() -> None:
    assert SERVICE.pause > SERVICE.most


def test_a_holder_known_to_be_dead_is_taken_over_at_once_but_not_hastily(tmp_path: Path) -> None:
    world = edited(tmp_path)
    busy(world, age=5)
    assert ending(world).exit == Exit.LOCKED

    class Dead(Unknown):
        def died(self, run: str) -> bool:
            return run == "aaaaaaaa"

    session, _ = world.session()
    began = world.time.now()
    assert world.time.run(lambda: run(replace(session, liveness=Dead()))) == 0
    assert world.time.now() - began >= session.settle + SILENCE - 5 - HEARTBEAT
    assert "idle" in state_of(world)


def test_a_run_says_on_its_machine_that_it_is_alive(tmp_path: Path) -> None:
    world = edited(tmp_path / "tree")
    known = LockFiles(tmp_path / "runs")
    session, _ = world.session()

    async def work() -> list[tuple[str, list[str]]]:
        events = carry_out(replace(session, liveness=known), await prepare(session), Conclusion())
        return [(event.event, [path.suffix for path in (tmp_path / "runs").iterdir()]) async for event in events]

    seen = world.time.run(work)
    assert ("started", [".run"]) in seen
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_claim_that_was_refused_as_too_early_is_not_sent_again_over_what_another_run_wrote(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    anchor = anchors_of(world)[0]

    def overtaken(request: Request) -> Response | None:
        if not is_write(request, f"/vector_stores/{anchor['id']}"):
            return None
        state = str(anchor["metadata"]["reconciler.anchor"]).replace("serial=1", "serial=2")
        world.api(
            "POST", f"/vector_stores/{anchor['id']}", {"metadata": {**anchor["metadata"], "reconciler.anchor": state}}
        )
        return refuse(429, "slow down", "rate_limit_exceeded")

    server.before.append(times(1, overtaken))
    assert ending(world).exit == Exit.STALE
    assert "serial=2" in state_of(world)
    assert world.settled()


def test_a_busy_service_is_claimed_a_moment_later(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    for number in ("two", "three"):
        world.assistant("helper", "agents", model="gpt-6.1-terra", instructions=f"{number}\n")
        busy = replace(
            refuse(429, "slow down", "rate_limit_exceeded"),
            headers={"content-type": "application/json", "retry-after": "20"},
        )
        server.before[:] = [times(1, lambda r, busy=busy: busy if is_write(r, "/vector_stores/") else None)]  # type: ignore[misc]
        assert world.settled()


@pytest.mark.parametrize("looks", [1, 5])
def test_a_claim_that_arrived_though_nobody_could_see_it_is_our_own(tmp_path: Path, looks: int) -> None:
    """Unless that took so long that another run may have been here: then the stack is given back."""
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    anchor = anchors_of(world)[0]["id"]
    silent = times(looks, lambda request: refuse(503) if request.path.endswith(anchor) else None)

    def lose(request: Request, response: Response) -> Response:
        if is_write(request, anchor) and not server.before:
            server.before.append(silent)
            return refuse(500)
        return response

    server.after.append(lose)
    assert ending(world).exit == (Exit.DONE if looks == 1 else Exit.UNAVAILABLE)
    assert state_of(world).startswith("idle;serial=")
    assert "run=;" in state_of(world)
    assert world.settled()


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_first_applies_at_once_one_wins_and_the_other_leaves_nothing(tmp_path: Path, first: int) -> None:
    world = helper(tmp_path)
    sessions = [world.session()[0], world.session()[0]]

    async def race() -> list[int]:
        plans = [await prepare(session) for session in sessions]
        order = (first, 1 - first)
        return list(await asyncio.gather(*(run(sessions[number], plans[number]) for number in order)))

    assert min(world.time.run(race)) in {0, 6}
    assert len(anchors_of(world)) <= 1
    assert world.settled()
    assert len([item for item in world.everything().values() if item["object"] == "agent"]) == 1


def test_the_younger_of_two_first_applies_removes_its_own_anchor(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    rival = {"reconciler.stack": "acme#ffffffffffff", "reconciler.address": "Anchor/1"}

    def early(request: Request) -> Response | None:
        if is_write(request, "/vector_stores") and request.method == "POST":
            server.before.clear()
            world.api("POST", "/vector_stores", {"name": "a rival", "metadata": rival})
        return None

    server.before.append(early)
    applied = ending(world)
    assert (applied.exit, "Another first apply" in text_of(applied)) == (Exit.LOCKED, True)
    assert anchors_of(world) == []


def test_an_anchor_that_the_list_does_not_show_is_deleted_again(tmp_path: Path) -> None:
    world = helper(tmp_path, switches=Switches(list_lag=100.0))
    applied = ending(world)
    assert (applied.exit, "does not show it" in text_of(applied)) == (Exit.INCOMPLETE, True)
    world.time.base += 100
    assert anchors_of(world) == []


def test_a_run_of_another_is_waited_for_until_it_is_dead(tmp_path: Path) -> None:
    world = helper(tmp_path)
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    rewrite(world, state_run="aaaaaaaa", state_beat=str(int(world.time.now())))
    store = anchors_of(world)[0]
    metadata = {
        **store["metadata"],
        "reconciler.anchor": store["metadata"]["reconciler.anchor"].replace("idle", "busy"),
    }
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": metadata})
    assert ending(world).exit == Exit.LOCKED
    world.time.base += TAKEOVER
    assert world.settled()


def test_a_sign_of_life_from_the_far_future_locks_nobody_out(tmp_path: Path) -> None:
    world = helper(tmp_path)
    assert world.settled()
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    store = anchors_of(world)[0]
    state = f"busy;serial=1;run=aaaaaaaa;plan=;beat={2**40};kinds=agent;parts=1;v=1"
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": {**store["metadata"], "reconciler.anchor": state}})
    began = world.time.now()
    assert world.apply().exit == 0
    assert world.time.now() - began < 120


def test_a_plan_made_before_another_run_ended_unclean_is_stale(tmp_path: Path) -> None:
    world = helper(tmp_path)
    assert world.settled()
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    prepared = world.plan()
    rewrite(world, state_beat="1")
    assert ending(world, prepared=prepared).exit == Exit.STALE
    assert world.settled()
