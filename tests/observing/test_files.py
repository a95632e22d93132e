"""Files that an object names by their bare ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reconciler.emulator import Request, Response
from tests.acceptance.world import World
from tests.apply.server import changed, files_of, is_read, world_and_server


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
