"""A signal winds the run down: no new step, what is in flight ends, the rest is named, and the next run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit, Stop
from tests.acceptance.world import World
from tests.apply.server import interrupted_after, is_write, refuse, times, world_and_server


def test_an_interrupted_apply_says_what_it_left_and_the_next_one_completes_it(tmp_path: Path) -> None:
    world = World.new(tmp_path, switches=Switches(processing_seconds=100))
    world.store("docs", {"a.md": "# A\n"})
    tool = {"type": "file_search", "vector_stores": ["docs"]}
    world.assistant("helper", model="gpt-6.1-terra", tools=[tool])
    began = world.time.now()
    conclusion, events = interrupted_after(world, 5)
    assert conclusion.exit is Exit.INTERRUPTED
    assert world.time.now() - began < 60
    outcomes = {event["step"]: event["outcome"] for event in events if event["event"] == "step"}
    assert outcomes == {"create VectorStore/docs": "in_doubt", "create Assistant/helper": "skipped"}
    assert world.settled()
    assert len([item for item in world.everything().values() if item["object"] == "file"]) == 1


def test_an_interrupt_while_an_unclean_run_settles_changes_nothing(tmp_path: Path) -> None:
    world = World.new(tmp_path, switches=Switches(processing_seconds=100))
    world.store("docs", {"a.md": "# A\n"})
    assert interrupted_after(world, 5)[0].exit is Exit.INTERRUPTED
    before, began = world.everything(), world.time.now()
    with pytest.raises(Stop) as stopped:
        interrupted_after(world, 8)
    assert stopped.value.code is Exit.INTERRUPTED
    assert world.time.now() - began < 20
    after = world.everything()
    assert after.keys() == before.keys()
    assert world.settled()


def test_an_interrupt_at_the_end_does_not_wait_for_what_may_still_arrive(tmp_path: Path) -> None:
    """An update that seemed lost was sent again: the run waits until the first one cannot arrive any more."""
    world, server = world_and_server(tmp_path)
    world.assistant("writer", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    for word, seconds, ends in (("two", 1000.0, Exit.DONE), ("three", 3.0, Exit.INTERRUPTED)):
        world.assistant("writer", "agents", model="gpt-6.1-terra", instructions=f"{word}\n")
        server.before.append(times(1, lambda request: refuse(500) if is_write(request, "/agents/") else None))
        began = world.time.now()
        conclusion, events = interrupted_after(world, seconds + 3)
        assert conclusion.exit is ends
        assert (world.time.now() - began > 60) is (ends is Exit.DONE)
        assert any("may still be executed" in str(event.get("summary")) for event in events)
    assert world.settled()


@pytest.mark.parametrize("thought", [0.0, 100.0])
def test_what_arrived_while_somebody_thought_about_the_plan_is_not_made_again(tmp_path: Path, thought: float) -> None:
    """The plan was made while the interrupted run's creation could still arrive."""
    world, server = world_and_server(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    assert world.settled()
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    held: list[Request] = []

    def hold(request: Request) -> Response | None:
        if not is_write(request, "/agents"):
            return None
        held.append(request)
        return Response(500, b"")

    server.before.append(hold)
    assert interrupted_after(world, 5)[0].exit is Exit.INTERRUPTED
    server.before.clear()
    prepared = world.plan()
    assert [str(step) for step in prepared.plan.steps] == ["create Assistant/writer"]
    server.real.handle(held[0])
    world.time.base += thought
    assert world.apply(prepared=prepared).exit == 0
    agents = world.api("GET", "/agents?limit=100", beta="agents=v1")["data"]
    assert len(agents) == 1
    assert world.steps() == []
