"""Servers that speak this API almost: convergence, or one message that names resource and field while the rest is done.

What their documents do is in test_compatible_documents.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler import cli
from reconciler.commands import drift as drift_command
from reconciler.commands import outputs as outputs_command
from reconciler.commands import show as show_command
from reconciler.emulator import Switches
from reconciler.emulator.wire import Machine
from reconciler.model.errors import Exit, Stop
from reconciler.ownership import tags as tagging
from reconciler.ownership.taking import TAKEOVER
from reconciler.upkeep import find_holder, find_orphans, find_recovery, recover, unlock
from tests.acceptance import quirks
from tests.acceptance.quirks import Quirk, install
from tests.acceptance.world import Applied, World

EXPIRY = {"anchor": "last_active_at", "days": 30}
SEARCH = [{"type": "file_search", "vector_stores": ["docs"]}]
DOCS, HELPER, WRITER, CLERK = "VectorStore/docs", "Assistant/helper", "Assistant/writer", "Assistant/clerk"


def world_with(
    root: Path, quirk: Callable[[Machine], Quirk] | None = None, *, switches: Switches | None = None
) -> World:
    """A store, an assistant that searches it, an agent and a release, on such a server."""
    world = World.new(root, profile="compatible", switches=switches)
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"}, expires_after=EXPIRY)
    world.assistant("helper", "assistants", instructions="Help.\n", tools=SEARCH)
    world.assistant("writer", "agents", instructions="Write.\n")
    world.assistant("clerk", "responses", instructions="File.\n")
    if quirk is not None:
        install(world, quirk)
    return world


def outcomes(applied: Applied) -> dict[str, str]:
    return {event["step"]: event["outcome"] for event in applied.events if event["event"] == "step"}


def said(applied: Applied) -> str:
    """Everything that a person is told, apart from what went well."""
    return "\n".join(
        "\n".join([str(event.get("step", "")), event["summary"], *event.get("lines", ())])
        for event in applied.events
        if "summary" in event and event["event"] != "summary"
    )


def stops(doing: Callable[[], object]) -> Stop:
    with pytest.raises(Stop) as stopped:
        doing()
    return stopped.value


def text(stop: Stop) -> str:
    return f"{stop.summary} {stop.detail}"


def one_of_each(world: World) -> bool:
    """Whether no address has two objects."""
    found: Counter[str] = Counter()
    for item in [*world.everything().values(), *world.api("GET", "/assistants?limit=100")["data"]]:
        tags = tagging.decode(item.get("metadata")) or tagging.decode_line(item.get("description"))
        if tags is not None:
            found[str(tags.address)] += 1
    return set(found.values()) <= {1}


def files(world: World) -> int:
    return len(world.api("GET", "/files?limit=100")["data"])


def reads(world: World) -> None:
    """Every command that only reads still works."""
    for command in (drift_command.drift, show_command.show, outputs_command.outputs):
        session, direct = world.session()
        world.time.run(lambda command=command, session=session: command(session))  # type: ignore[misc]
        assert all(call.method == "GET" for call in direct.calls)


def nothing_helps(world: World, applied: Applied, left: list[str]) -> None:
    """A second apply says the same, sends no more, and leaves nothing twice; the plan stays what it is."""
    before = world.everything()
    again = world.apply()
    assert (again.exit, said(again)) == (applied.exit, said(applied))
    assert len(again.writes) <= len(applied.writes)
    assert world.everything().keys() == before.keys()
    assert one_of_each(world)
    assert world.steps() == world.steps() == left


# --- metadata with keys of the server's own ---------------------------------------------------------------------------


@pytest.mark.parametrize("quirk", [quirks.KeepsOwnKeys, quirks.LosesStores])
def test_what_a_server_keeps_in_metadata_survives_everything_that_we_do(tmp_path: Path, quirk: type[Quirk]) -> None:
    world = world_with(tmp_path, quirk)
    assert world.settled()
    store = world.id_of(DOCS)
    world.store("docs", {"a.md": "# A, changed\n", "c.md": "# C\n"}, display_name="Documents")
    assert world.settled()
    world.manifest("VectorStore", "docs", {"files": [{"glob": "docs/**/*.md"}]}, metadata={"labels": {"team": "x"}})
    assert world.settled()
    world.manifest("VectorStore", "docs", {"files": [{"glob": "docs/**/*.md"}]})
    assert world.settled()
    metadata = world.api("GET", f"/vector_stores/{store}")["metadata"]
    assert metadata.items() >= quirks.KeepsOwnKeys.own.items()
    assert "team" not in metadata
    reads(world)


@pytest.mark.parametrize("quirk", [quirks.KeepsOwnKeys, quirks.LosesStores])
def test_a_store_that_is_forgotten_keeps_the_servers_keys_and_loses_ours(tmp_path: Path, quirk: type[Quirk]) -> None:
    world = world_with(tmp_path, quirk)
    world.store("docs", {"a.md": "# A\n"}, lifecycle={"on_delete": "retain"})
    assert world.settled()
    store = world.id_of(DOCS)
    world.assistant("helper", "assistants", instructions="Help.\n")
    world.remove("VectorStore", "docs")
    assert world.settled()
    assert world.api("GET", f"/vector_stores/{store}")["metadata"] == quirks.KeepsOwnKeys.own
    assert world.apply(destroy=True).exit == Exit.DONE
    assert store in world.everything()


def test_a_store_is_replaced_on_a_server_with_keys_of_its_own(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.KeepsOwnKeys)
    assert world.settled()
    old = world.id_of(DOCS)
    world.time.base += 40 * 86_400
    assert world.settled()
    assert world.id_of(DOCS) != old
    assert one_of_each(world)


def test_a_store_that_is_adopted_keeps_the_servers_keys(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.KeepsOwnKeys)
    own = {**quirks.KeepsOwnKeys.own, "team": "y"}
    store = world.api("POST", "/vector_stores", {"name": "docs", "metadata": own})["id"]
    world.store("docs", {"a.md": "# A\n"}, lifecycle={"adopt": store})
    assert world.settled()
    assert world.id_of(DOCS) == store
    assert world.api("GET", f"/vector_stores/{store}")["metadata"].items() >= own.items()


def test_unlock_and_recover_keep_the_servers_keys(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.KeepsOwnKeys)
    anchor = next(event["id"] for event in world.apply().events if event["event"] == "anchor")
    metadata = world.api("GET", f"/vector_stores/{anchor}")["metadata"]
    state = metadata["reconciler.anchor"].replace("idle", "busy").replace("run=;", "run=feedface;")
    world.api("POST", f"/vector_stores/{anchor}", {"metadata": {**metadata, "reconciler.anchor": state}})
    world.assistant("writer", "agents", instructions="Write more.\n")
    session, _ = world.session()
    held = world.time.run(lambda: find_holder(session))
    world.time.run(lambda: unlock(session, held))
    assert world.settled()
    assert world.api("GET", f"/vector_stores/{anchor}")["metadata"].items() >= quirks.KeepsOwnKeys.own.items()
    world.api("DELETE", f"/vector_stores/{anchor}")
    assert stops(world.plan).code is Exit.DENIED
    session, _ = world.session()
    found = world.time.run(lambda: find_recovery(session, None))
    world.time.run(lambda: recover(session, found))
    assert world.settled()
    stores = world.api("GET", "/vector_stores")["data"]
    assert all(store["metadata"].items() >= quirks.KeepsOwnKeys.own.items() for store in stores)


def test_an_anchor_that_is_full_leaves_room_for_the_servers_keys(tmp_path: Path) -> None:
    """Nine pairs of inventory and three of a journal, beside two that the server keeps there: more than sixteen."""
    world = World.new(tmp_path)
    install(world, quirks.KeepsOwnKeys)
    for number in range(60):
        world.assistant(f"a-rather-long-name-for-an-assistant-{number:02}", "agents", instructions="Help.\n")
    world.store("docs", {f"{number:02}.md": f"# {number}\n" for number in range(41)})
    assert world.settled()
    for number in range(1, 41):
        (tmp_path / f"docs/{number:02}.md").unlink()
    assert world.settled()
    assert files(world) == 1
    parts = [store["metadata"] for store in world.api("GET", "/vector_stores?limit=100")["data"]]
    assert all(part.items() >= quirks.KeepsOwnKeys.own.items() for part in parts)


# --- clearing is ignored ----------------------------------------------------------------------------------------------


def test_a_field_that_cannot_be_cleared_is_named_and_everything_else_is_done(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.IgnoresNulls)
    assert world.settled()
    world.store("docs", {"a.md": "# A\n", "b.md": "# B, changed\n"})
    world.assistant("writer", "agents")
    world.assistant("helper", "assistants", instructions="Help more.\n", tools=SEARCH)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert set(outcomes(applied).values()) == {"done"}
    assert all(call.json["metadata"] for call in applied.calls if "metadata" in (call.json or ()))
    told = [event["summary"] for event in applied.events if event["event"] == "not_converged"]
    assert sorted(told) == [
        "Assistant/writer (agent) still differs after apply: instructions",
        "VectorStore/docs (vector store) still differs after apply: expires_after",
    ]
    assert world.api("GET", f"/assistants/{world.id_of(HELPER)}")["instructions"] == "Help more.\n"
    nothing_helps(world, applied, ["update Assistant/writer", "update VectorStore/docs"])
    reads(world)
    world.assistant("writer", "agents", instructions="Write.\n")
    world.store("docs", {"a.md": "# A\n", "b.md": "# B, changed\n"}, expires_after=EXPIRY)
    assert world.settled()


def test_destroy_does_not_need_to_clear_anything(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.IgnoresNulls)
    assert world.settled()
    assert world.apply(destroy=True).exit == Exit.DONE
    assert world.everything() == {}


# --- a missing store is 400 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quirk", [quirks.SaysMissingWith400, quirks.SaysMissingInItsOwnWords])
def test_a_missing_store_that_is_400_is_a_missing_store(tmp_path: Path, quirk: type[Quirk]) -> None:
    world = world_with(tmp_path, quirk)
    assert world.settled()
    old = world.id_of(DOCS)
    world.api("DELETE", f"/vector_stores/{old}")
    assert world.steps() == ["create VectorStore/docs", "update Assistant/helper"]
    reads(world)
    assert world.settled()
    assert world.id_of(DOCS) != old
    assert world.apply(destroy=True).exit == Exit.DONE
    assert world.api("GET", "/vector_stores")["data"] == []


@pytest.mark.parametrize("quirk", [quirks.SaysMissingWith400, quirks.SaysMissingInItsOwnWords])
def test_a_pinned_anchor_that_is_gone_is_no_first_apply_even_where_that_is_400(
    tmp_path: Path, quirk: type[Quirk]
) -> None:
    world = world_with(tmp_path, quirk)
    anchor = next(event["id"] for event in world.apply().events if event["event"] == "anchor")
    world.stack("acme", account={"anchor": anchor})
    assert world.steps() == []
    world.api("DELETE", f"/vector_stores/{anchor}")
    before = world.everything()
    stop = stops(world.apply)
    assert stop.code is Exit.DENIED
    assert anchor in stop.summary
    assert world.everything() == before


@pytest.mark.parametrize("quirk", [quirks.SaysMissingWith400, quirks.SaysMissingInItsOwnWords])
def test_an_anchor_that_disappears_before_the_apply_stops_it_where_that_is_400(
    tmp_path: Path, quirk: type[Quirk]
) -> None:
    world = world_with(tmp_path, quirk)
    anchor = next(event["id"] for event in world.apply().events if event["event"] == "anchor")
    world.assistant("writer", "agents", instructions="Write more.\n")
    prepared = world.plan()
    world.api("DELETE", f"/vector_stores/{anchor}")
    stop = stops(lambda: world.apply(prepared=prepared))
    assert stop.code is Exit.STALE
    assert f"The anchor {anchor} disappeared." in stop.summary


# --- lists ------------------------------------------------------------------------------------------------------------


def test_a_list_of_files_that_never_ends_is_in_nobodys_way(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.EndlessList)
    assert world.settled()
    world.store("docs", {"a.md": "# A, changed\n"}, expires_after=EXPIRY)
    assert world.settled()
    reads(world)
    assert world.apply(destroy=True).exit == Exit.DONE


def test_what_has_to_read_that_list_says_that_it_cannot_and_does_the_rest(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.EndlessList)
    assert world.settled()
    session, direct = world.session()
    orphans = world.time.run(lambda: find_orphans(session))
    [note] = orphans.notes
    assert "the list /files cannot be read to its end" in note
    assert "it may not understand `after`" in note
    assert orphans.items == ()
    assert len([call for call in direct.calls if call.path == "/files"]) < 20


def test_a_list_of_stores_that_never_ends_stops_everything_before_anything_is_written(tmp_path: Path) -> None:
    world = world_with(tmp_path)
    assert world.settled()
    before = world.everything()
    install(world, quirks.EndlessStores)
    world.assistant("writer", "agents", instructions="Write more.\n")
    for _ in range(2):
        stop = stops(world.apply)
        assert stop.code is Exit.UNAVAILABLE
        assert "the list /vector_stores cannot be read to its end" in stop.summary
    assert world.everything() == before


def test_a_cursor_whose_object_went_away_is_read_again_from_the_start(tmp_path: Path) -> None:
    world = world_with(tmp_path, lambda real: quirks.LosesCursors(real, 3))
    for number in range(120):
        world.api("POST", "/vector_stores", {"name": f"somebody else's {number}"})
        world.api("POST", "/agents", {"model": "gpt-6.1-terra"}, beta="agents=v1")
    assert world.settled()
    assert one_of_each(world)


def test_cursors_that_always_go_away_end_in_one_message(tmp_path: Path) -> None:
    strange: list[quirks.LosesCursors] = []

    def losing(real: Machine) -> Quirk:
        strange.append(quirks.LosesCursors(real, 1_000))
        return strange[0]

    world = world_with(tmp_path, losing)
    for number in range(120):
        world.api("POST", "/vector_stores", {"name": f"somebody else's {number}"})
    stop = stops(world.apply)
    assert stop.code is Exit.UNAVAILABLE
    assert "the list /vector_stores cannot be read to its end: the object at a page's end went away" in stop.summary
    assert len(strange[0].lost) <= 4


@pytest.mark.parametrize(
    ("quirk", "words"),
    [
        (quirks.Omits, "the list /vector_stores does not say whether it is complete: `has_more` is missing"),
        (quirks.OmitsObjectInLists, "the answer of /vector_stores is no list: `object` is missing"),
    ],
)
def test_a_list_that_says_too_little_of_itself_is_no_evidence(tmp_path: Path, quirk: type[Quirk], words: str) -> None:
    world = world_with(tmp_path, quirk)
    for doing in (world.plan, world.apply, lambda: reads(world)):
        stop = stops(doing)
        assert stop.code is Exit.UNAVAILABLE
        assert words in stop.summary
    assert world.everything() == {}


def test_objects_need_not_say_what_they_are(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.OmitsObject)
    assert world.settled()
    assert files(world) == 2
    assert one_of_each(world)
    reads(world)


def test_ids_that_may_not_stand_in_a_url_are_refused_by_name(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.OddIds)
    foreign = world.api("POST", "/vector_stores", {"name": "somebody else's"})["id"].replace("vs_", "vs:/")
    for doing in (world.plan, world.apply, lambda: reads(world)):
        stop = stops(doing)
        assert stop.code is Exit.UNAVAILABLE
        assert f"/vector_stores holds an object without a usable id: '{foreign}'" in stop.summary
    assert [item["name"] for item in world.everything().values()] == ["somebody else's"]


def test_an_answer_with_such_an_id_is_not_asked_for_a_second_time(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.OddIds)
    for _ in range(3):
        stop = stops(world.apply)
        assert stop.code is Exit.UNAVAILABLE
        assert "/vector_stores holds an object without a usable id: 'vs:/" in stop.summary
    assert [item["name"] for item in world.everything().values()] == ["reconciler anchor acme"]


# --- updates are acknowledged and not stored --------------------------------------------------------------------------


def test_an_update_that_is_not_stored_is_named_and_everything_else_is_done(tmp_path: Path) -> None:
    world = world_with(tmp_path)
    assert world.settled()
    install(world, quirks.StoresNoUpdates)
    world.assistant("writer", "agents", instructions="Write more.\n")
    world.assistant("helper", "assistants", instructions="Help more.\n", tools=SEARCH)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert set(outcomes(applied).values()) == {"done"}
    told = [event["summary"] for event in applied.events if event["event"] == "not_converged"]
    assert told == ["Assistant/writer (agent) still differs after apply: instructions"]
    assert world.api("GET", f"/assistants/{world.id_of(HELPER)}")["instructions"] == "Help more.\n"
    nothing_helps(world, applied, ["update Assistant/writer"])
    reads(world)
    world.assistant("writer", "agents", instructions="Write.\n")
    assert world.settled()


def test_a_release_whose_pointer_does_not_move_is_named_and_costs_one_version_for_good(tmp_path: Path) -> None:
    world = world_with(tmp_path)
    assert world.settled()
    install(world, quirks.StoresNoPointer)
    skill = world.id_of(CLERK)
    world.assistant("clerk", "responses", instructions="File more.\n")
    world.assistant("writer", "agents", instructions="Write more.\n")
    for _ in range(2):
        applied = world.apply()
        assert applied.exit == Exit.INCOMPLETE
        assert said(applied).strip() == "Assistant/clerk (release) still differs after apply: instructions"
        assert outcomes(applied)["update Assistant/clerk"] == "done"
        shown = world.api("GET", f"/skills/{skill}")
        assert (shown["default_version"], shown["latest_version"]) == ("2", "3")
    assert world.steps() == ["update Assistant/clerk"]
    assert one_of_each(world)
    reads(world)


def test_one_field_that_is_not_stored_is_named(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.StoresNoExpiry)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert set(outcomes(applied).values()) == {"done"}
    assert said(applied).split("\n")[1:] == ["VectorStore/docs (vector store) still differs after apply: expires_after"]
    nothing_helps(world, applied, ["update VectorStore/docs"])
    reads(world)


@pytest.mark.parametrize(
    ("quirk", "address"), [(quirks.StoresNoUpdates, WRITER), (quirks.StoresNoAssistantUpdates, HELPER)]
)
def test_a_confirmation_that_is_not_stored_is_named_as_what_it_is(
    tmp_path: Path, quirk: type[Quirk], address: str
) -> None:
    """The fields of the new object are right; what is missing is the word in its metadata that it is ready."""
    world = world_with(tmp_path, quirk)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert set(outcomes(applied).values()) <= {"done", "failed", "in_doubt"}
    assert {step for step, outcome in outcomes(applied).items() if outcome != "done"} <= {f"create {address}"}
    assert address in said(applied)
    assert "metadata" in said(applied)
    assert "instructions" not in said(applied)
    nothing_helps(world, applied, [f"create {address}"])
    reads(world)


def test_a_server_that_does_not_store_what_is_written_into_an_anchor_is_named_as_that(tmp_path: Path) -> None:
    world = world_with(tmp_path)
    anchor = next(event["id"] for event in world.apply().events if event["event"] == "anchor")
    install(world, quirks.StoresNoStoreUpdates)
    before = world.everything()
    world.assistant("writer", "agents", instructions="Write more.\n")
    for _ in range(2):
        stop = stops(world.apply)
        assert stop.code is Exit.UNAVAILABLE
        assert anchor in text(stop)
        assert "metadata" in text(stop)
    assert world.everything() == before
    reads(world)


def test_a_first_apply_on_such_a_server_ends_in_the_same_message(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.StoresNoStoreUpdates)
    applied = world.apply()
    assert applied.exit != Exit.DONE
    anchor = next(event["id"] for event in applied.events if event["event"] == "anchor")
    assert anchor in said(applied)
    assert "metadata" in said(applied)
    before = world.everything()
    assert stops(world.apply).code is Exit.LOCKED
    world.time.base += TAKEOVER
    stop = stops(world.apply)
    assert stop.code is Exit.UNAVAILABLE
    assert anchor in text(stop)
    assert world.everything().keys() == before.keys()
    assert one_of_each(world)


# --- what a server does not know --------------------------------------------------------------------------------------


def test_newer_fields_that_a_server_refuses_are_named_and_everything_else_is_done(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.RefusesFields)
    world.assistant("writer", "agents", instructions="Write.\n", compaction={"async": True})
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    done = {"create VectorStore/docs", "create Assistant/helper", "create Assistant/clerk"}
    assert {step for step, outcome in outcomes(applied).items() if outcome == "done"} == done
    assert said(applied).startswith("create Assistant/writer\nUnknown parameter: 'compaction'.")
    nothing_helps(world, applied, ["create Assistant/writer"])
    reads(world)
    world.assistant("writer", "agents", instructions="Write.\n")
    assert world.settled()


def test_a_newer_field_that_is_refused_in_an_update_leaves_the_object_as_it_was(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.RefusesFields)
    assert world.settled()
    before = world.api("GET", f"/agents/{world.id_of(WRITER)}", beta="agents=v1")
    world.assistant("writer", "agents", instructions="Write more.\n", experimental={"time_awareness": True})
    world.assistant("clerk", "responses", instructions="File more.\n")
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert outcomes(applied) == {"update Assistant/clerk": "done", "update Assistant/writer": "failed"}
    assert said(applied) == "update Assistant/writer\nUnknown parameter: 'experimental'."
    assert world.api("GET", f"/agents/{world.id_of(WRITER)}", beta="agents=v1") == before
    nothing_helps(world, applied, ["update Assistant/writer"])
    world.assistant("writer", "agents", instructions="Write more.\n")
    assert world.settled()


def test_labels_beyond_what_a_server_takes_are_refused_by_name_and_everything_else_is_done(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.FewPairs)
    labels = {"team": "x", "tier": "y"}
    world.manifest("Assistant", "writer", {"runtime": "agents"}, metadata={"labels": labels})
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert outcomes(applied)["create Assistant/writer"] == "failed"
    assert outcomes(applied)["create Assistant/helper"] == "done"
    assert "create Assistant/writer\nInvalid 'metadata': object has too many properties" in said(applied)
    nothing_helps(world, applied, ["create Assistant/writer"])
    reads(world)
    world.manifest("Assistant", "writer", {"runtime": "agents"}, metadata={"labels": {"team": "x"}})
    assert world.settled()


def test_a_server_without_room_for_our_tags_takes_releases_and_nothing_else(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.FewerPairs)
    for _ in range(2):
        applied = world.apply()
        assert applied.exit == Exit.INCOMPLETE
        assert "create Assistant/writer\nInvalid 'metadata': object has too many properties" in said(applied)
        assert "create VectorStore/docs\nInvalid 'metadata': object has too many properties" in said(applied)
        assert one_of_each(world)
        assert world.steps() == [
            "create Assistant/writer",
            "create VectorStore/docs",
            "create Assistant/helper",
        ]
    assert len(world.everything()) == 2
    reads(world)


# --- collections that do not exist ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quirk", "address", "words"),
    [
        (quirks.Lacks, CLERK, ("/skills answers 404", "runtime: assistants")),
        (quirks.LacksAgents, WRITER, ("/agents answers 404", "runtime: responses")),
        (quirks.SpeaksAnotherApi, WRITER, ("/agents", "another API", "runtime: responses")),
    ],
)
def test_a_runtime_that_a_server_lacks_is_named_with_who_wants_it_and_the_way_out(
    tmp_path: Path, quirk: type[Quirk], address: str, words: tuple[str, ...]
) -> None:
    world = world_with(tmp_path, quirk)
    for doing in (world.plan, world.apply):
        stop = stops(doing)
        assert stop.code is Exit.UNAVAILABLE
        for word in (address, *words):
            assert word in text(stop)
        assert "proxy" not in text(stop)
    assert world.everything() == {}
    world.remove("Assistant", address.partition("/")[2])
    assert world.settled()
    reads(world)


def test_without_vector_stores_there_is_no_place_for_an_anchor(tmp_path: Path) -> None:
    world = world_with(tmp_path, quirks.LacksStores)
    for doing in (world.plan, world.apply, lambda: reads(world)):
        stop = stops(doing)
        assert stop.code is Exit.UNAVAILABLE
        assert "/vector_stores answers 404" in stop.summary
        assert "anchor" in stop.summary


@pytest.mark.parametrize("quirk", [quirks.LacksAgents, quirks.SpeaksAnotherApi])
def test_agents_that_went_away_with_the_server_are_left_behind_with_a_warning(
    tmp_path: Path, quirk: type[Quirk]
) -> None:
    world = world_with(tmp_path)
    assert world.settled()
    left = world.id_of(WRITER)
    install(world, quirk)
    world.assistant("writer", "responses", instructions="Write.\n")
    assert world.steps() == ["create Assistant/writer"]
    [warning] = world.plan().body["warnings"]
    assert warning["code"] == "W303"
    assert left in warning["summary"]
    assert world.settled()
    assert world.plan().body["warnings"] == []


@pytest.mark.parametrize("quirk", [quirks.LacksAgents, quirks.SpeaksAnotherApi])
def test_destroy_does_not_delete_the_record_of_what_it_cannot_reach(tmp_path: Path, quirk: type[Quirk]) -> None:
    """A collection may be away for a moment; where it stays away, the way out that is named works."""
    world = world_with(tmp_path)
    assert world.settled()
    left, before = world.id_of(WRITER), world.everything()
    install(world, quirk)
    stop = stops(lambda: world.apply(destroy=True))
    assert (stop.code, left in stop.detail) == (Exit.UNAVAILABLE, True)
    assert world.everything() == before
    world.assistant("writer", "responses", instructions="Write.\n")
    assert world.settled()
    assert world.apply(destroy=True).exit == Exit.DONE


@pytest.mark.parametrize("quirk", [quirks.Lacks, quirks.LacksAgents, quirks.SpeaksAnotherApi])
def test_what_nobody_asks_for_may_be_missing(tmp_path: Path, quirk: type[Quirk]) -> None:
    world = World.new(tmp_path, profile="compatible")
    install(world, quirk)
    world.store("docs", {"a.md": "# A\n"})
    world.assistant("helper", "assistants", instructions="Help.\n", tools=SEARCH)
    assert world.settled()
    reads(world)
    assert world.apply(destroy=True).exit == Exit.DONE


# --- the wire ---------------------------------------------------------------------------------------------------------


def test_a_connection_that_is_closed_after_an_error_costs_time_and_nothing_else(tmp_path: Path) -> None:
    world = world_with(tmp_path)
    world.assistant("writer", "agents", instructions="Write.\n", compaction={"async": True})
    install(world, quirks.RefusesFields)
    install(world, quirks.ClosesAfterErrors)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert said(applied).startswith("create Assistant/writer\nUnknown parameter: 'compaction'.")
    assert one_of_each(world)
    assert files(world) == 2
    nothing_helps(world, world.apply(), ["create Assistant/writer"])
    world.assistant("writer", "agents", instructions="Write.\n")
    assert world.settled()
    assert one_of_each(world)


# --- from the command line, over HTTP ---------------------------------------------------------------------------------


@dataclass
class Printed:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


Command = Callable[..., Printed]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, no_rivals: None) -> Command:
    """A command on a world's tree, against a machine behind real HTTP."""
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "NO_COLOR", "FORCE_COLOR", "GITHUB_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-local")
    if not cli.cli.commands:
        cli._register()

    def run(world: World, *arguments: str, closes_after_errors: bool = False) -> Printed:
        with quirks.served(world.emulator, closes_after_errors=closes_after_errors) as url:
            monkeypatch.setenv("OPENAI_BASE_URL", url)
            monkeypatch.chdir(world.root)
            capsys.readouterr()
            code = cli.run(list(arguments))
        printed = capsys.readouterr()
        return Printed(code, printed.out, printed.err)

    return run


def test_a_person_is_told_which_field_could_not_be_cleared(tmp_path: Path, command: Command) -> None:
    world = world_with(tmp_path)
    assert world.settled()
    install(world, quirks.IgnoresNulls)
    world.assistant("writer", "agents")
    printed = command(world, "apply", "--yes", "--settle", "1s")
    assert printed.code == 3
    assert "Assistant/writer (agent) still differs after apply: instructions" in printed.err
    assert command(world, "plan", "--detailed-exitcode").code == 2
    assert command(world, "outputs").code == 0


def test_a_person_is_told_which_field_is_refused_over_a_connection_that_closes(
    tmp_path: Path, command: Command
) -> None:
    world = world_with(tmp_path, quirks.RefusesFields)
    world.assistant("writer", "agents", instructions="Write.\n", compaction={"async": True})
    printed = command(world, "apply", "--yes", "--settle", "1s", closes_after_errors=True)
    assert printed.code == 3
    assert "create Assistant/writer: Unknown parameter: 'compaction'." in printed.err
    world.assistant("writer", "agents", instructions="Write.\n")
    assert command(world, "apply", "--yes", "--settle", "1s", closes_after_errors=True).code == 0
    assert command(world, "plan", "--detailed-exitcode").code == 0
    assert one_of_each(world)
    assert files(world) == 2


@pytest.mark.parametrize(
    ("quirk", "words"),
    [
        (quirks.LacksStores, "/vector_stores answers 404"),
        (quirks.Omits, "`has_more` is missing"),
        (quirks.EndlessStores, "the list /vector_stores cannot be read to its end"),
        (quirks.SpeaksAnotherApi, "Assistant/writer"),
        (quirks.Lacks, "Assistant/clerk"),
    ],
)
def test_a_person_is_told_what_a_server_lacks(tmp_path: Path, command: Command, quirk: type[Quirk], words: str) -> None:
    world = world_with(tmp_path, quirk)
    for arguments in (("plan",), ("apply", "--yes"), ("drift",)):
        printed = command(world, *arguments)
        assert printed.code == 9
        assert words in printed.err
        assert "Traceback" not in printed.err


def test_every_command_that_reads_works_where_a_missing_store_is_400(tmp_path: Path, command: Command) -> None:
    world = world_with(tmp_path, quirks.SaysMissingWith400)
    assert world.settled()
    world.api("DELETE", f"/vector_stores/{world.id_of(DOCS)}")
    assert command(world, "plan", "--detailed-exitcode").code == 2
    assert command(world, "drift", "--detailed-exitcode").code == 2
    for arguments in (("show",), ("show", HELPER), ("outputs",), ("history", CLERK)):
        assert command(world, *arguments).code == 0, arguments


def test_gc_says_that_a_list_of_files_without_an_end_tells_it_nothing(tmp_path: Path, command: Command) -> None:
    world = world_with(tmp_path, quirks.EndlessList)
    assert world.settled()
    printed = command(world, "gc")
    assert printed.code == 0
    assert "the list /files cannot be read to its end" in " ".join(printed.out.split())
