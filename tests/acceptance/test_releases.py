"""History, rollback and the hold that it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.commands.history import history
from reconciler.commands.outputs import bundles, outputs
from reconciler.commands.rollback import prepare_rollback
from reconciler.commands.show import show, show_one
from reconciler.model.address import Address
from reconciler.model.errors import Exit, Stop
from reconciler.model.rules import Rules
from tests.acceptance.world import World
from tests.apply.server import is_write, refuse, world_and_server

HELPER = Address("Assistant", "helper")


def three_releases(tmp_path: Path) -> World:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    for number in (1, 2, 3):
        tool = {"type": "file_search", "vector_stores": ["docs"]}
        world.assistant("helper", model="gpt-6.1-terra", instructions=f"Release {number}.\n", tools=[tool])
        assert world.settled()
    return world


def rows(world: World) -> list[dict[str, Any]]:
    session, _ = world.session()
    return world.time.run(lambda: history(session, HELPER))


def roll_back(world: World, version: str | None = None) -> None:
    session, _ = world.session()
    prepared = world.time.run(lambda: prepare_rollback(session, HELPER, version))
    assert world.apply(prepared=prepared).exit == 0


def live_instructions(world: World) -> str:
    session, _ = world.session()
    return str(world.time.run(lambda: show_one(session, HELPER))["spec"]["instructions"])


def test_history_lists_releases_newest_first(tmp_path: Path) -> None:
    found = rows(three_releases(tmp_path))
    assert [row["version"] for row in found] == ["4", "3", "2", "1"]
    assert [row["current"] for row in found] == [True, False, False, False]
    assert found[0]["rev"] == "0" * 12
    assert found[-1]["note"] == "first step of creation"


def test_a_rollback_moves_the_pointer_and_holds_the_address(tmp_path: Path) -> None:
    world = three_releases(tmp_path)
    session, _ = world.session()
    prepared = world.time.run(lambda: prepare_rollback(session, HELPER, None))
    [change] = prepared.body["changes"]
    assert [(field["path"], field["before"], field["after"]) for field in change["fields"]] == [
        (["instructions"], "Release 3.\n", "Release 2.\n")
    ]
    assert world.apply(prepared=prepared).exit == 0
    assert live_instructions(world) == "Release 2.\n"
    assert world.steps() == []
    assert [warning["code"] for warning in world.plan().body["warnings"]] == ["W401"]
    world.assistant("helper", model="gpt-6.1-terra", instructions="Release 4.\n")
    assert world.settled()
    assert world.plan().body["warnings"] == []
    assert live_instructions(world) == "Release 4.\n"


def test_rolling_forward_ends_the_hold(tmp_path: Path) -> None:
    world = three_releases(tmp_path)
    roll_back(world, "2")
    assert live_instructions(world) == "Release 1.\n"
    world.rules = Rules(roll_forward=True)
    assert world.settled()
    world.rules = Rules()
    assert world.steps() == []
    assert live_instructions(world) == "Release 3.\n"


def test_a_release_whose_store_is_gone_is_not_rolled_back_to(tmp_path: Path) -> None:
    world = three_releases(tmp_path)
    world.assistant("helper", model="gpt-6.1-terra", instructions="Without the store.\n")
    world.remove("VectorStore", "docs")
    assert world.settled()
    session, _ = world.session()
    with pytest.raises(Stop) as stopped:
        world.time.run(lambda: prepare_rollback(session, HELPER, "3"))
    assert stopped.value.code is Exit.REFUSED


@pytest.mark.parametrize("runtime", ["agents", "assistants"])
def test_what_has_no_versions_is_reverted_in_git(tmp_path: Path, runtime: str) -> None:
    world = World.new(tmp_path, profile="compatible")
    world.assistant("helper", runtime, model="gpt-6.1-terra")
    assert world.settled()
    session, _ = world.session()
    with pytest.raises(Stop) as stopped:
        world.time.run(lambda: prepare_rollback(session, HELPER, None))
    assert stopped.value.code is Exit.INVALID
    assert "Git" in stopped.value.detail


@pytest.mark.parametrize(
    ("version", "reason"), [("9", "no release 9"), ("4", "current one already"), ("1", "no release 1")]
)
def test_only_real_earlier_releases_can_be_chosen(tmp_path: Path, version: str, reason: str) -> None:
    world = three_releases(tmp_path)
    session, _ = world.session()
    with pytest.raises(Stop, match=reason):
        world.time.run(lambda: prepare_rollback(session, HELPER, version))


def test_outputs_name_the_version_and_bundles_hold_the_request(tmp_path: Path) -> None:
    world = three_releases(tmp_path)
    session, _ = world.session()
    found = world.time.run(lambda: outputs(session))
    assert found["Assistant/helper"]["version"] == "4"
    assert found["VectorStore/docs"]["resource"] == "vector_store"
    session, _ = world.session()
    files = world.time.run(lambda: bundles(session))["helper"]
    assert set(files) == {"SKILL.md", "assistant.json"}
    assert found["VectorStore/docs"]["id"].encode() in files["assistant.json"]


def test_show_lists_every_object_with_its_state(tmp_path: Path) -> None:
    world = three_releases(tmp_path)
    session, _ = world.session()
    found = world.time.run(lambda: show(session))
    assert [(row["address"], row["state"], row["documents"]) for row in found] == [
        ("Assistant/helper", "ready", None),
        ("VectorStore/docs", "ready", 1),
    ]


def test_a_held_release_can_still_be_protected_and_unprotected(tmp_path: Path) -> None:
    world = three_releases(tmp_path)
    roll_back(world)
    spec = {"model": "gpt-6.1-terra", "instructions": "Release 3.\n"}
    tool = {"type": "file_search", "vector_stores": ["docs"]}
    for protect in (True, False):
        world.assistant("helper", lifecycle={"protect": protect}, tools=[tool], **spec)
        assert world.apply().exit == 0
        assert world.steps() == []
        assert live_instructions(world) == "Release 2.\n"
    assert [warning["code"] for warning in world.plan().body["warnings"]] == ["W401"]


def test_a_hold_ends_when_the_manifest_returns_to_what_is_live(tmp_path: Path) -> None:
    world = three_releases(tmp_path)
    roll_back(world)
    tool = {"type": "file_search", "vector_stores": ["docs"]}
    world.assistant("helper", model="gpt-6.1-terra", instructions="Release 2.\n", tools=[tool])
    assert world.settled()
    assert world.plan().body["warnings"] == []
    world.assistant("helper", model="gpt-6.1-terra", instructions="Release 3.\n", tools=[tool])
    assert world.steps() == ["update Assistant/helper"]
    assert world.settled()
    assert live_instructions(world) == "Release 3.\n"


@pytest.mark.parametrize("way", ["another runtime", "gone and back"])
def test_a_hold_ends_with_the_release_that_it_held(tmp_path: Path, way: str) -> None:
    world = three_releases(tmp_path)
    roll_back(world)
    if way == "gone and back":
        world.remove("Assistant", "helper")
        assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="Release 3.\n")
    assert world.settled()
    store = next(item for item in world.api("GET", "/vector_stores?limit=100")["data"] if "anchor" in item["name"])
    assert not store["metadata"].get("reconciler.holds")


def test_an_apply_that_protects_what_is_held_repairs_what_an_earlier_run_left(tmp_path: Path) -> None:
    """It moves no pointer, so it is no rollback: it ends the unclean run, and looks at everything that it did."""
    world = three_releases(tmp_path)
    roll_back(world)
    anchor = next(item for item in world.api("GET", "/vector_stores?limit=100")["data"] if "anchor" in item["name"])
    path, metadata = f"/vector_stores/{anchor['id']}", anchor["metadata"]
    state = metadata["reconciler.anchor"].replace("idle", "busy").replace("run=;", "run=aaaaaaaa;")
    world.api("POST", path, {"metadata": {**metadata, "reconciler.anchor": state}})
    tool = {"type": "file_search", "vector_stores": ["docs"]}
    world.assistant(
        "helper", model="gpt-6.1-terra", instructions="Release 3.\n", tools=[tool], lifecycle={"protect": True}
    )
    assert world.apply().exit == 0
    assert world.api("GET", path)["metadata"]["reconciler.anchor"].startswith("idle")
    assert live_instructions(world) == "Release 2.\n"


def test_a_hold_ends_with_the_name_that_it_was_for(tmp_path: Path) -> None:
    world = three_releases(tmp_path)
    world.assistant("other", model="gpt-6.1-terra")
    assert world.settled()
    roll_back(world)
    spec: dict[str, Any] = {"model": "gpt-6.1-terra", "instructions": "Release 3.\n"}
    world.remove("Assistant", "helper")
    world.assistant("guide", lifecycle={"moved_from": "Assistant/helper"}, **spec)
    assert "hold of a rollback ends" in world.changes()["Assistant/guide"]["reason"]
    assert world.settled()
    world.remove("Assistant", "guide")
    world.assistant("helper", lifecycle={"moved_from": "Assistant/guide"}, **spec)
    assert world.steps() == ["update Assistant/helper"]
    assert world.settled()
    assert world.id_of("Assistant/helper")


def test_what_a_held_release_replaced_in_another_runtime_goes_all_the_same(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("old", "agents", model="gpt-6.1-terra", instructions="1\n")
    assert world.settled()
    old = world.id_of("Assistant/old")
    world.remove("Assistant", "old")
    server.before.append(lambda request: refuse(400) if is_write(request, "/agents", old) else None)
    for text in ("1\n", "2\n"):
        moved = {"moved_from": "Assistant/old"}
        world.assistant("helper", "responses", lifecycle=moved, model="gpt-6.1-terra", instructions=text)
        assert world.apply().exit == Exit.INCOMPLETE
    server.before.clear()
    session, _ = world.session()
    prepared = world.time.run(lambda: prepare_rollback(session, HELPER, None))
    world.apply(prepared=prepared)
    assert world.steps() == ["delete Assistant/old"]
    assert world.settled()
    assert world.api("GET", "/agents", beta="agents=v1")["data"] == []
