"""How a run is to go, and how it went."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.apply.run import OpenDocument
from reconciler.model.errors import Exit
from reconciler.model.events import Outcome
from reconciler.model.plan import Plan
from reconciler.observing.scope import Found
from reconciler.ownership.liveness import Liveness, Unknown
from reconciler.ownership.taking import SERVICE, Timing

SEVERITY = (Exit.DONE, Exit.INCOMPLETE, Exit.STALE, Exit.LOCKED, Exit.REFUSED, Exit.UNAVAILABLE, Exit.DENIED)
"""The most telling exit code is the last of these; one that is not among them counts as incomplete."""


class Fresh(Protocol):
    """A plan that was made just now, and what it was made from."""

    @property
    def found(self) -> Found:
        """What was observed."""
        ...

    @property
    def plan(self) -> Plan:
        """What is left to do."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """`run_id` and `lineage` are random hex digits (8 and 12); `settle` and `file_deadline` are in seconds.

    `check` reads the account and plans again, given the ids of the objects that the run changed, and the anchor's.
    `again` does the same before the first step, and raises Stop when what is to be done now goes beyond the plan; None
    for a plan that is not about the manifests (a rollback), and then repairs nothing that an earlier run left.
    `partial`: what an earlier run left is repaired in part only, so the anchor goes on saying that it ended unclean.
    `deadline`, on the clock's monotonic scale, is when the run winds down whatever is left to do.
    """

    run_id: str
    lineage: str
    open: OpenDocument
    check: Callable[[frozenset[str], str], Awaitable[Fresh]]
    again: Callable[[str], Awaitable[Fresh]] | None
    timing: Timing = SERVICE
    liveness: Liveness = field(default_factory=Unknown)
    revision: str = ""
    settle: float = 60.0
    file_deadline: float = 600.0
    destroy: bool = False
    partial: bool = False
    deadline: float | None = None


@dataclass(slots=True)
class Conclusion:
    """How a run ended; filled in as it goes. `anchor` is the id to pin, when this run made it."""

    exit: Exit = Exit.DONE
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    interrupted: bool = False
    anchor: str | None = None

    @property
    def clean(self) -> bool:
        """Whether nothing speaks against it so far."""
        return self.exit is Exit.DONE and not self.interrupted

    def worsen(self, code: Exit) -> None:
        """Of two exit codes the more telling one stays: denied and unavailable over stale over incomplete."""
        self.exit = max(self.exit, code, key=_severity)

    def count(self, outcome: Outcome) -> int:
        """How many steps ended so."""
        return sum(1 for item in self.outcomes.values() if item is outcome)


def _severity(code: Exit) -> int:
    return SEVERITY.index(code if code in SEVERITY else Exit.INCOMPLETE)
