"""protect, on_delete, adopt, and what a manifest leaves behind when it goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.address import Address
from reconciler.model.errors import Exit, Stop
from reconciler.model.rules import Rules
from tests.acceptance.world import World
from tests.apply.server import anchors_of, ending


def test_a_deleted_manifest_deletes_object_documents_and_files(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    world.assistant("helper", model="gpt-6.1-terra")
    assert world.settled()
    world.remove("VectorStore", "docs")
    assert world.steps() == ["delete VectorStore/docs"]
    assert world.settled()
    assert not [item for item in world.everything().values() if item["object"] == "file"]


@pytest.mark.parametrize("runtime", ["responses", "agents"])
def test_protection_outlives_the_manifest(tmp_path: Path, runtime: str) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", runtime, lifecycle={"protect": True}, model="gpt-6.1-terra")
    world.assistant("other", runtime, model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "helper")
    assert world.changes()["Assistant/helper"]["blocked"]["rule"] == "protect"
    with pytest.raises(Stop) as stopped:
        world.apply()
    assert stopped.value.code is Exit.REFUSED
    world.assistant("helper", runtime, lifecycle={"protect": False}, model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "helper")
    assert world.settled()


@pytest.mark.parametrize("runtime", ["responses", "agents"])
def test_retain_forgets_the_object_and_leaves_it_running(tmp_path: Path, runtime: str) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", runtime, lifecycle={"on_delete": "retain"}, model="gpt-6.1-terra")
    world.assistant("other", runtime, model="gpt-6.1-terra")
    assert world.settled()
    live = world.id_of("Assistant/helper")
    world.remove("Assistant", "helper")
    assert world.steps() == ["forget Assistant/helper"]
    assert world.settled()
    assert live in world.everything()
    assert "reconciler" not in str(world.everything()[live])


@pytest.mark.parametrize("runtime", ["responses", "agents"])
def test_a_retained_object_can_be_adopted_again_under_its_id(tmp_path: Path, runtime: str) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", runtime, lifecycle={"on_delete": "retain"}, model="gpt-6.1-terra", instructions="x")
    world.assistant("other", runtime, model="gpt-6.1-terra")
    assert world.settled()
    live = world.id_of("Assistant/helper")
    world.remove("Assistant", "helper")
    assert world.settled()
    world.assistant("back", runtime, lifecycle={"adopt": live}, model="gpt-6-sol", instructions="x")
    assert world.steps() == ["adopt Assistant/back"]
    assert world.settled()
    assert world.id_of("Assistant/back") == live


def test_a_store_is_adopted_with_its_foreign_documents_left_alone(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    store = world.api("POST", "/vector_stores", {"name": "Old"})["id"]
    world.store("docs", {"a.md": "# A\n"}, lifecycle={"adopt": store}, display_name="New")
    change = world.changes()["VectorStore/docs"]
    assert (change["action"], change["id"]) == ("adopt", store)
    assert world.settled()
    assert world.api("GET", f"/vector_stores/{store}")["name"] == "New"


def test_what_is_not_there_or_belongs_to_another_stack_is_not_adopted(tmp_path: Path) -> None:
    first = World.new(tmp_path / "first")
    first.store("docs", {"a.md": "# A\n"})
    assert first.settled()
    second = World(tmp_path / "second", first.emulator, first.time)
    second.stack("other")
    second.store("docs", {"a.md": "# A\n"}, lifecycle={"adopt": first.id_of("VectorStore/docs")})
    assert second.changes()["VectorStore/docs"]["blocked"]["rule"] == "collision"
    second.store("docs", {"a.md": "# A\n"}, lifecycle={"adopt": "vs_gone"})
    assert second.changes()["VectorStore/docs"]["blocked"]["rule"] == "adopt"


@pytest.mark.parametrize("own", [True, False], ids=["its own", "another stack's"])
def test_an_anchor_is_not_adopted(tmp_path: Path, own: bool) -> None:
    first = World.new(tmp_path / "first")
    first.store("docs", {"a.md": "# A\n"})
    assert first.settled()
    [anchor] = anchors_of(first)
    world = first if own else World(tmp_path / "second", first.emulator, first.time)
    world.stack("acme" if own else "other")
    world.store("more", {"b.md": "# B\n"}, lifecycle={"adopt": anchor["id"]})
    blocked = world.changes()["VectorStore/more"]["blocked"]
    assert (blocked["rule"], "the anchor of acme" in blocked["summary"]) == ("collision", True)
    assert ending(world).exit == Exit.REFUSED
    assert anchors_of(first) == [anchor]


def test_an_expired_store_is_replaced_and_its_users_are_moved_before_it_goes(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n"}, expires_after={"anchor": "last_active_at", "days": 1})
    tool = {"type": "file_search", "vector_stores": ["docs"]}
    world.assistant("helper", model="gpt-6.1-terra", tools=[tool])
    world.assistant("other", model="gpt-6.1-terra", tools=[tool])
    assert world.settled()
    old = world.id_of("VectorStore/docs")
    world.time.base += 3 * 24 * 3600
    assert world.steps() == [
        "create VectorStore/docs",
        "update Assistant/helper",
        "update Assistant/other",
        "delete VectorStore/docs",
    ]
    assert world.settled()
    assert world.id_of("VectorStore/docs") != old
    assert old not in world.everything()


def test_no_prune_and_only_delete_nothing(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", model="gpt-6.1-terra")
    world.assistant("other", model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "helper")
    world.rules = Rules(prune=False)
    assert world.steps() == []
    world.rules = Rules(only=frozenset({world.plan().plan.changes[1].address}))
    assert world.steps() == []


def test_one_resource_may_be_applied_before_the_rename_of_what_it_uses(tmp_path: Path) -> None:
    world = World.new(tmp_path)

    def helper(store: str, text: str) -> None:
        tools = [{"type": "file_search", "vector_stores": [store]}]
        world.assistant("helper", model="gpt-6.1-terra", instructions=text, tools=tools)

    world.store("docs", {"a.md": "# A\n"})
    helper("docs", "one\n")
    assert world.settled()
    world.remove("VectorStore", "docs")
    files = {"files": [{"glob": "docs/**/*.md"}]}
    world.manifest("VectorStore", "manual", files, lifecycle={"moved_from": "VectorStore/docs"})
    helper("manual", "two\n")
    world.rules = Rules(only=frozenset({Address("Assistant", "helper")}))
    assert world.steps() == ["update Assistant/helper"]
    assert world.apply().exit == 0
    world.rules = Rules()
    assert world.steps() == ["update VectorStore/manual"]
    assert world.settled()


def test_an_empty_tree_deletes_nothing(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "helper")
    assert world.changes()["Assistant/helper"]["blocked"]["rule"] == "empty_set"


def test_a_failed_document_leaves_its_old_version_serving(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"})
    assert world.settled()
    store = world.id_of("VectorStore/docs")
    before = {item["id"] for item in world.api("GET", f"/vector_stores/{store}/files")["data"]}
    world.write("docs/a.md", b"\xff\xff\x00not text\xfe")
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    [line] = [event["lines"] for event in applied.events if event.get("lines")]
    assert line[0].startswith("docs/a.md: ")
    assert {item["id"] for item in world.api("GET", f"/vector_stores/{store}/files")["data"]} == before
    assert len([item for item in world.everything().values() if item["object"] == "file"]) == 2
    world.write("docs/a.md", "# A again\n")
    assert world.settled()


def test_allowing_deletions_does_not_allow_an_empty_tree(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "helper")
    world.rules = Rules(allow_deletes=9)
    assert world.changes()["Assistant/helper"]["blocked"]["rule"] == "empty_set"


def test_no_prune_leaves_a_protected_orphan_alone_too(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", lifecycle={"protect": True}, model="gpt-6.1-terra")
    world.assistant("other", model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "helper")
    world.rules = Rules(prune=False)
    assert world.settled()


def test_a_store_of_this_stack_is_not_adopted_under_another_name(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    assert world.settled()
    world.store("more", {"b.md": "# B\n"}, lifecycle={"adopt": world.id_of("VectorStore/docs")})
    assert "already is VectorStore/docs" in world.changes()["VectorStore/more"]["blocked"]["summary"]


def test_a_store_deleted_by_hand_is_no_change_of_the_manifest_that_uses_it(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    tool = {"type": "file_search", "vector_stores": ["docs"]}
    world.assistant("helper", model="gpt-6.1-terra", tools=[tool])
    assert world.settled()
    world.api("DELETE", f"/vector_stores/{world.id_of('VectorStore/docs')}")
    causes = {address: change["cause"] for address, change in world.changes().items()}
    assert causes == {"Assistant/helper": "reference", "VectorStore/docs": "drift"}
    assert world.settled()
