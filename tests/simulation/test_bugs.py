"""The harness catches every bug that is planted into the code, and finds nothing wrong where none is."""

from __future__ import annotations

import pytest

from tests.simulation.bugs import BUGS, Bug
from tests.simulation.invariants import Violation
from tests.simulation.play import play

EACH_BUG = pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)


def caught(bug: Bug) -> tuple[int, list[Violation]]:
    """How many lives it took until the planted bug showed, and how."""
    with bug.planted():
        for count, life in enumerate(bug.hunt.lives(), 1):
            wrong = play(life).wrong
            if any(violation.invariant in bug.invariants for violation in wrong):
                return count, wrong
    return 0, []


@EACH_BUG
def test_a_planted_bug_is_caught_where_the_right_code_passes(bug: Bug) -> None:
    count, wrong = caught(bug)
    assert count, "nobody noticed"
    right = [play(life).wrong for _, life in zip(range(count), bug.hunt.lives(), strict=False)]
    assert right == [[]] * len(right)
    assert wrong


def test_there_are_enough_of_them_and_no_two_are_called_alike() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 25
