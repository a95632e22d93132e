"""What counts as an orphan, and what never does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.account.port import Call
from reconciler.commands.rollback import prepare_rollback
from reconciler.model.address import Address
from reconciler.model.errors import Exit, Stop
from reconciler.upkeep import Group, find_orphans
from tests.acceptance.world import World
from tests.apply.server import anchors_of, is_read, refuse, say, world_and_server
from tests.upkeep.dying import session_of
from tests.upkeep.leftovers import (
    SPEC,
    TOOL,
    agent,
    attach,
    edit_anchor,
    files_in,
    fill,
    find,
    full,
    keys,
    owner,
    post_skill,
    released,
    releases,
    skill,
    store,
    tags,
    upload,
)

HELPER = Address("Assistant", "helper")


def test_a_stack_that_is_as_it_should_be_leaves_nothing(tmp_path: Path) -> None:
    world = full(tmp_path)
    found = find(world)
    assert (found.items, found.gone, found.notes) == ((), (), ())


def test_a_stack_that_is_not_there_has_only_files_to_look_at(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    file_id = upload(world)
    found = find(world)
    assert keys(found) == [("files", file_id, None)]
    assert found.anchor is None
    assert found.items[0].to_json() | {"created": ""} == {
        "group": "files",
        "resource": "file",
        "id": file_id,
        "address": None,
        "version": None,
        "name": "loose.md",
        "bytes": 4,
        "created": "",
        "files": [],
        "why": "nothing in this account is seen to use it",
    }
    assert str(found.items[0].to_json()["created"]).endswith("Z")


# --- the journal ------------------------------------------------------------------------------------------------------


def test_journalled_files_that_nothing_uses_are_listed_and_the_missing_are_not(tmp_path: Path) -> None:
    world = full(tmp_path)
    unused, attached, foreign = (upload(world, name) for name in ("a.md", "b.md", "c.md"))
    attach(world, world.id_of("VectorStore/docs"), attached)
    attach(world, store(world, {}), foreign)
    edit_anchor(world, j0=f"{unused} {attached} {foreign} file-gone")
    found = find(world)
    assert keys(found) == [("journal", unused, None)]
    assert found.gone == ("file-gone",)


def test_a_journalled_file_that_a_release_names_is_in_use(tmp_path: Path) -> None:
    world = full(tmp_path)
    named = [key for key, item in world.everything().items() if item.get("filename") == "prices.csv"]
    edit_anchor(world, j0=" ".join(named))
    assert find(world).items == ()


def test_a_journalled_file_that_a_v2_assistant_names_is_in_use(tmp_path: Path) -> None:
    world = World.new(tmp_path, profile="compatible")
    world.write("prices.csv", "n\n1\n")
    tool = {"type": "code_interpreter", "files": ["prices.csv"]}
    world.assistant("helper", "assistants", model="gpt-6.1-terra", tools=[tool])
    assert world.settled()
    theirs = upload(world, "theirs.csv")
    resources = {"tool_resources": {"code_interpreter": {"file_ids": [theirs]}}}
    world.api("POST", "/assistants", {"model": "gpt-6-sol", **resources})
    ours = [key for key, item in world.everything().items() if item.get("filename") == "prices.csv"]
    edit_anchor(world, j0=" ".join([*ours, theirs]))
    assert find(world).items == ()


# --- unfinished objects -----------------------------------------------------------------------------------------------


def test_a_pending_object_that_apply_would_complete_is_none_of_them(tmp_path: Path) -> None:
    world = full(tmp_path)
    first = agent(world, tags(world, "Assistant/second", "pending"))
    assert [item.id for item in find(world).items] == [first]
    world.assistant("second", "agents", model="gpt-6.1-terra")
    assert find(world).items == ()
    world.time.base += 10
    double = agent(world, tags(world, "Assistant/second", "pending"))
    [item] = find(world).items
    assert (item.group, item.id) == (Group.OBJECTS, double)
    assert first in item.why


def test_a_pending_double_of_a_confirmed_object_is_one(tmp_path: Path) -> None:
    world = full(tmp_path)
    double = agent(world, tags(world, "Assistant/writer", "pending"))
    [item] = find(world).items
    assert (item.kind, item.id, str(item.address)) == ("agent", double, "Assistant/writer")
    assert world.id_of("Assistant/writer") in item.why


def test_a_pending_store_takes_its_own_documents_with_it(tmp_path: Path) -> None:
    world = full(tmp_path)
    half = store(world, tags(world, "VectorStore/other", "pending"), "x.md", "y.md")
    own = files_in(world, half)
    theirs = upload(world, "theirs.md")
    attach(world, half, theirs)
    shared = upload(world, "shared.md")
    for place in (half, store(world, {})):
        attach(world, place, shared, reconciler_path="shared.md")
    [item] = find(world).items
    assert (item.id, sorted(item.files)) == (half, sorted(own))


def test_a_pending_release_takes_the_files_that_its_versions_name(tmp_path: Path) -> None:
    world = full(tmp_path)
    line = f"[reconciler {owner(world)} Assistant/other pending;op=aaaaaaaa.1;spec=;v=1]"
    half = skill(world, line, "other")
    file_id, shared = upload(world, "a.csv"), upload(world, "b.csv")
    attach(world, store(world, {}), shared)
    listed = {"format": 1, "files": [{"path": "a.csv", "id": file_id}, {"path": "b.csv", "id": shared}, {"id": "../x"}]}
    ready = f"[reconciler {owner(world)} Assistant/other ready;op=aaaaaaaa.2;spec={SPEC};v=1]"
    contents = {"assistant_json": json.dumps({"format": 1, "request": {}}), "files_json": json.dumps(listed)}
    post_skill(world, f"/skills/{half}/versions", ready, "other", **contents)
    [item] = find(world).items
    assert (item.group, item.kind, item.id, item.files) == (Group.OBJECTS, "release", half, (file_id,))


def test_a_replaced_object_is_one_once_nothing_uses_it_any_more(tmp_path: Path) -> None:
    world = full(tmp_path)
    old = store(world, tags(world, "VectorStore/docs", "ready;retiring=bbbbbbbb.1"), "x.md")
    [item] = find(world).items
    assert (item.id, world.id_of("VectorStore/docs") in item.why) == (old, True)


def test_a_replaced_store_that_a_release_still_searches_is_left_alone(tmp_path: Path) -> None:
    world = full(tmp_path)
    used = world.id_of("VectorStore/docs")
    metadata = world.api("GET", f"/vector_stores/{used}")["metadata"]
    retiring = {**metadata, "reconciler.state": f"{metadata['reconciler.state']};retiring=bbbbbbbb.1"}
    world.api("POST", f"/vector_stores/{used}", {"metadata": retiring})
    store(world, {**metadata, "reconciler.state": metadata["reconciler.state"]})
    found = find(world)
    assert found.items == ()
    [note] = found.notes
    assert used in note
    assert "still uses it" in note


def test_a_replaced_object_whose_successor_is_not_there_is_left_to_apply(tmp_path: Path) -> None:
    world = full(tmp_path)
    agent(world, tags(world, "Assistant/second", "ready;retiring=bbbbbbbb.1"))
    assert find(world).items == ()


def test_what_is_protected_is_left_alone_and_said(tmp_path: Path) -> None:
    world = full(tmp_path)
    kept = agent(world, tags(world, "Assistant/second", "pending;protect=1"))
    found = find(world)
    assert found.items == ()
    assert found.notes == (f"{kept} (Assistant/second) is left alone: it is protected.",)


def test_an_assistant_of_the_old_api_that_uses_a_store_counts_as_its_user(tmp_path: Path) -> None:
    world = World.new(tmp_path, profile="compatible")
    world.store("docs", {"a.md": "# A\n"})
    world.assistant("helper", "assistants", model="gpt-6.1-terra", tools=[TOOL])
    assert world.settled()
    used = world.id_of("VectorStore/docs")
    metadata = world.api("GET", f"/vector_stores/{used}")["metadata"]
    retiring = {**metadata, "reconciler.state": f"{metadata['reconciler.state']};retiring=bbbbbbbb.1"}
    world.api("POST", f"/vector_stores/{used}", {"metadata": retiring})
    store(world, metadata)
    assert find(world).items == ()


def test_look_alikes_are_none_of_ours(tmp_path: Path) -> None:
    world = full(tmp_path)
    lineage = owner(world).split("#")[1]
    for stack in ("acme#ffffffffffff", f"acme-support#{lineage}", f"acme/staging#{lineage}", f"Acme#{lineage}", "acme"):
        agent(world, tags(world, "Assistant/second", "pending", stack=stack))
        store(world, tags(world, "VectorStore/docs", "ready;retiring=b.1", stack=stack))
        skill(world, f"[reconciler {stack} Assistant/second pending;op=a.1;spec=;v=1]", "second")
    agent(world, {})
    assert find(world).items == ()


# --- old versions -----------------------------------------------------------------------------------------------------


def test_ten_releases_are_kept_and_the_older_ones_are_listed_with_their_files(tmp_path: Path) -> None:
    world = released(World.new(tmp_path), 10)
    assert find(world).items == ()
    releases(world, 13, first=11)
    live = world.id_of("Assistant/helper")
    found = find(world)
    assert keys(found) == [("versions", live, number) for number in ("1", "2", "3", "4")]
    assert [len(item.files) for item in found.items] == [0, 1, 1, 1]
    assert {item.address for item in found.items} == {HELPER}
    assert found.items[0].why == "more than 10 newer releases"


def test_a_file_that_a_kept_release_still_names_stays(tmp_path: Path) -> None:
    world = full(tmp_path)
    releases(world, 13, files=False)
    assert [item.files for item in find(world).items] == [(), (), (), ()]


def test_a_file_that_several_old_releases_name_goes_with_the_last_of_them(tmp_path: Path) -> None:
    world = full(tmp_path)
    releases(world, 3, files=False)
    releases(world, 13, first=4)
    assert [len(item.files) for item in find(world).items] == [0, 0, 0, 1]


def test_a_file_of_an_old_release_that_somebody_attached_stays(tmp_path: Path) -> None:
    world = released(World.new(tmp_path), 12)
    [file_id] = find(world).items[1].files
    attach(world, store(world, {}), file_id)
    assert find(world).items[1].files == ()


def test_the_release_that_was_rolled_back_to_and_the_one_rolled_away_from_stay(tmp_path: Path) -> None:
    world = released(World.new(tmp_path), 14)
    session, _ = world.session()
    prepared = world.time.run(lambda: prepare_rollback(session, HELPER, "3"))
    assert world.apply(prepared=prepared).exit == 0
    assert [item.version for item in find(world).items] == ["1", "2", "4", "5"]


def test_a_held_release_stays_although_it_is_old(tmp_path: Path) -> None:
    world = released(World.new(tmp_path), 13)
    live = world.id_of("Assistant/helper")
    old = find(world).items[1]
    assert old.tags is not None
    edit_anchor(world, holds=f"Assistant/helper={old.tags.spec}")
    assert [item.version for item in find(world).items] == ["1", "3", "4"]
    world.api("POST", f"/skills/{live}", {"default_version": "3"})
    assert [item.version for item in find(world).items] == ["1", "4"]


def test_versions_of_others_are_neither_counted_nor_listed(tmp_path: Path) -> None:
    world = full(tmp_path)
    live = world.id_of("Assistant/helper")
    lineage = owner(world).split("#")[1]
    for number in range(6):
        post_skill(world, f"/skills/{live}/versions", "Posted by hand.")
        line = f"[reconciler acme-support#{lineage} Assistant/helper ready;op=a.{number};spec={SPEC};v=1]"
        post_skill(world, f"/skills/{live}/versions", line)
    releases(world, 9)
    assert find(world).items == ()


def test_with_a_release_that_cannot_be_read_no_file_is_proven_to_be_unused(tmp_path: Path) -> None:
    world = released(World.new(tmp_path), 12)
    line = f"[reconciler {owner(world)} Assistant/helper ready;op=a.1;spec={SPEC};v=1]"
    post_skill(world, f"/skills/{world.id_of('Assistant/helper')}/versions", line)
    found = find(world, Group.VERSIONS)
    assert [(item.version, item.files) for item in found.items] == [("1", ()), ("2", ()), ("3", ()), ("4", ())]


# --- files that nobody uses -------------------------------------------------------------------------------------------


def test_loose_files_are_listed_oldest_first_with_name_size_and_time(tmp_path: Path) -> None:
    world = full(tmp_path)
    found = []
    for name in ("b.md", "a.md"):
        world.time.base += 60
        found.append(upload(world, name))
    upload(world, "x.jsonl", "user_data")
    items = find(world).items
    assert [(item.id, item.file.name if item.file else "") for item in items] == list(
        zip(found, ("b.md", "a.md"), strict=True)
    )


def test_files_that_releases_of_other_stacks_name_are_not_listed(tmp_path: Path) -> None:
    world = full(tmp_path / "first")
    other = World(tmp_path / "second", world.emulator, world.time)
    other.stack("other")
    other.write("prices.csv", "n\n2\n")
    code = {"type": "code_interpreter", "files": ["prices.csv"]}
    for text in ("one", "two"):
        other.write("prices.csv", text)
        other.assistant("analyst", model="gpt-6.1-terra", tools=[code])
        assert other.settled()
    assert find(world).items == ()
    assert find(other).items == ()


def test_a_list_of_files_that_has_no_end_leaves_the_other_groups(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    double = agent(world, tags(world, "Assistant/writer", "pending"))
    page = {"object": "list", "data": [{"id": "file-1", "purpose": "assistants"}], "has_more": True}
    server.before.append(lambda request: say(200, page) if request.path == "/files" else None)
    found = find(world)
    assert [item.id for item in found.items] == [double]
    assert "cannot be told" in found.notes[0]
    server.before.append(lambda request: refuse(403) if request.path == "/files" else None)
    server.before.reverse()
    session, _ = session_of(world)
    with pytest.raises(Stop) as stop:
        world.time.run(lambda: find_orphans(session))
    assert stop.value.code is Exit.DENIED


def test_a_store_that_cannot_be_listed_leaves_it_open_what_is_attached(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    other = store(world, {})
    upload(world)
    server.before.append(lambda r: say(200, {"object": "x"}) if is_read(r, f"/vector_stores/{other}/files") else None)
    found = find(world)
    assert found.items == ()
    assert "cannot be told" in found.notes[0]


def test_a_store_that_goes_away_meanwhile_has_nothing_attached(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    other = store(world, {})
    file_id = upload(world)
    server.before.append(lambda r: refuse(404) if is_read(r, f"/vector_stores/{other}/files") else None)
    assert [item.id for item in find(world).items] == [file_id]


def test_other_failures_are_not_taken_for_absence(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    edit_anchor(world, j0="file-1")
    for path in ("/vector_stores/vs_", "/skills/", "/files/"):
        server.before.append(lambda request, path=path: refuse(403) if path in request.path else None)  # type: ignore[misc]
        session, _ = session_of(world)
        with pytest.raises(Stop) as stop:
            world.time.run(lambda: find_orphans(session))  # noqa: B023 - run at once
        assert stop.value.code is Exit.DENIED
        server.before.clear()


def test_an_assistants_api_that_fails_is_not_taken_for_one_that_is_gone(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    upload(world)
    server.before.append(lambda request: refuse(403) if request.path == "/assistants" else None)
    session, _ = session_of(world)
    with pytest.raises(Stop) as stop:
        world.time.run(lambda: find_orphans(session))
    assert stop.value.code is Exit.DENIED


# --- all of them ------------------------------------------------------------------------------------------------------


def test_each_group_alone_finds_the_same(tmp_path: Path) -> None:
    world = released(World.new(tmp_path), 11)
    upload(world)
    agent(world, tags(world, "Assistant/writer", "pending"))
    edit_anchor(world, j0=upload(world, "j.md"))
    whole = find(world)
    assert len({item.group for item in whole.items}) == 4
    for group in Group:
        assert find(world, group).items == whole.of(group)


def test_a_run_under_way_is_mentioned(tmp_path: Path) -> None:
    world = full(tmp_path)
    edit_anchor(world, anchor="busy;serial=1;run=aaaaaaaa;plan=;beat=1;kinds=agent;parts=1;v=1")
    assert "aaaaaaaa" in find(world).notes[0]


def test_the_number_of_requests_depends_on_pages_not_on_files(tmp_path: Path) -> None:
    world = full(tmp_path)
    other = store(world, {})
    few = len(_requests(world))
    for number in range(250):
        attach(world, other, upload(world, f"{number}.md"))
    many = _requests(world)
    assert len(many) - few == 2
    files = [call for call in many if call.path == "/files"]
    assert [dict(call.query) for call in files] == [{"purpose": "assistants", "limit": "10000"}]


def _requests(world: World) -> list[Call]:
    session, mortal = session_of(world)
    world.time.run(lambda: find_orphans(session))
    return mortal.calls


def test_without_loose_files_no_release_is_opened(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    world.assistant("helper", model="gpt-6.1-terra", tools=[TOOL])
    assert world.settled()
    session, mortal = session_of(world)
    world.time.run(lambda: find_orphans(session))
    assert [call.path for call in mortal.calls if call.path.endswith("/content")] == []


def test_an_anchor_that_is_lost_stops_it(tmp_path: Path) -> None:
    world = full(tmp_path)
    world.api("DELETE", f"/vector_stores/{anchors_of(world)[0]['id']}")
    session, _ = session_of(world)
    with pytest.raises(Stop, match="no anchor") as stop:
        world.time.run(lambda: find_orphans(session))
    assert "reconciler recover" in stop.value.detail


def test_a_file_of_a_release_that_was_let_go_is_in_use(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.write("data/x.csv", "a\n1\n")
    tools = [{"type": "code_interpreter", "files": ["data/x.csv"]}]
    world.assistant("helper", model="gpt-6.1-terra", lifecycle={"on_delete": "retain"}, tools=tools)
    world.assistant("other", model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "helper")
    assert world.settled()
    assert find(world).items == ()


def test_a_file_on_record_that_its_assistant_does_not_name_any_more_is_one(tmp_path: Path) -> None:
    world = World.new(tmp_path, profile="compatible")
    world.write("data/x.csv", "a\n1\n")
    tools = [{"type": "code_interpreter", "files": ["data/x.csv"]}]
    world.assistant("helper", "assistants", model="gpt-6.1-terra", tools=tools)
    assert world.settled()
    assert find(world).items == ()
    live = world.id_of("Assistant/helper")
    [file_id] = world.api("GET", f"/assistants/{live}")["tool_resources"]["code_interpreter"]["file_ids"]
    world.api("POST", f"/assistants/{live}", {"tool_resources": {"code_interpreter": {"file_ids": []}}})
    assert keys(find(world)) == [("files", file_id, None)]
