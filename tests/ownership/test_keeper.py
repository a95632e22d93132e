"""The stack's record: who has it, what it says after every way a run can end, and what happens when it is touched."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.account.port import Account, Call, Failure
from reconciler.apply.options import Conclusion
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.emulator import Request, Response, Switches
from reconciler.model.address import Address
from reconciler.model.errors import Exit, Stop
from reconciler.ownership.anchor import Anchor, Entry
from reconciler.ownership.keeper import TAKEOVER, Keeper, Leased
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
from tests.direct import DirectAccount


def helper(root: Path, *, switches: Switches | None = None) -> World:
    world = World.new(root, switches=switches)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    return world


def rewrite(world: World, part: int = 0, **pairs: str) -> None:
    """Change the anchor behind the tool's back; `state_run="x"` changes one word of its state."""
    store = anchors_of(world)[part]
    metadata = store["metadata"]
    words = {key.removeprefix("state_"): value for key, value in pairs.items()}
    state = metadata["reconciler.anchor"].split(";")
    metadata["reconciler.anchor"] = ";".join(
        f"{word.split('=')[0]}={words[word.split('=')[0]]}" if word.split("=")[0] in words else word for word in state
    )
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": metadata})


async def run(session: Any, prepared: Any = None) -> int:
    conclusion = Conclusion()
    try:
        async for _ in carry_out(session, prepared or await prepare(session), conclusion):
            pass
    except Stop as stop:
        return int(stop.code)
    return int(conclusion.exit)


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


def test_an_anchor_that_the_list_does_not_show_is_deleted_again(tmp_path: Path) -> None:
    world = helper(tmp_path, switches=Switches(list_lag=100.0))
    applied = ending(world)
    assert (applied.exit, "does not show it" in text_of(applied)) == (Exit.INCOMPLETE, True)
    world.time.base += 100
    assert anchors_of(world) == []


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


def test_an_anchor_whose_creation_is_never_seen_stops_the_run_before_anything_else(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    server.before.append(lambda request: refuse(500) if is_write(request, "/vector_stores") else None)
    applied = ending(world)
    assert (applied.exit, "may or may not" in text_of(applied)) == (Exit.INCOMPLETE, True)
    server.before.clear()
    assert world.settled()


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


def test_a_plan_made_before_another_run_ended_unclean_is_stale(tmp_path: Path) -> None:
    world = helper(tmp_path)
    assert world.settled()
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    prepared = world.plan()
    rewrite(world, state_beat="1")
    assert ending(world, prepared=prepared).exit == Exit.STALE
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


# --- the journal ------------------------------------------------------------------------------------------------------


def keeper(world: World) -> Keeper:
    account: Account = DirectAccount(world.emulator, clock=world.time)
    return Keeper(account, world.time, "acme", "cccccccc", Anchor("acme", ""))


def test_what_an_earlier_group_left_stays_in_the_journal(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    mine = keeper(world)

    async def work() -> list[tuple[str, ...]]:
        await mine.take(plan="", kinds=(), lineage="0" * 12)
        seen = []
        with pytest.raises(asyncio.QueueEmpty):
            async with mine.journalled(["file-1", "file-2"]):
                asyncio.Queue[None]().get_nowait()
        seen.append(mine.anchor.journal)
        async with mine.journalled(["file-2", "file-3"]):
            seen.append(mine.anchor.journal)
        seen.append(mine.anchor.journal)
        async with mine.journalled([]):
            pass
        return seen

    assert world.time.run(work) == [("file-1", "file-2"), ("file-2", "file-3", "file-1"), ("file-1",)]


def test_reads_need_no_lease_and_writes_do(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    mine = keeper(world)

    async def work() -> None:
        await mine.take(plan="", kinds=(), lineage="0" * 12)
        mine.note(Entry("agent", Address("Assistant", "helper"), "agent_1"))
        leased = Leased(mine.account, mine)
        mine.lost = Stop(Exit.LOCKED, "gone")
        await leased.send(Call("GET", "/vector_stores", beta="assistants=v2"))
        with pytest.raises(Stop):
            await leased.send(Call("POST", "/vector_stores", beta="assistants=v2", json={}))

    world.time.run(work)


def test_an_anchor_that_cannot_be_read_is_no_reason_to_write(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    mine = keeper(world)

    async def work() -> None:
        await mine.take(plan="", kinds=(), lineage="0" * 12)
        server.before.append(lambda request: refuse(401) if is_read(request, "/vector_stores/") else None)
        with pytest.raises(Failure):
            await mine.confirm(at_once=True)
        with pytest.raises(Failure):
            await mine.remove()

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


def test_the_journal_waits_until_no_lost_write_can_undo_it(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    mine = keeper(world)

    async def work() -> float:
        await mine.take(plan="", kinds=(), lineage="0" * 12)
        until = mine.doubt = world.time.monotonic() + 40
        async with mine.journalled(["file-1"]):
            return world.time.monotonic() - until

    assert world.time.run(work) >= 0


def test_what_may_be_in_use_or_not_stays_in_the_journal_while_others_are_deleted(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    mine = keeper(world)

    async def work() -> tuple[str, ...]:
        await mine.take(plan="", kinds=(), lineage="0" * 12)
        mine.remember(["file-before"])
        async with mine.journalled(["file-1"]):
            mine.remember(["file-meanwhile"])
        return mine.anchor.journal

    assert set(world.time.run(work)) == {"file-before", "file-meanwhile"}
