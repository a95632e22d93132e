"""How a run ended, as its exit code says it."""

from __future__ import annotations

import pytest

from reconciler.apply.options import Conclusion
from reconciler.model.errors import Exit


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ((Exit.INCOMPLETE, Exit.STALE), Exit.STALE),
        ((Exit.DENIED, Exit.INCOMPLETE), Exit.DENIED),
        ((Exit.UNAVAILABLE, Exit.LOCKED), Exit.UNAVAILABLE),
        ((Exit.INTERRUPTED, Exit.INCOMPLETE), Exit.INTERRUPTED),
        ((Exit.INCOMPLETE, Exit.INTERRUPTED), Exit.INCOMPLETE),
    ],
)
def test_of_several_exit_codes_the_most_telling_one_stays(codes: tuple[Exit, ...], told: Exit) -> None:
    conclusion = Conclusion()
    for code in codes:
        conclusion.worsen(code)
    assert conclusion.exit is told


def test_a_run_that_was_interrupted_is_not_clean() -> None:
    assert Conclusion().clean
    assert not Conclusion(interrupted=True).clean
