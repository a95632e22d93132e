"""What the account cannot do, what another run does, what a saved plan does not cover: one clear end, nothing written."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from reconciler.account.port import Call
from reconciler.commands.apply import check_approval
from reconciler.emulator import Emulator, Request, Response, Switches
from reconciler.emulator.settings import NORMAL, Conditions
from reconciler.model.errors import Exit, Stop
from reconciler.review import approvals, planfile
from tests.acceptance.world import World
from tests.apply.server import ending, refuse, world_and_server


def plan_stops(world: World) -> Stop:
    with pytest.raises(Stop) as stopped:
        world.plan()
    return stopped.value


def test_assistants_on_openai_is_one_clear_error(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "assistants", model="gpt-6.1-terra")
    stop = plan_stops(world)
    assert stop.code is Exit.UNAVAILABLE
    assert "2026-08-26" in stop.summary
    assert "runtime: responses" in stop.summary


@pytest.mark.parametrize(
    ("collection", "runtime"), [("skills", "responses"), ("agents", "agents"), ("vector_stores", "responses")]
)
def test_a_missing_collection_is_one_clear_error(tmp_path: Path, collection: str, runtime: str) -> None:
    world = World.new(tmp_path, switches=Switches(missing=frozenset({collection})))
    world.assistant("helper", runtime, model="gpt-6.1-terra")
    stop = plan_stops(world)
    assert stop.code is Exit.UNAVAILABLE
    assert f"/{collection} answers 404" in stop.summary


def test_an_account_without_skills_is_no_problem_for_who_needs_none(tmp_path: Path) -> None:
    world = World.new(tmp_path, switches=Switches(missing=frozenset({"skills"})))
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    assert world.settled()


def test_a_stack_that_another_run_has_is_locked(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    anchor = next(event["id"] for event in world.apply().events if event["event"] == "anchor")
    metadata = world.api("GET", f"/vector_stores/{anchor}")["metadata"]
    state = metadata["reconciler.anchor"].replace("idle", "busy").replace("run=;", "run=feedface;")
    beat = f"beat={int(world.time.now())}"
    state = ";".join(beat if part.startswith("beat=") else part for part in state.split(";"))
    world.api("POST", f"/vector_stores/{anchor}", {"metadata": {**metadata, "reconciler.anchor": state}})
    world.assistant("helper", "agents", model="gpt-6-sol")
    before = world.everything()
    with pytest.raises(Stop) as stopped:
        world.apply()
    assert stopped.value.code is Exit.LOCKED
    assert world.everything() == before
    world.time.base += 700
    assert world.settled()


def approved(world: World) -> approvals.Approval:
    return approvals.load(planfile.dumps(world.plan().body).encode(), "plan.json")


def test_a_saved_plan_covers_exactly_what_it_showed(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    saved = approved(world)
    check_approval(world.plan(), saved)
    world.assistant("helper", "agents", model="gpt-6-sol")
    with pytest.raises(Stop) as stopped:
        check_approval(world.plan(), saved)
    assert stopped.value.code is Exit.STALE


def test_a_saved_plan_is_stale_when_the_account_changed(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="Be brief.\n")
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6-sol", instructions="Be brief.\n")
    saved = approved(world)
    live = world.id_of("Assistant/helper")
    world.api("POST", f"/agents/{live}", {"instructions": "Be rude.\n"}, beta="agents=v1")
    with pytest.raises(Stop) as stopped:
        check_approval(world.plan(), saved)
    assert stopped.value.code is Exit.STALE


def test_a_finished_plan_cannot_be_applied_twice(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    saved = approved(world)
    assert world.apply().exit == 0
    with pytest.raises(Stop) as stopped:
        check_approval(world.plan(), saved)
    assert stopped.value.code is Exit.STALE


def test_a_field_that_the_server_refuses_names_it_and_the_other_resources_are_done(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("good", "agents", model="gpt-6.1-terra")
    world.assistant("bad", "agents", model="gpt-6.1-terra", raw={"no_such_field": 1})
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    outcomes = {event["step"]: event for event in applied.events if event["event"] == "step"}
    assert outcomes["create Assistant/good"]["outcome"] == "done"
    assert "no_such_field" in outcomes["create Assistant/bad"]["summary"]
    world.assistant("bad", "agents", model="gpt-6.1-terra")
    assert world.settled()


def test_a_failure_skips_only_what_depends_on_it(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": b"\xff\x00".decode("latin-1")})
    world.write("docs/a.md", b"\xff\xff\x00\xfe")
    world.assistant("helper", model="gpt-6.1-terra", tools=[{"type": "file_search", "vector_stores": ["docs"]}])
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    applied = world.apply()
    outcomes = {event["step"]: event["outcome"] for event in applied.events if event["event"] == "step"}
    assert outcomes == {
        "create VectorStore/docs": "failed",
        "create Assistant/helper": "skipped",
        "create Assistant/writer": "done",
    }
    world.write("docs/a.md", "# A\n")
    assert world.settled()


def test_a_file_that_changes_while_it_is_read_is_not_attached(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    prepared = world.plan()
    world.write("docs/a.md", "# B\n")
    applied = world.apply(prepared=prepared)
    assert applied.exit == Exit.INCOMPLETE
    assert any("changed while" in line for event in applied.events for line in event.get("lines", ()))
    assert not [item for item in world.everything().values() if item["object"] == "file"]
    assert world.settled()


def test_no_request_is_ever_made_twice_by_the_transport(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    creates = [
        call
        for call in world.apply().calls
        if isinstance(call, Call) and call.path == "/agents" and call.method == "POST"
    ]
    assert len(creates) == 1


def test_moving_away_from_an_api_that_was_shut_down_needs_nothing_of_it(tmp_path: Path) -> None:
    world = World.new(tmp_path, profile="compatible")
    world.assistant("helper", "assistants", model="gpt-6.1-terra")
    assert world.settled()
    world.emulator = _without(world, "assistants")
    assert plan_stops(world).code is Exit.UNAVAILABLE
    world.assistant("helper", "responses", model="gpt-6.1-terra")
    assert world.steps() == ["create Assistant/helper"]
    assert [warning["code"] for warning in world.plan().body["warnings"]] == ["W303"]
    assert world.settled()
    assert world.plan().body["warnings"] == []


def _without(world: World, collection: str) -> Emulator:
    """The same account after one of its APIs was shut down."""

    class Retired:
        def handle(self, request: Request, conditions: Conditions = NORMAL) -> Response:
            if request.path.startswith(f"/{collection}"):
                return Response(
                    404,
                    b'{"error": {"message": "Invalid URL", "type": "x", "code": null, "param": null}}',
                    {"content-type": "application/json"},
                )
            return world_emulator.handle(request, conditions)

    world_emulator = world.emulator
    return cast("Emulator", Retired())


def test_a_release_out_of_sight_stays_protected(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    world.assistant("helper", lifecycle={"protect": True}, model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "helper")
    world.store("docs", {"a.md": "# A, edited\n"})
    server.before.append(lambda request: refuse(404) if request.path.startswith("/skills") else None)
    assert world.apply().exit == 0
    server.before.clear()
    assert world.changes()["Assistant/helper"]["blocked"]["rule"] == "protect"
    assert ending(world).exit == Exit.REFUSED
