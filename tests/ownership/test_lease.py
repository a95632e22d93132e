"""Who has the stack: two runs at the same moment, slow servers, dead holders, and what the next run waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from reconciler.account.limiter import Throttled
from reconciler.account.port import Call
from reconciler.apply import Conclusion
from reconciler.apply.session import Session
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.commands.rollback import prepare_rollback
from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit, Stop
from reconciler.ownership.keeper import BEAT, SERVICE, SILENCE, TAKEOVER
from reconciler.ownership.liveness import LockFiles, Unknown
from tests.acceptance.world import World
from tests.apply.server import anchors_of, ending, is_write, refuse, state_of, text_of, times, world_and_server
from tests.direct import DirectAccount


def helper(root: Path, *, switches: Switches | None = None) -> World:
    world = World.new(root, switches=switches)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    return world


def edited(root: Path) -> World:
    """A world that was applied, and then its manifest changed."""
    world = helper(root)
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    return world


def through(world: World, latency: Callable[[Call], float]) -> Session:
    """A session whose requests take their time."""
    session, _ = world.session()
    direct = DirectAccount(world.emulator, clock=world.time, latency=latency)
    return replace(session, account=Throttled(direct, clock=world.time, random=Random(1)))


async def run(session: Session) -> int:
    conclusion = Conclusion()
    try:
        async for _ in carry_out(session, await prepare(session), conclusion):
            pass
    except Stop as stop:
        return int(stop.code)
    return int(conclusion.exit)


def busy(world: World, *, age: float, run_id: str = "aaaaaaaa") -> None:
    """Make it look as if another run had the stack, and had shown a sign of life so many seconds ago."""
    store = anchors_of(world)[0]
    words = dict(item.partition("=")[::2] for item in store["metadata"]["reconciler.anchor"].split(";")[1:])
    words |= {"run": run_id, "beat": str(int(world.time.now() - age))}
    state = ";".join(["busy", *(f"{key}={value}" for key, value in words.items())])
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": {**store["metadata"], "reconciler.anchor": state}})


# --- two at once ------------------------------------------------------------------------------------------------------


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


# --- a holder that died -----------------------------------------------------------------------------------------------


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
    assert world.time.now() - began >= session.settle + SILENCE - 5 - BEAT
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


# --- after an unclean run ---------------------------------------------------------------------------------------------


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


def test_a_failure_before_the_calm_is_over_leaves_the_unclean_run_on_record(tmp_path: Path) -> None:
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


# --- signs of life ----------------------------------------------------------------------------------------------------


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
