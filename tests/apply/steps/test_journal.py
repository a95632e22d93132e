"""What an interrupted run had begun to delete is deleted by the next one, unless something of ours still uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.errors import Exit
from tests.acceptance.world import World
from tests.apply.server import (
    anchors_of,
    files_of,
    interrupted_after,
    is_read,
    is_write,
    refuse,
    say,
    text_of,
    times,
    world_and_server,
)
from tests.upkeep.leftovers import upload


def journal(world: World, *files: str) -> None:
    """Make the last run one that died while it was about to delete Files."""
    store = anchors_of(world)[0]
    metadata = {**store["metadata"], "reconciler.j0": " ".join(files)}
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


@pytest.mark.parametrize("status", [400, 403])
def test_a_file_that_may_not_be_deleted_stands_in_no_steps_way(tmp_path: Path, status: int) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("writer", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    left = upload(world, "left.md")
    journal(world, left, upload(world, "other.md"))
    world.assistant("writer", "agents", model="gpt-6.1-terra", instructions="two\n")
    server.before.append(lambda request: refuse(status, "not this one") if is_write(request, "/files/", left) else None)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert f"DELETE /files/{left} answered {status}: not this one" in text_of(applied)
    assert world.steps() == []
    assert files_of(world) == [left]
    server.before.clear()
    assert world.settled()
    assert files_of(world) == []


def test_what_releases_name_is_read_once_for_all_files_and_only_when_no_store_has_them(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"})
    for number in range(3):
        world.assistant("helper", model="gpt-6.1-terra", instructions=f"{number}\n")
        assert world.settled()

    def bundles() -> int:
        world.assistant("helper", model="gpt-6.1-terra", instructions="again\n")
        sent = world.apply().calls
        return sum(call.path.endswith("/content") for call in sent)

    usual = bundles()
    attached = files_of(world)
    journal(world, *attached)
    world.assistant("helper", model="gpt-6.1-terra", instructions="2\n")
    assert world.settled()
    assert files_of(world) == attached
    journal(world, *(upload(world, f"{number}.md") for number in range(4)))
    assert bundles() <= usual + 6
    assert files_of(world) == attached


def test_an_interrupt_while_leftovers_are_deleted_starts_no_step(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("writer", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    left = upload(world, "left.md")
    journal(world, left)
    world.assistant("writer", "agents", model="gpt-6.1-terra", instructions="two\n")
    server.before.append(lambda request: refuse(409, "busy") if is_write(request, "/files/", left) else None)
    began = world.time.now()
    conclusion, events = interrupted_after(world, 30)
    assert conclusion.exit is Exit.INTERRUPTED
    assert world.time.now() - began < 50
    assert [(event["step"], event["outcome"]) for event in events if event["event"] == "step"] == [
        ("update Assistant/writer", "skipped")
    ]
    server.before.clear()
    assert world.settled()
    assert files_of(world) == []


@pytest.mark.parametrize(("profile", "runtime"), [("openai", "responses"), ("compatible", "assistants")])
def test_what_a_retained_object_uses_is_not_ours_to_delete(tmp_path: Path, profile: str, runtime: str) -> None:
    world = World.new(tmp_path, profile=profile)
    world.write("data/x.csv", "a\n")
    tools = [{"type": "code_interpreter", "files": ["data/x.csv"]}]
    world.assistant("helper", runtime, lifecycle={"on_delete": "retain"}, model="gpt-6.1-terra", tools=tools)
    world.assistant("writer", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    [used] = files_of(world)
    journal(world, used)
    world.remove("Assistant", "helper")
    assert world.steps() == ["forget Assistant/helper"]
    assert world.settled()
    world.assistant("writer", "agents", model="gpt-6.1-terra", instructions="two\n")
    assert world.settled()
    assert world.apply(destroy=True).exit == 0
    assert files_of(world) == [used]
