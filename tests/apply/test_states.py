"""The protocol's table is what happens on the wire: every move is a row, every row happens, deaths leave what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from reconciler.apply import Conclusion
from reconciler.apply.session import Session
from reconciler.apply.states import MACHINES, File, Finder, Object, Record, Version, allowed
from reconciler.apply.uploads import uploading
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.commands.rollback import prepare_rollback
from reconciler.emulator import Emulator, Request, Response, Switches
from reconciler.emulator.faults import Effect, Fault, Faulty
from reconciler.model.address import Address
from reconciler.model.errors import Exit
from reconciler.model.observed import Tags
from reconciler.upkeep import find_holder, unlock
from tests.acceptance.world import World
from tests.apply.server import Server, ending, files_of, is_write, refuse, state_of, text_of, times
from tests.apply.watching import Moved, Watched, shown
from tests.upkeep.dying import Died, deaths, session_of

DAY = 86_400.0
DEAD = 700.0
"""Seconds after which a run that died does not count as alive any more."""
RETAIN = {"on_delete": "retain"}


def empty(root: Path, profile: str = "openai") -> World:
    """A world in which documents are processed a moment after they were attached."""
    return World.new(root, profile=profile, switches=Switches(processing_seconds=0.5))


def stack(world: World, edition: str, *, lifecycle: Any = None, days: int = 0, **attributes: str) -> None:
    """A store with two documents, and an assistant that searches it and computes with a file of its own."""
    expiry = {"expires_after": {"anchor": "last_active_at", "days": days}} if days else {}
    world.store("docs", {f"{name}.md": f"# {name} {edition}\n" for name in "ab"}, lifecycle=lifecycle, **expiry)
    if attributes:
        world.store("docs", {}, files=[{"glob": "docs/**/*.md", "attributes": attributes}])
    world.write("data/x.csv", f"a\n{edition}\n")
    tools = [
        {"type": "file_search", "vector_stores": ["docs"]},
        {"type": "code_interpreter", "files": ["data/x.csv"]},
    ]
    runtime = "assistants" if world.profile == "compatible" else "responses"
    spec = {"model": "gpt-6.1-terra", "instructions": f"{edition}\n", "tools": tools}
    world.assistant("helper", runtime, lifecycle=lifecycle, **spec)


def done(world: World, **options: Any) -> None:
    assert world.apply(**options).exit == Exit.DONE


# --- whole lives ------------------------------------------------------------------------------------------------------


def created_changed_and_destroyed(world: World, server: Server) -> None:
    stack(world, "one")
    done(world)
    stack(world, "one", audience="staff")
    done(world)
    stack(world, "two", audience="staff")
    done(world)
    (world.root / "docs/b.md").unlink()
    done(world)
    done(world, destroy=True)
    assert files_of(world) == []


def rolled_back(world: World, server: Server) -> None:
    for edition in ("one", "two"):
        stack(world, edition)
        done(world)
    session, _ = world.session()
    done(world, prepared=world.time.run(lambda: prepare_rollback(session, Address("Assistant", "helper"), None)))


def replaced(world: World, server: Server) -> None:
    stack(world, "one", days=1)
    done(world)
    world.time.base += 3 * DAY
    done(world)


def let_go_and_adopted(world: World, server: Server) -> None:
    stack(world, "one", lifecycle=RETAIN)
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    done(world)
    live = {
        name: world.id_of(address) for name, address in (("docs", "VectorStore/docs"), ("helper", "Assistant/helper"))
    }
    world.remove("VectorStore", "docs")
    world.remove("Assistant", "helper")
    done(world)
    world.store("docs", {}, lifecycle={"adopt": live["docs"]})
    runtime = "assistants" if world.profile == "compatible" else "responses"
    world.assistant("helper", runtime, lifecycle={"adopt": live["helper"]}, model="gpt-6.1-terra")
    done(world)


def let_go_in_the_middle_of_a_replacement(world: World, server: Server) -> None:
    stack(world, "one", days=1, lifecycle=RETAIN)
    done(world)
    world.time.base += 3 * DAY
    server.before.append(lambda r: refuse(400) if r.method == "POST" and r.path == "/vector_stores" else None)
    assert ending(world).exit == Exit.INCOMPLETE
    server.before.clear()
    world.remove("VectorStore", "docs")
    world.remove("Assistant", "helper")
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    done(world)


def refused(world: World, server: Server) -> None:
    stack(world, "one")
    server.before.append(
        times(1, lambda r: refuse(400) if is_write(r, "/assistants") or is_write(r, "/skills") else None)
    )
    assert ending(world).exit == Exit.INCOMPLETE
    done(world)


def not_confirmed(world: World, server: Server) -> None:
    """Begun, confirmed by nobody, changed, and completed; and begun once more, and no more wanted."""
    stack(world, "one")
    server.before.append(lambda r: refuse(400) if is_write(r, "/vector_stores/") and b"ready" in r.body else None)
    assert ending(world).exit == Exit.INCOMPLETE
    server.before.clear()
    stack(world, "two")
    done(world)
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    server.before.append(lambda r: refuse(400) if is_write(r, "/agents/") else None)
    assert ending(world).exit == Exit.INCOMPLETE
    server.before.clear()
    world.remove("Assistant", "writer")
    done(world)


def not_processed(world: World, server: Server) -> None:
    """A document fails and is attached again, fails for good, gets stuck, and is taken away while it is stuck."""
    stack(world, "one")
    faults: list[Fault] = []
    account = server.real
    server.real = cast(
        "Emulator",
        Faulty(
            account,
            lambda r: faults.pop() if faults and is_write(r, "/files") and "/vector" in r.path else None,
            clock=world.time.now,
        ),
    )
    server.before.append(lambda r: refuse(400) if is_write(r, "file_batches") else None)
    faults.append(Fault(Effect.FAILING, code="server_error"))
    done(world)
    stack(world, "two")
    faults.append(Fault(Effect.FAILING, code="unsupported_file"))
    assert ending(world).exit == Exit.INCOMPLETE
    faults.append(Fault(Effect.FROZEN))
    assert ending(world).exit == Exit.INCOMPLETE

    def thawed(request: Request) -> Response | None:
        if request.method == "DELETE" and "/vector_stores/" in request.path:
            ids = request.path.rpartition("/")[2]
            cast("Any", account)._storage.execute("DELETE FROM attachments WHERE id = ? AND settles_at > 1e300", ids)
        return None

    server.before.append(times(9, thawed))
    done(world)
    server.before.pop()
    stack(world, "three")
    faults.append(Fault(Effect.FROZEN))
    assert ending(world).exit == Exit.INCOMPLETE
    world.time.base += DAY
    done(world)


def unlocked(world: World, server: Server) -> None:
    stack(world, "one")
    died(world, "/file_batches")
    session, _ = world.session()
    held = world.time.run(lambda: find_holder(session))
    world.time.run(lambda: unlock(session, held))
    world.time.base += DEAD
    done(world)


def taken_over_with_a_journal(world: World, server: Server) -> None:
    """Runs that die once they have journalled what is in use, and manifests that want it back."""
    for place in ("DELETE /vector_stores", "POST /assistants/", "DELETE /skills"):
        stack(world, "one")
        done(world)
        if place != "DELETE /skills":
            stack(world, "two")
        else:
            world.remove("Assistant", "helper")
        if not died(world, place):
            continue
        stack(world, "one")
        world.time.base += DEAD
        done(world)
        world.assistant("writer", "agents", model="gpt-6.1-terra", instructions=place)
        done(world)


def changed_at_the_end(world: World, server: Server) -> None:
    """Somebody edits the store between the last write and the reading back."""
    stack(world, "one")

    held = [False]

    def edit(request: Request, response: Response) -> Response:
        held.append("busy" in state_of(world))
        if request.method == "GET" and held[-2:] == [False, False] and True in held:
            server.after.clear()
            live = next(store for store in world.api("GET", "/vector_stores")["data"] if store["name"] == "docs")
            world.api("POST", f"/vector_stores/{live['id']}", {"name": "other"})
        return response

    done(world)
    stack(world, "two")
    server.after.append(edit)
    assert ending(world).exit == Exit.INCOMPLETE


def died(world: World, at: str) -> bool:
    """An apply whose process dies before its first request that shows these letters."""
    session, mortal = session_of(world)
    send = mortal.send

    async def until(call: Any) -> Any:
        if at in f"{call.method} {call.path}":
            raise Died
        return await send(call)

    mortal.send = until  # type: ignore[method-assign]
    try:
        world.time.run(lambda: applied(session))
    except Died:
        return True
    return False


async def applied(session: Session, *, destroy: bool = False) -> None:
    async for _ in carry_out(session, await prepare(session, destroy=destroy), Conclusion(), destroy=destroy):
        pass


BOTH: tuple[Callable[[World, Server], None], ...] = (
    created_changed_and_destroyed,
    let_go_and_adopted,
    let_go_in_the_middle_of_a_replacement,
    refused,
    not_confirmed,
    taken_over_with_a_journal,
)
"""Lives that are different where an assistant is a v2 assistant, and no release."""
LIVES = (*BOTH, rolled_back, replaced, not_processed, unlocked, changed_at_the_end)


def lived(root: Path, profile: str, life: Callable[[World, Server], None]) -> Counter[Moved]:
    """Every move in one life; where there is `/uploads`, whole documents go in parts."""
    world = empty(root, profile)
    server = Server(world.emulator)
    watched = Watched(server)
    world.emulator = cast("Emulator", watched)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uploading, "LARGE_FROM", 8 if profile == "openai" else uploading.LARGE_FROM)
        life(world, server)
    return watched.moves


def test_every_move_on_the_wire_is_a_row_and_every_row_happens(tmp_path: Path) -> None:
    rows = {
        Moved(move.before, move.after, write)
        for moves in MACHINES.values()
        for move in moves
        for write in move.writes or (None,)
    }
    seen = Counter[Moved]()
    every = [*(("openai", life) for life in LIVES), *(("compatible", life) for life in BOTH)]
    for number, (profile, life) in enumerate(every):
        moves = lived(tmp_path / str(number), profile, life)
        assert moves.keys() - rows == set(), f"{life.__name__} on {profile}"
        seen += moves
    assert rows - seen.keys() == set()


# --- deaths -----------------------------------------------------------------------------------------------------------


def applied_once(root: Path, profile: str) -> World:
    world = empty(root, profile)
    stack(world, "one", days=1)
    done(world)
    return world


def first(root: Path, profile: str) -> World:
    world = empty(root, profile)
    stack(world, "one")
    return world


def changed(root: Path, profile: str) -> World:
    world = applied_once(root, profile)
    stack(world, "two", days=1)
    (world.root / "docs/b.md").unlink()
    return world


def expired(root: Path, profile: str) -> World:
    world = applied_once(root, profile)
    world.time.base += 3 * DAY
    return world


LOST = {move.after for moves in MACHINES.values() for move in moves if move.finder is Finder.GC}
AT_REST = {Object.READY, Version.CURRENT, Version.POSTED, File.COMPLETED, File.NAMED, Record.IDLE}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("profile", ["openai", "compatible"])
@pytest.mark.parametrize("make", [first, changed, expired])
def test_a_death_after_any_move_leaves_what_its_row_says(tmp_path: Path, make: Any, profile: str) -> None:
    """The next apply finds everything but what is left to a person."""
    for number, world in enumerate(deaths(lambda: make(tmp_path, profile), applied)):
        lost = {thing for thing, (state, _) in shown(world.emulator).items() if state in LOST}
        world.time.base += DEAD
        assert world.apply().exit == Exit.DONE, number
        for thing, (state, _) in shown(world.emulator).items():
            assert state in AT_REST or (thing in lost and state is File.UPLOADED), number


@pytest.mark.sampled(2)
@pytest.mark.parametrize("profile", ["openai", "compatible"])
def test_a_destruction_that_dies_anywhere_is_finished_by_the_next_one(tmp_path: Path, profile: str) -> None:
    for number, world in enumerate(deaths(lambda: applied_once(tmp_path, profile), destroyed)):
        world.time.base += DEAD
        assert world.apply(destroy=True).exit == Exit.DONE, number
        assert shown(world.emulator) == {}, number


async def destroyed(session: Session) -> None:
    await applied(session, destroy=True)


# --- asking the table -------------------------------------------------------------------------------------------------


def tags(state: str, retiring: str = "") -> Tags:
    return Tags("acme", "0" * 12, Address("Assistant", "helper"), state=state, retiring=retiring)


def test_a_step_may_make_no_move_that_is_no_row() -> None:
    assert allowed(tags("pending"), Object.READY)
    assert allowed(None, Object.READY)
    assert allowed(tags("ready"), Object.RETIRING)
    assert not allowed(tags("ready"), Object.PENDING)
    assert not allowed(tags("ready", "1.1"), Object.READY)
    assert not allowed(tags("pending"), Object.FOREIGN)


def test_no_two_rows_are_about_one_move_and_each_write_leaves_something_to_say() -> None:
    for moves in MACHINES.values():
        assert len({(move.before, move.after) for move in moves}) == len(moves)
        assert all(move.step and move.left and (move.seen or not move.writes) for move in moves)


def test_an_object_that_was_confirmed_since_the_plan_is_not_made_pending_again(tmp_path: Path) -> None:
    world = empty(tmp_path)
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    server = Server(world.emulator)
    world.emulator = cast("Emulator", server)
    server.before.append(lambda request: refuse(400) if is_write(request, "/agents/") else None)
    assert ending(world).exit == Exit.INCOMPLETE
    server.before.clear()
    prepared = world.plan()
    live = world.api("GET", "/agents", beta="agents=v1")["data"][0]
    metadata = {key: value.replace("pending;", "ready;") for key, value in live["metadata"].items()}
    world.api("POST", f"/agents/{live['id']}", {"metadata": metadata}, beta="agents=v1")
    applied = ending(world, prepared=prepared)
    assert (applied.exit, "was changed since the plan" in text_of(applied)) == (Exit.STALE, True)
    assert world.settled()
