"""What an interrupted run had begun to delete is deleted by the next one, unless something of ours still uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.world import World
from tests.apply.server import anchors_of, files_of, is_read, say, times, world_and_server


def journal(world: World, file_id: str) -> None:
    """Make the last run one that died while it was about to delete a File."""
    store = anchors_of(world)[0]
    metadata = {**store["metadata"], "reconciler.j0": file_id}
    metadata["reconciler.anchor"] = metadata["reconciler.anchor"].replace("idle", "busy")
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": metadata})


@pytest.mark.parametrize(("profile", "runtime"), [("openai", "responses"), ("compatible", "assistants")])
def test_a_journalled_file_that_something_of_ours_uses_stays(tmp_path: Path, profile: str, runtime: str) -> None:
    world = World.new(tmp_path, profile=profile)
    world.store("docs", {"a.md": "# A\n"})
    world.write("data/x.csv", "a\n")
    tools = [{"type": "code_interpreter", "files": ["data/x.csv"]}]
    world.assistant("helper", runtime, model="gpt-6.1-terra", tools=tools)
    world.assistant("plain", "responses", model="gpt-6.1-terra")
    assert world.settled()
    for file_id in files_of(world):
        journal(world, file_id)
        assert world.settled()
        assert file_id in files_of(world)
    assert not [key for key, value in anchors_of(world)[0]["metadata"].items() if ".j" in key and value]


def test_a_journalled_file_that_nothing_uses_is_deleted(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    assert world.settled()
    store = world.id_of("VectorStore/docs")
    [used] = files_of(world)
    world.api("DELETE", f"/vector_stores/{store}/files/{used}")
    journal(world, used)
    assert world.settled()
    assert used not in files_of(world)
    assert len(files_of(world)) == 1


def test_a_file_that_seemed_to_be_in_use_at_first_does_not_outlive_the_stack(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    assert world.settled()
    [used] = files_of(world)
    attachment = f"/vector_stores/{world.id_of('VectorStore/docs')}/files/{used}"
    shown = world.api("GET", attachment)
    world.api("DELETE", attachment)
    journal(world, used)
    server.before.append(times(1, lambda request: say(200, shown) if is_read(request, attachment) else None))
    assert world.apply(destroy=True).exit == 0
    assert files_of(world) == []
