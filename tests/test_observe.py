"""Looking at an account that hides, invents or spoils things: nothing is taken for absent or ours too easily."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import Request, Response, Switches
from reconciler.errors import Exit, Stop
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
