"""The journal: Files that are about to be deleted, named in the stack's record before the first of them goes.

A File says nothing of whose it is. One that was detached and not deleted when the process dies would be left for good,
if the record did not name it: the next run deletes what the journal names and nothing uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from reconciler.ownership.anchor import journal_chunks
from reconciler.ownership.lease import Lease


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal in the record of a stack that this run has."""

    lease: Lease
    _one_group: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def files(self) -> tuple[str, ...]:
        """The ids of the Files that it names."""
        return self.lease.record.anchor.journal

    @asynccontextmanager
    async def deleting(self, files: Sequence[str]) -> AsyncIterator[None]:
        """Name Files that are about to be deleted (they fit: see `journal_chunks`); inside, they are deleted.

        One group at a time. What was not deleted when the block ends with an error stays in the journal, and what an
        earlier group left there stays as far as there is room.
        """
        if not files:
            yield
            return
        async with self._one_group:
            await self.lease.record.stores.settled()  # an older write that arrives now would undo the journal
            left = [file_id for file_id in self.files if file_id not in files]
            self.keep(journal_chunks([*files, *left])[0])
            await self.lease.save()
            # If the process dies in the block, the next run finds these Files here: those that are gone it forgets,
            # those that something still uses it leaves to the plan, the others it deletes.
            yield
            now = [file_id for file_id in self.files if file_id not in files]
            self.keep(())
            self.add(list(dict.fromkeys([*now, *left])))

    def add(self, files: Sequence[str]) -> None:
        """Name Files that may be in use or not, as far as there is room: the next run finds out; written later."""
        if files:
            self.keep(journal_chunks([*self.files, *files])[0])

    def keep(self, files: Sequence[str]) -> None:
        """Only these Files are in question; written with the next write."""
        record = self.lease.record
        record.anchor = replace(record.anchor, journal=tuple(files))
