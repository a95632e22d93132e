"""What the steps of a run note in the stack's record: objects, holds, and Files about to be deleted."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.address import Address
from reconciler.ownership.anchor import Entry
from reconciler.ownership.journal import Journal
from reconciler.ownership.lease import Lease


class Ledger:
    """The notes of a run that has the stack: written with the next write of the record, or by `save`.

    If the process dies before, they are lost. Objects show by their own tags what they are; of what only the record
    knows, the Files of an assistant are uploaded anew, and a release that was held moves forward again.
    """

    def __init__(self, lease: Lease) -> None:
        self.journal = Journal(lease)
        self._lease = lease

    @property
    def lineage(self) -> str:
        """The lineage that our objects have in their tags."""
        return self._lease.record.anchor.lineage

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The inventory, by address and kind."""
        return self._lease.record.anchor.inventory

    def entry(self, kind: str, address: Address) -> Entry | None:
        """The inventory's line for an address."""
        return self._lease.record.anchor.entry(kind, address)

    def note(self, entry: Entry) -> None:
        """Put an object into the inventory."""
        self._lease.record.anchor = self._lease.record.anchor.with_entry(entry)

    def drop(self, kind: str, address: Address) -> None:
        """Take an object out of the inventory."""
        self._lease.record.anchor = self._lease.record.anchor.without(kind, address)

    def hold(self, address: Address, spec: str | None) -> None:
        """Note that an address was rolled back (`spec`: what it was rolled away from), or that the hold is over."""
        anchor = self._lease.record.anchor
        holds = {key: value for key, value in anchor.holds.items() if key != address}
        self._lease.record.anchor = replace(anchor, holds=holds if spec is None else {**holds, address: spec})

    async def save(self) -> None:
        """Write the record as it is now, while the run goes on."""
        await self._lease.save()
