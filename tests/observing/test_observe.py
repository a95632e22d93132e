"""Looking at an account that hides, invents or spoils things: nothing is taken for absent or ours too easily."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit, Stop
from tests.acceptance.world import World
from tests.apply.server import Server, anchors_of, changed, files_of, is_read, refuse, world_and_server


def helper(root: Path) -> tuple[World, Server]:
    world, server = world_and_server(root)
    world.store("docs", {"a.md": "# A\n"})
    world.assistant("helper", model="gpt-6.1-terra", tools=[{"type": "file_search", "vector_stores": ["docs"]}])
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    assert world.settled()
    return world, server


def stopped(world: World) -> Stop:
    with pytest.raises(Stop) as error:
        world.plan()
    return error.value


def hide(server: Server, *ids: str) -> None:
    """No list shows these objects."""

    def rule(request: Request, response: Response) -> Response:
        def without(body: dict[str, Any]) -> None:
            if isinstance(body.get("data"), list):
                body["data"] = [item for item in body["data"] if item["id"] not in ids]

        return changed(response, without) if request.method == "GET" and response.status == 200 else response

    server.after.append(rule)


def test_what_a_list_hides_is_asked_for_by_id(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    hide(server, *(world.id_of(address) for address in ("Assistant/helper", "Assistant/writer", "VectorStore/docs")))
    assert world.steps() == []


def test_a_hidden_anchor_is_no_first_apply(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    hide(server, anchors_of(world)[0]["id"])
    assert stopped(world).code is Exit.DENIED


def test_a_hidden_anchor_is_found_when_it_is_pinned(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    anchor = anchors_of(world)[0]["id"]
    other = world.id_of("VectorStore/docs")
    world.stack(account={"anchor": anchor})
    hide(server, anchor)
    assert world.steps() == []
    world.stack(account={"anchor": other})
    assert "belongs to another stack" in stopped(world).summary
    world.stack(account={"anchor": "vs_nothing"})
    assert stopped(world).code is Exit.DENIED


def test_another_object_than_the_one_asked_for_is_not_taken_for_absence(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    live = world.id_of("Assistant/writer")
    hide(server, live)
    other = {"id": "../../x"}
    server.after.append(lambda r, a: changed(a, lambda b: b | other) if r.path.endswith(f"/agents/{live}") else a)
    stop = stopped(world)
    assert (stop.code, "another object" in stop.summary) == (Exit.UNAVAILABLE, True)


@pytest.mark.parametrize("state", ["", "idle;v=9"])
def test_an_anchor_that_was_spoiled_is_not_overwritten(tmp_path: Path, state: str) -> None:
    world, _ = helper(tmp_path)
    store = anchors_of(world)[0]
    metadata = {**store["metadata"], "reconciler.anchor": state}
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": metadata})
    assert "cannot be read" in stopped(world).summary


def test_two_anchors_that_name_objects_need_a_person(tmp_path: Path) -> None:
    world, _ = helper(tmp_path)
    metadata = {**anchors_of(world)[0]["metadata"], "reconciler.stack": f"acme#{'f' * 12}"}
    world.time.base += 10
    world.api("POST", "/vector_stores", {"name": "a copy", "metadata": metadata})
    assert stopped(world).code is Exit.REFUSED


def test_a_collection_that_is_gone_is_not_an_empty_one(tmp_path: Path) -> None:
    world = World.new(tmp_path, switches=Switches(missing=frozenset({"skills"})))
    world.assistant("helper", model="gpt-6.1-terra")
    stop = stopped(world)
    assert (stop.code, "/skills answers 404" in stop.summary) == (Exit.UNAVAILABLE, True)


def test_a_failing_list_stops_the_plan(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    server.before.append(lambda request: refuse(403) if is_read(request, "/skills") else None)
    assert stopped(world).code is Exit.DENIED


@pytest.mark.parametrize("fields", [{"metadata": "x"}, {"metadata": None}, {"metadata": [1]}, {"description": 7}])
def test_wrong_types_make_an_object_somebody_elses(tmp_path: Path, fields: dict[str, object]) -> None:
    world, server = helper(tmp_path)

    def spoil(request: Request, response: Response) -> Response:
        def show(body: dict[str, Any]) -> None:
            for item in body.get("data", [body]):
                item.update(fields)

        about = is_read(request, "/agents") or is_read(request, "/skills")
        return changed(response, show) if about and b"{" in response.body[:1] else response

    server.after.append(spoil)
    assert isinstance(world.steps(), list)


@pytest.mark.parametrize("identity", ["../../files", "a" * 200, 7, None])
def test_an_impossible_id_in_a_list_stops_the_plan(tmp_path: Path, identity: object) -> None:
    world, server = helper(tmp_path)

    def spoil(request: Request, response: Response) -> Response:
        def show(body: dict[str, Any]) -> None:
            body["data"][0]["id"] = identity

        return changed(response, show) if request.path.endswith("/agents") else response

    server.after.append(spoil)
    assert stopped(world).code is Exit.UNAVAILABLE


def test_impossible_file_ids_of_an_assistant_stand_in_no_url(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path, profile="compatible")
    world.write("data/x.csv", "a\n")
    tools = [{"type": "code_interpreter", "files": ["data/x.csv"]}]
    world.assistant("helper", "assistants", model="gpt-6.1-terra", tools=tools)
    assert world.settled()
    files = {"code_interpreter": {"file_ids": ["../../x", "a" * 200, 7, *files_of(world)]}}

    def spoil(request: Request, response: Response) -> Response:
        def show(body: dict[str, Any]) -> None:
            for item in body.get("data", [body]):
                item["tool_resources"] = files

        return changed(response, show) if is_read(request, "/assistants") else response

    server.after.append(spoil)
    seen: list[str] = []
    server.before.append(lambda request: seen.append(request.path))
    world.plan(refresh="full")
    assert any("/files/" in path for path in seen)
    assert not [path for path in seen if ".." in path or len(path) > 200]


def test_a_missing_file_is_seen_when_everything_is_read(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.write("data/x.csv", "a\n")
    tools = [{"type": "code_interpreter", "files": ["data/x.csv"]}]
    world.assistant("helper", model="gpt-6.1-terra", tools=tools)
    assert world.settled()
    world.api("DELETE", f"/files/{files_of(world)[0]}")
    assert [str(step) for step in world.plan(refresh="full").plan.steps] == ["update Assistant/helper"]


def test_the_plan_of_a_spoiled_account_is_still_json(tmp_path: Path) -> None:
    world, _ = helper(tmp_path)
    assert json.loads(json.dumps(world.plan().body))["steps"] == []


# --- what only a reviewer wants to know -------------------------------------------------------------------------------


def asked(server: Server, path: str) -> list[str]:
    """The requests at a path, as they come."""
    seen: list[str] = []
    server.before.append(lambda request: seen.append(request.path) if request.path.endswith(path) else None)
    return seen


def codes(world: World) -> list[str]:
    return [risk["code"] for risk in world.plan().body["risks"]]


def test_a_plan_asks_once_when_models_are_shut_down(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    seen = asked(server, "/models")
    models = world.plan().found.snapshot.models
    assert (models["gpt-6.1-terra"], models["gpt-5"]) == (None, "2026-12-11")
    assert len(seen) == 1
    world.assistant("writer", "agents", model="gpt-5", instructions="Be brief.\n")
    (change, shutdown) = world.plan().body["risks"]
    assert (change["code"], shutdown["code"], shutdown["address"]) == ("R201", "R202", "Assistant/writer")
    assert "2026-12-11, 19 days from now. OpenAI names gpt-6.1-sol" in shutdown["summary"]
    assert shutdown["source"] == {"file": "assistant-writer.yaml", "line": 1, "column": 1}


def test_nobody_who_only_looks_or_applies_asks_for_models(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    prepared = world.plan()
    seen = asked(server, "/models")
    world.plan(reviewed=False)
    assert world.apply(prepared=prepared).exit == 0
    assert seen == []


def test_a_stack_that_names_no_model_asks_for_none(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    seen = asked(server, "/models")
    assert world.plan().found.snapshot.models == {}
    assert seen == []


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_whoever_may_not_read_models_and_sessions_gets_no_risk(tmp_path: Path, status: int) -> None:
    world, server = helper(tmp_path)
    world.assistant("writer", "agents", model="gpt-5")
    assert codes(world) == ["R201", "R202"]
    quiet = ("/models", "/agents/sessions")
    server.before.append(lambda request: refuse(status) if request.path.endswith(quiet) else None)
    assert codes(world) == ["R201"]
    assert world.changes()["Assistant/writer"]["sessions"] is None


@pytest.mark.parametrize(
    "listed",
    [
        None,
        {},
        "x",
        [1, {}, {"id": 7}, {"id": "gpt-5", "shutdown_date": 7}],
        [{"id": "gpt-5", "shutdown_date": "soon"}],
    ],
)
def test_nonsense_about_models_and_sessions_is_no_knowledge(tmp_path: Path, listed: object) -> None:
    world, server = helper(tmp_path)
    world.assistant("writer", "agents", model="gpt-5")

    def spoil(request: Request, response: Response) -> Response:
        about = request.path.endswith(("/models", "/agents/sessions"))
        return changed(response, lambda body: body | {"data": listed}) if about else response

    server.after.append(spoil)
    assert codes(world) == ["R201"]


def test_sessions_of_agents_that_change_are_counted(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    agent = world.id_of("Assistant/writer")
    seen = asked(server, "/agents/sessions")
    world.assistant("helper", model="gpt-6-sol", tools=[{"type": "file_search", "vector_stores": ["docs"]}])
    assert world.changes()["Assistant/helper"]["sessions"] is None
    assert seen == []
    world.assistant("writer", "agents", model="gpt-6-sol")
    body = {"agent_id": agent, "environment": {"type": "none"}}
    for expected in (0, 1):
        plan = world.plan()
        assert [change["sessions"] for change in plan.body["changes"]] == [None, expected]
        world.api("POST", "/agents/sessions", body, beta="agents=v1")
    assert world.plan().digest == plan.digest
    server.after.append(lambda r, a: changed(a, lambda b: b | {"has_more": True}) if "sessions" in r.path else a)
    assert world.changes()["Assistant/writer"]["sessions"] == 100
    world.remove("Assistant", "writer")
    assert world.changes()["Assistant/writer"]["sessions"] == 100
