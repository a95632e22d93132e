"""How a broken promise is said."""

from __future__ import annotations

from dataclasses import dataclass

NAMES = {
    1: "ours only",
    2: "one object per address",
    3: "nothing lost",
    4: "published ids stable",
    5: "no gap",
    6: "convergence",
    7: "truthful exit code",
    8: "plan, drift and show only read",
    9: "refusals write nothing",
    10: "deletes last, and approved",
    11: "one op, one create",
    12: "bounded requests and time",
    13: "plans are byte-deterministic",
    14: "no secret in any output",
    15: "orphans within their bound",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise; `number` says when, in the sequence of the history."""

    invariant: int
    what: str
    number: int = 0

    def __str__(self) -> str:
        return f"invariant {self.invariant} ({NAMES[self.invariant]}): {self.what}"
