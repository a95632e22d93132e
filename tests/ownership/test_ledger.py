"""What steps note in the stack's record, and when it is written."""

from __future__ import annotations

from pathlib import Path

from reconciler.model.address import Address
from reconciler.ownership.anchor import Entry
from reconciler.ownership.ledger import Ledger
from tests.acceptance.world import World
from tests.ownership.leases import first_lease

HELPER = Address("Assistant", "helper")


def test_what_is_noted_is_written_when_the_record_is_saved(tmp_path: Path) -> None:
    world, entry = World.new(tmp_path), Entry("agent", HELPER, "agent_1")

    async def work() -> list[tuple[Entry, ...]]:
        lease = await first_lease(world)
        ledger = Ledger(lease)
        ledger.note(entry)
        before = (await lease.look()).inventory
        await ledger.save()
        return [before, (await lease.look()).inventory]

    assert world.time.run(work) == [(), (entry,)]


def test_an_object_that_is_dropped_and_a_hold_that_is_over_leave_nothing(tmp_path: Path) -> None:
    world = World.new(tmp_path)

    async def work() -> Ledger:
        lease = await first_lease(world)
        ledger = Ledger(lease)
        ledger.note(Entry("release", HELPER, "skill_1", "2"))
        ledger.hold(HELPER, "0123456789abcdef")
        assert lease.record.anchor.holds == {HELPER: "0123456789abcdef"}
        ledger.hold(HELPER, None)
        ledger.drop("release", HELPER)
        assert lease.record.anchor.holds == {}
        return ledger

    assert world.time.run(work).entries == ()
