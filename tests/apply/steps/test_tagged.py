"""Objects with metadata: written to only as the plan saw them, and honest about what a server does not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.commands.plan import prepare
from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit
from tests.acceptance.world import World
from tests.apply.server import (
    Server,
    changed,
    ending,
    files_of,
    is_read,
    is_write,
    refuse,
    text_of,
    times,
    world_and_server,
)


def helper(root: Path, text: str = "one") -> tuple[World, Server]:
    world, server = world_and_server(root, profile="compatible")
    reader(world, text)
    return world, server


def reader(world: World, text: str, lifecycle: Any = None) -> None:
    world.write("data/x.csv", f"a\n{text}\n")
    tools = [{"type": "code_interpreter", "files": ["data/x.csv"]}]
    spec: dict[str, Any] = {"model": "gpt-6.1-terra", "instructions": f"{text}\n", "tools": tools}
    world.assistant("helper", "assistants", lifecycle=lifecycle, **spec)


def test_a_refused_create_or_update_leaves_no_files(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    server.before.append(lambda r: refuse(400, "bad") if is_write(r, "/assistants") else None)
    assert world.apply().exit == Exit.INCOMPLETE
    assert files_of(world) == []
    server.before.clear()
    assert world.settled()
    reader(world, "two")
    server.before.append(lambda r: refuse(400, "bad") if is_write(r, "/assistants") else None)
    assert world.apply().exit == Exit.INCOMPLETE
    assert len(files_of(world)) == 1
    server.before.clear()
    assert world.settled()
    assert len(files_of(world)) == 1


def test_an_update_in_doubt_keeps_its_files(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    reader(world, "two")
    server.before.append(lambda r: refuse(500) if is_write(r, "/assistants") else None)
    assert world.apply().exit == Exit.INCOMPLETE
    assert len(files_of(world)) == 2


def test_an_object_that_already_is_what_the_manifest_wants_is_left_unchanged(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    prepared = world.plan()
    assert world.settled()
    live = world.id_of("Assistant/helper")
    world.api("POST", f"/agents/{live}", {"instructions": "three\n"}, beta="agents=v1")
    assert ending(world, prepared=prepared).exit == Exit.STALE


@pytest.mark.parametrize("way", ["gone", "stripped"])
def test_an_object_that_shows_no_more_that_it_is_ours_is_left_alone(tmp_path: Path, way: str) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    world.assistant("other", "agents", model="gpt-6.1-terra")
    assert world.settled()
    live = world.id_of("Assistant/helper")
    for change in ("update", "delete"):
        if change == "update":
            world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
        else:
            world.remove("Assistant", "helper")
        prepared = world.plan()
        tags = world.api("GET", f"/agents/{live}", beta="agents=v1")["metadata"]
        if way == "gone" and change == "delete":
            world.api("DELETE", f"/agents/{live}", beta="agents=v1")
            assert world.apply(prepared=prepared).exit == 0
            continue
        if way == "gone":
            continue
        world.api("POST", f"/agents/{live}", {"metadata": {}}, beta="agents=v1")
        applied = world.apply(prepared=prepared)
        assert (applied.exit, "no longer shows" in text_of(applied)) == (Exit.STALE, True)
        world.api("POST", f"/agents/{live}", {"metadata": tags}, beta="agents=v1")


def test_an_object_that_vanishes_before_its_update_is_not_written_to(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    prepared = world.plan()
    world.api("DELETE", f"/agents/{world.id_of('Assistant/helper')}", beta="agents=v1")
    applied = world.apply(prepared=prepared)
    assert (applied.exit, "is gone since" in text_of(applied)) == (Exit.STALE, True)
    assert world.settled()


@pytest.mark.parametrize("way", ["gone", "changed", "tagged", "a record"])
def test_an_object_is_adopted_only_as_the_plan_saw_it(tmp_path: Path, way: str) -> None:
    world = World.new(tmp_path)
    live = world.api("POST", "/agents", {"model": "gpt-6-sol", "name": "Old"}, beta="agents=v1")["id"]
    world.assistant("helper", "agents", lifecycle={"adopt": live}, model="gpt-6.1-terra")
    prepared = world.plan()
    state = "ready;op=1.1;spec=0;v=1"
    tags = {"reconciler.stack": f"x#{'0' * 12}", "reconciler.address": "Assistant/x", "reconciler.state": state}
    record = {"reconciler.stack": f"x#{'0' * 12}", "reconciler.address": "Anchor/2"}
    body = {"changed": {"name": "New"}, "tagged": {"metadata": tags}, "a record": {"metadata": record}}.get(way)
    world.api("DELETE" if body is None else "POST", f"/agents/{live}", body, beta="agents=v1")
    assert world.apply(prepared=prepared).exit == Exit.STALE


def test_a_server_that_merges_metadata_cannot_be_made_to_forget_and_says_so(tmp_path: Path) -> None:
    world = World.new(tmp_path, switches=Switches(merge_metadata=True))
    world.assistant("helper", "agents", lifecycle={"on_delete": "retain"}, model="gpt-6.1-terra")
    world.assistant("other", "agents", model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "helper")
    applied = world.apply()
    assert (applied.exit, "merges metadata" in text_of(applied)) == (Exit.INCOMPLETE, True)


def test_a_store_whose_size_is_no_number_is_no_traceback(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.store("docs", {"a.md": "# A\n"})

    def spoil(request: Request, response: Response) -> Response:
        one = is_read(request, "/vector_stores/vs_") and "/files" not in request.path
        return changed(response, lambda body: body | {"usage_bytes": "many"}) if one else response

    server.after.append(spoil)
    assert world.apply().exit == 0


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


def test_a_code_interpreter_file_that_is_gone_is_uploaded_again(tmp_path: Path) -> None:
    world, _ = helper(tmp_path)
    assert world.settled()
    world.api("DELETE", f"/files/{files_of(world)[0]}")
    assert world.time.run(lambda: _full(world)) == ["update Assistant/helper"]


async def _full(world: World) -> list[str]:
    session, _ = world.session()
    return [str(step) for step in (await prepare(session, refresh="full")).plan.steps]


def test_the_file_of_an_unconfirmed_assistant_goes_when_the_manifest_wants_it_no_more(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    server.before.append(lambda r: refuse(400, "bad") if is_write(r, "/assistants/") else None)
    assert world.apply().exit == Exit.INCOMPLETE
    assert len(files_of(world)) == 1
    server.before.clear()
    world.assistant("helper", "assistants", model="gpt-6.1-terra", instructions="none\n")
    assert world.settled()
    assert files_of(world) == []


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


def test_a_rename_that_died_is_known_by_its_files_though_the_manifest_forgot_it(tmp_path: Path) -> None:
    world, _ = helper(tmp_path)
    assert world.settled()
    store = next(item for item in world.api("GET", "/vector_stores?limit=100")["data"] if "anchor" in item["name"])
    world.remove("Assistant", "helper")
    tools = [{"type": "code_interpreter", "files": ["data/x.csv"]}]
    rest: dict[str, Any] = {"model": "gpt-6.1-terra", "instructions": "one\n", "tools": tools}
    world.assistant("guide", "assistants", lifecycle={"moved_from": "Assistant/helper"}, **rest)
    assert world.apply().exit == 0
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": store["metadata"]})  # the record was not written
    world.assistant("guide", "assistants", **rest)
    assert world.settled()
    assert len(files_of(world)) == 1
