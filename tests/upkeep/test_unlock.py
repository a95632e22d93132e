"""Ending the lease of a run that died: what is shown, what is written, and what a run that is alive makes of it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from reconciler.apply import Conclusion
from reconciler.apply.session import Session
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit, Stop
from reconciler.ownership.lease import SILENCE
from reconciler.ownership.liveness import LockFiles, Unknown
from reconciler.ownership.taking import TAKEOVER
from reconciler.upkeep import Held, check_dead, find_holder, unlock
from tests.acceptance.world import World
from tests.apply.server import anchors_of, ending, is_write, refuse, state_of, text_of, times, world_and_server


def helper(root: Path) -> World:
    world = World.new(root)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    return world


def set_state(world: World, state: str) -> None:
    """Write a run state behind the tool's back."""
    store = anchors_of(world)[0]
    metadata = {**store["metadata"], "reconciler.anchor": state}
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": metadata})


def dead_run(world: World, age: int, plan: str = "0123456789abcdef") -> None:
    """A run that died `age` seconds ago."""
    beat = int(world.time.now()) - age
    set_state(world, f"busy;serial=1;run=aaaaaaaa;plan={plan};beat={beat};kinds=agent;parts=1;v=1")


def look(world: World) -> Held:
    session, direct = world.session()
    found = world.time.run(lambda: find_holder(session))
    assert [call.method for call in direct.calls if call.method != "GET"] == []
    return found


def free(world: World, found: Held) -> None:
    session, _ = world.session()
    world.time.run(lambda: unlock(session, found))


def test_a_stack_that_nobody_has_needs_no_unlocking(tmp_path: Path) -> None:
    world = helper(tmp_path)
    found = look(world)
    assert (found.held, found.likely_alive) == (False, False)
    before = world.everything()
    free(world, found)
    assert world.everything() == before
    assert found.to_json("acme", unlocked=False)["holder"] is None


def test_a_stack_that_is_not_there_needs_no_unlocking(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    found = look(world)
    assert found == Held()
    free(world, found)
    assert found.to_json("acme", unlocked=False) == {
        "stack": "acme",
        "anchor": None,
        "unclean": False,
        "holder": None,
        "unlocked": False,
    }


def test_the_run_is_shown_with_the_age_of_its_last_sign_by_the_servers_clock(tmp_path: Path) -> None:
    world = helper(tmp_path)
    dead_run(world, 90)
    found = look(world)
    check_dead(found, Unknown())
    holder = found.to_json("acme", unlocked=False)["holder"]
    assert (holder["run"], holder["plan"], holder["age"]) == ("aaaaaaaa", "0123456789abcdef", 90)
    assert holder["last_sign_of_life"].startswith("2026-")


@pytest.mark.parametrize("age", [0, 5, 59, -30])
def test_a_run_that_showed_itself_a_moment_ago_is_taken_to_be_alive(tmp_path: Path, age: int) -> None:
    world = helper(tmp_path)
    dead_run(world, age)
    with pytest.raises(Stop, match="most likely alive") as stop:
        check_dead(look(world), Unknown(), "Advice.")
    assert stop.value.code is Exit.LOCKED
    assert stop.value.detail.endswith("Advice.")


def test_a_run_that_is_known_to_have_died_on_this_machine_is_not_taken_to_be_alive(tmp_path: Path) -> None:
    world = helper(tmp_path)
    dead_run(world, 5)
    files = LockFiles(tmp_path / "runs")
    with files.held("aaaaaaaa"):
        shutil.copy(tmp_path / "runs" / "aaaaaaaa.run", tmp_path / "left")
    shutil.copy(tmp_path / "left", tmp_path / "runs" / "aaaaaaaa.run")
    check_dead(look(world), files)


@pytest.mark.parametrize("age", [60, 400, -400])
def test_an_old_sign_and_one_from_the_far_future_lock_nobody_out(tmp_path: Path, age: int) -> None:
    world = helper(tmp_path)
    dead_run(world, age)
    check_dead(look(world), Unknown())


def test_after_unlocking_the_stack_is_unclean_and_nobody_has_it(tmp_path: Path) -> None:
    world = helper(tmp_path)
    dead_run(world, 100)
    beat = look(world).anchor.beat  # type: ignore[union-attr]
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    assert ending(world).exit == Exit.LOCKED
    free(world, look(world))
    assert state_of(world) == (
        f"busy;serial=1;run=;plan=0123456789abcdef;beat={beat + int(SILENCE)};kinds=agent;parts=1;v=1"
    )
    assert look(world).held is False
    assert world.settled()
    assert state_of(world).startswith("idle;serial=2;run=;plan=;")


def test_the_next_apply_waits_for_what_the_dead_run_may_have_left_under_way(tmp_path: Path) -> None:
    world = helper(tmp_path)
    dead_run(world, 65)
    free(world, look(world))
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    applied = world.apply()
    assert applied.exit == 0
    assert "waiting" in text_of(applied)
    assert world.settled()


def test_everything_else_in_the_anchor_stays_as_it_is(tmp_path: Path) -> None:
    world = helper(tmp_path)
    store = anchors_of(world)[0]
    metadata = {**store["metadata"], "team": "theirs", "reconciler.j0": "file-1", "reconciler.holds": "Assistant/x=1"}
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": metadata})
    dead_run(world, 100)
    before = anchors_of(world)[0]["metadata"]
    free(world, look(world))
    after = anchors_of(world)[0]["metadata"]
    assert {key: value for key, value in after.items() if value != before[key]}.keys() == {"reconciler.anchor"}
    assert after.keys() == before.keys()


def test_a_run_that_is_alive_after_all_notices_and_writes_nothing_more(tmp_path: Path) -> None:
    world = World.new(tmp_path, switches=Switches(processing_seconds=90))
    world.store("docs", {"a.md": "# A\n"})
    tool = {"type": "file_search", "vector_stores": ["docs"]}
    world.assistant("helper", model="gpt-6.1-terra", tools=[tool])
    alive, wire = world.session()
    rival, _ = world.session()

    async def apply(session: Session) -> Exit:
        conclusion = Conclusion()
        try:
            async for _ in carry_out(session, await prepare(session), conclusion):
                pass
        except Stop as stop:
            return stop.code
        return conclusion.exit

    async def race() -> tuple[Exit, int]:
        run = asyncio.ensure_future(apply(alive))
        await alive.clock.sleep(30)
        found = await find_holder(rival)
        with pytest.raises(Stop, match="alive"):
            check_dead(found, Unknown())
        await unlock(rival, found)
        sent = len([call for call in wire.calls if not call.reads])
        return await run, sent

    ended, sent = world.time.run(race)
    assert ended is Exit.LOCKED
    assert [call for call in wire.calls if not call.reads][sent:] == []
    assert "run=;" in state_of(world)
    assert [item for item in world.everything().values() if item["object"] == "skill"] == []
    assert world.settled()


def test_a_run_that_writes_in_the_same_moment_is_noticed(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    assert world.settled()
    dead_run(world, 100)
    state = state_of(world)

    def undo(request: Request, response: Response) -> Response:
        if is_write(request, "/vector_stores/vs_"):
            server.after.clear()
            set_state(world, state)
        return response

    found = look(world)
    server.after.append(undo)
    with pytest.raises(Stop, match="alive: it wrote again") as stop:
        free(world, found)
    assert stop.value.code is Exit.LOCKED


def test_what_changed_since_it_was_shown_is_not_overwritten(tmp_path: Path) -> None:
    world = helper(tmp_path)
    dead_run(world, TAKEOVER)
    found = look(world)
    set_state(world, "busy;serial=1;run=bbbbbbbb;plan=;beat=5;kinds=agent;parts=1;v=1")
    with pytest.raises(Stop, match="does not have this stack any more") as stop:
        free(world, found)
    assert (stop.value.code, stop.value.detail) == (Exit.STALE, "Run the same command again.")
    assert "run=bbbbbbbb" in state_of(world)


def test_an_anchor_that_goes_away_meanwhile_is_said(tmp_path: Path) -> None:
    world = helper(tmp_path)
    dead_run(world, TAKEOVER)
    found = look(world)
    world.api("DELETE", f"/vector_stores/{anchors_of(world)[0]['id']}")
    with pytest.raises(Stop, match="disappeared") as stop:
        free(world, found)
    assert stop.value.detail == "Run the same command again."


def test_an_account_that_refuses_ends_with_its_exit_code(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    assert world.settled()
    dead_run(world, 100)
    found = look(world)
    server.before.append(times(9, lambda request: refuse(403) if is_write(request, "/vector_stores") else None))
    with pytest.raises(Stop) as stop:
        free(world, found)
    assert stop.value.code is Exit.DENIED
    for refused in ("/vector_stores/vs_", "/vector_stores"):
        server.before.append(lambda request, path=refused: refuse(401) if request.path.startswith(path) else None)  # type: ignore[misc]
        session, _ = world.session()
        with pytest.raises(Stop) as stop:
            world.time.run(lambda: find_holder(session))  # noqa: B023 - run at once
        assert stop.value.code is Exit.DENIED
