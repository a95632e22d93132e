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
    times,
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


def test_a_version_whose_answer_is_lost_is_found_by_its_description(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    skill = world.id_of("Assistant/helper")
    before = len(versions(world, skill))
    release(world, "two")
    lost = times(1, lambda r: server.real.handle(r) and refuse(500) if is_write(r, "/skills/", "/versions") else None)
    server.before.append(lost)
    assert world.settled()
    assert len(versions(world, skill)) == before + 1


def test_versions_without_descriptions_leave_a_release_in_doubt_and_the_old_one_current(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    skill = world.id_of("Assistant/helper")
    current = world.api("GET", f"/skills/{skill}", beta="")["default_version"]
    release(world, "two")

    def bare(request: Request, response: Response) -> Response:
        def strip(body: dict[str, Any]) -> None:
            for item in body.get("data", [body]):
                item.pop("description", None)

        return changed(response, strip) if request.path.endswith("/versions") else response

    server.after.append(bare)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "does not carry our tag" in text_of(applied)
    assert world.api("GET", f"/skills/{skill}", beta="")["default_version"] == current
    server.after.clear()
    assert world.settled()


@pytest.mark.parametrize("number", ["../../files", "x" * 200, "", None, ["1"]])
def test_a_version_without_a_usable_number_is_in_doubt(tmp_path: Path, number: object) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    release(world, "two")

    def spoil(request: Request, response: Response) -> Response:
        posted = is_write(request, "/skills/", "/versions")
        return changed(response, lambda body: body | {"version": number}) if posted else response

    server.after.append(spoil)
    assert world.apply().exit == Exit.INCOMPLETE
    server.after.clear()
    assert world.settled()


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


@pytest.mark.parametrize("way", ["gone", "changed hands"])
def test_a_release_that_shows_no_more_that_it_is_ours_is_left_alone(tmp_path: Path, way: str) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    release(world, "two")
    prepared = world.plan()
    skill = world.id_of("Assistant/helper")

    def rule(request: Request) -> Response | None:
        if way == "gone":
            return refuse(404, "gone") if is_read(request, f"/skills/{skill}") else None
        return refuse(404, "gone") if is_read(request, "/versions/2") and "content" not in request.path else None

    def strip(request: Request, response: Response) -> Response:
        whole = is_read(request, f"/skills/{skill}") and request.path.endswith(skill)
        return changed(response, lambda body: body | {"description": "mine"}) if whole and way != "gone" else response

    server.before.append(rule)
    server.after.append(strip)
    applied = world.apply(prepared=prepared)
    assert applied.exit == Exit.STALE
    assert not [write for write in applied.writes if skill in write]


def test_a_release_that_cannot_be_read_for_its_tag_fails(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    release(world, "two")
    prepared = world.plan()
    skill = world.id_of("Assistant/helper")
    server.before.append(lambda r: refuse(422) if is_read(r, "/versions/2") and "content" not in r.path else None)
    server.after.append(
        lambda r, a: (
            changed(a, lambda b: b | {"description": "x"}) if is_read(r, skill) and r.path.endswith(skill) else a
        )
    )
    assert world.apply(prepared=prepared).exit == Exit.INCOMPLETE


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


def test_a_release_that_is_forgotten_must_be_readable(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("old", lifecycle={"on_delete": "retain"}, model="gpt-6.1-terra")
    world.assistant("other", model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "old")
    server.before.append(lambda r: refuse(404) if is_read(r, "/skills/", "/content") else None)
    applied = world.apply()
    assert (applied.exit, "can be read" in text_of(applied)) == (Exit.INCOMPLETE, True)
    server.before.clear()
    lost = times(1, lambda r: server.real.handle(r) and refuse(500) if is_write(r, "/skills/", "/versions") else None)
    server.before.append(lost)
    assert world.settled()


def test_a_release_is_not_deleted_before_its_list_shows_the_newest_version(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    assert world.settled()
    release(world, "two")
    assert world.settled()
    world.remove("Assistant", "helper")
    prepared, blind = world.plan(), [2]

    def lagging(request: Request, response: Response) -> Response:
        if is_read(request, "/skills/", "/versions") and blind[0]:
            blind[0] -= 1
            return changed(response, lambda body: body | {"data": body["data"][1:]})
        return response

    server.after.append(lagging)
    assert (world.apply(prepared=prepared).exit, blind) == (0, [0])
    assert len(files_of(world)) == 1
