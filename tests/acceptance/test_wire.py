"""A small change sends a small change: counted at the wire."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from tests.acceptance.test_convergence import EVERY_FIELD, RUNTIMES, world_with
from tests.acceptance.world import World


def besides_the_anchor(world: World, writes: list[str]) -> list[str]:
    """Writes without those to the anchor, ids replaced by what they stand for."""
    stores = world.api("GET", "/vector_stores?limit=100")["data"]
    anchors = [store["id"] for store in stores if store["name"].startswith("reconciler anchor")]
    return [write for write in writes if not any(anchor in write for anchor in anchors)]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_one_word_of_a_prompt_is_one_field_and_one_object(tmp_path: Path, runtime: str) -> None:
    world = world_with(tmp_path, runtime)
    assert world.settled()
    world.assistant("helper", runtime, **{**EVERY_FIELD[runtime], "instructions": "Be thorough.\n"})
    changes = world.changes()
    assert list(changes) == ["Assistant/helper"]
    [field] = changes["Assistant/helper"]["fields"]
    assert (field["path"], field["before"], field["after"]) == (["instructions"], "Be brief.\n", "Be thorough.\n")
    live = world.id_of("Assistant/helper")
    sent = besides_the_anchor(world, world.apply().writes)
    paths = {
        "responses": [f"POST /skills/{live}/versions", f"POST /skills/{live}"],
        "agents": [f"POST /agents/{live}"],
        "assistants": [f"POST /assistants/{live}"],
    }
    assert sent == paths[runtime]


@pytest.mark.parametrize("runtime", ["agents", "assistants"])
def test_an_update_carries_the_changed_field_and_the_tags_alone(tmp_path: Path, runtime: str) -> None:
    world = world_with(tmp_path, runtime)
    assert world.settled()
    world.assistant("helper", runtime, **{**EVERY_FIELD[runtime], "instructions": "Be thorough.\n"})
    live = world.id_of("Assistant/helper")
    [call] = [call for call in world.apply().calls if call.method == "POST" and call.path.endswith(live)]
    assert sorted(call.json) == ["instructions", "metadata"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_one_tool_parameter_is_one_path(tmp_path: Path, runtime: str) -> None:
    world = world_with(tmp_path, runtime)
    assert world.settled()
    spec = copy.deepcopy(EVERY_FIELD[runtime])
    tool = next(tool for tool in spec["tools"] if tool["type"] == "function")
    tool["function"]["parameters"]["properties"]["a"]["type"] = "integer"
    world.assistant("helper", runtime, **spec)
    [field] = world.changes()["Assistant/helper"]["fields"]
    assert field["path"][:2] == ["tools", "function:look_up"]
    assert field["path"][-3:] == ["properties", "a", "type"]
    assert (field["before"], field["after"]) == ("string", "integer")
    assert world.settled()


def test_reordered_tools_are_no_change(tmp_path: Path) -> None:
    world = world_with(tmp_path, "agents")
    assert world.settled()
    world.assistant("helper", "agents", **{**EVERY_FIELD["agents"], "tools": EVERY_FIELD["agents"]["tools"][::-1]})
    assert all(change["fields"] == [] for change in world.changes().values())
    assert world.settled()


def test_one_document_is_one_upload_and_the_old_one_goes_last(tmp_path: Path) -> None:
    world = world_with(tmp_path, "responses")
    assert world.settled()
    world.write("docs/a.md", "# A\nother text\n")
    changes = world.changes()
    assert list(changes) == ["VectorStore/docs"]
    assert [item["path"] for item in changes["VectorStore/docs"]["files"]["changed"]] == ["docs/a.md"]
    store = world.id_of("VectorStore/docs")
    sent = [write.rsplit("/file-")[0] for write in besides_the_anchor(world, world.apply().writes)]
    assert sent == [
        "POST /files",
        f"POST /vector_stores/{store}/files",
        f"DELETE /vector_stores/{store}/files",
        "DELETE /files",
        f"POST /vector_stores/{store}",
    ]


def test_one_attribute_is_changed_in_place_without_an_upload(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"})
    assert world.settled()
    entries = [{"path": "docs/a.md", "attributes": {"audience": "staff"}}, {"glob": "docs/**/*.md"}]
    world.store("docs", {}, files=entries)
    assert [item["path"] for item in world.changes()["VectorStore/docs"]["files"]["updated"]] == ["docs/a.md"]
    store = world.id_of("VectorStore/docs")
    sent = besides_the_anchor(world, world.apply().writes)
    assert [write.rsplit("/file-")[0] for write in sent] == [
        f"POST /vector_stores/{store}/files",
        f"POST /vector_stores/{store}",
    ]
    assert world.settled()


def test_a_changed_csv_is_one_upload_and_one_version(tmp_path: Path) -> None:
    world = world_with(tmp_path, "responses")
    assert world.settled()
    world.write("data/x.csv", "a,b\n1,3\n")
    changes = world.changes()
    assert [item["path"] for item in changes["Assistant/helper"]["files"]["changed"]] == ["data/x.csv"]
    live = world.id_of("Assistant/helper")
    sent = besides_the_anchor(world, world.apply().writes)
    assert sent == ["POST /files", f"POST /skills/{live}/versions", f"POST /skills/{live}"]
    assert world.settled()


def test_nothing_to_do_sends_nothing_but_gets(tmp_path: Path) -> None:
    world = world_with(tmp_path, "responses")
    assert world.settled()
    assert world.apply().writes == []


def test_planning_costs_the_same_however_many_documents_there_are(tmp_path: Path) -> None:
    counts = []
    for number in (3, 400):
        world = World.new(tmp_path / str(number))
        world.store("docs", {f"{index}.md": f"# {index}\n" for index in range(number)})
        assert world.apply().exit == 0
        session, direct = world.session()
        from reconciler.commands.plan import prepare

        world.time.run(lambda session=session: prepare(session))  # type: ignore[misc]
        counts.append(len(direct.calls))
    assert counts[0] == counts[1]


def test_a_plan_is_made_with_gets_only(tmp_path: Path) -> None:
    world = world_with(tmp_path, "responses")
    session, direct = world.session()
    from reconciler.commands.drift import drift
    from reconciler.commands.plan import prepare

    world.time.run(lambda: prepare(session))
    world.time.run(lambda: drift(session))
    assert {call.method for call in direct.calls} == {"GET"}
