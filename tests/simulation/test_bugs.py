"""The harness catches every bug that is planted into the code, and finds nothing wrong where none is.

A few of them on every run, and all of them in `make examples`.
"""

from __future__ import annotations

import pytest

from tests.simulation.bugs import BUGS, Bug
from tests.simulation.play import Life, play


def caught(bug: Bug) -> Life | None:
    """The first life in which the planted bug shows."""
    with bug.planted():
        for life in bug.hunt.lives():
            if any(violation.invariant in bug.invariants for violation in play(life).wrong):
                return life
    return None


@pytest.mark.sampled(4)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught_where_the_right_code_passes(bug: Bug) -> None:
    life = caught(bug)
    assert life is not None, "nobody noticed"
    assert play(life).wrong == []


def test_there_are_enough_of_them_and_no_two_are_called_alike() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 25
