"""Uploads and attachments side by side: few Files are ever without an owner, and few requests are needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from reconciler.account.limiter import Throttled
from reconciler.account.port import Account, Call
from reconciler.apply import Conclusion
from reconciler.apply.session import Session
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.emulator import Emulator, Request, Response
from reconciler.model.errors import Exit
from tests.acceptance.world import Applied, World
from tests.apply.server import (
    Server,
    files_of,
    is_read,
    is_write,
    refuse,
    say,
    text_of,
    times,
    world_and_server,
)
from tests.direct import DirectAccount


def many(root: Path, count: int, *, stores: tuple[str, ...] = ("docs",)) -> tuple[World, Server]:
    world, server = world_and_server(root)
    for store in stores:
        world.store(store, {f"{number:03d}.md": f"# {number}\n" for number in range(count)})
    return world, server


def apply(
    world: World, *, latency: Callable[[Call], float], wrap: Callable[[Account], Account] | None = None
) -> Applied:
    """Plan and apply where requests take their time, so that many are under way at once."""
    session, _ = world.session()
    direct = DirectAccount(world.emulator, clock=world.time, latency=latency)
    throttled = Throttled(direct, clock=world.time, random=Random(1))
    session = replace(session, account=wrap(throttled) if wrap else throttled)
    return world.time.run(lambda: _carried_out(session, direct))


async def _carried_out(session: Session, direct: DirectAccount) -> Applied:
    conclusion = Conclusion()
    prepared = await prepare(session)
    events = [event.to_json() async for event in carry_out(session, prepared, conclusion)]
    return Applied(int(conclusion.exit), events, direct.calls)


class Ownerless:
    """Counts, after every request, the Files that nothing names."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.most = 0

    def __call__(self, _: Request, response: Response) -> Response:
        sql = "SELECT count(*) FROM objects WHERE kind = 'file' AND id NOT IN (SELECT id FROM attachments)"
        [count] = self._emulator._storage.execute(sql).fetchone()
        self.most = max(self.most, count)
        return response


def attachments(applied: Applied) -> list[int]:
    """How many Files each request attached."""
    bodies = [call.json for call in applied.calls if call.method == "POST" and call.json]
    groups = [len(body["files"]) for body in bodies if "files" in body]
    return groups + [1 for body in bodies if "file_id" in body]


# --- how many are without an owner --------------------------------------------------------------------------------------


# --- membership decides -----------------------------------------------------------------------------------------------


DONE = say(200, {"id": "vsfb_1", "object": "vector_store.file_batch", "status": "completed"})


@pytest.mark.parametrize(
    "answer", [DONE, refuse(400), refuse(500)], ids=["ignored and called a success", "refused", "not executed"]
)
def test_what_a_batch_did_not_attach_is_attached_one_by_one(tmp_path: Path, answer: Response) -> None:
    world, server = many(tmp_path, 12)
    server.before.append(lambda r: answer if is_write(r, "file_batches") else None)
    applied = world.apply()
    assert (applied.exit, attachments(applied).count(1)) == (0, 12)


def test_a_batch_whose_answer_is_lost_is_looked_for_and_not_sent_again(tmp_path: Path) -> None:
    world, server = many(tmp_path, 12)
    server.before.append(
        times(1, lambda r: server.real.handle(r) and refuse(500) if is_write(r, "file_batches") else None)
    )
    applied = world.apply()
    assert (applied.exit, attachments(applied)) == (0, [12])


def test_a_list_that_lags_behind_is_made_up_for_by_reading_each_file(tmp_path: Path) -> None:
    world, server = many(tmp_path, 12)

    def stale(request: Request, response: Response) -> Response:
        if not (is_read(request, "/vector_stores/") and request.path.endswith("/files")):
            return response
        page = json.loads(response.body)
        return say(200, page | {"data": [item for item in page["data"] if item["created_at"] < world.time.now() - 20]})

    server.after.append(stale)
    applied = world.apply()
    assert attachments(applied) == [12]


def test_a_list_that_cannot_be_read_after_a_batch_is_no_reason_to_send_it_again(tmp_path: Path) -> None:
    world, server = many(tmp_path, 12)
    sent: list[str] = []

    def torn(request: Request) -> Response | None:
        listing = is_read(request, "/vector_stores/") and request.path.endswith("/files")
        sent.extend([request.path] * is_write(request, "file_batches"))
        return refuse(500) if listing and len(sent) == 1 and request.query[-1][0] != "after" else None

    server.before.append(times(4, torn))
    applied = world.apply()
    assert (applied.exit, attachments(applied)) == (0, [12])


def test_a_lost_batch_that_nobody_can_look_for_may_still_arrive_and_is_waited_for(tmp_path: Path) -> None:
    world, server = many(tmp_path, 12)
    sent: list[float] = []

    def torn(request: Request) -> Response | None:
        if is_write(request, "file_batches"):
            sent.append(world.time.now())
            return refuse(500) if len(sent) == 1 else None
        unreadable = is_read(request, "/vector_stores/") and "/files" in request.path and len(sent) == 1
        return refuse(500) if unreadable else None

    server.before.append(times(5, torn))
    applied = world.apply()
    assert (applied.exit, attachments(applied)) == (0, [12, 12])
    assert world.time.now() - sent[0] > 60


def test_files_of_which_nobody_knows_whether_they_are_attached_are_taken_away_when_the_rollout_breaks_off(
    tmp_path: Path,
) -> None:
    world, server = many(tmp_path, 12)
    sent: list[str] = []

    def silent(request: Request) -> Response | None:
        if is_write(request, "file_batches"):
            sent.append(request.path)
            return refuse(500)
        unreadable = sent and request.method == "GET" and "/files" in request.path and "vector_stores" in request.path
        return Response(307, b"", {"location": "https://elsewhere.invalid/"}) if unreadable else None

    server.before.append(silent)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    server.before.clear()
    assert world.settled()
    assert len(files_of(world)) == 12


def test_no_two_attachments_on_the_wire_carry_one_op(tmp_path: Path) -> None:
    world, server = many(tmp_path, 12)
    server.before.append(times(5, lambda r: refuse(500) if is_write(r, "/vector_stores/", "/file") else None))
    applied = world.apply()
    assert applied.exit == 0
    bodies = [call.json for call in applied.calls if call.method == "POST" and call.json]
    ops = [{item["attributes"]["reconciler_op"] for item in body["files"]} for body in bodies if "files" in body]
    ops += [{body["attributes"]["reconciler_op"]} for body in bodies if "file_id" in body]
    flat = [op for group in ops for op in group]
    assert len(flat) == len(set(flat))


def test_a_quota_that_ends_while_attaching_takes_the_uploaded_files_away_again(tmp_path: Path) -> None:
    world, server = many(tmp_path, 12)
    quota = refuse(429, "You exceeded your current quota", "insufficient_quota")
    server.before.append(lambda r: quota if is_write(r, "file_batches") else None)
    applied = world.apply()
    assert (applied.exit, files_of(world)) == (Exit.UNAVAILABLE, [])


def test_a_store_that_vanishes_leaves_no_files_and_ends_the_rollout(tmp_path: Path) -> None:
    world, server = many(tmp_path, 60)

    def vanish(request: Request) -> Response | None:
        if is_write(request, "file_batches"):
            for store in [s for s in world.api("GET", "/vector_stores")["data"] if s["name"] == "docs"]:
                world.api("DELETE", f"/vector_stores/{store['id']}")
        return None

    server.before.append(vanish)
    applied = apply(world, latency=lambda _: 0.1)
    assert applied.exit == Exit.INCOMPLETE
    assert "docs" in text_of(applied)
    assert files_of(world) == []
    assert sum(1 for call in applied.calls if call.uploads) < 60
    server.before.clear()
    assert world.settled()
