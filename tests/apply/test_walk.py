"""How a run ends: the exit code that tells most, a summary in every case, and an anchor that locks nobody out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply import Conclusion
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit, Stop
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


@pytest.mark.parametrize(("status", "code"), [(403, Exit.DENIED), (401, Exit.DENIED)])
def test_a_key_that_may_not_write_changes_nothing(tmp_path: Path, status: int, code: Exit) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    server.before.append(lambda request: refuse(status) if is_write(request) else None)
    assert world.steps() == ["create Assistant/helper"]
    assert ending(world).exit == code
    assert world.everything() == {}


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


def test_denied_in_the_middle_outweighs_a_step_that_failed(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("alpha", "agents", model="gpt-6.1-terra", instructions="alpha\n")
    world.assistant("beta", "agents", model="gpt-6.1-terra", instructions="beta\n")

    def rule(request: Request) -> Response | None:
        if not is_write(request, "/agents"):
            return None
        return refuse(400, "bad") if b"alpha" in request.body else refuse(403, "not you")

    server.before.append(rule)
    assert ending(world).exit == Exit.DENIED
    assert "run=;" in state_of(world)
    server.before.clear()
    assert world.settled()


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


def test_a_quota_that_is_used_up_starts_no_further_step(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    world.assistant("helper", model="gpt-6.1-terra", tools=[{"type": "file_search", "vector_stores": ["docs"]}])
    quota = refuse(429, "You exceeded your current quota", "insufficient_quota")
    server.before.append(times(1, lambda request: quota if is_write(request, "/files") else None))
    applied = world.apply()
    assert applied.exit == Exit.UNAVAILABLE
    outcomes = {event["step"]: event["outcome"] for event in applied.events if event["event"] == "step"}
    assert outcomes == {"create VectorStore/docs": "failed", "create Assistant/helper": "skipped"}
    assert world.settled()


def test_a_signal_while_nothing_answers_ends_within_seconds(tmp_path: Path) -> None:
    world = World.new(tmp_path, switches=Switches(processing_seconds=100))
    world.store("docs", {"a.md": "# A\n"})
    session, _ = world.session()

    async def work() -> int:
        conclusion, interrupt = Conclusion(), asyncio.Event()
        prepared = await prepare(session)
        asyncio.get_running_loop().call_later(5, interrupt.set)
        async for _ in carry_out(session, prepared, conclusion, interrupt=interrupt):
            pass
        return int(conclusion.exit)

    assert world.time.run(work) == Exit.INTERRUPTED


def test_a_blocked_plan_is_not_carried_out(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "helper")
    with pytest.raises(Stop) as stopped:
        world.apply()
    assert stopped.value.code is Exit.REFUSED


@pytest.mark.parametrize("lag", [20.0, 50.0])
def test_a_list_that_lags_behind_is_waited_for_before_the_end_is_told(tmp_path: Path, lag: float) -> None:
    world = World.new(tmp_path, switches=Switches(list_lag=lag))
    for number in range(40):
        world.assistant(f"a-rather-long-name-for-an-assistant-{number:03d}", "agents", model="gpt-6.1-terra")
    began = world.time.now()
    assert world.apply().exit == 0
    assert lag <= world.time.now() - began < 2 * 60 + 10
