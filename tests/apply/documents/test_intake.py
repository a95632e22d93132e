"""Uploads side by side, attached in groups: few Files at a time are named by nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from reconciler.account.limiter import Throttled
from reconciler.account.port import Account, Call, Reply
from reconciler.apply import Conclusion
from reconciler.apply.documents.intake import GROUP
from reconciler.apply.run import UNATTACHED
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.model.errors import Exit
from tests.apply.documents.test_attaching import Ownerless, apply, attachments, many
from tests.apply.server import (
    anchors_of,
    files_of,
    is_write,
    refuse,
    times,
)
from tests.direct import DirectAccount


@pytest.mark.parametrize("stores", [("docs",), ("docs", "more", "notes")])
def test_few_files_are_ever_uploaded_and_not_attached(tmp_path: Path, stores: tuple[str, ...]) -> None:
    world, server = many(tmp_path, 90, stores=stores)
    ownerless = Ownerless(server.real)
    server.after.append(ownerless)
    applied = apply(world, latency=lambda _: 0.1)
    assert applied.exit == 0
    assert GROUP // 2 < ownerless.most <= UNATTACHED
    assert len(world.api("GET", "/files")["data"]) == 90 * len(stores)


def test_groups_are_large_as_long_as_there_is_enough_to_attach(tmp_path: Path) -> None:
    world, _ = many(tmp_path, 150)
    applied = apply(world, latency=lambda _: 0.1)
    assert sum(attachments(applied)) == 150
    assert len(attachments(applied)) <= 150 / GROUP + 2


def test_a_long_upload_does_not_hold_up_what_is_ready(tmp_path: Path) -> None:
    world, _ = many(tmp_path, 10)
    slow = "004.md"
    applied = apply(world, latency=lambda call: 60.0 if [up.filename for up in call.uploads] == [slow] else 0.1)
    assert applied.exit == 0
    assert attachments(applied) == [9, 1]
    order = [call.path.rpartition("/")[2] for call in applied.calls if call.method == "POST"]
    assert order.index("file_batches") < order.index("files", order.index("file_batches"))


def test_what_was_under_way_when_the_lease_was_lost_comes_to_its_end(tmp_path: Path) -> None:
    world, _ = many(tmp_path, 30)
    cut: list[str] = []

    class Watching:
        def __init__(self, account: Account) -> None:
            self._account = account

        async def send(self, call: Call) -> Reply:
            try:
                return await self._account.send(call)
            except asyncio.CancelledError:
                cut.append(call.path)
                raise

    def rival(call: Call) -> float:
        if call.uploads and call.uploads[0].filename == "010.md":
            store = next(s for s in world.api("GET", "/vector_stores")["data"] if "reconciler.anchor" in s["metadata"])
            state = store["metadata"]["reconciler.anchor"]
            run = state.partition("run=")[2].partition(";")[0]
            body = {"metadata": store["metadata"] | {"reconciler.anchor": state.replace(run, "f" * 8)}}
            world.api("POST", f"/vector_stores/{store['id']}", body)
        return 6.0 if call.uploads else 0.1

    applied = apply(world, latency=rival, wrap=Watching)
    assert applied.exit == Exit.LOCKED
    assert cut == []
    assert 0 < len(files_of(world)) <= UNATTACHED


def test_an_interrupted_rollout_cancels_its_uploads_and_frees_their_places(tmp_path: Path) -> None:
    world, _ = many(tmp_path, 60)
    session, _ = world.session()
    direct = DirectAccount(world.emulator, clock=world.time, latency=lambda call: 30.0 if call.uploads else 0.1)
    session = replace(session, account=Throttled(direct, clock=world.time, random=Random(1)))

    async def work() -> tuple[Exit, set[asyncio.Task[Any]]]:
        conclusion, interrupt = Conclusion(), asyncio.Event()
        prepared = await prepare(session)
        asyncio.get_running_loop().call_later(10, interrupt.set)
        async for _ in carry_out(session, prepared, conclusion, interrupt=interrupt):
            pass
        return conclusion.exit, asyncio.all_tasks() - {asyncio.current_task()}

    began = world.time.now()
    assert world.time.run(work) == (Exit.INTERRUPTED, set())
    assert world.time.now() - began < 10 + 7 + 5
    assert len(files_of(world)) <= UNATTACHED


def test_what_every_upload_would_meet_is_not_tried_with_every_file(tmp_path: Path) -> None:
    world, server = many(tmp_path, 60)
    quota = refuse(429, "You exceeded your current quota", "insufficient_quota")
    server.before.append(lambda r: quota if is_write(r, "/files") else None)
    applied = apply(world, latency=lambda _: 0.1)
    assert applied.exit == Exit.UNAVAILABLE
    assert len([call for call in applied.calls if call.uploads]) <= 8  # those that were on their way


def test_what_is_uploaded_when_the_stack_is_lost_for_a_while_is_journalled(tmp_path: Path) -> None:
    world, server = many(tmp_path, 30)
    assert world.settled()
    for number in range(30):
        world.write(f"docs/{number:03d}.md", f"# {number} again\n")
    anchor = anchors_of(world)[0]["id"]
    deaf = [False]

    def silent(call: Call) -> float:
        deaf[0] = deaf[0] or bool(call.uploads)
        return 12.0 if call.uploads else 0.1  # three uploads side by side, and a sign of life is overdue

    server.before.append(
        times(6, lambda r: refuse(502) if deaf[0] and is_write(r, f"/vector_stores/{anchor}") else None)
    )
    assert apply(world, latency=silent).exit == Exit.INCOMPLETE
    left = set(files_of(world))
    server.before.clear()
    assert world.settled()
    assert len(files_of(world)) == 30
    assert left - set(files_of(world))
