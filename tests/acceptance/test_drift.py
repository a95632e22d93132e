"""An edit behind our back shows as drift with its field; one made on both sides shows as both."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from reconciler.commands.drift import drift
from reconciler.emulator import Request
from tests.acceptance.world import World


def helper(tmp_path: Path, runtime: str, **spec: Any) -> World:
    world = World.new(tmp_path, profile="compatible" if runtime == "assistants" else "openai")
    world.assistant("helper", runtime, model="gpt-6.1-terra", instructions="Be brief.\n", **spec)
    assert world.settled()
    return world


def edit(world: World, runtime: str, **fields: Any) -> None:
    beta = {"agents": "agents=v1", "assistants": "assistants=v2"}[runtime]
    world.api("POST", f"/{runtime}/{world.id_of('Assistant/helper')}", fields, beta=beta)


def fields_of(world: World) -> dict[str, str]:
    change = world.changes().get("Assistant/helper", {"fields": []})
    return {".".join(field["path"]): field["cause"] for field in change["fields"]}


@pytest.mark.parametrize("runtime", ["agents", "assistants"])
def test_an_edit_in_the_account_is_drift_of_its_field(tmp_path: Path, runtime: str) -> None:
    world = helper(tmp_path, runtime)
    edit(world, runtime, instructions="Be rude.\n")
    change = world.changes()["Assistant/helper"]
    assert change["cause"] == "drift"
    [field] = change["fields"]
    assert (field["path"], field["before"], field["after"], field["cause"]) == (
        ["instructions"],
        "Be rude.\n",
        "Be brief.\n",
        "drift",
    )
    assert world.settled()


@pytest.mark.parametrize("runtime", ["agents", "assistants"])
def test_an_edit_on_both_sides_is_both(tmp_path: Path, runtime: str) -> None:
    world = helper(tmp_path, runtime)
    edit(world, runtime, instructions="Be rude.\n")
    world.assistant("helper", runtime, model="gpt-6-sol", instructions="Be kind.\n")
    assert fields_of(world) == {"instructions": "both", "model": "manifest"}
    assert world.changes()["Assistant/helper"]["cause"] == "both"
    assert world.settled()


@pytest.mark.parametrize("runtime", ["agents", "assistants"])
def test_the_same_edit_on_both_sides_only_renews_the_tags(tmp_path: Path, runtime: str) -> None:
    world = helper(tmp_path, runtime)
    edit(world, runtime, instructions="Be kind.\n")
    world.assistant("helper", runtime, model="gpt-6.1-terra", instructions="Be kind.\n")
    assert fields_of(world) == {}
    assert world.steps() == ["update Assistant/helper"]
    assert world.settled()


def test_fields_that_the_manifest_never_spoke_of_are_nobodys_drift(tmp_path: Path) -> None:
    world = helper(tmp_path, "agents")
    edit(world, "agents", service_tier="flex", compaction={"async": True})
    assert world.steps() == []


def test_ignored_drift_is_left_alone_but_a_change_of_the_manifest_is_not(tmp_path: Path) -> None:
    world = World.new(tmp_path, profile="compatible")
    lifecycle = {"ignore_changes": ["temperature"]}
    world.assistant("helper", "assistants", lifecycle=lifecycle, model="gpt-6.1-terra", temperature=0.5)
    assert world.settled()
    edit(world, "assistants", temperature=0.9)
    assert world.steps() == []
    world.assistant("helper", "assistants", lifecycle=lifecycle, model="gpt-6.1-terra", temperature=0.1)
    assert world.steps() == ["update Assistant/helper"]
    assert world.settled()


def test_ignored_labels_stay_through_a_change_of_something_else(tmp_path: Path) -> None:
    world = World.new(tmp_path)

    def helper(text: str, **labels: str) -> None:
        lifecycle = {"ignore_changes": ["labels"]}
        spec = {"runtime": "agents", "model": "gpt-6.1-terra", "instructions": text}
        world.manifest("Assistant", "helper", spec, metadata={"labels": labels}, lifecycle=lifecycle)

    def labels() -> dict[str, str]:
        live = world.api("GET", f"/agents/{world.id_of('Assistant/helper')}", beta="agents=v1")["metadata"]
        return {key: value for key, value in live.items() if not key.startswith("reconciler.")}

    helper("one\n", team="support", tier="gold")
    assert world.settled()
    metadata = world.api("GET", f"/agents/{world.id_of('Assistant/helper')}", beta="agents=v1")["metadata"]
    del metadata["tier"]
    edit(world, "agents", metadata={**metadata, "team": "sales"})
    helper("two\n", team="support", tier="gold")
    assert set(fields_of(world)) == {"instructions"}
    assert world.settled()
    assert labels() == {"team": "sales"}
    helper("two\n", team="service")
    assert world.settled()
    assert labels() == {"team": "service"}


def test_ignored_documents_stay_through_a_change_of_something_else(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    lifecycle = {"ignore_changes": ["files"]}
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"}, lifecycle=lifecycle, display_name="One")
    assert world.settled()
    attached = f"/vector_stores/{world.id_of('VectorStore/docs')}/files"
    taken = world.api("GET", attached)["data"][0]["id"]
    world.api("DELETE", f"{attached}/{taken}")
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"}, lifecycle=lifecycle, display_name="Two")
    assert world.plan().body["estimate"]["upload_bytes"] == 0
    assert world.settled()
    assert [item["id"] for item in world.api("GET", attached)["data"] if item["id"] == taken] == []
    assert len(world.api("GET", attached)["data"]) == 1
    world.store("docs", {"a.md": "# A\n", "b.md": "# B, edited\n"}, lifecycle=lifecycle, display_name="Two")
    assert world.settled()
    assert len(world.api("GET", attached)["data"]) == 2


def test_a_tag_does_not_vouch_for_documents_that_were_ignored(tmp_path: Path) -> None:
    world = World.new(tmp_path)

    def store(name: str, **more: Any) -> None:
        world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"}, display_name=name, **more)

    ignoring = {"lifecycle": {"ignore_changes": ["files"]}}
    store("One", **ignoring)
    assert world.settled()
    attached = f"/vector_stores/{world.id_of('VectorStore/docs')}/files"
    world.api("DELETE", f"{attached}/{world.api('GET', attached)['data'][0]['id']}")
    store("Two", **ignoring)
    assert world.settled()
    store("Two")
    assert world.steps() == ["update VectorStore/docs"]
    assert world.settled()
    assert len(world.api("GET", attached)["data"]) == 2


def post_version(world: World, live: str, files: dict[str, str]) -> None:
    """What a person does with the API: another version, made the default."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        for name, text in files.items():
            target.writestr(f"helper/{name}", text)
    boundary = "xxxx"
    body = (
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="default"\r\n\r\ntrue\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="helper.zip"\r\n'
            "Content-Type: application/zip\r\n\r\n"
        ).encode()
        + archive.getvalue()
        + f"\r\n--{boundary}--\r\n".encode()
    )
    headers = {"authorization": "Bearer sk-other", "content-type": f"multipart/form-data; boundary={boundary}"}
    response = world.emulator.handle(Request("POST", f"/skills/{live}/versions", (), headers, body))
    assert response.status == 200, response.body


def test_a_version_posted_by_hand_is_drift_with_the_last_applied_value(tmp_path: Path) -> None:
    world = helper(tmp_path, "responses")
    live = world.id_of("Assistant/helper")
    request = '{"format": 1, "request": {"model": "gpt-6-luna", "instructions": "Be brief.\\n"}}'
    post_version(world, live, {"SKILL.md": "---\nname: helper\ndescription: mine\n---\nx", "assistant.json": request})
    change = world.changes()["Assistant/helper"]
    assert change["cause"] == "drift"
    [field] = change["fields"]
    assert field == {
        "path": ["model"],
        "before": "gpt-6-luna",
        "after": "gpt-6.1-terra",
        "cause": "drift",
        "last_applied": "gpt-6.1-terra",
    }
    assert world.settled()
    assert world.id_of("Assistant/helper") == live


def test_a_release_changed_on_both_sides_shows_both(tmp_path: Path) -> None:
    world = helper(tmp_path, "responses")
    request = '{"format": 1, "request": {"model": "gpt-6-luna", "instructions": "Be rude.\\n"}}'
    skill = "---\nname: helper\ndescription: mine\n---\nx"
    post_version(world, world.id_of("Assistant/helper"), {"SKILL.md": skill, "assistant.json": request})
    world.assistant("helper", "responses", model="gpt-6.1-terra", instructions="Be kind.\n")
    assert fields_of(world) == {"model": "drift", "instructions": "both"}
    assert world.settled()


def test_a_deleted_object_is_created_again_as_drift(tmp_path: Path) -> None:
    world = helper(tmp_path, "agents")
    old = world.id_of("Assistant/helper")
    world.api("DELETE", f"/agents/{old}", beta="agents=v1")
    change = world.changes()["Assistant/helper"]
    assert (change["action"], change["cause"]) == ("create", "drift")
    assert old in change["reason"]
    assert world.settled()


def test_documents_taken_away_or_edited_come_back_and_foreign_ones_stay(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"})
    world.store("other", {"c.md": "# C, which is longer\n"})
    assert world.settled()
    store, other = world.id_of("VectorStore/docs"), world.id_of("VectorStore/other")
    listed = world.api("GET", f"/vector_stores/{store}/files")["data"]
    [first] = [item["id"] for item in listed if item["attributes"]["reconciler_path"] == "docs/a.md"]
    [foreign] = [item["id"] for item in world.api("GET", f"/vector_stores/{other}/files")["data"]]
    world.api("DELETE", f"/vector_stores/{store}/files/{first}")
    world.api("POST", f"/vector_stores/{store}/files", {"file_id": foreign})
    change = world.changes()["VectorStore/docs"]
    assert change["cause"] == "drift"
    assert [item["path"] for item in change["files"]["added"]] == ["docs/a.md"]
    assert [item["path"] for item in change["files"]["unmanaged"]] == [foreign]
    assert world.apply().exit == 0
    assert foreign in [item["id"] for item in world.api("GET", f"/vector_stores/{store}/files")["data"]]
    assert all(change["action"] == "none" for change in world.changes().values())


def test_drift_reports_what_was_changed_and_writes_nothing(tmp_path: Path) -> None:
    world = helper(tmp_path, "agents")
    edit(world, "agents", instructions="Be rude.\n")
    session, direct = world.session()
    report = world.time.run(lambda: drift(session))
    assert [change["address"] for change in report["changes"]] == ["Assistant/helper"]
    assert report["steps"] == []
    assert {call.method for call in direct.calls} == {"GET"}


def test_a_rename_of_a_release_tells_of_the_ignored_drift_that_it_ends(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    rest: dict[str, Any] = {"model": "gpt-6.1-terra", "instructions": "Be brief.\n", "temperature": 0.5}
    lifecycle = {"ignore_changes": ["temperature"]}
    world.assistant("helper", lifecycle=lifecycle, **rest)
    assert world.settled()
    request = {"format": 1, "request": {**rest, "temperature": 0.9}}
    skill = "---\nname: helper\ndescription: mine\n---\nx"
    files = {"SKILL.md": skill, "assistant.json": json.dumps(request)}
    post_version(world, world.id_of("Assistant/helper"), files)
    assert world.steps() == []
    world.remove("Assistant", "helper")
    world.assistant("guide", lifecycle={**lifecycle, "moved_from": "Assistant/helper"}, **rest)
    [change] = world.plan().body["changes"]
    assert [(field["path"], field["cause"]) for field in change["fields"]] == [(["temperature"], "drift")]
    assert world.settled()
