"""What happened in one simulated life of a stack: every request on the wire, every change in the account, every process.

The invariants read nothing but this. `sent` is the wire as the processes know it, `writes` the account as it really
changed, with what an all-knowing onlooker saw before and after; both carry numbers of one sequence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from reconciler.account.limiter import Counters
from reconciler.account.port import Call, Failure
from reconciler.apply import Conclusion
from reconciler.commands.plan import Prepared
from reconciler.emulator.faults import Fault
from reconciler.model.address import Address
from reconciler.model.errors import Exit, Stop
from reconciler.review.approvals import Approval

if TYPE_CHECKING:
    from tests.simulation.designs import Design
    from tests.simulation.onlooker import Change, View


class Position(Enum):
    """When a process dies: before a request leaves it, when the server has acted and nobody hears of it, or after."""

    BEFORE = "before"
    AFTER = "after"
    HEARD = "heard"


@dataclass(frozen=True, slots=True)
class Crash:
    """A process dies at its `request`-th request, counted from 1 in the order in which requests leave it."""

    request: int
    position: Position


class Role(Enum):
    """Which command a process is."""

    APPLY = "apply"
    DESTROY = "destroy"
    ROLLBACK = "rollback"
    PLAN = "plan"
    DRIFT = "drift"
    SHOW = "show"
    GC = "gc"
    RECOVER = "recover"

    @property
    def writes(self) -> bool:
        """Whether the command may change anything. gc is simulated without --delete."""
        return self in {Role.APPLY, Role.DESTROY, Role.ROLLBACK, Role.RECOVER}


@dataclass(slots=True)
class Sent:
    """One request that a process sent once. `number` is its place among all of them; `at` in seconds since 1970.

    `placed` is a fault that happens to it whatever the weather, `fault` names what did. `failure` or `data` is what the process heard, at `heard` (None: nothing,
    it died before).
    """

    number: int
    process: Process
    call: Call
    at: float
    placed: Fault | None = None
    fault: str = ""
    heard: int | None = None
    status: int | None = None
    data: Mapping[str, Any] | None = None
    failure: Failure | None = None

    @property
    def name(self) -> str:
        """`METHOD /path`."""
        return f"{self.call.method} {self.call.path}"

    @property
    def in_doubt(self) -> bool:
        """Whether the process cannot know what became of it."""
        return self.heard is None or (self.failure is not None and self.failure.ambiguous)


@dataclass(slots=True)
class Process:
    """One run of the tool: what it was started with, what it did, and how it ended.

    `exit` is None after a crash. `error` is a traceback: no process may end so. `said` is all its output, `orphans`
    what gc listed, `final` the account when it ended. `disturbed`: a fault happened to one of its requests.
    """

    number: int
    role: Role
    design: Design
    began: float
    crash: Crash | None = None
    sent: list[Sent] = field(default_factory=list)
    died: asyncio.Event = field(default_factory=asyncio.Event)
    conclusion: Conclusion = field(default_factory=Conclusion)
    approval: Approval | None = None
    only: frozenset[Address] = frozenset()
    prepared: Prepared | None = None
    orphans: frozenset[str] = frozenset()
    stop: Stop | None = None
    error: str = ""
    said: list[str] = field(default_factory=list)
    started: int = 0
    ended: int | None = None
    final: View | None = None
    seconds: float = 0.0
    until: float = 0.0
    counters: Counters | None = None
    disturbed: bool = False
    interrupted: bool = False

    @property
    def crashed(self) -> bool:
        """Whether it died."""
        return self.died.is_set()

    @property
    def exit(self) -> Exit | None:
        """The exit code; None after a crash."""
        if self.crashed or self.ended is None:
            return None
        if self.error:
            return Exit.BUG
        return self.stop.code if self.stop else self.conclusion.exit

    @property
    def name(self) -> str:
        """For messages."""
        return f"process {self.number} ({self.role.value})"

    @property
    def writes(self) -> list[Sent]:
        """Everything that was not a read."""
        return [sent for sent in self.sent if not sent.call.reads]


class Actor(Enum):
    """Who changed the account."""

    PROCESS = "process"
    PERSON = "person"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Write:
    """One request that the account executed, and what it changed. `sent` is None for people and for the passing of time.

    `deed` says what a person did.
    """

    number: int
    at: float
    actor: Actor
    before: View
    after: View
    changes: tuple[Change, ...]
    sent: Sent | None = None
    method: str = ""
    path: str = ""
    status: int = 0
    deed: str = ""


@dataclass(frozen=True, slots=True)
class Rest:
    """One look at the account when all has come to rest: the bytes of a plan, and whether it was empty."""

    number: int
    text: str
    steps: tuple[str, ...]
    blocked: tuple[str, ...]
    refresh: str


@dataclass(slots=True)
class History:
    """Everything of one life.

    `trouble` is what the player saw, with the number of the invariant that it breaks; `final` the account at rest.
    `delay`: how late, in seconds, a list and an execution can be together; `settle`: what the tool reckons with.
    """

    processes: list[Process] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)
    trouble: list[tuple[int, str]] = field(default_factory=list)
    final: View | None = None
    faults: dict[str, int] = field(default_factory=dict)
    deeds: int = 0
    delay: float = 0.0
    settle: float = 60.0
    _number: int = 0

    def tick(self) -> int:
        """The next number of the one sequence."""
        self._number += 1
        return self._number

    @property
    def now(self) -> int:
        """The last number given."""
        return self._number

    def first_write(self, process: Process) -> Write:
        """The first write of a process that reached the account; there has to be one."""
        return next(write for write in self.writes if write.sent is not None and write.sent.process is process)

    def count(self, fault: str) -> None:
        """Note one fault."""
        self.faults[fault] = self.faults.get(fault, 0) + 1
