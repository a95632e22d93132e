"""A wait in words is never shorter than the wait, and never a number to be divided by 3,600 in the head."""

from __future__ import annotations

import math

import pytest

from reconciler.account.waiting import pause

NOON = 1795348800.0
"""2026-11-22 12:00 UTC."""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (119.0, "119 s"),
        (120.0, "2 min"),
        (601.0, "11 min"),
        (5400.0, "90 min"),
        (7200.0, "2 h"),
        (9000.0, "2 h 30 min"),
        (86_400.0, "24 h"),
        (86_401.0, "24 h 1 min"),
        (4 * 86_400.0, "4 days"),
        (4 * 86_400.0 + 1, "5 days"),
        (367 * 86_400.0, "more than a year"),
        (1e300, "more than a year"),
        (math.inf, "more than a year"),
        (math.nan, "more than a year"),
    ],
)
def test_a_wait_is_told_in_the_unit_that_people_would_use(seconds: float, words: str) -> None:
    assert pause(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (60.0, "60 s"),
        (150.0, "3 min, until 2026-11-22 12:03 UTC"),
        (86_400.0, "24 h, until 2026-11-23 12:00 UTC"),
        (86_400.5, "24 h 1 min, until 2026-11-23 12:01 UTC"),
    ],
)
def test_with_a_clock_at_hand_it_says_until_when(seconds: float, words: str) -> None:
    assert pause(seconds, NOON) == words


@pytest.mark.parametrize("now", [1e18, -1e18, math.inf, math.nan])
def test_a_clock_that_makes_no_sense_is_left_out(now: float) -> None:
    assert pause(3600.0, now) == "60 min"
