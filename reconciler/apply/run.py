"""What all steps of one run share: the account, the clock, the ids known so far, and how a step can fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import BinaryIO, TypeVar

from reconciler.account.port import Account, Clock, Failure
from reconciler.model.address import Address, Ref
from reconciler.model.desired import Desired, Document
from reconciler.model.errors import Exit
from reconciler.model.events import Event
from reconciler.model.json import Json, substitute
from reconciler.model.observed import Tags
from reconciler.ownership.ledger import Ledger

T = TypeVar("T")

OpenDocument = Callable[[Document], AbstractContextManager[BinaryIO]]
Emit = Callable[[Event], None]

UNATTACHED = 40
"""Files of one run that may be uploaded, or on their way, while nothing names them yet: a crash leaves no more."""
LARGE = 4
"""Large files that are uploaded side by side: more would share one line, and all of them would miss their deadline."""


class StepFailed(Exception):  # noqa: N818 - how a step ended, not a bug
    """A step did not reach its end. `in_doubt`: the server may have acted, and nothing shows whether it did.

    `lines` name the parts that failed, such as documents. Server text in them is not yet escaped.
    """

    def __init__(
        self, summary: str, *, in_doubt: bool = False, code: Exit = Exit.INCOMPLETE, lines: tuple[str, ...] = ()
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.in_doubt = in_doubt
        self.code = code
        self.lines = lines


@dataclass(slots=True)
class Traffic:
    """What all uploads of one run share. `in_parts` is false once the server has shown that it has no `/uploads`.

    `barred` is a refusal that every other upload would meet.
    """

    in_parts: bool = True
    barred: Failure | None = None
    unattached: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(UNATTACHED))
    large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LARGE))

    async def allowed(self) -> None:
        """Raise the refusal that an upload would meet: many of them may be waiting for their turn."""
        if self.barred is not None:
            raise self.barred


@dataclass(slots=True)
class Run:
    """One apply. `settle` (W) and `file_deadline` are in seconds; `revision` is the tree's commit, 12 hex digits or ''.

    `ids` holds what each address stands for: what the plan observed, and what steps have created since.
    """

    account: Account
    clock: Clock
    owner: str
    run_id: str
    ledger: Ledger
    open: OpenDocument
    emit: Emit
    revision: str = ""
    settle: float = 60.0
    file_deadline: float = 600.0
    ids: dict[Address, str] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    traffic: Traffic = field(default_factory=Traffic)
    doubts: dict[str, float] = field(default_factory=dict)
    """By path, until when (monotonic) a request that seemed lost and was sent again may still be executed."""
    removals: dict[str, float] = field(default_factory=dict)
    """The same of deletions: they only matter where the same thing is to be made again."""
    _ops: int = 0

    def op(self) -> str:
        """A name for one attempt to create or change something; no two attempts of any run share one."""
        self._ops += 1
        return f"{self.run_id}.{self._ops}"

    def doubt(self, path: str) -> None:
        """Note that a write to a path seems not to have arrived, and may still do so in the settle window."""
        self.doubts[path] = self.clock.monotonic() + self.settle

    def doubt_removal(self, path: str) -> None:
        """Note that a deletion may still arrive in the settle window."""
        self.removals[path] = self.clock.monotonic() + self.settle

    async def settled(self, path: str) -> None:
        """Wait until no earlier write to a path can arrive any more, and undo what is written there now."""
        until = max(self.doubts.pop(path, 0.0), self.removals.pop(path, 0.0))
        await self.clock.sleep(max(0.0, until - self.clock.monotonic()))

    def resolve(self, value: Json) -> Json:
        """A spec with ids in place of refs; raises StepFailed when one is not known."""

        def known(ref: Ref) -> str:
            if ref.address not in self.ids:
                raise StepFailed(f"{ref.address} has no id yet")
            return self.ids[ref.address]

        return substitute(value, known)

    def tags(self, desired: Desired, op: str, *, state: str) -> Tags:
        """The tags of a resource as this run leaves it."""
        return Tags(
            stack=self.owner,
            lineage=self.ledger.lineage,
            address=desired.address,
            state=state,
            op=op,
            spec=desired.digest(),
            rev=self.revision,
            protect=desired.lifecycle.protect,
            retain=desired.lifecycle.retain,
        )

    def ours(self, tags: Tags | None, address: Address) -> bool:
        """Whether tags are evidence that an object is ours and stands for an address; compared exactly."""
        mine = (self.owner, self.ledger.lineage, address)
        return tags is not None and (tags.stack, tags.lineage, tags.address) == mine


def with_files(tags: Tags, files: str) -> Tags:
    """The same tags, saying which set of documents is settled."""
    return replace(tags, files=files)


async def together(calls: Iterable[Awaitable[T]]) -> list[T]:
    """All results, in order. When one fails the others end first: nothing goes on behind a step's back."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]
