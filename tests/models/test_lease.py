"""The lease holds what docs/guarantees.md promises in every state of its model, and every rule of it is needed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import pytest

from tests.models.checker import Report, check
from tests.models.lease import ALONE, FREE, NOTICED, SOMEBODY, STALE, Delay, Rules, State, Weather, model, story

MOST_STATES = 2_000_000
STRICT = Rules()

AT_ONCE: tuple[Delay, ...] = ((0, 0),)
PROMPT: tuple[Delay, ...] = ((0, 0), (1, 0))
"""Reading and claiming takes two seconds at most: nobody has to give up."""
QUICK: tuple[Delay, ...] = ((0, 0), (2, 0), (0, 2))
LATE: tuple[Delay, ...] = ((0, 0), (4, 0))
"""Requests may take longer to arrive than the pause before reading back."""
SLOW: tuple[Delay, ...] = ((0, 0), (4, 0), (0, 4))
"""So may answers."""
SAFE = (ALONE, NOTICED, FREE)

RACE = Weather(delays=QUICK)
LATE_RACE = Weather(delays=LATE)
SLOW_RACE = Weather(delays=SLOW, stay=1)
DYING = Weather(delays=((0, 0), (2, 0)), crashes=1)
HELD = Weather(holding=True, stay=26, delays=LATE)
UNLOCKED = Weather(holding=True, stay=6, delays=SLOW, unlocks=1)
PAUSED = Weather(holding=True, stay=6, delays=((0, 0), (0, 4)), pauses=1)
ONE = Weather(runs=1, holding=True, stay=14, delays=AT_ONCE, unlocks=1)


def search(rules: Rules, weather: Weather, promises: Collection[str] = SAFE, *, notice: int = STALE) -> Report[State]:
    return check(model(rules, weather, promises, notice=notice), bound=MOST_STATES)


# --- what holds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weather", "promises", "at_least"),
    [
        (Weather(delays=PROMPT), {ALONE, NOTICED, FREE, SOMEBODY}, 1_000),
        (RACE, {ALONE, NOTICED, FREE}, 20_000),
        (LATE_RACE, {ALONE, NOTICED, FREE}, 10_000),
        (DYING, {ALONE, NOTICED, FREE}, 10_000),
        (HELD, {ALONE, NOTICED, FREE}, 10_000),
        (UNLOCKED, {NOTICED, FREE}, 10_000),
        (PAUSED, {ALONE, NOTICED, FREE}, 10_000),
    ],
    ids=["prompt", "quick", "late", "one dies", "one has it", "unlocked", "paused"],
)
def test_every_promise_holds_in_every_state(
    weather: Weather, promises: set[str], at_least: int, exhaustive: bool
) -> None:
    report = search(STRICT, replace(weather, stay=weather.stay + 2) if exhaustive else weather, promises)
    assert report.counterexample is None, report.counterexample
    assert report.states >= at_least


def test_three_runs_are_no_different(exhaustive: bool) -> None:
    report = search(STRICT, Weather(runs=3, delays=((0, 0), (0, 2)) if exhaustive else PROMPT, stay=2))
    assert report.counterexample is None, report.counterexample


# --- what nobody can promise ------------------------------------------------------------------------------------------


def test_the_bound_is_the_age_of_a_look_that_a_write_relies_on() -> None:
    report = search(STRICT, UNLOCKED, {NOTICED}, notice=STALE - 1)
    assert story(report.trace) == [
        "a person unlocks the stack",
        "5 s pass",
        "A writes, 5 s after the anchor stopped naming it",
    ]


def test_a_process_that_is_paused_right_before_a_write_cannot_notice_anything() -> None:
    report = search(STRICT, Weather(holding=True, stay=6, delays=AT_ONCE, naps=1))
    assert report.broken == NOTICED
    assert story(report.trace) == [
        "5 s pass",
        "A is about to write, and is paused",
        "15 s pass",
        "B reads the anchor",
        "B writes its id",
        "the anchor names B (written by B)",
        "B has written, and waits",
        "3 s pass",
        "B reads the anchor back",
        "B finds itself there",
        "3 s pass",
        "A writes, 6 s after the anchor stopped naming it",
    ]


def test_unlocking_a_run_that_lives_lets_two_of_them_write_for_two_seconds() -> None:
    report = search(STRICT, UNLOCKED)
    assert report.broken == ALONE
    assert story(report.trace) == [
        "a person unlocks the stack",
        "B reads the anchor",
        "B writes its id",
        "the anchor names B (written by B)",
        "B has written, and waits",
        "3 s pass",
        "B reads the anchor back",
        "B finds itself there",
    ]
    patient = replace(STRICT, pause=STALE + 1)
    assert search(patient, UNLOCKED).counterexample is None


def test_two_runs_that_give_up_and_slow_answers_may_take_the_stack_from_a_third(exhaustive: bool) -> None:
    """What a slow run puts back may arrive when somebody else has the stack; who loses it so notices in time."""
    report = search(STRICT, SLOW_RACE)
    assert report.broken == ALONE
    assert [line for line in story(report.trace) if "gives up" in line] == [
        "A was too slow, and gives up",
        "B was too slow, and gives up",
    ]
    if exhaustive:
        assert search(STRICT, SLOW_RACE, {NOTICED, FREE}).counterexample is None


# --- what every rule is for -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mistake:
    """Rules with one mistake, the weather in which it shows, the promise it breaks, and how."""

    rules: Rules
    weather: Weather
    breaks: str
    story: tuple[str, ...]


MISTAKES = {
    "no read-back": Mistake(
        Rules(reads_back=False),
        RACE,
        ALONE,
        (
            "A reads the anchor",
            "A writes its id (which arrives after 2 s)",
            "1 s passes",
            "B reads the anchor",
            "B writes its id",
            "the anchor names B (written by B)",
            "B has written, and holds the stack",
            "1 s passes",
            "the anchor names A (written by A)",
            "A has written, and holds the stack",
        ),
    ),
    "read back without the wait": Mistake(
        Rules(pause=0),
        RACE,
        ALONE,
        (
            "A reads the anchor",
            "A writes its id (which arrives after 2 s)",
            "1 s passes",
            "B reads the anchor",
            "B writes its id",
            "the anchor names B (written by B)",
            "B has written, and waits",
            "B reads the anchor back",
            "B finds itself there",
            "1 s passes",
            "the anchor names A (written by A)",
            "A has written, and waits",
            "A reads the anchor back",
            "A finds itself there",
        ),
    ),
    "a wait that is shorter than a claim may take": Mistake(
        Rules(pause=1),
        RACE,
        ALONE,
        (
            "A reads the anchor",
            "A writes its id (which arrives after 2 s)",
            "1 s passes",
            "B reads the anchor",
            "B writes its id",
            "the anchor names B (written by B)",
            "B has written, and waits",
            "1 s passes",
            "B reads the anchor back",
            "the anchor names A (written by A)",
            "A has written, and waits",
            "B finds itself there",
            "1 s passes",
            "A reads the anchor back",
            "A finds itself there",
        ),
    ),
    "no giving up on a slow claim": Mistake(
        Rules(most=None),
        RACE,
        ALONE,
        (
            "A reads the anchor (which is answered after 2 s)",
            "1 s passes",
            "B reads the anchor",
            "B writes its id",
            "the anchor names B (written by B)",
            "B has written, and waits",
            "1 s passes",
            "A writes its id (which arrives after 2 s)",
            "2 s pass",
            "B reads the anchor back",
            "the anchor names A (written by A)",
            "A has written, and waits",
            "B finds itself there",
            "3 s pass",
            "A reads the anchor back",
            "A finds itself there",
        ),
    ),
    "undo a slow claim at once": Mistake(
        Rules(undo_after=0),
        RACE,
        ALONE,
        (
            "A reads the anchor (which is answered after 2 s)",
            "1 s passes",
            "B reads the anchor",
            "B writes its id",
            "the anchor names B (written by B)",
            "B has written, and waits",
            "1 s passes",
            "A writes its id (which arrives after 2 s)",
            "2 s pass",
            "B reads the anchor back",
            "the anchor names A (written by A)",
            "A was too slow, and gives up",
            "A looks whether its claim stands",
            "A puts back what it had found",
            "the anchor names nobody (written by A)",
            "A tries again, and reads the anchor",
            "A writes its id",
            "the anchor names A (written by A)",
            "A has written, and waits",
            "B finds itself there",
            "3 s pass",
            "A reads the anchor back",
            "A finds itself there",
        ),
    ),
    "claim without reading": Mistake(
        Rules(looks=False),
        RACE,
        ALONE,
        (
            "A writes its id",
            "the anchor names A (written by A)",
            "A has written, and waits",
            "3 s pass",
            "A reads the anchor back",
            "A finds itself there",
            "B writes its id",
            "the anchor names B (written by B)",
            "B has written, and waits",
            "3 s pass",
            "B reads the anchor back",
            "B finds itself there",
        ),
    ),
    "take over while the holder lives": Mistake(
        Rules(takeover=9),
        HELD,
        ALONE,
        (
            "6 s pass",
            "A looks before a write (which arrives after 4 s)",
            "4 s pass",
            "A finds itself there",
            "A looks before a sign of life",
            "A shows a sign of life (which arrives after 4 s)",
            "B reads the anchor",
            "B writes its id",
            "the anchor names B (written by B)",
            "B has written, and waits",
            "3 s pass",
            "B reads the anchor back",
            "B finds itself there",
        ),
    ),
    "no signs of life": Mistake(
        Rules(beat=None),
        replace(HELD, delays=AT_ONCE),
        ALONE,
        (
            "20 s pass",
            "A looks before a write",
            "A finds itself there",
            "B reads the anchor",
            "B writes its id",
            "the anchor names B (written by B)",
            "B has written, and waits",
            "3 s pass",
            "B reads the anchor back",
            "B finds itself there",
        ),
    ),
    "never take over": Mistake(
        Rules(takeover=None),
        DYING,
        FREE,
        (
            "A reads the anchor",
            "A writes its id",
            "the anchor names A (written by A)",
            "A has written, and waits",
            "A dies",
            "B reads the anchor",
            "B finds A there, and ends",
        ),
    ),
    "write without looking again": Mistake(
        Rules(stale=None),
        ONE,
        NOTICED,
        (
            "a person unlocks the stack",
            "6 s pass",
            "A writes, 6 s after the anchor stopped naming it",
        ),
    ),
    "count the age of a look from its answer": Mistake(
        Rules(from_sending=False),
        replace(ONE, delays=((0, 0), (0, 4))),
        NOTICED,
        (
            "6 s pass",
            "A looks before a write (which is answered after 4 s)",
            "a person unlocks the stack",
            "4 s pass",
            "A finds itself there",
            "A looks before a sign of life (which is answered after 4 s)",
            "2 s pass",
            "A writes, 6 s after the anchor stopped naming it",
        ),
    ),
    "undo a claim without looking whether it stands": Mistake(
        Rules(looks_before_undoing=False),
        LATE_RACE,
        ALONE,
        (
            "A reads the anchor",
            "A writes its id (which arrives after 4 s)",
            "3 s pass",
            "B reads the anchor",
            "B writes its id (which arrives after 4 s)",
            "1 s passes",
            "the anchor names A (written by A)",
            "A was too slow, and gives up",
            "3 s pass",
            "the anchor names B (written by B)",
            "B was too slow, and gives up",
            "4 s pass",
            "A puts back what it had found",
            "the anchor names nobody (written by A)",
            "A tries again, and reads the anchor",
            "A writes its id",
            "the anchor names A (written by A)",
            "A has written, and waits",
            "3 s pass",
            "A reads the anchor back",
            "A finds itself there",
            "B puts back what it had found",
            "the anchor names nobody (written by B)",
            "B tries again, and reads the anchor",
            "B writes its id",
            "the anchor names B (written by B)",
            "B has written, and waits",
            "3 s pass",
            "B reads the anchor back",
            "B finds itself there",
        ),
    ),
}


@pytest.mark.parametrize("name", list(MISTAKES))
def test_every_rule_is_needed(name: str) -> None:
    mistake = MISTAKES[name]
    report = search(mistake.rules, mistake.weather, {mistake.breaks})
    assert report.broken == mistake.breaks
    assert story(report.trace) == list(mistake.story)
