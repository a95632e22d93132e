"""A last look begins when the time is over. On virtual time."""

from __future__ import annotations

from reconciler.account.looks import Looks
from tests.simulation.loop import Conditions, run


def began(seconds: float, *takes: float) -> list[float]:
    """When the looks began within so many seconds, if each of them takes so long (the last figure: all further ones)."""
    found: list[float] = []

    async def main(conditions: Conditions) -> None:
        looks = Looks(conditions.clock, seconds)
        while True:
            found.append(conditions.clock.monotonic())
            await conditions.clock.sleep(takes[min(len(found), len(takes)) - 1])
            if not await looks.again():
                return

    run(1, main)
    return found


def test_the_pauses_double_up_to_the_longest() -> None:
    assert began(30.0, 0.0) == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 23.5, 30.0]


def test_a_look_that_was_under_way_when_the_time_ended_is_not_the_last() -> None:
    assert began(10.0, 1.0, 1.0, 30.0, 1.0) == [0.0, 1.5, 3.5, 33.5]


def test_without_any_time_there_is_one_look() -> None:
    assert began(0.0, 5.0) == began(-1.0, 5.0) == [0.0]
