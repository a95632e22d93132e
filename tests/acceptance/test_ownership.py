"""Only ours: other stacks, foreign objects and look-alikes are byte-identical after apply and destroy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.commands.plan import prepare
from reconciler.model.errors import Exit, Stop
from reconciler.ownership import tags as tagging
from reconciler.ownership.tags import ADDRESS, FIELDS, STACK, STATE
from tests.acceptance.world import World
from tests.direct import DirectAccount


def foreign_objects(world: World) -> None:
    """Things that other people and other tools have: with our names, with half of our tags, with another lineage."""
    world.api("POST", "/vector_stores", {"name": "Docs", "metadata": {"team": "cx"}})
    world.api("POST", "/vector_stores", {"name": "docs", "metadata": {ADDRESS: "VectorStore/docs"}})
    world.api("POST", "/vector_stores", {"name": "docs", "metadata": {STACK: "acme", ADDRESS: "VectorStore/docs"}})
    copied = {
        STACK: "acme#ffffffffffff",
        ADDRESS: "VectorStore/docs",
        STATE: "ready;op=1.1;spec=0123456789abcdef;v=1",
        FIELDS: "name:0123456789ab",
    }
    world.api("POST", "/vector_stores", {"name": "docs", "metadata": copied})
    world.api("POST", "/vector_stores", {"name": "x", "metadata": {**copied, STACK: "Acme#ffffffffffff"}})
    world.api("POST", "/agents", {"model": "gpt-6-sol", "name": "Helper"}, beta="agents=v1")


def full(world: World) -> None:
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"})
    tool = {"type": "file_search", "vector_stores": ["docs"]}
    world.assistant("helper", model="gpt-6.1-terra", tools=[tool], instructions="Be brief.\n")
    world.assistant("writer", "agents", model="gpt-6.1-terra", instructions="Write.\n")


def test_foreign_objects_are_byte_identical_after_apply_and_destroy(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    full(world)
    assert world.apply().exit == 0
    foreign_objects(world)
    everything = world.everything()
    session, _ = world.session()
    from reconciler.commands.outputs import outputs

    mine = {item["id"] for item in world.time.run(lambda: outputs(session)).values()}
    theirs = {key: item for key, item in everything.items() if _is_foreign(item, mine)}
    assert len(theirs) == 6
    assert world.settled()
    world.write("docs/a.md", "# A, changed\n")
    assert world.settled()
    assert world.apply(destroy=True).exit == 0
    assert world.everything() == theirs


def _is_foreign(item: dict[str, Any], mine: set[str]) -> bool:
    if item["object"] in {"file", "skill"} or item["id"] in mine:
        return False
    return not (item.get("metadata") or {}).get(ADDRESS, "").startswith("Anchor/")


def test_objects_with_our_name_but_without_an_anchor_stop_everything(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    full(world)
    foreign_objects(world)
    with pytest.raises(Stop) as stopped:
        world.plan()
    assert stopped.value.code is Exit.DENIED


def test_a_second_stack_in_the_account_is_never_touched(tmp_path: Path) -> None:
    first = World.new(tmp_path / "first")
    full(first)
    assert first.settled()
    second = World(tmp_path / "second", first.emulator, first.time)
    second.stack("other")
    full(second)
    before = first.everything()
    assert second.settled()
    second.assistant("writer", "agents", model="gpt-6-sol")
    assert second.settled()
    assert {key: item for key, item in first.everything().items() if key in before} == before
    assert second.apply(destroy=True).exit == 0
    assert first.everything() == before


def test_an_object_that_loses_its_tags_between_plan_and_apply_is_left_alone(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    full(world)
    assert world.settled()
    live = world.id_of("Assistant/writer")
    world.assistant("writer", "agents", model="gpt-6-sol")
    prepared = world.plan()
    world.api("POST", f"/agents/{live}", {"metadata": {"team": "theirs"}}, beta="agents=v1")
    applied = world.apply(prepared=prepared)
    assert applied.exit == Exit.STALE
    assert world.api("GET", f"/agents/{live}", beta="agents=v1")["model"] == "gpt-6.1-terra"


def test_an_object_changed_between_plan_and_apply_is_left_alone(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    full(world)
    assert world.settled()
    live = world.id_of("Assistant/writer")
    world.assistant("writer", "agents", model="gpt-6-sol")
    prepared = world.plan()
    world.api("POST", f"/agents/{live}", {"instructions": "Somebody else's."}, beta="agents=v1")
    applied = world.apply(prepared=prepared)
    assert applied.exit == Exit.STALE
    assert world.api("GET", f"/agents/{live}", beta="agents=v1")["model"] == "gpt-6.1-terra"


def test_metadata_of_other_people_on_our_objects_survives_every_update(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.manifest(
        "Assistant", "writer", {"runtime": "agents", "model": "gpt-6-sol"}, metadata={"labels": {"a": "1", "b": "2"}}
    )
    assert world.settled()
    live = world.id_of("Assistant/writer")
    metadata = world.api("GET", f"/agents/{live}", beta="agents=v1")["metadata"]
    world.api("POST", f"/agents/{live}", {"metadata": {**metadata, "theirs": "x"}}, beta="agents=v1")
    world.manifest("Assistant", "writer", {"runtime": "agents", "model": "gpt-6-luna"}, metadata={"labels": {"b": "3"}})
    assert world.settled()
    metadata = world.api("GET", f"/agents/{live}", beta="agents=v1")["metadata"]
    assert tagging.user_pairs(metadata) == {"theirs": "x", "b": "3"}


def test_a_pinned_anchor_that_is_gone_stops_with_exit_8(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    full(world)
    anchor = next(event["id"] for event in world.apply().events if event["event"] == "anchor")
    world.stack("acme", account={"anchor": anchor})
    assert world.steps() == []
    world.api("DELETE", f"/vector_stores/{anchor}")
    with pytest.raises(Stop) as stopped:
        world.plan()
    assert stopped.value.code is Exit.DENIED


def test_tagged_objects_without_an_anchor_stop_with_exit_8(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    full(world)
    anchor = next(event["id"] for event in world.apply().events if event["event"] == "anchor")
    world.api("DELETE", f"/vector_stores/{anchor}")
    before = world.everything()
    with pytest.raises(Stop) as stopped:
        world.plan()
    assert stopped.value.code is Exit.DENIED
    assert world.everything() == before


@pytest.mark.parametrize("slow", ["/agents", "/vector_stores"])
def test_warnings_do_not_depend_on_which_answer_comes_first(tmp_path: Path, slow: str) -> None:
    world = World.new(tmp_path)
    full(world)
    assert world.settled()
    line = {STATE: "ready;op=1.1;spec=0123456789abcdef;v=1", FIELDS: "name:0123456789ab", STACK: "acme#ffffffffffff"}
    world.api("POST", "/vector_stores", {"name": "docs", "metadata": {**line, ADDRESS: "VectorStore/docs"}})
    agent = {"model": "gpt-6-sol", "name": "w", "metadata": {**line, ADDRESS: "Assistant/writer"}}
    world.api("POST", "/agents", agent, beta="agents=v1")
    session, _ = world.session()
    direct = DirectAccount(world.emulator, clock=world.time, latency=lambda call: float(call.path.startswith(slow)))
    plan = world.time.run(lambda: prepare(replace(session, account=direct))).plan
    assert [str(notice.address) for notice in plan.warnings] == ["Assistant/writer", "VectorStore/docs"]
