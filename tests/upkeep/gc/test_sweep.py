"""Deleting orphans: only what was shown, only what still is one, and from wherever it was cut off."""

from __future__ import annotations

import asyncio
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
from reconciler.model.errors import Exit, Stop
from reconciler.upkeep import Group, Orphan, Orphans, Swept, find_orphans, sweep
from tests.acceptance.world import World, made_once
from tests.apply.server import anchors_of, is_read, is_write, refuse, state_of, times, world_and_server
from tests.upkeep.dying import deaths, session_of
from tests.upkeep.gc.test_find import HELPER
from tests.upkeep.leftovers import (
    TOOL,
    agent,
    attach,
    edit_anchor,
    files_in,
    fill,
    find,
    full,
    owner,
    post_skill,
    released,
    releases,
    skill,
    store,
    tags,
    upload,
)


async def whole(session: Session, *files: str) -> Swept:
    """As `reconciler gc --delete --yes` does it."""
    found = await find_orphans(session)
    swept = Swept()
    chosen = choose(found, *files)
    if chosen:
        await sweep(session, found, chosen, swept=swept, tell=lambda _: None)
    return swept


def choose(found: Orphans, *files: str) -> list[Orphan]:
    """The provable groups, and the Files that were named."""
    return [item for item in found.items if item.group is not Group.FILES or item.id in files]


def clean(world: World, *files: str) -> Swept:
    session, _ = session_of(world)
    return world.time.run(lambda: whole(session, *files))


def results(swept: Swept) -> list[tuple[str, str]]:
    """Group and outcome of each."""
    return [(ending.orphan.group.value, ending.result.value) for ending in swept.endings]


def messy(root: Path) -> World:
    """Something in every group, and things of others beside them."""
    return mess(World.new(root))


@made_once
def mess(world: World) -> World:
    """Leave something behind in every group."""
    released(world, 11)
    foreign(world)
    edit_anchor(world, j0=upload(world, "journalled.md"))
    agent(world, tags(world, "Assistant/writer", "pending"))
    store(world, tags(world, "VectorStore/other", "pending"), "x.md")
    store(world, tags(world, "VectorStore/docs", "ready;retiring=bbbbbbbb.1"), "y.md")
    skill(world, f"[reconciler {owner(world)} Assistant/other pending;op=a.1;spec=;v=1]", "other")
    return world


def foreign(world: World) -> None:
    """Look-alikes: the same names, other lineages, a stack that has ours as its prefix, a File of theirs."""
    lineage = owner(world).split("#")[1]
    for stack in ("acme#ffffffffffff", f"acme-support#{lineage}", "acme"):
        agent(world, tags(world, "Assistant/writer", "pending", stack=stack))
        store(world, tags(world, "VectorStore/docs", "ready;retiring=b.1", stack=stack), "y.md")
        skill(world, f"[reconciler {stack} Assistant/other pending;op=a.1;spec=;v=1]", "other")
    live = world.id_of("Assistant/helper")
    post_skill(world, f"/skills/{live}/versions", "Posted by hand.")
    attach(world, store(world, {}), upload(world, "theirs.md"))
    upload(world, "loose.md")


def others(world: World) -> dict[str, Any]:
    """Everything but the stack's own objects, Files and anchor."""
    found = {}
    for key, item in world.everything().items():
        text = f"{item.get('metadata')} {item.get('description')}"
        if owner(world) not in text and item["object"] != "file":
            found[key] = item
    names = ("theirs.md", "loose.md")
    return found | {key: item for key, item in world.everything().items() if item.get("filename") in names}


# --- what goes, and what stays ----------------------------------------------------------------------------------------


def test_everything_that_is_provably_ours_goes_and_nothing_else(tmp_path: Path) -> None:
    world = messy(tmp_path)
    before = others(world)
    assert len(before) == 12
    swept = clean(world)
    assert results(swept) == [
        ("journal", "deleted"),
        ("objects", "deleted"),
        ("objects", "deleted"),
        ("objects", "deleted"),
        ("objects", "deleted"),
        ("versions", "deleted"),
        ("versions", "deleted"),
    ]
    assert (swept.exit, swept.notes) == (Exit.DONE, [])
    assert others(world) == before
    assert [item.group for item in find(world).items] == [Group.FILES]
    assert world.steps() == []
    assert state_of(world).startswith("idle;")
    assert world.settled()
    names = [item["filename"] for item in world.everything().values() if item["object"] == "file"]
    assert sorted(names) == sorted(
        ["a.md", "b.md", "loose.md", "theirs.md", "y.md", "y.md", "y.md"] + ["prices.csv"] * 10
    )


def test_a_file_is_deleted_only_by_name(tmp_path: Path) -> None:
    world = full(tmp_path)
    first, second = upload(world, "1.md"), upload(world, "2.md")
    assert results(clean(world)) == []
    assert results(clean(world, second)) == [("files", "deleted")]
    assert first in world.everything()
    assert second not in world.everything()


def test_with_nothing_to_delete_the_lease_is_not_taken(tmp_path: Path) -> None:
    world = full(tmp_path)
    upload(world)
    session, mortal = session_of(world)
    world.time.run(lambda: whole(session))
    assert mortal.writes == []


def test_without_an_anchor_nothing_is_deleted(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    file_id = upload(world)
    with pytest.raises(Stop) as stop:
        clean(world, file_id)
    assert stop.value.code is Exit.REFUSED
    assert file_id in world.everything()


def test_files_stand_in_the_journal_before_they_are_deleted(tmp_path: Path) -> None:
    world = released(World.new(tmp_path), 12)
    named = upload(world)
    session, mortal = session_of(world)
    world.time.run(lambda: whole(session, named))
    journalled: set[str] = set()
    for call in mortal.writes:
        if call.path.startswith("/files/"):
            assert call.path.removeprefix("/files/") in journalled
        elif call.json and "metadata" in call.json:
            text = " ".join(call.json["metadata"].get(f"reconciler.j{number}", "") for number in range(3))
            journalled = set(text.split()) or journalled
    assert len([call for call in mortal.writes if call.path.startswith("/files/")]) == 3


def test_a_pending_object_with_more_files_than_the_journal_holds_goes_too(tmp_path: Path) -> None:
    world = full(tmp_path)
    half = store(world, tags(world, "VectorStore/other", "pending"), *(f"{number}.md" for number in range(45)))
    assert results(clean(world)) == [("objects", "deleted")]
    assert half not in world.everything()
    assert find(world).items == ()


def test_a_pending_release_goes_with_its_files(tmp_path: Path) -> None:
    world = full(tmp_path)
    half = skill(world, f"[reconciler {owner(world)} Assistant/other pending;op=a.1;spec=;v=1]", "other")
    listed = [f'{{"id": "{upload(world, f"{number}.csv")}"}}' for number in range(45)]
    contents = {
        "assistant_json": '{"format": 1, "request": {}}',
        "files_json": f'{{"format": 1, "files": [{",".join(listed)}]}}',
    }
    ready = f"[reconciler {owner(world)} Assistant/other ready;op=a.2;spec=0123456789abcdef;v=1]"
    post_skill(world, f"/skills/{half}/versions", ready, "other", **contents)
    assert len(find(world).items[0].files) == 45
    assert results(clean(world)) == [("objects", "deleted")]
    assert find(world).items == ()


def test_the_held_and_the_current_release_survive(tmp_path: Path) -> None:
    world = released(World.new(tmp_path), 14)
    session, _ = world.session()
    prepared = world.time.run(lambda: prepare_rollback(session, HELPER, "3"))
    assert world.apply(prepared=prepared).exit == 0
    assert results(clean(world)) == [("versions", "deleted")] * 4
    live = world.id_of("Assistant/helper")
    left = [item["version"] for item in world.api("GET", f"/skills/{live}/versions?limit=100")["data"]]
    assert sorted(map(int, left)) == [3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    assert world.steps() == []
    session, _ = world.session()
    prepared = world.time.run(lambda: prepare_rollback(session, HELPER, "6"))
    assert world.apply(prepared=prepared).exit == 0


# --- what changed since it was shown ----------------------------------------------------------------------------------


def between(world: World, change: Callable[[], Any], *files: str) -> Swept:
    """Show, let something happen, delete."""
    session, _ = session_of(world)
    found = world.time.run(lambda: find_orphans(session))
    change()
    swept = Swept()
    session, _ = session_of(world)
    world.time.run(lambda: sweep(session, found, choose(found, *files), swept=swept, tell=lambda _: None))
    return swept


def test_what_is_no_orphan_any_more_is_left_alone(tmp_path: Path) -> None:
    world = full(tmp_path)
    named, journalled = upload(world, "n.md"), upload(world, "j.md")
    edit_anchor(world, j0=journalled)
    double = agent(world, tags(world, "Assistant/second", "pending"))

    def change() -> None:
        for file_id in (named, journalled):
            attach(world, store(world, {}), file_id)
        world.api("POST", f"/agents/{double}", {"metadata": tags(world, "Assistant/second", "ready")}, beta="agents=v1")

    swept = between(world, change, named)
    assert results(swept) == [("journal", "left"), ("objects", "left"), ("files", "left")]
    assert swept.exit is Exit.INCOMPLETE
    assert {named, journalled, double} <= world.everything().keys()


def test_what_is_gone_already_is_as_good_as_deleted(tmp_path: Path) -> None:
    world = full(tmp_path)
    journalled = upload(world, "j.md")
    edit_anchor(world, j0=journalled)
    swept = between(world, lambda: world.api("DELETE", f"/files/{journalled}"))
    assert results(swept) == [("journal", "gone")]
    assert swept.exit is Exit.DONE
    assert "reconciler.j0" not in {key for key, value in anchors_of(world)[0]["metadata"].items() if value}


def during(world: World, server: Any, path: str, change: Callable[[], Any], *files: str) -> Swept:
    """Let something happen at the first read of a path after the lease was taken and everything was looked at again."""
    session, mortal = session_of(world)
    seen: list[str] = []
    collections: list[str] = []

    def rule(request: Request) -> Response | None:
        if request.path == "/vector_stores" and request.method == "GET":
            collections.append(request.path)
        looked_again = bool(mortal.writes) and len(collections) >= 2
        if looked_again and is_read(request, path) and request.path.endswith(path) and not seen:
            seen.append(request.path)
            change()
        return None

    server.before.append(rule)
    swept = world.time.run(lambda: whole(session, *files))
    server.before.clear()
    assert seen
    return swept


def test_an_object_is_looked_at_again_right_before_it_is_deleted(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    double = agent(world, tags(world, "Assistant/second", "pending"))
    ready = {"metadata": tags(world, "Assistant/second", "ready")}
    confirm = lambda: world.api("POST", f"/agents/{double}", ready, beta="agents=v1")  # noqa: E731 - a name says more
    assert results(during(world, server, f"/agents/{double}", confirm)) == [("objects", "left")]
    assert double in world.everything()
    world.api("POST", f"/agents/{double}", {"metadata": tags(world, "Assistant/second", "pending")}, beta="agents=v1")
    gone = during(
        world, server, f"/agents/{double}", lambda: world.api("DELETE", f"/agents/{double}", beta="agents=v1")
    )
    assert results(gone) == [("objects", "gone")]


def test_an_object_that_loses_its_tags_is_left_alone(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    half = skill(world, f"[reconciler {owner(world)} Assistant/other pending;op=a.1;spec=;v=1]", "other")

    def take() -> None:
        post_skill(world, f"/skills/{half}/versions", "Mine now.", "other")
        world.api("POST", f"/skills/{half}", {"default_version": "2"})

    assert results(during(world, server, f"/skills/{half}", take)) == [("objects", "left")]
    assert half in world.everything()


def test_a_version_that_becomes_the_current_one_is_left_alone(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    released(world, 10)
    live = world.id_of("Assistant/helper")
    releases(world, 11, first=11)
    swept = during(
        world, server, f"/skills/{live}", lambda: world.api("POST", f"/skills/{live}", {"default_version": "1"})
    )
    assert [(ending.orphan.version, ending.result.value) for ending in swept.endings] == [
        ("1", "left"),
        ("2", "deleted"),
    ]
    assert "current version" in swept.endings[0].detail


def test_a_version_that_is_gone_is_as_good_as_deleted(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    released(world, 11)
    live = world.id_of("Assistant/helper")
    path = f"/skills/{live}/versions/1"
    assert results(during(world, server, path, lambda: world.api("DELETE", path)))[0] == ("versions", "gone")


def test_files_that_an_old_version_shares_with_one_that_could_not_be_deleted_stay(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    releases(world, 2, files=False)
    releases(world, 12, first=3)
    live = world.id_of("Assistant/helper")
    [*_, shared] = find(world).items
    assert (shared.version, len(shared.files)) == ("3", 1)
    refused = f"/skills/{live}/versions/2"
    server.before.append(lambda request: refuse(400) if is_write(request, refused) else None)
    swept = clean(world)
    server.before.clear()
    assert [(ending.orphan.version, ending.result.value) for ending in swept.endings] == [
        ("1", "deleted"),
        ("2", "failed"),
        ("3", "deleted"),
    ]
    assert swept.exit is Exit.INCOMPLETE
    assert shared.files[0] in world.everything()
    assert clean(world).exit is Exit.DONE
    assert shared.files[0] not in world.everything()


def test_a_named_file_is_looked_for_in_every_store_right_before_it_is_deleted(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    named, theirs = upload(world), store(world, {})
    swept = during(world, server, f"/files/{named}", lambda: attach(world, theirs, named), named)
    assert results(swept) == [("files", "left")]
    assert "attached" in swept.endings[0].detail
    assert files_in(world, theirs) == [named]


def test_a_named_file_that_is_gone_or_another_one(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    named = upload(world)
    path = f"/files/{named}"
    gone = during(world, server, path, lambda: world.api("DELETE", path), named)
    assert results(gone) == [("files", "gone")]
    named = upload(world)
    path = f"/files/{named}"
    server.after.append(
        lambda request, answer: (
            answer
            if request.path != path
            else Response(answer.status, answer.body.replace(b"loose.md", b"other.md"), answer.headers)
        )
    )
    assert results(clean(world, named)) == [("files", "left")]


def test_a_journalled_file_that_our_store_has_after_all_is_left_alone(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    journalled = upload(world)
    edit_anchor(world, j0=journalled)
    docs = world.id_of("VectorStore/docs")
    path = f"/vector_stores/{docs}/files/{journalled}"
    assert results(during(world, server, path, lambda: attach(world, docs, journalled))) == [("journal", "left")]


# --- the lease --------------------------------------------------------------------------------------------------------


def test_an_unclean_stack_stays_unclean_and_its_plan_may_still_be_resumed(tmp_path: Path) -> None:
    world = full(tmp_path)
    beat = int(world.time.now()) - 1000
    edit_anchor(world, anchor=f"busy;serial=1;run=aaaaaaaa;plan=0123456789abcdef;beat={beat};kinds=agent;parts=1;v=1")
    agent(world, tags(world, "Assistant/second", "pending"))
    assert results(clean(world)) == [("objects", "deleted")]
    assert state_of(world).startswith("busy;serial=1;run=;plan=0123456789abcdef;")
    assert world.settled()


def test_after_an_interrupted_run_it_waits_and_looks_again(tmp_path: Path) -> None:
    world = full(tmp_path)
    edit_anchor(world, anchor=f"busy;serial=1;run=;plan=;beat={int(world.time.now())};kinds=agent;parts=1;v=1")
    double = agent(world, tags(world, "Assistant/second", "pending"))
    session, _ = session_of(world)
    ready = {"metadata": tags(world, "Assistant/second", "ready")}

    async def late() -> Swept:
        confirm = lambda: world.api("POST", f"/agents/{double}", ready, beta="agents=v1")  # noqa: E731 - once
        asyncio.get_running_loop().call_later(30, confirm)
        return await whole(session)

    swept = world.time.run(late)
    assert results(swept) == [("objects", "left")]
    assert "waited" in swept.notes[0]


def test_a_stack_that_a_run_has_is_not_touched(tmp_path: Path) -> None:
    world = full(tmp_path)
    double = agent(world, tags(world, "Assistant/second", "pending"))
    edit_anchor(world, anchor=f"busy;serial=1;run=aaaaaaaa;plan=;beat={int(world.time.now())};kinds=agent;parts=1;v=1")
    with pytest.raises(Stop) as stop:
        clean(world)
    assert stop.value.code is Exit.LOCKED
    assert double in world.everything()


def test_a_lease_that_is_lost_ends_it(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    halves = [agent(world, tags(world, f"Assistant/second-{number}", "pending")) for number in range(3)]

    def rule(request: Request) -> Response | None:
        if is_write(request, "/agents/"):
            server.before.clear()
            edit_anchor(world, anchor=state_of(world).replace("run=", "run=b"))
            world.time.base += 6
        return None

    server.before.append(rule)
    swept = clean(world)
    assert results(swept)[0] == ("objects", "deleted")
    assert {result for _, result in results(swept)[1:]} <= {"failed", "skipped"}
    assert swept.exit is Exit.LOCKED
    assert "could not be given back" in swept.notes[0]
    assert halves[2] in world.everything()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", range(10))
def test_apply_and_gc_at_once_do_no_harm(tmp_path: Path, seed: int) -> None:
    world = released(World.new(tmp_path), 11)
    agent(world, tags(world, "Assistant/other", "pending"))
    world.assistant("writer", "agents", model="gpt-6-sol")
    first, second = (session_of(world, weather=Random(f"{seed} {name}"))[0] for name in ("apply", "gc"))

    async def apply() -> int:
        conclusion = Conclusion()
        try:
            async for _ in carry_out(first, await prepare(first), conclusion):
                pass
        except Stop as stop:
            return int(stop.code)
        return int(conclusion.exit)

    async def gc() -> int:
        await second.clock.sleep(seed / 3)
        try:
            return int((await whole(second)).exit)
        except Stop as stop:
            return int(stop.code)

    async def both() -> list[int]:
        return list(await asyncio.gather(apply(), gc()))

    assert set(world.time.run(both)) <= {0, 3, 5, 6}
    assert world.settled()
    assert clean(world).exit is Exit.DONE
    assert find(world).items == ()


# --- being cut off ----------------------------------------------------------------------------------------------------


def small_mess(root: Path) -> World:
    """Something in every group, as little as possible."""
    world = World.new(root)
    world.write("prices.csv", "n\n1\n")
    code = {"type": "code_interpreter", "files": ["prices.csv"]}
    for number in range(1, 12):
        world.write("prices.csv", f"n\n{min(number, 2)}\n")
        world.assistant("helper", model="gpt-6.1-terra", tools=[code], instructions=f"{number}")
        assert world.apply().exit == 0
    edit_anchor(world, j0=upload(world, "journalled.md"))
    store(world, tags(world, "VectorStore/other", "pending"), "x.md")
    return world


def test_after_a_crash_at_any_request_running_it_again_works(tmp_path: Path, exhaustive: bool) -> None:
    """A File that the dead process was about to delete is in the journal, so that none is left that nobody knows of."""
    count = 0
    for world in deaths(lambda: small_mess(tmp_path), whole):
        count += 1
        if count % 3 and not exhaustive:
            continue
        world.time.base += 700
        swept = clean(world)
        assert swept.exit is Exit.DONE
        assert find(world).items == ()
        assert world.apply().exit == 0
        assert world.steps() == []
        assert state_of(world).startswith("idle")
    assert count > 12


def interrupted(world: World, when: float) -> Swept:
    """Delete, and be interrupted after so many seconds."""
    session, _ = session_of(world)
    event = asyncio.Event()

    async def work() -> Swept:
        found = await find_orphans(session)
        swept = Swept()
        asyncio.get_running_loop().call_later(when, event.set)
        await sweep(session, found, choose(found), swept=swept, tell=lambda _: None, interrupt=event)
        return swept

    return world.time.run(work)


def test_an_interrupt_begins_nothing_more(tmp_path: Path) -> None:
    world = full(tmp_path)
    agent(world, tags(world, "Assistant/second", "pending"))
    swept = interrupted(world, 1)
    assert results(swept) == [("objects", "skipped")]
    assert swept.exit is Exit.INTERRUPTED
    assert state_of(world).startswith("idle")


def test_what_does_not_end_in_seven_seconds_after_an_interrupt_is_in_doubt(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    journalled = upload(world)
    edit_anchor(world, j0=journalled)
    agent(world, tags(world, "Assistant/second", "pending"))
    server.before.append(lambda request: refuse(500) if is_write(request, "/files/") else None)
    swept = interrupted(world, 5)
    server.before.clear()
    assert results(swept) == [("journal", "in_doubt"), ("objects", "skipped")]
    assert swept.exit is Exit.INTERRUPTED
    assert "busy" in state_of(world)
    assert clean(world).exit is Exit.DONE
    assert world.settled()


def test_the_time_for_a_run_ends_it(tmp_path: Path) -> None:
    world = full(tmp_path)
    agent(world, tags(world, "Assistant/second", "pending"))
    session, _ = session_of(world)
    session = replace(session, deadline=world.time.now())
    swept = world.time.run(lambda: whole(session))
    assert results(swept) == [("objects", "skipped")]
    assert swept.exit is Exit.UNAVAILABLE


def test_a_refusal_of_one_does_not_keep_the_others(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    first = agent(world, tags(world, "Assistant/first", "pending"))
    second = agent(world, tags(world, "Assistant/second", "pending"))
    server.before.append(lambda request: refuse(409) if is_write(request, f"/agents/{first}") else None)
    swept = clean(world)
    assert results(swept) == [("objects", "in_doubt"), ("objects", "deleted")]
    assert swept.exit is Exit.INCOMPLETE
    assert first in world.everything()
    assert second not in world.everything()
    assert "busy" in state_of(world)


def test_a_permission_that_is_lacking_ends_it(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    for name in ("first", "second"):
        agent(world, tags(world, f"Assistant/{name}", "pending"))
    server.before.append(times(1, lambda request: refuse(403) if is_write(request, "/agents/") else None))
    swept = clean(world)
    assert results(swept) == [("objects", "failed"), ("objects", "skipped")]
    assert swept.exit is Exit.DENIED
    server.before.append(lambda request: refuse(403) if is_write(request, "/vector_stores/") else None)
    with pytest.raises(Stop) as stop:
        clean(world)
    assert stop.value.code is Exit.DENIED


def test_a_deletion_whose_answer_is_lost_is_looked_for(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    released(world, 11)

    def lost(request: Request, response: Response) -> Response:
        if is_write(request, "/skills/", "/versions/"):
            server.after.clear()
            return refuse(500)
        return response

    server.after.append(lost)
    assert results(clean(world)) == [("versions", "deleted")] * 2
    assert find(world).items == ()


def test_a_failure_while_a_version_is_read_is_not_taken_for_absence(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    released(world, 11)
    named = upload(world)
    session, mortal = session_of(world)

    def rule(request: Request) -> Response | None:
        single = request.path.endswith("/versions/1") or request.path == f"/files/{named}"
        return refuse(400) if mortal.writes and single else None

    server.before.append(rule)
    swept = world.time.run(lambda: whole(session, named))
    assert results(swept) == [("versions", "failed"), ("versions", "deleted"), ("files", "failed")]


def test_an_account_that_fails_while_it_is_looked_at_again_ends_it(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    fill(world)
    agent(world, tags(world, "Assistant/second", "pending"))
    session, mortal = session_of(world)
    server.before.append(lambda r: refuse(403) if mortal.writes and is_read(r, "/skills") else None)
    with pytest.raises(Stop) as stop:
        world.time.run(lambda: whole(session))
    assert stop.value.code is Exit.DENIED
    assert state_of(world).startswith("idle")


def test_a_stack_with_an_anchor_in_parts_and_the_old_api(tmp_path: Path) -> None:
    world = World.new(tmp_path, profile="compatible")
    world.store("docs", {"a.md": "# A\n"})
    world.assistant("helper", "assistants", model="gpt-6.1-terra", tools=[TOOL])
    assert world.settled()
    resources = {"tool_resources": {"code_interpreter": {"file_ids": [upload(world, "n.csv")]}}}
    body = {"model": "gpt-6-sol", "metadata": tags(world, "Assistant/helper", "pending"), **resources}
    world.api("POST", "/assistants", body)
    assert results(clean(world)) == [("objects", "deleted")]
    [left] = find(world).items
    assert (left.group, left.file.name if left.file else "") == (Group.FILES, "n.csv")
