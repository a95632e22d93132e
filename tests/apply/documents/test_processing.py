"""Processing that is slow, fails or hangs: bounded, named, and never at the cost of what is served."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from reconciler.account.port import Call
from reconciler.emulator import Emulator, Request, Response, Switches
from reconciler.emulator.faults import Effect, Fault, Faulty
from reconciler.model.errors import Exit
from tests.acceptance.world import Applied, World
from tests.apply.server import (
    Server,
    files_of,
    interrupted_after,
    is_read,
    is_write,
    refuse,
    say,
    text_of,
    times,
    world_and_server,
)

NAMES = ("a", "b", "c")


class Weather:
    """What happens to the attachments of b.md: as many as are listed, one fault each (None: nothing)."""

    def __init__(self) -> None:
        self.coming: list[Fault | None] = []
        self.always: Fault | None = None

    def __call__(self, request: Request) -> Fault | None:
        if not is_write(request, "/vector_stores/", "/file") or b"docs/b.md" not in request.body:
            return None
        return self.coming.pop(0) if self.coming else self.always


class Watch:
    """Looks after every write whether each document has a completed version, and which contents were ever served."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.gaps: list[str] = []
        self.on = False

    def __call__(self, request: Request, response: Response) -> Response:
        if self.on and request.method != "GET":
            rows = self._emulator._storage.execute(
                "SELECT attributes, outcome, settles_at, created_at FROM attachments"
            )
            now = self._emulator._clock()
            there = {
                path
                for attributes, outcome, settles, _ in rows
                for path in re.findall(r'"reconciler_path":"([^"]+)"', attributes)
                if outcome == "completed" and settles <= now
            }
            if there != {f"docs/{name}.md" for name in NAMES}:
                self.gaps.append(f"{request.method} {request.path}: {sorted(there)}")
        return response


def applied_once(root: Path, *, switches: Switches | None = None) -> tuple[World, Server, Weather, Watch]:
    """Three documents that were applied and then changed, b.md among them, in weather that a test chooses.

    There are no batches here, so that a fault meets one document.
    """
    world, server = world_and_server(root, switches=switches)
    weather, watch = Weather(), Watch(server.real)
    server.real = cast("Emulator", Faulty(server.real, weather, clock=world.time.now))
    server.before.append(lambda request: refuse(400, "no batches") if is_write(request, "file_batches") else None)
    server.after.append(watch)
    world.store("docs", {f"{name}.md": f"# {name}\n" for name in NAMES})
    assert world.settled()
    world.store("docs", {f"{name}.md": f"# {name} changed\n" for name in NAMES})
    watch.on = True
    return world, server, weather, watch


def uploaded(applied: Applied) -> list[str]:
    return [part.filename for call in applied.calls for part in call.uploads]


def shas(world: World) -> dict[str, list[str]]:
    """The digests of what is completed, by path."""
    store = next(s for s in world.api("GET", "/vector_stores?limit=100")["data"] if s["name"] == "docs")
    found: dict[str, list[str]] = {}
    for item in world.api("GET", f"/vector_stores/{store['id']}/files?limit=100&filter=completed")["data"]:
        found.setdefault(item["attributes"]["reconciler_path"], []).append(item["attributes"]["reconciler_sha256"])
    return found


def ends_well(world: World, watch: Watch) -> bool:
    """The next applies converge, and nobody ever saw a gap."""
    return world.settled() and watch.gaps == [] and len(files_of(world)) == 3


def took(world: World, action: Callable[[], Applied]) -> tuple[Applied, float]:
    began = world.time.now()
    return action(), world.time.now() - began


# --- slow -------------------------------------------------------------------------------------------------------------


def test_slow_processing_is_waited_for_while_the_old_version_serves(tmp_path: Path) -> None:
    world, _, weather, watch = applied_once(tmp_path)
    weather.coming = [Fault(Effect.SLOW, seconds=500)]
    applied, seconds = took(world, world.apply)
    assert (applied.exit, 500 <= seconds < 530) == (0, True)
    assert ends_well(world, watch)


def test_what_takes_longer_than_the_deadline_is_waited_for_anew_by_the_next_run(tmp_path: Path) -> None:
    world, _, weather, watch = applied_once(tmp_path)
    weather.coming = [Fault(Effect.SLOW, seconds=900)]
    before = shas(world)
    applied, seconds = took(world, world.apply)
    assert (applied.exit, 600 <= seconds < 630) == (Exit.INCOMPLETE, True)
    assert re.search(
        r"docs/b\.md: not processed within 600 s \(file-\w+\); run again to look once more", text_of(applied)
    )
    assert shas(world)["docs/b.md"] == before["docs/b.md"]
    applied, seconds = took(world, world.apply)
    assert (applied.exit, seconds < 320, uploaded(applied)) == (0, True, [])
    assert ends_well(world, watch)


def test_the_deadline_is_one_for_upload_and_processing(tmp_path: Path) -> None:
    world, server, weather, _ = applied_once(tmp_path)
    weather.coming = [Fault(Effect.SLOW, seconds=590)]

    def late(request: Request, response: Response) -> Response:
        if is_write(request, "/files") and b'filename="b.md"' in request.body:
            return Response(response.status, response.body, response.headers, delay=30)
        return response

    server.after.append(late)
    applied, seconds = took(world, world.apply)
    assert (applied.exit, seconds < 630) == (Exit.INCOMPLETE, True)
    assert "docs/b.md: not processed within 600 s" in text_of(applied)


# --- failing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_of_the_service_is_tried_again_twice_with_the_same_file(tmp_path: Path, count: int) -> None:
    world, _, weather, watch = applied_once(tmp_path)
    weather.coming = [Fault(Effect.FAILING)] * count
    applied = world.apply()
    assert (applied.exit, sorted(uploaded(applied))) == (0, ["a.md", "b.md", "c.md"])
    assert ends_well(world, watch)


@pytest.mark.parametrize("code", ["server_error", "unsupported_file", "invalid_file"])
def test_a_document_that_fails_for_good_is_named_and_its_old_version_serves_until_it_works(
    tmp_path: Path, code: str
) -> None:
    world, _, weather, watch = applied_once(tmp_path)
    weather.always = Fault(Effect.FAILING, code=code)
    before = shas(world)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "1 of 3 documents failed; what was there before still serves" in text_of(applied)
    assert f"docs/b.md: {code}: The file could not be processed" in text_of(applied)
    assert shas(world)["docs/b.md"] == before["docs/b.md"]
    assert len(files_of(world)) == 3
    weather.always = None
    applied = world.apply()
    assert (applied.exit, uploaded(applied)) == (0, ["b.md"])
    assert ends_well(world, watch)


def test_further_attempts_share_the_deadline_of_the_first(tmp_path: Path) -> None:
    world, _, weather, watch = applied_once(tmp_path, switches=Switches(processing_seconds=400))
    weather.coming = [Fault(Effect.FAILING)]
    applied, seconds = took(world, world.apply)
    assert (applied.exit, 600 <= seconds < 630) == (Exit.INCOMPLETE, True)
    assert "docs/b.md: not processed within 600 s" in text_of(applied)
    assert watch.gaps == []


# --- frozen -----------------------------------------------------------------------------------------------------------


def test_what_is_stuck_is_replaced_by_the_next_run_within_bounds(tmp_path: Path) -> None:
    world, _, weather, watch = applied_once(tmp_path)
    weather.coming = [Fault(Effect.FROZEN)]
    applied, seconds = took(world, world.apply)
    assert (applied.exit, seconds < 630) == (Exit.INCOMPLETE, True)
    applied, seconds = took(world, world.apply)
    assert (applied.exit, uploaded(applied)) == (0, ["b.md"])
    assert seconds < 600 + 3 * 60 + 30
    assert ends_well(world, watch)


def test_what_was_stuck_for_long_is_not_waited_for_once_more(tmp_path: Path) -> None:
    world, _, weather, watch = applied_once(tmp_path)
    weather.coming = [Fault(Effect.FROZEN)]
    assert world.apply().exit == Exit.INCOMPLETE
    world.time.base += 86_400
    applied, seconds = took(world, world.apply)
    assert (applied.exit, seconds < 3 * 60 + 30) == (0, True)
    assert ends_well(world, watch)


def test_what_can_be_detached_is_attached_anew_and_not_uploaded(tmp_path: Path) -> None:
    world, server, weather, watch = applied_once(tmp_path)
    emulator: Any = watch._emulator
    weather.coming = [Fault(Effect.FROZEN)]
    assert world.apply().exit == Exit.INCOMPLETE

    def yielding(request: Request) -> Response | None:
        if request.method == "DELETE" and "/vector_stores/" in request.path:
            name = request.path.rpartition("/")[2]
            emulator._storage.execute("DELETE FROM attachments WHERE id = ? AND settles_at > 1e300", name)
        return None

    server.before.append(yielding)
    applied = world.apply()
    assert (applied.exit, uploaded(applied)) == (0, [])
    assert ends_well(world, watch)


def test_what_gets_stuck_again_and_again_ends_every_run_with_one_clear_line(tmp_path: Path) -> None:
    world, _, weather, watch = applied_once(tmp_path)
    weather.always = Fault(Effect.FROZEN)
    before = shas(world)
    for number in range(3):
        applied, seconds = took(world, world.apply)
        assert (applied.exit, seconds < 2 * 600 + 3 * 60 + 60) == (Exit.INCOMPLETE, True), number
        assert "docs/b.md: not processed within 600 s (file-" in text_of(applied)
        assert shas(world)["docs/b.md"] == before["docs/b.md"]
        assert len(files_of(world)) <= 4
    weather.always = None
    assert ends_well(world, watch)


def test_what_gets_stuck_again_after_it_was_attached_anew_says_for_how_long_it_was(tmp_path: Path) -> None:
    world, server, weather, watch = applied_once(tmp_path)
    emulator: Any = watch._emulator
    weather.always = Fault(Effect.FROZEN)
    assert world.apply().exit == Exit.INCOMPLETE

    def yielding(request: Request) -> Response | None:
        if request.method == "DELETE" and "/vector_stores/" in request.path:
            name = request.path.rpartition("/")[2]
            emulator._storage.execute("DELETE FROM attachments WHERE id = ? AND settles_at > 1e300", name)
        return None

    server.before.append(yielding)
    applied, seconds = took(world, world.apply)
    assert (applied.exit, seconds < 1300, uploaded(applied)) == (Exit.INCOMPLETE, True, [])
    assert re.search(
        r"not processed within 600 s \(file-\w+\), nor in 120\d s before it was attached anew; save it in another form",
        text_of(applied),
    )


def test_a_stuck_file_that_cannot_even_be_deleted_is_named_with_what_to_do(tmp_path: Path) -> None:
    world, server, weather, watch = applied_once(tmp_path)
    weather.coming = [Fault(Effect.FROZEN)]
    assert world.apply().exit == Exit.INCOMPLETE
    world.time.base += 86_400
    ghost = say(200, {"id": "file-x", "object": "file", "deleted": True})
    stuck = next(name for name in files_of(world) if name not in settled_ids(world))
    gone = {"DELETE": ghost, "GET": refuse(404, "No such File")}
    server.before.append(lambda r: gone[r.method] if r.path == f"/files/{stuck}" else None)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert (
        f"docs/b.md: {stuck} is still being processed, and the service does not detach it; delete this File"
        in text_of(applied)
    )
    del server.before[1:]
    assert ends_well(world, watch)


def settled_ids(world: World) -> set[str]:
    store = next(s for s in world.api("GET", "/vector_stores?limit=100")["data"] if s["name"] == "docs")
    listed = world.api("GET", f"/vector_stores/{store['id']}/files?limit=100&filter=completed")["data"]
    return {item["id"] for item in listed}


def test_a_version_that_is_still_processed_and_no_longer_wanted_is_waited_for(tmp_path: Path) -> None:
    world, _, weather, watch = applied_once(tmp_path)
    weather.coming = [Fault(Effect.SLOW, seconds=400)]
    conclusion, _ = interrupted_after(world, 50)
    assert conclusion.exit == Exit.INTERRUPTED
    watch.on = False
    (world.root / "docs/b.md").unlink()
    applied, seconds = took(world, world.apply)
    assert (applied.exit, 300 <= seconds < 400) == (0, True)
    assert len(files_of(world)) == 2


def test_a_stuck_version_of_a_document_that_is_no_longer_wanted_goes_away(tmp_path: Path) -> None:
    world, _, weather, watch = applied_once(tmp_path)
    weather.coming = [Fault(Effect.FROZEN)]
    assert world.apply().exit == Exit.INCOMPLETE
    watch.on = False
    (world.root / "docs/b.md").unlink()
    applied, seconds = took(world, world.apply)
    assert (applied.exit, seconds < 3 * 60) == (0, True)
    assert len(files_of(world)) == 2
    assert sorted(shas(world)) == ["docs/a.md", "docs/c.md"]


# --- not shown --------------------------------------------------------------------------------------------------------


def test_an_attachment_that_the_store_loses_is_made_again(tmp_path: Path) -> None:
    world, server, _, watch = applied_once(tmp_path)
    lost: list[str] = []

    def losing(request: Request) -> Response | None:
        if not lost and is_read(request, "/vector_stores/", "/files/"):
            lost.append(request.path)
            server.real.handle(Request("DELETE", request.path, (), request.headers))
        return None

    world.store("docs", {"a.md": "# a\n", "c.md": "# c\n"})
    server.before.append(losing)
    applied = world.apply()
    assert (applied.exit, uploaded(applied), len(lost)) == (0, ["b.md"], 1)
    assert ends_well(world, watch)


def test_an_attachment_that_is_never_shown_is_given_up_after_the_settle_window(tmp_path: Path) -> None:
    world, server, _, watch = applied_once(tmp_path)
    shown = files_of(world)
    server.before.append(
        lambda r: (
            refuse(404) if is_read(r, "/vector_stores/", "/files/") and r.path.rpartition("/")[2] not in shown else None
        )
    )
    world.store("docs", {"a.md": "# a\n", "c.md": "# c\n"})
    applied, seconds = took(world, world.apply)
    assert (applied.exit, 60 <= seconds < 110) == (Exit.INCOMPLETE, True)
    assert "docs/b.md: the store does not show it, although it was attached" in text_of(applied)
    del server.before[1:]
    assert ends_well(world, watch)


def redirected(request: Request) -> Response | None:
    """The store's files cannot be read, and asking again by itself would not help."""
    return Response(307, b"", {"location": "https://elsewhere.invalid/"}) if is_read(request, "/files/file-") else None


def test_a_store_that_cannot_be_read_for_a_moment_is_looked_at_again(tmp_path: Path) -> None:
    world, server, _, watch = applied_once(tmp_path)
    world.store("docs", {"a.md": "# a\n", "c.md": "# c\n"})
    server.before.append(times(3, redirected))
    assert world.apply().exit == 0
    assert ends_well(world, watch)


def test_a_store_that_cannot_be_read_at_all_ends_the_rollout_soon_and_what_is_attached_is_waited_for_later(
    tmp_path: Path,
) -> None:
    world, server, _, watch = applied_once(tmp_path)
    server.before.append(redirected)
    applied, seconds = took(world, world.apply)
    assert (applied.exit, seconds < 30) == (Exit.INCOMPLETE, True)
    assert "redirects to elsewhere.invalid" in text_of(applied)
    del server.before[1:]
    applied = world.apply()
    assert (applied.exit, uploaded(applied)) == (0, [])
    assert ends_well(world, watch)


def test_waiting_asks_less_and_less_often(tmp_path: Path) -> None:
    world, _, weather, _ = applied_once(tmp_path)
    weather.coming = [Fault(Effect.SLOW, seconds=60)]
    applied = world.apply()
    looks = [call for call in applied.calls if is_look(call)]
    assert len(looks) < 40


def is_look(call: Call) -> bool:
    return call.method == "GET" and re.search(r"/vector_stores/[^/]+/files/", call.path) is not None
