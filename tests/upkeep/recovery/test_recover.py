"""Rebuilding a lost or damaged anchor: from tags, without taking what is not ours, and from wherever it was cut off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from reconciler.apply import Conclusion
from reconciler.apply.session import Session
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.commands.rollback import prepare_rollback
from reconciler.emulator import Request, Response
from reconciler.model.address import Address
from reconciler.model.errors import Exit, Stop
from reconciler.ownership.tags import ADDRESS, FIELDS, STACK, STATE
from reconciler.upkeep import Recovery, find_recovery, recover
from tests.acceptance.world import World, made_once
from tests.apply.server import anchors_of, changed, is_read, is_write, refuse, state_of, times, world_and_server
from tests.upkeep.dying import deaths, session_of

HELPER = Address("Assistant", "helper")


def put(world: World) -> World:
    """A store, a release and an agent, applied."""
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"})
    tool = {"type": "file_search", "vector_stores": ["docs"]}
    world.assistant("helper", model="gpt-6.1-terra", tools=[tool], instructions="Be brief.\n")
    world.assistant("writer", "agents", model="gpt-6.1-terra", instructions="Write.\n")
    assert world.settled()
    return world


fill = made_once(put)


def full(root: Path) -> World:
    return fill(World.new(root))


def long(root: Path) -> World:
    return fill_long(World.new(root, profile="compatible"))


@made_once
def fill_long(world: World) -> World:
    """A stack whose anchor needs two stores: an assistant with files whose paths are long, applied."""
    names = [f"data/{chr(number) * 120}/{chr(number) * 110}.csv" for number in range(97, 109)]
    for name in names:
        world.write(name, name)
    tool = {"type": "code_interpreter", "files": names}
    world.assistant("helper", "assistants", model="gpt-6.1-terra", tools=[tool])
    world.assistant("writer", "assistants", model="gpt-6.1-terra")
    assert world.apply().exit == 0
    assert len(anchors_of(world)) == 2
    return world


def parts(world: World) -> list[dict[str, Any]]:
    """The stores of the anchor, the first part first."""
    return sorted(anchors_of(world), key=lambda store: str(store["metadata"][ADDRESS]))


def lose(world: World, *numbers: int) -> None:
    """Delete parts of the anchor by number."""
    for store in parts(world):
        if int(store["metadata"][ADDRESS].split("/")[1]) in numbers:
            world.api("DELETE", f"/vector_stores/{store['id']}")


def edit(world: World, store: str, **pairs: str) -> None:
    """Write some of our pairs of a store behind the tool's back."""
    metadata = world.api("GET", f"/vector_stores/{store}")["metadata"]
    metadata |= {f"reconciler.{key}": value for key, value in pairs.items()}
    world.api("POST", f"/vector_stores/{store}", {"metadata": metadata})


def look(world: World, lineage: str | None = None) -> Recovery:
    """What there is to recover; only GETs are sent."""
    session, mortal = session_of(world)
    try:
        return world.time.run(lambda: find_recovery(session, lineage))
    finally:
        assert mortal.writes == []


def stopped(world: World, lineage: str | None = None) -> Stop:
    with pytest.raises(Stop) as stop:
        look(world, lineage)
    return stop.value


async def whole(session: Session, lineage: str | None = None) -> str:
    """As `reconciler recover --yes` does it."""
    found = await find_recovery(session, lineage)
    return found.sound or "" if found.empty else await recover(session, found)


def mend(world: World, lineage: str | None = None) -> str:
    session, _ = session_of(world)
    return world.time.run(lambda: whole(session, lineage))


def converges(world: World) -> bool:
    """Apply heals and ends clean; the plan is empty then, also one that reads everything."""
    return world.settled() and state_of(world).startswith("idle") and not world.plan(refresh="full").plan.steps


def addresses(world: World) -> list[str]:
    """What the anchor's inventory says, by address, without the version of releases."""
    found = []
    for store in parts(world):
        for key, value in store["metadata"].items():
            if key.startswith("reconciler.i"):
                found += [word.split("@")[0].split("!")[0] for word in value.split()]
    return sorted(found)


# --- nothing to do ----------------------------------------------------------------------------------------------------


def test_a_sound_anchor_is_left_alone(tmp_path: Path) -> None:
    world = full(tmp_path)
    anchor = parts(world)[0]["id"]
    found = look(world)
    assert (found.empty, found.sound, found.repin(None)) == (True, anchor, None)
    assert found.to_json(written=None)["rebuild"] is False


def test_an_account_without_anything_of_ours_has_nothing_to_recover(tmp_path: Path) -> None:
    found = look(World.new(tmp_path))
    assert (found.empty, found.sound) == (True, None)


def test_a_pin_without_anything_of_ours_may_be_the_wrong_account(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.stack(account={"anchor": "vs_elsewhere"})
    stop = stopped(world)
    assert (stop.code, "right key" in stop.detail) == (Exit.DENIED, True)


def test_a_lineage_cannot_be_chosen_against_a_sound_anchor(tmp_path: Path) -> None:
    world = full(tmp_path)
    assert stopped(world, "f" * 12).code is Exit.REFUSED


# --- the anchor is gone -----------------------------------------------------------------------------------------------


def test_a_deleted_anchor_is_rebuilt_and_the_next_apply_ends_clean(tmp_path: Path) -> None:
    world = full(tmp_path)
    before, inventory = world.everything(), addresses(world)
    lose(world, 1)
    found = look(world)
    assert [(str(item.tags.address), item.kind, item.state) for item in found.objects] == [
        ("Assistant/helper", "release", "ready"),
        ("Assistant/writer", "agent", "ready"),
        ("VectorStore/docs", "vector_store", "ready"),
    ]
    anchor = mend(world)
    assert [store["id"] for store in parts(world)] == [anchor]
    assert addresses(world) == inventory
    assert state_of(world).startswith("busy;")
    assert ";run=;plan=;" in state_of(world)
    assert ";kinds=agent,release,vector_store;" in state_of(world)
    mine = {key: item for key, item in before.items() if not str(item.get("name")).startswith("reconciler anchor")}
    assert {key: item for key, item in world.everything().items() if key in mine} == mine
    assert converges(world)
    assert look(world).empty


def test_a_plan_saved_before_the_anchor_was_lost_is_of_no_use_after(tmp_path: Path) -> None:
    world = full(tmp_path)
    before = world.plan().body
    lose(world, 1)
    mend(world)
    assert converges(world)
    after = world.plan().body
    assert after["lineage"] == before["lineage"]
    assert after["serial"] > 1_700_000_000


def test_an_interrupted_creation_is_left_to_the_next_apply(tmp_path: Path) -> None:
    world = full(tmp_path)
    lineage = parts(world)[0]["metadata"][STACK].split("#")[1]
    half = {
        STACK: f"acme#{lineage}",
        ADDRESS: "Assistant/second",
        STATE: "pending;op=aaaaaaaa.1;spec=0123456789abcdef;v=1",
        FIELDS: "",
    }
    world.api("POST", "/agents", {"model": "gpt-6-sol", "metadata": half}, beta="agents=v1")
    lose(world, 1)
    found = look(world)
    assert ("Assistant/second", "pending") in {(str(item.tags.address), item.state) for item in found.objects}
    mend(world)
    assert not any("second" in line for line in addresses(world))
    world.assistant("second", "agents", model="gpt-6.1-terra")
    assert converges(world)


def test_flags_of_a_release_come_from_its_manifest_and_without_one_it_is_protected(tmp_path: Path) -> None:
    world = full(tmp_path)
    world.assistant("plain", model="gpt-6.1-terra")
    world.assistant("kept", model="gpt-6.1-terra", lifecycle={"protect": True, "on_delete": "retain"})
    assert world.settled()
    world.remove("Assistant", "helper")
    lose(world, 1)
    found = look(world)
    assert any("Assistant/helper was protected" in line for line in found.lost)
    protected = {item["address"]: item["protected"] for item in found.to_json(written=None)["objects"]}
    assert protected == {
        "Assistant/helper": True,
        "Assistant/kept": True,
        "Assistant/plain": False,
        "Assistant/writer": False,
        "VectorStore/docs": False,
    }
    mend(world)
    assert "!pr" in json.dumps(parts(world))
    with pytest.raises(Stop):
        world.apply()
    tool = {"type": "file_search", "vector_stores": ["docs"]}
    world.assistant("helper", model="gpt-6.1-terra", tools=[tool], instructions="Be brief.\n")
    assert converges(world)


def test_a_release_that_was_rolled_back_goes_forward_and_that_is_said(tmp_path: Path) -> None:
    world = full(tmp_path)
    world.assistant("helper", model="gpt-6.1-terra", instructions="Second.\n")
    assert world.settled()
    session, _ = world.session()
    prepared = world.time.run(lambda: prepare_rollback(session, HELPER, None))
    assert world.apply(prepared=prepared).exit == 0
    assert world.steps() == []
    lose(world, 1)
    assert any("rolled back" in line for line in look(world).lost)
    mend(world)
    assert world.steps() == ["update Assistant/helper"]
    assert converges(world)


def test_a_pinned_anchor_that_is_gone_gives_a_new_line_to_pin(tmp_path: Path) -> None:
    world = full(tmp_path)
    old = parts(world)[0]["id"]
    world.stack(account={"anchor": old})
    assert world.steps() == []
    lose(world, 1)
    found = look(world)
    assert found.repin(None) is None
    anchor = mend(world)
    assert found.repin(anchor) == anchor
    again = look(world)
    assert (again.empty, again.sound, again.repin(None)) == (True, anchor, anchor)
    assert again.to_json(written=None)["pin"] == anchor
    with pytest.raises(Stop):
        world.plan()
    world.stack(account={"anchor": anchor})
    assert converges(world)


def test_an_environment_is_a_stack_of_its_own(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.stack(environments={"staging": {}, "production": {}})
    for name in ("staging", "production"):
        world.environment = name
        put(world)
    before = world.everything()
    mine = next(store for store in anchors_of(world) if store["metadata"][STACK].startswith("acme/production#"))
    world.api("DELETE", f"/vector_stores/{mine['id']}")
    assert {item.tags.stack for item in look(world).objects} == {"acme/production"}
    mend(world)
    assert converges(world)
    after = world.everything()
    theirs = {key for key, item in before.items() if "acme/staging#" in json.dumps(item)}
    assert len(theirs) == 4
    assert {key: after[key] for key in theirs} == {key: before[key] for key in theirs}


# --- the anchor is damaged --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["", "idle", "idle;serial=9;run=;plan=;beat=0;kinds=agent;parts=1"])
def test_an_anchor_that_cannot_be_read_keeps_its_id(tmp_path: Path, state: str) -> None:
    world = full(tmp_path)
    anchor, inventory = parts(world)[0]["id"], addresses(world)
    edit(world, anchor, anchor=state)
    with pytest.raises(Stop):
        world.plan()
    assert mend(world) == anchor
    assert addresses(world) == inventory
    assert converges(world)


def test_what_an_unreadable_anchor_still_says_is_kept(tmp_path: Path) -> None:
    world = full(tmp_path)
    world.assistant("helper", model="gpt-6.1-terra", instructions="Second.\n", lifecycle={"protect": True})
    assert world.settled()
    session, _ = world.session()
    prepared = world.time.run(lambda: prepare_rollback(session, HELPER, None))
    assert world.apply(prepared=prepared).exit == 0
    anchor = parts(world)[0]["id"]
    edit(world, anchor, anchor="spoilt;serial=7;kinds=vector_store;parts=1;", j0="file-1 file-2")
    world.remove("Assistant", "helper")
    found = look(world)
    assert found.lost == ()
    assert found.anchor is not None
    assert (found.anchor.serial, found.anchor.journal) == (7, ("file-1", "file-2"))
    assert found.anchor.kinds == ("agent", "release", "vector_store")
    entry = found.anchor.entry("release", HELPER)
    assert entry is not None
    assert entry.protect
    world.assistant("helper", model="gpt-6.1-terra", instructions="Second.\n", lifecycle={"protect": True})
    mend(world)
    assert world.steps() == []
    assert [warning["code"] for warning in world.plan().body["warnings"]] == ["W401"]


def test_an_anchor_of_a_newer_reconciler_is_not_overwritten(tmp_path: Path) -> None:
    world = full(tmp_path)
    edit(world, parts(world)[0]["id"], anchor="idle;serial=9;parts=1;v=2")
    stop = stopped(world)
    assert (stop.code, "another version" in stop.summary) == (Exit.REFUSED, True)


@pytest.mark.parametrize("lost", [(1,), (2,), (1, 2)])
def test_missing_parts_are_made_anew_and_the_others_keep_their_ids(tmp_path: Path, lost: tuple[int, ...]) -> None:
    world = long(tmp_path)
    stores = [store["id"] for store in parts(world)]
    inventory = addresses(world)
    lose(world, *lost)
    left = [store for number, store in enumerate(stores, 1) if number not in lost]
    with pytest.raises(Stop):
        world.plan()
    mend(world)
    assert {store["id"] for store in parts(world)} >= set(left)
    assert {line for line in addresses(world) if not line.startswith("file:")} <= set(inventory)
    assert converges(world)


def test_bare_file_ids_that_nobody_knows_are_said_and_uploaded_anew(tmp_path: Path) -> None:
    world = long(tmp_path)
    before = {key for key, item in world.everything().items() if item["object"] == "file"}
    lose(world, *range(1, 9))
    [line] = [line for line in look(world).lost if "files of Assistant/helper" in line]
    assert all(file_id in line for file_id in before)
    mend(world)
    assert world.steps() == ["update Assistant/helper"]
    assert converges(world)


def test_known_bare_file_ids_survive_with_the_part_that_names_them(tmp_path: Path) -> None:
    world = long(tmp_path)
    lose(world, 2)
    known = [line for line in addresses(world) if line.startswith("file:")]
    assert known
    mend(world)
    assert [line for line in addresses(world) if line.startswith("file:")] == known


def test_a_double_of_a_part_is_emptied(tmp_path: Path) -> None:
    world = long(tmp_path)
    second = parts(world)[1]
    body = {"name": second["name"], "metadata": {**second["metadata"], "reconciler.i0": "agent:Assistant/ghost=agt_1"}}
    double = world.api("POST", "/vector_stores", body)["id"]
    lose(world, 1)
    mend(world)
    metadata = world.api("GET", f"/vector_stores/{double}")["metadata"]
    assert {key for key, value in metadata.items() if value} == {STACK, ADDRESS}
    assert converges(world)


# --- a person has to decide -------------------------------------------------------------------------------------------


def copy_of(world: World, object_id: str, **metadata: str) -> str:
    """A store with the tags of another one, some of them changed."""
    tags = world.api("GET", f"/vector_stores/{object_id}")["metadata"]
    return str(world.api("POST", "/vector_stores", {"name": "copy", "metadata": {**tags, **metadata}})["id"])


def test_several_lineages_are_listed_and_one_is_chosen(tmp_path: Path) -> None:
    world = full(tmp_path)
    lineage = parts(world)[0]["metadata"][STACK].split("#")[1]
    copy = copy_of(world, world.id_of("VectorStore/docs"), **{STACK: "acme#ffffffffffff"})
    lose(world, 1)
    stop = stopped(world)
    assert stop.code is Exit.REFUSED
    assert [line.split(":")[0] for line in stop.lines] == sorted([lineage, "ffffffffffff"])
    assert copy in "".join(stop.lines)
    assert stopped(world, "0" * 12).code is Exit.INVALID
    theirs = world.api("GET", f"/vector_stores/{copy}")
    mend(world, lineage)
    assert converges(world)
    assert world.api("GET", f"/vector_stores/{copy}") == theirs
    assert copy not in json.dumps(addresses(world))


def test_two_ready_objects_with_one_address_are_named(tmp_path: Path) -> None:
    world = full(tmp_path)
    original = world.id_of("VectorStore/docs")
    copy = copy_of(world, original)
    lose(world, 1)
    stop = stopped(world)
    assert stop.code is Exit.REFUSED
    assert original in stop.summary
    assert copy in stop.summary
    world.api("DELETE", f"/vector_stores/{copy}")
    mend(world)
    assert converges(world)


def test_look_alikes_are_not_taken(tmp_path: Path) -> None:
    world = full(tmp_path)
    original = world.id_of("VectorStore/docs")
    tags = world.api("GET", f"/vector_stores/{original}")["metadata"]
    lineage = tags[STACK].split("#")[1]
    for stack in (f"acme-support#{lineage}", f"Acme#{lineage}", f"acme/staging#{lineage}", "acme", f"acme#{lineage}x"):
        copy_of(world, original, **{STACK: stack})
    copy_of(world, original, **{STATE: "ready;op=1.1;v=2"})
    copy_of(world, original, **{ADDRESS: "VectorStore/"})
    world.api("POST", "/agents", {"model": "gpt-6-sol", "name": "writer"}, beta="agents=v1")
    before = world.everything()
    anchor = parts(world)[0]["id"]
    lose(world, 1)
    assert {item.id for item in look(world).objects} == {
        world_id for world_id in before if world_id in json.dumps(before[anchor])
    } - {anchor}
    mend(world)
    foreign = {key: item for key, item in before.items() if key != anchor}
    assert {key: item for key, item in world.everything().items() if key in foreign} == foreign
    assert converges(world)


def test_a_store_that_calls_itself_the_anchor_but_names_no_lineage_is_left_to_a_person(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    store = world.api("POST", "/vector_stores", {"metadata": {STACK: "acme", ADDRESS: "Anchor/1"}})["id"]
    stop = stopped(world)
    assert (stop.code, store in stop.summary) == (Exit.REFUSED, True)


def test_it_is_also_not_in_the_way_of_a_recovery(tmp_path: Path) -> None:
    world = full(tmp_path)
    store = world.api("POST", "/vector_stores", {"metadata": {STACK: "acme", ADDRESS: "Anchor/1"}})["id"]
    lose(world, 1)
    mend(world)
    assert store in world.everything()
    assert converges(world)


# --- one anchor too many ----------------------------------------------------------------------------------------------


def rival(world: World, *, older: bool = False, inventory: str = "", lineage: str = "e" * 12, run: str = "") -> str:
    """A further anchor, younger or older than everything else."""
    world.time.base -= 1000 if older else 0
    beat = int(world.time.now())
    metadata = {
        STACK: f"acme#{lineage}",
        ADDRESS: "Anchor/1",
        "reconciler.anchor": f"{'busy' if run else 'idle'};serial=1;run={run};plan=;beat={beat};kinds=;parts=1;v=1",
    }
    if inventory:
        metadata["reconciler.i0"] = inventory
    store = world.api("POST", "/vector_stores", {"name": "reconciler anchor acme", "metadata": metadata})
    world.time.base += 1000 if older else 0
    return str(store["id"])


def test_a_younger_anchor_that_names_nothing_is_shown_and_removed(tmp_path: Path) -> None:
    world = full(tmp_path)
    world.time.base += 100
    store = rival(world)
    assert world.steps() == []
    found = look(world)
    assert ([part.id for part in found.remove], found.anchor) == ([store], None)
    anchor = mend(world)
    assert [item["id"] for item in parts(world)] == [anchor]
    assert converges(world)


def test_an_older_anchor_that_names_nothing_is_removed_and_the_other_stays_as_it_is(tmp_path: Path) -> None:
    world = full(tmp_path)
    sound = parts(world)[0]
    store = rival(world, older=True)
    with pytest.raises(Stop):
        world.plan()
    found = look(world)
    assert ([part.id for part in found.remove], found.anchor, found.sound) == ([store], None, sound["id"])
    mend(world)
    assert [item["metadata"] for item in parts(world)] == [sound["metadata"]]
    assert converges(world)


def test_an_anchor_that_names_living_objects_is_not_removed(tmp_path: Path) -> None:
    world = full(tmp_path)
    other = world.api("POST", "/agents", {"model": "gpt-6-sol"}, beta="agents=v1")["id"]
    store = rival(world, inventory=f"agent:Assistant/x={other}")
    stop = stopped(world)
    assert (stop.code, store in stop.summary, other in stop.summary) == (Exit.REFUSED, True, True)
    world.api("DELETE", f"/agents/{other}", beta="agents=v1")
    assert [part.id for part in look(world).remove] == [store]
    mend(world)
    assert converges(world)


def test_of_two_stacks_that_were_applied_at_once_a_person_deletes_one(tmp_path: Path) -> None:
    world = full(tmp_path)
    lineage = parts(world)[0]["metadata"][STACK].split("#")[1]
    tags = {STACK: f"acme#{'e' * 12}", ADDRESS: "Assistant/writer", STATE: "ready;op=1.1;v=1", FIELDS: ""}
    double = world.api("POST", "/agents", {"model": "gpt-6-sol", "metadata": tags}, beta="agents=v1")["id"]
    store = rival(world, inventory=f"agent:Assistant/writer={double}")
    assert double in "".join(stopped(world).lines)
    assert double in "".join(stopped(world, lineage).lines)
    world.api("DELETE", f"/agents/{double}", beta="agents=v1")
    assert [part.id for part in look(world).remove] == [store]
    mend(world)
    assert converges(world)


def test_an_anchor_that_a_run_is_using_is_not_removed(tmp_path: Path) -> None:
    world = full(tmp_path)
    rival(world, run="aaaaaaaa")
    assert stopped(world).code is Exit.LOCKED
    world.time.base += 100
    assert len(look(world).remove) == 1


def test_a_double_of_the_same_lineage_is_removed(tmp_path: Path) -> None:
    world = full(tmp_path)
    first = parts(world)[0]
    world.time.base += 100
    world.api("POST", "/vector_stores", {"name": first["name"], "metadata": first["metadata"]})
    with pytest.raises(Stop):
        world.plan()
    assert mend(world) == first["id"]
    assert [item["id"] for item in parts(world)] == [first["id"]]
    assert converges(world)


# --- others at work, and being cut off --------------------------------------------------------------------------------


def test_a_run_that_is_alive_is_not_disturbed(tmp_path: Path) -> None:
    world = long(tmp_path)
    beat = int(world.time.now())
    edit(world, parts(world)[0]["id"], anchor=f"busy;serial=1;run=aaaaaaaa;plan=;beat={beat};kinds=;parts=9;v=1")
    assert stopped(world).code is Exit.LOCKED
    world.time.base += 61
    mend(world)
    assert converges(world)


def test_an_apply_that_runs_while_its_anchor_is_rebuilt_stops(tmp_path: Path) -> None:
    world = full(tmp_path)
    world.assistant("writer", "agents", model="gpt-6-sol")
    prepared = world.plan()
    lose(world, 1)
    mend(world)
    with pytest.raises(Stop) as stop:
        world.apply(prepared=prepared)
    assert stop.value.code is Exit.STALE
    assert converges(world)


def test_an_apply_cannot_begin_on_half_a_record(tmp_path: Path) -> None:
    """At each request of the rebuilding an apply is tried: it is refused until the last one, and then it works."""
    count = 0
    for world in deaths(lambda: _headless(tmp_path), whole):
        count += 1
        if not any(";v=1" in str(store["metadata"].get("reconciler.anchor")) for store in parts(world)):
            with pytest.raises(Stop) as stop:
                world.apply()
            assert stop.value.code is Exit.DENIED
    assert count == 7


def _headless(root: Path) -> World:
    world = long(root)
    lose(world, 1)
    return world


def _torn(root: Path) -> World:
    world = long(root)
    lose(world, 2)
    return world


def tiny(root: Path) -> World:
    return put_little(World.new(root))


@made_once
def put_little(world: World) -> World:
    """A release and an agent, applied."""
    world.assistant("helper", model="gpt-6.1-terra", instructions="Be brief.\n")
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    assert world.apply().exit == 0
    return world


def _gone(root: Path) -> World:
    world = tiny(root)
    lose(world, 1)
    return world


def _unreadable(root: Path) -> World:
    world = tiny(root)
    edit(world, parts(world)[0]["id"], anchor="idle")
    return world


def _crowded(root: Path) -> World:
    return crowd(World.new(root))


def crowd(world: World) -> World:
    """More objects than one store can name, and no anchor."""
    for number in range(60):
        address = f"Assistant/{'many-' * 7}{number:03d}"
        tags = {
            STACK: "acme#0123456789ab",
            ADDRESS: address,
            STATE: "ready;op=1.1;spec=0123456789abcdef;v=1",
            FIELDS: "",
        }
        world.api("POST", "/agents", {"model": "gpt-6-sol", "metadata": tags}, beta="agents=v1")
        world.assistant(address.split("/")[1], "agents", model="gpt-6-sol")
    return world


def _doubled(root: Path) -> World:
    world = tiny(root)
    rival(world, older=True)
    return world


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("make", "places"), [(_gone, 5), (_unreadable, 5), (_headless, 7), (_torn, 5), (_crowded, 7), (_doubled, 3)]
)
def test_after_a_crash_at_any_request_running_it_again_works(
    tmp_path: Path, make: Callable[[Path], World], places: int
) -> None:
    count = 0
    for world in deaths(lambda: make(tmp_path), whole):
        count += 1
        mend(world)
        assert look(world).empty
        assert world.apply().exit == 0
        assert world.steps() == []
        assert state_of(world).startswith("idle")
        assert len({store["metadata"][ADDRESS] for store in parts(world)}) == len(parts(world))
    assert count == places


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", range(10))
def test_two_recoveries_at_once_leave_one_anchor(tmp_path: Path, seed: int) -> None:
    world = tiny(tmp_path)
    lose(world, 1)
    sessions = [session_of(world, weather=Random(f"{seed} {number}"))[0] for number in range(2)]

    async def one(session: Session) -> str | Stop:
        try:
            return await whole(session)
        except Stop as stop:
            return stop

    async def both() -> list[str | Stop]:
        return list(await asyncio.gather(*(one(session) for session in sessions)))

    ended = world.time.run(both)
    assert all(isinstance(item, str) or item.code in {Exit.LOCKED, Exit.STALE} for item in ended)
    mend(world)
    assert world.settled()
    assert len(parts(world)) == 1


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("make", ["gone", "unreadable"])
def test_an_apply_at_the_same_time_does_no_harm(tmp_path: Path, seed: int, make: str) -> None:
    """It is refused as long as there is no record, and works with the new one as soon as that is whole."""
    world = {"gone": _gone, "unreadable": _unreadable}[make](tmp_path)
    world.assistant("writer", "agents", model="gpt-6-sol")
    before = {key for key, item in world.everything().items() if item["object"] in {"agent", "skill"}}
    recovering, applying = (session_of(world, weather=Random(f"{seed} {name}"))[0] for name in ("recover", "apply"))

    async def apply() -> Exit:
        await applying.clock.sleep(seed / 10)
        conclusion = Conclusion()
        try:
            async for _ in carry_out(applying, await prepare(applying), conclusion):
                pass
        except Stop as stop:
            return stop.code
        return conclusion.exit

    async def both() -> tuple[str, Exit]:
        recovered, applied = await asyncio.gather(whole(recovering), apply())
        return recovered, applied

    _, applied = world.time.run(both)
    assert applied in {Exit.DENIED, Exit.DONE}
    assert world.settled()
    assert look(world).empty
    assert {key for key, item in world.everything().items() if item["object"] in {"agent", "skill"}} == before


def test_an_account_that_changed_after_it_was_shown_is_looked_at_again(tmp_path: Path) -> None:
    world = full(tmp_path)
    lose(world, 1)
    found = look(world)
    world.api("DELETE", f"/agents/{world_agent(world)}", beta="agents=v1")
    session, mortal = session_of(world)
    with pytest.raises(Stop) as stop:
        world.time.run(lambda: recover(session, found))
    assert (stop.value.code, mortal.writes) == (Exit.STALE, [])


def world_agent(world: World) -> str:
    return str(next(key for key, item in world.everything().items() if item["object"] == "agent"))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_somebody_who_writes_to_the_anchor_meanwhile_is_noticed(tmp_path: Path, method: str) -> None:
    """Before the first write (when the anchor is read again), and between the first and the last one."""
    world, server = world_and_server(tmp_path)
    fill(world)
    store = parts(world)[0]["id"]
    edit(world, store, anchor="idle")
    found = look(world)

    def meddle(request: Request, response: Response) -> Response:
        if request.path.endswith(store) and request.method == method:
            server.after.clear()
            edit(world, store, anchor="idle;by=somebody")
            return server.real.handle(request) if request.method == "GET" else response
        return response

    server.after.append(meddle)
    session, _ = session_of(world)
    with pytest.raises(Stop) as stop:
        world.time.run(lambda: recover(session, found))
    assert stop.value.code is (Exit.STALE if method == "GET" else Exit.LOCKED)
    assert "by=somebody" in state_of(world)
    mend(world)
    assert converges(world)


def test_an_anchor_that_somebody_else_makes_at_the_same_time_wins(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    lineage = parts(world)[0]["metadata"][STACK].split("#")[1]
    lose(world, 1)

    def early(request: Request) -> Response | None:
        if is_write(request, "/vector_stores"):
            server.before.clear()
            rival(world, lineage=lineage)
        return None

    server.before.append(early)
    with pytest.raises(Stop) as stop:
        mend(world)
    assert stop.value.code is Exit.LOCKED
    assert len(parts(world)) == 1


@pytest.mark.parametrize("lost", [0, 1])
@pytest.mark.parametrize("executed", [True, False])
def test_a_write_whose_answer_is_lost_is_looked_for(tmp_path: Path, lost: int, *, executed: bool) -> None:
    """The first or the last of the two; one that was sent twice is given the time to arrive twice."""
    world, server = world_and_server(tmp_path)
    fill(world)
    store = parts(world)[0]["id"]
    edit(world, store, anchor="idle")
    writes: list[Request] = []

    def before(request: Request) -> Response | None:
        if is_write(request, "/vector_stores"):
            writes.append(request)
            if len(writes) == lost + 1:
                if executed:
                    server.real.handle(request)
                return refuse(500)
        return None

    server.before.append(before)
    assert mend(world) == store
    assert len(writes) == (2 if executed else 3)
    server.before.clear()
    assert converges(world)


def test_lists_that_lag_behind_are_waited_for(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fresh: dict[str, float] = {}

    def note(request: Request, response: Response) -> Response:
        if is_write(request, "/vector_stores") and request.path == "/vector_stores":
            fresh[json.loads(response.body)["id"]] = world.time.now() + 5
        if is_read(request, "/vector_stores") and request.path == "/vector_stores":

            def hide(body: dict[str, Any]) -> None:
                body["data"] = [item for item in body["data"] if fresh.get(item["id"], 0) <= world.time.now()]

            return changed(response, hide)
        return response

    crowd(world)
    server.after.append(note)
    mend(world)
    server.after.clear()
    assert converges(world)


def test_what_never_shows_up_is_incomplete(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    lose(world, 1)

    def spoil(request: Request, response: Response) -> Response:
        if is_write(request, "/vector_stores/vs_") and b"busy;" in request.body:
            edit(world, request.path.rsplit("/", 1)[1], i0="")
        return response

    server.after.append(spoil)
    with pytest.raises(Stop) as stop:
        mend(world)
    assert stop.value.code is Exit.INCOMPLETE


def test_a_refusal_ends_with_its_exit_code(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    lose(world, 1)
    server.before.append(lambda request: refuse(403) if is_write(request, "/vector_stores") else None)
    with pytest.raises(Stop) as stop:
        mend(world)
    assert stop.value.code is Exit.DENIED
    server.before.append(lambda request: refuse(401))
    assert stopped(world).code is Exit.DENIED


def test_a_collection_that_is_not_served_has_no_objects_unless_a_manifest_needs_it(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    edit(world, parts(world)[0]["id"], anchor="idle;kinds=agent;parts=1;")
    server.before.append(lambda request: refuse(404) if request.path == "/agents" else None)
    assert stopped(world).code is Exit.UNAVAILABLE
    world.remove("Assistant", "writer")
    assert any("agent" in line for line in look(world).lost)
    server.before.append(times(50, lambda request: refuse(429, code="insufficient_quota")))
    assert stopped(world).code is Exit.UNAVAILABLE


def test_an_account_without_vector_stores_cannot_be_recovered(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    server.before.append(lambda request: refuse(404) if request.path == "/vector_stores" else None)
    assert stopped(world).code is Exit.UNAVAILABLE


def test_a_pinned_anchor_that_no_list_shows_keeps_its_id(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    anchor = parts(world)[0]["id"]
    world.stack(account={"anchor": anchor})
    edit(world, anchor, anchor="idle")

    def hide(request: Request, response: Response) -> Response:
        def without(body: dict[str, Any]) -> None:
            body["data"] = [item for item in body["data"] if item["id"] != anchor]

        listed = request.method == "GET" and request.path == "/vector_stores"
        return changed(response, without) if listed else response

    server.after.append(hide)
    assert mend(world) == anchor
    assert converges(world)


def test_a_pin_and_a_damaged_anchor_beside_it(tmp_path: Path) -> None:
    """The pinned one is gone, and the one that is there cannot be read: that one is repaired, and is to be pinned."""
    world = full(tmp_path)
    anchor = parts(world)[0]["id"]
    edit(world, anchor, anchor="idle")
    world.stack(account={"anchor": "vs_elsewhere"})
    assert mend(world) == anchor
    assert look(world).repin(None) == anchor


def test_an_unreadable_anchor_of_another_lineage_with_living_objects_is_left_alone(tmp_path: Path) -> None:
    world = full(tmp_path)
    other = world.api("POST", "/agents", {"model": "gpt-6-sol"}, beta="agents=v1")["id"]
    store = rival(world, inventory=f"file:Assistant/x:a.csv=file-1@0 tool:Assistant/y=1 agent:Assistant/x={other}")
    edit(world, store, anchor="idle")
    assert look(world).empty
    world.api("DELETE", f"/vector_stores/{next(part['id'] for part in parts(world) if part['id'] != store)}")
    before = world.api("GET", f"/vector_stores/{store}")
    mend(world)
    assert world.api("GET", f"/vector_stores/{store}") == before
    assert converges(world)


def test_another_failure_while_looking_is_not_taken_for_absence(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    lose(world, 1)
    server.before.append(lambda request: refuse(403) if request.path == "/agents" else None)
    assert stopped(world).code is Exit.DENIED


def test_a_session_may_know_more_than_the_tree(tmp_path: Path) -> None:
    """The pin of the tree is not what the read-back goes by: it looks at what was written."""
    world = full(tmp_path)
    world.stack(account={"anchor": world.id_of("VectorStore/docs")})
    lose(world, 1)
    session, _ = session_of(world)
    session = replace(session, settle=5.0)
    anchor = world.time.run(lambda: whole(session))
    assert anchor == parts(world)[0]["id"]
