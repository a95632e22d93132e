"""Objects with metadata that go, and what goes with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit
from tests.acceptance.world import World
from tests.apply.server import (
    Server,
    files_of,
    is_write,
    refuse,
    text_of,
    times,
    world_and_server,
)
from tests.apply.steps.tagged.test_making import helper, reader


def test_a_server_that_merges_metadata_cannot_be_made_to_forget_and_says_so(tmp_path: Path) -> None:
    world = World.new(tmp_path, switches=Switches(merge_metadata=True))
    world.assistant("helper", "agents", lifecycle={"on_delete": "retain"}, model="gpt-6.1-terra")
    world.assistant("other", "agents", model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "helper")
    applied = world.apply()
    assert (applied.exit, "merges metadata" in text_of(applied)) == (Exit.INCOMPLETE, True)


def test_answers_are_lost_while_an_object_is_replaced_and_deleted(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.store("docs", {"a.md": "# A\n"}, expires_after={"anchor": "last_active_at", "days": 1})
    assert world.settled()
    world.time.base += 3 * 24 * 3600

    def lost(method: str, *marks: bytes) -> Any:
        def rule(r: Request) -> Response | None:
            hit = r.method == method and "/vector_stores/" in r.path and all(mark in r.body for mark in marks)
            return server.real.handle(r) and refuse(500) if hit else None

        return times(1, rule)

    server.before += [lost("POST", b"retiring="), lost("DELETE")]
    assert world.settled()


def test_the_file_of_an_unconfirmed_assistant_goes_with_it(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    server.before.append(lambda r: refuse(400, "bad") if is_write(r, "/assistants/") else None)
    assert world.apply().exit == Exit.INCOMPLETE
    server.before.clear()
    world.remove("Assistant", "helper")
    assert world.settled()
    assert len(files_of(world)) == 1  # the document's


def doubled(root: Path, lifecycle: Any = None) -> tuple[World, Server]:
    """A helper that was created twice: one is confirmed, the other one is not, and both name the same File."""
    world, server = helper(root)
    reader(world, "one", lifecycle)

    def twice(request: Request) -> Response | None:
        if is_write(request, "/assistants") and request.path.endswith("/assistants"):
            server.before.clear()
            server.real.handle(request)
        return None

    server.before.append(twice)
    assert world.apply().exit == Exit.INCOMPLETE  # the double is seen at the end
    return world, server


def test_the_file_that_only_an_unconfirmed_double_names_goes_with_the_stack(tmp_path: Path) -> None:
    world, server = doubled(tmp_path)
    world.assistant("helper", "assistants", model="gpt-6.1-terra", instructions="none\n")
    server.before.append(lambda r: refuse(400, "bad") if r.method == "DELETE" and "/files/" in r.path else None)
    assert world.apply().exit == Exit.INCOMPLETE
    server.before.clear()
    assert len(files_of(world)) == 1
    assert world.apply(destroy=True).exit == Exit.DONE
    assert files_of(world) == []


def test_an_unconfirmed_double_of_what_is_retained_goes_and_the_shared_file_stays(tmp_path: Path) -> None:
    world, _ = doubled(tmp_path, lifecycle={"on_delete": "retain"})
    kept = world.id_of("Assistant/helper")
    world.remove("Assistant", "helper")
    world.assistant("other", "assistants", model="gpt-6.1-terra")
    assert world.settled()
    assistants = world.api("GET", "/assistants?limit=100")["data"]
    assert {item["id"] for item in assistants} == {kept, world.id_of("Assistant/other")}
    assert len(files_of(world)) == 1


def test_the_file_that_an_unconfirmed_double_shares_stays(tmp_path: Path) -> None:
    world, _ = doubled(tmp_path)
    world.remove("Assistant", "helper")
    tools = [{"type": "code_interpreter", "files": ["data/x.csv"]}]
    moved = {"moved_from": "Assistant/helper"}
    world.assistant("guide", "assistants", lifecycle=moved, model="gpt-6.1-terra", instructions="one\n", tools=tools)
    assert world.settled()
    assert len(files_of(world)) == 1
