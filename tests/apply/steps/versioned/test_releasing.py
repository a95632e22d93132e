"""Releases: the pointer is the confirmation, and whatever a server or a person puts there is not taken for ours."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import Request, Response
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
    world_and_server,
)


def helper(root: Path) -> tuple[World, Server]:
    world, server = world_and_server(root)
    release(world, "one")
    return world, server


def release(world: World, text: str) -> None:
    world.write("data/x.csv", f"a\n{text}\n")
    tools = [{"type": "code_interpreter", "files": ["data/x.csv"]}]
    world.assistant("helper", model="gpt-6.1-terra", instructions=f"{text}\n", tools=tools)


def versions(world: World, skill: str) -> list[str]:
    return [item["version"] for item in world.api("GET", f"/skills/{skill}/versions", beta="")["data"]]


def test_a_default_that_a_person_moved_between_plan_and_apply_is_not_moved_back(tmp_path: Path) -> None:
    world, _ = helper(tmp_path)
    assert world.settled()
    release(world, "two")
    prepared = world.plan()
    skill = world.id_of("Assistant/helper")
    world.api("POST", f"/skills/{skill}", {"default_version": "1"}, beta="")
    before = versions(world, skill)
    applied = world.apply(prepared=prepared)
    assert (applied.exit, "was changed since the plan" in text_of(applied)) == (Exit.STALE, True)
    assert versions(world, skill) == before


def zipped(entries: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return target.getvalue()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "no zip": lambda: b"<html>",
    "a bomb": lambda: zipped({"a/assistant.json": bytes(40 * 1024 * 1024)}),
    "paths": lambda: zipped({"../../assistant.json": b"{}"}),
    "entries": lambda: zipped({f"a/{number}": b"" for number in range(10_000)}),
    "lists": lambda: zipped({"a/assistant.json": b"[]"}),
    "types": lambda: zipped(
        {"a/assistant.json": b'{"request": {"model": 7, "tools": {"a": []}, "metadata": 3}, "raw": 5}'}
    ),
    "ids": lambda: zipped(
        {
            "a/assistant.json": b'{"request": {}}',
            "a/files.json": json.dumps({"files": [{"id": "../x"}, 7, {}]}).encode(),
        }
    ),
    "depth": lambda: zipped({"a/assistant.json": b'{"request": ' + b"[" * 100_000}),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_bundle_is_replaced_by_ours(tmp_path: Path, name: str) -> None:
    content = HOSTILE[name]()
    world, server = helper(tmp_path)
    assert world.settled()
    release(world, "two")

    def spoil(request: Request, response: Response) -> Response:
        if not (is_read(request, "/skills/", "/content") and "/versions/2/" in request.path):
            return response
        return Response(200, content, {"content-type": "application/zip"})

    server.after.append(spoil)
    assert world.apply().exit == 0
    assert ending(world, destroy=True).exit == 0


@pytest.mark.parametrize("number", ["../../files", "x" * 200, "", None, ["1"], 7.5])
def test_a_default_that_is_no_version_stands_in_no_url_and_is_no_traceback(tmp_path: Path, number: object) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    release(world, "two")

    def spoil(request: Request, response: Response) -> Response:
        def show(body: dict[str, Any]) -> None:
            for item in body.get("data", [body]):
                item["default_version"] = number

        about = is_read(request, "/skills") and "/versions" not in request.path
        return changed(response, show) if about else response

    server.after.append(spoil)
    applied = ending(world)
    assert applied.exit in {3, 5}
    assert not [call for call in applied.calls if ".." in call.path or len(call.path) > 200]
    server.after.clear()
    assert world.settled()


def test_a_refused_version_leaves_no_files(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    release(world, "two")
    server.before.append(lambda r: refuse(400, "bad") if is_write(r, "/skills/", "/versions") else None)
    assert world.apply().exit == Exit.INCOMPLETE
    assert len(files_of(world)) == 1
    server.before.clear()
    assert world.settled()


def test_a_release_is_adopted_only_as_the_plan_saw_it(tmp_path: Path) -> None:
    first = World.new(tmp_path / "first")
    first.assistant("old", lifecycle={"on_delete": "retain"}, model="gpt-6.1-terra")
    first.assistant("other", model="gpt-6.1-terra")
    assert first.settled()
    skill = first.id_of("Assistant/old")
    first.remove("Assistant", "old")
    assert first.settled()
    second = World(tmp_path / "second", first.emulator, first.time)
    second.stack("second")
    second.assistant("new", lifecycle={"adopt": skill}, model="gpt-6.1-terra")
    prepared = second.plan()
    first.api("POST", f"/skills/{skill}", {"default_version": "1"}, beta="")
    assert ending(second, prepared=prepared).exit == Exit.STALE
