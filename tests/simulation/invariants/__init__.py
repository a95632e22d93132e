"""The fifteen invariants of docs/guarantees.md, as checks over a recorded history.

1 ours only                    6 convergence                     11 one op, one create
2 one object per address       7 truthful exit code              12 bounded requests and time
3 nothing lost                 8 plan, drift and show only read  13 plans are byte-deterministic
4 published ids stable         9 refusals write nothing          14 no secret in any output
5 no gap                      10 deletes last, and approved      15 orphans within their bound
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.simulation.history import History
from tests.simulation.invariants import account, chosen, conduct, deletes, evidence, rest
from tests.simulation.invariants.violation import NAMES, Violation

__all__ = ["CHECKS", "NAMES", "Violation", "violations"]

CHECKS: tuple[Callable[[History], Iterator[Violation]], ...] = (
    evidence.ours_only,
    account.one_object,
    account.nothing_lost,
    deletes.published_ids,
    account.no_gap,
    rest.convergence,
    rest.truthful_exit,
    conduct.readers_read,
    conduct.refusals,
    deletes.deletes,
    conduct.ops,
    conduct.bounds,
    rest.determinism,
    conduct.secrets,
    account.orphans,
)
"""Invariant n is at n - 1."""
MORE: tuple[Callable[[History], Iterator[Violation]], ...] = (chosen.left_alone, chosen.only_the_chosen)
"""Further checks of invariants 3 and 10."""


def violations(history: History) -> list[Violation]:
    """Everything that is not as promised, in the order in which it happened."""
    found = [violation for check in (*CHECKS, *MORE) for violation in check(history)]
    found += [Violation(invariant, what, history.now) for invariant, what in history.trouble]
    return sorted(found, key=lambda violation: (violation.number, violation.invariant, violation.what))
