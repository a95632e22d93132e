"""How a run ends: it waits, gives the stack back, reads the account back, and says what still differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply import Conclusion
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit
from tests.acceptance.world import World
from tests.apply.server import (
    anchors_of,
    changed,
    is_read,
    is_write,
    refuse,
    state_of,
    text_of,
    times,
    world_and_server,
)


def with_deadline(world: World, seconds: float) -> tuple[int, list[dict[str, Any]]]:
    session, _ = world.session()

    async def work() -> tuple[int, list[dict[str, Any]]]:
        limited = replace(session, deadline=world.time.monotonic() + seconds)
        conclusion = Conclusion()
        prepared = await prepare(limited)
        events = [event.to_json() async for event in carry_out(limited, prepared, conclusion)]
        return int(conclusion.exit), events

    return world.time.run(work)


def test_a_run_whose_time_is_over_says_so_and_the_next_one_goes_on_at_once(tmp_path: Path) -> None:
    world = World.new(tmp_path, switches=Switches(processing_seconds=300))
    world.store("docs", {"a.md": "# A\n"})
    world.assistant("helper", model="gpt-6.1-terra", tools=[{"type": "file_search", "vector_stores": ["docs"]}])
    code, events = with_deadline(world, 60)
    assert code == Exit.UNAVAILABLE
    assert events[-1]["exit_code"] == Exit.UNAVAILABLE
    assert "the time for this run is over" in str(events)
    assert "run=;" in state_of(world)
    assert world.settled()


@pytest.mark.parametrize(("seconds", "code"), [(100, Exit.DONE), (20, Exit.UNAVAILABLE)])
def test_a_run_does_not_wait_beyond_its_time_for_what_may_still_arrive(
    tmp_path: Path, seconds: float, code: Exit
) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("writer", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    world.assistant("writer", "agents", model="gpt-6.1-terra", instructions="two\n")
    server.before.append(times(1, lambda request: refuse(500) if is_write(request, "/agents/") else None))
    began = world.time.now()
    ended, events = with_deadline(world, seconds)
    assert ended == code
    assert [event["outcome"] for event in events if event["event"] == "step"] == ["done"]
    assert str(events).count("The next run waits for them") == (code is Exit.UNAVAILABLE)
    assert "run=;" in state_of(world)
    assert (world.time.now() - began > 60) is (code is Exit.DONE)
    began = world.time.now()
    assert world.apply().exit == 0
    assert (world.time.now() - began > 50) is (code is Exit.UNAVAILABLE)
    assert world.steps() == []


def test_a_server_that_ignores_a_field_is_named_with_the_field_and_the_rest_is_done(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    expiry = {"anchor": "last_active_at", "days": 3}
    world.store("docs", {"a.md": "# A\n"}, expires_after=expiry)
    assert world.settled()
    world.store("docs", {"a.md": "# A\n"})
    world.assistant("helper", model="gpt-6.1-terra")

    def keep(request: Request, response: Response) -> Response:
        def show(body: dict[str, Any]) -> None:
            for item in body.get("data", [body]):
                if item.get("name") == "docs":
                    item["expires_after"] = expiry

        return changed(response, show) if "/vector_stores" in request.path else response

    server.after.append(keep)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "VectorStore/docs (vector store) still differs after apply: expires_after" in text_of(applied)
    assert world.id_of("Assistant/helper")


def test_what_a_look_showed_is_not_gone_because_a_list_of_a_moment_before_does_not_show_it(tmp_path: Path) -> None:
    """Somebody copies an agent while it is destroyed; the first look shows the copy, and older lists come after it."""
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    assert world.settled()
    original = world.api("GET", f"/agents/{world.id_of('Assistant/helper')}", beta="agents=v1")
    body = {key: original[key] for key in ("name", "model", "metadata")}
    copies: list[str] = []
    looks: list[bool] = []

    def copied(request: Request, response: Response) -> Response:
        if request.method == "DELETE" and "/agents/" in request.path:
            copies.append(world.api("POST", "/agents", body, beta="agents=v1")["id"])
        elif copies and request.method == "GET" and request.path.endswith("/agents"):
            looks.append(True)

            def hide(listed: dict[str, Any]) -> None:
                listed["data"] = [item for item in listed["data"] if item["id"] not in copies]

            return changed(response, hide) if len(looks) > 1 else response
        return response

    server.after.append(copied)
    destroyed = world.apply(destroy=True)
    assert (destroyed.exit, len(copies)) == (Exit.INCOMPLETE, 1)
    assert "Assistant/helper (agent) still differs after apply" in text_of(destroyed)
    server.after.clear()
    assert world.apply(destroy=True).exit == Exit.DONE
    assert anchors_of(world) == []


def test_new_objects_that_the_lists_show_late_are_waited_for(tmp_path: Path) -> None:
    world = World.new(tmp_path, switches=Switches(list_lag=6))
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"})
    world.assistant("helper", model="gpt-6.1-terra")
    assert world.apply().exit == 0
    assert world.steps() == []


def test_an_account_that_cannot_be_read_back_is_no_success(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    done: list[bool] = []

    def rule(request: Request) -> Response | None:
        done.extend([True] if is_write(request, "/vector_stores/") and b"idle" in request.body else [])
        return refuse(500) if done and is_read(request, "/agents") else None

    server.before.append(rule)
    applied = world.apply()
    assert applied.exit == Exit.UNAVAILABLE
    assert "could not be read back" in text_of(applied)
    assert applied.events[-1]["exit_code"] == Exit.UNAVAILABLE


def test_an_anchor_that_cannot_be_given_back_is_said_after_the_steps(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    server.before.append(
        lambda r: refuse(400, "full") if is_write(r, "/vector_stores/") and b"idle" in r.body else None
    )
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "The anchor could not be written" in text_of(applied)
    assert applied.events[-1]["done"] == 1


@pytest.mark.parametrize("lag", [20.0, 50.0])
def test_a_list_that_lags_behind_is_waited_for_before_the_end_is_told(tmp_path: Path, lag: float) -> None:
    world = World.new(tmp_path, switches=Switches(list_lag=lag))
    for number in range(40):
        world.assistant(f"a-rather-long-name-for-an-assistant-{number:03d}", "agents", model="gpt-6.1-terra")
    began = world.time.now()
    assert world.apply().exit == 0
    assert lag <= world.time.now() - began < 2 * 60 + 10
