"""Of first applies at once one goes on, in every state of the model, and every rule is needed for that."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tests.models.checker import Report, check
from tests.models.first_apply import FREE, KEPT, ONE, Rules, State, Weather, free, model, story

MOST_STATES = 2_000_000
WEATHER = Weather()
STRICT = Rules()


def search(rules: Rules, weather: Weather) -> Report[State]:
    return check(model(rules, weather), bound=MOST_STATES)


@pytest.mark.parametrize(
    ("weather", "at_least"),
    [
        (WEATHER, 20_000),
        (Weather(crashes=1, late=(0,), lags=(0, 6)), 10_000),
        (Weather(crashes=2, late=(0, 3), lags=(0,)), 10_000),
    ],
    ids=["slow", "one dies", "both die"],
)
def test_every_promise_holds_in_every_state(weather: Weather, at_least: int, exhaustive: bool) -> None:
    report = search(STRICT, replace(weather, late=(0, 3), lags=(0, 1, 2, 4, 6, 8, 13)) if exhaustive else weather)
    assert report.counterexample is None, report.counterexample
    assert report.states >= at_least


def test_three_at_once_are_no_different(exhaustive: bool) -> None:
    weather = Weather(runs=3, late=(0,), lags=(0, 6) if exhaustive else (0,))
    assert search(STRICT, weather).counterexample is None


def test_lags_that_differ_by_more_than_the_pause_let_two_runs_go_on() -> None:
    """A bound that nobody can do anything about: what lists do not show in time cannot be waited for."""
    assert search(STRICT, replace(WEATHER, lags=(0, 7), skew=7)).counterexample is None
    report = search(STRICT, replace(WEATHER, lags=(0, 8), skew=8))
    assert report.broken == ONE
    assert story(report.trace) == [
        "0.5 s pass",
        "A reads no anchor",
        "A creates its anchor",
        "A's anchor is made (shown after 4 s)",
        "0.5 s pass",
        "B reads no anchor",
        "B creates its anchor",
        "B's anchor is made",
        "B is shown",
        "3 s pass",
        "B goes to work",
        "0.5 s pass",
        "A is shown",
        "3 s pass",
        "A goes to work",
    ]


def test_an_empty_anchor_of_a_dead_run_may_need_a_person() -> None:
    weather = Weather(crashes=1, late=(0,), lags=(0, 6))
    report = check(replace(model(STRICT, weather), at_rest={FREE: free}))
    assert report.broken == FREE
    assert story(report.trace) == [
        "A reads no anchor",
        "B reads no anchor",
        "B creates its anchor",
        "B's anchor is made",
        "B is shown",
        "0.5 s pass",
        "A creates its anchor",
        "A's anchor is made (shown after 3 s)",
        "2.5 s pass",
        "B goes to work",
        "A dies",
        "0.5 s pass",
        "B names its objects, and is done",
    ]


@dataclass(frozen=True, slots=True)
class Mistake:
    """Rules with one mistake, the promise it breaks, and how."""

    rules: Rules
    breaks: str
    story: tuple[str, ...]


BOTH_CREATE = (
    "A reads no anchor",
    "B reads no anchor",
    "A creates its anchor",
    "A's anchor is made",
    "A is shown",
    "B creates its anchor",
    "B's anchor is made",
    "B is shown",
)

MISTAKES = {
    "go on before the own anchor is shown": Mistake(
        Rules(until_shown=False),
        ONE,
        (
            "A reads no anchor",
            "A creates its anchor",
            "A's anchor is made (shown after 4 s)",
            "A is shown",
            "B reads no anchor",
            "B creates its anchor",
            "B's anchor is made (shown after 4 s)",
            "B is shown",
            "3 s pass",
            "A goes to work",
            "B goes to work",
        ),
    ),
    "pause first, and then wait to be shown": Mistake(
        Rules(pause_last=False),
        ONE,
        (
            "0.5 s pass",
            "A reads no anchor",
            "A creates its anchor",
            "A's anchor is made (shown after 4 s)",
            "0.5 s pass",
            "B reads no anchor",
            "B creates its anchor",
            "B's anchor is made (shown after 1 s)",
            "2.5 s pass",
            "A has waited",
            "0.5 s pass",
            "B has waited",
            "B is shown",
            "B goes to work",
            "0.5 s pass",
            "A is shown",
            "A goes to work",
        ),
    ),
    "no pause": Mistake(
        Rules(pause=0),
        ONE,
        (
            "0.5 s pass",
            "A reads no anchor",
            "A creates its anchor",
            "A's anchor is made (shown after 1 s)",
            "0.5 s pass",
            "B reads no anchor",
            "B creates its anchor",
            "B's anchor is made",
            "B is shown",
            "B goes to work",
            "0.5 s pass",
            "A is shown",
            "A goes to work",
        ),
    ),
    "do not look for rivals": Mistake(
        Rules(looks=False), ONE, (*BOTH_CREATE, "3 s pass", "A goes to work", "B goes to work")
    ),
    "both go on that were made in the same second": Mistake(
        Rules(ties=False), ONE, (*BOTH_CREATE, "3 s pass", "A goes to work", "B goes to work")
    ),
    "remove the other anchor": Mistake(
        Rules(removes="other"),
        ONE,
        (
            "0.5 s pass",
            "A reads no anchor",
            "B reads no anchor",
            "A creates its anchor",
            "A's anchor is made",
            "A is shown",
            "0.5 s pass",
            "B creates its anchor",
            "B's anchor is made",
            "B is shown",
            "2.5 s pass",
            "A goes to work",
            "0.5 s pass",
            "B removes the other anchor, and works",
        ),
    ),
}


@pytest.mark.parametrize("name", list(MISTAKES))
def test_every_rule_is_needed(name: str) -> None:
    mistake = MISTAKES[name]
    report = search(mistake.rules, WEATHER)
    assert report.broken == mistake.breaks
    assert story(report.trace) == list(mistake.story)


def test_removing_the_other_anchor_takes_the_record_of_a_run_that_works() -> None:
    without = replace(model(Rules(removes="other"), WEATHER), at_rest={})
    kept = {KEPT: without.always[KEPT]}
    assert check(replace(without, always=kept)).broken == KEPT
