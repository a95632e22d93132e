"""The journal: Files that are about to be deleted, and what stays there of earlier ones."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from reconciler.ownership.journal import Journal
from tests.acceptance.world import World
from tests.ownership.leases import first_lease


def test_what_an_earlier_group_left_stays_in_the_journal(tmp_path: Path) -> None:
    world = World.new(tmp_path)

    async def work() -> list[tuple[str, ...]]:
        journal = Journal(await first_lease(world))
        seen = []
        with pytest.raises(asyncio.QueueEmpty):
            async with journal.deleting(["file-1", "file-2"]):
                asyncio.Queue[None]().get_nowait()
        seen.append(journal.files)
        async with journal.deleting(["file-2", "file-3"]):
            seen.append(journal.files)
        seen.append(journal.files)
        async with journal.deleting([]):
            pass
        return seen

    assert world.time.run(work) == [("file-1", "file-2"), ("file-2", "file-3", "file-1"), ("file-1",)]


def test_the_journal_waits_until_no_lost_write_can_undo_it(tmp_path: Path) -> None:
    world = World.new(tmp_path)

    async def work() -> float:
        lease = await first_lease(world)
        until = lease.record.stores.in_doubt_until = world.time.monotonic() + 40
        async with Journal(lease).deleting(["file-1"]):
            return world.time.monotonic() - until

    assert world.time.run(work) >= 0


def test_what_may_be_in_use_or_not_stays_in_the_journal_while_others_are_deleted(tmp_path: Path) -> None:
    world = World.new(tmp_path)

    async def work() -> tuple[str, ...]:
        journal = Journal(await first_lease(world))
        journal.add(["file-before"])
        async with journal.deleting(["file-1"]):
            journal.add(["file-meanwhile"])
        return journal.files

    assert set(world.time.run(work)) == {"file-before", "file-meanwhile"}
