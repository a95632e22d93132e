"""What one look found, by address."""

from __future__ import annotations

from reconciler.model.address import Address
from reconciler.model.observed import AccountInfo, Observed, Tags
from reconciler.model.snapshot import Snapshot

HELPER = Address("Assistant", "helper")


def live(object_id: str, created: int, *, tagged: bool = True) -> Observed:
    tags = Tags("acme", "0" * 12, HELPER) if tagged else None
    return Observed("agent", object_id, {}, {"created_at": created}, tags)


def test_objects_at_an_address_come_oldest_first_and_what_is_not_ours_stands_at_none() -> None:
    objects = (live("agt_2", 20), live("agt_3", 5, tagged=False), live("agt_1", 10))
    found = Snapshot(AccountInfo("local"), "acme", objects=objects)
    assert [item.id for item in found.of(HELPER)] == ["agt_1", "agt_2"]
    assert list(found.of(Address("Assistant", "other"))) == []
