"""Creation holds what docs/guarantees.md promises in every state of its model, and every rule of it is needed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tests.models.checker import Report, check
from tests.models.create_settle import (
    BEYOND,
    CONFIRMED,
    CONVERGED,
    DUPLICATE,
    HEALED,
    LATE,
    LATER,
    LATEST,
    PUBLISHED,
    SILENCE,
    TWICE,
    WINDOW,
    WITHIN,
    Rules,
    State,
    Weather,
    model,
    story,
)

MOST_STATES = 2_000_000
CREATES = "an apply reads nothing and will create"
UNLOCKED = "a person unlocks the stack"
STRICT = Rules()


def search(rules: Rules, weather: Weather) -> Report[State]:
    return check(model(rules, weather), bound=MOST_STATES)


# --- what holds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weather", "at_least"),
    [(WITHIN, 25_000), (TWICE, 30_000), (LATER, 40_000), (LATEST, 40_000)],
    ids=["within the window", "executed twice", "later", "latest"],
)
def test_every_promise_holds_in_every_state(weather: Weather, at_least: int, exhaustive: bool) -> None:
    worse = replace(weather, faults=weather.faults + 1, runs=weather.runs + 1) if exhaustive else weather
    report = search(STRICT, worse)
    assert report.counterexample is None, report.counterexample
    assert report.states >= at_least


@pytest.mark.parametrize(
    ("weather", "promises"),
    [
        (WITHIN, {DUPLICATE, PUBLISHED, CONFIRMED, CONVERGED, HEALED}),
        (TWICE, {PUBLISHED, CONFIRMED, CONVERGED, HEALED}),
        (LATE, {PUBLISHED, CONFIRMED, CONVERGED}),
        (LATER, {PUBLISHED, CONFIRMED, CONVERGED}),
        (LATEST, {PUBLISHED, CONVERGED}),
    ],
    ids=["within the window", "executed twice", "late", "later", "latest"],
)
def test_the_promises_grow_fewer_as_the_weather_gets_worse(weather: Weather, promises: set[str]) -> None:
    promised = model(STRICT, weather)
    assert {*promised.always, *promised.at_rest} == promises


# --- what nobody can promise ------------------------------------------------------------------------------------------


def test_a_creation_that_comes_after_the_window_is_a_duplicate_for_a_while() -> None:
    weather = Weather(1, 1, late=(0, BEYOND), lags=((0, 0),), sum=BEYOND)
    broken = replace(model(STRICT, weather), always={DUPLICATE: lambda state: len(state.things) <= 1})
    report = check(broken)
    assert report.broken == DUPLICATE
    assert story(report.trace) == [
        CREATES,
        "POST 1 gets no answer, and will be executed after 100 s",
        "60 s pass",
        "it is not found",
        "POST 2 is answered",
        "it is confirmed",
        "the run ends clean",
        "40 s pass",
        "the late POST is executed",
    ]
    assert check(model(STRICT, weather)).counterexample is None, "the next apply deletes it"


def test_a_deletion_on_its_way_cannot_be_called_back() -> None:
    """It takes three faults: a POST that is executed twice, and two processes that die with a request under way."""
    weather = Weather(3, late=(0,), lags=((0, 0),), confirm=(0, BEYOND), delete=(0, WINDOW), twice=True)
    broken = replace(model(STRICT, weather), always={CONFIRMED: lambda state: not state.lost})
    report = check(broken)
    assert report.broken == CONFIRMED
    assert story(report.trace) == [
        CREATES,
        "POST 1 is executed twice, its answer is lost",
        "it is found in a list",
        "the process dies; its confirmation will be executed after 100 s",
        "90 s pass",
        UNLOCKED,
        "an apply reads one unconfirmed and 1 more",
        "it is confirmed",
        "the process dies; its deletion will be executed after 60 s",
        "10 s pass",
        "the late confirmation is executed",
        "50 s pass",
        "the late deletion is executed",
    ]
    assert check(model(STRICT, weather)).counterexample is None, "nobody was told of what was lost"


# --- what every rule is for -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mistake:
    """Rules with one mistake, the weather in which it shows, the promise it breaks, and how."""

    rules: Rules
    weather: Weather
    breaks: str
    story: tuple[str, ...]


MISTAKES = {
    "try again without looking": Mistake(
        Rules(look=0),
        WITHIN,
        DUPLICATE,
        (
            CREATES,
            "POST 1 is executed, its answer is lost (listed newest first after 20 s, oldest first after 20 s)",
            "it is not found",
            "POST 2 is answered",
        ),
    ),
    "look for less than the window": Mistake(
        Rules(look=WINDOW - 1),
        WITHIN,
        DUPLICATE,
        (
            CREATES,
            "POST 1 is executed, its answer is lost (listed newest first after 60 s, oldest first after 60 s)",
            "50 s pass",
            "it is not found",
            "POST 2 is answered",
        ),
    ),
    "look in one list only": Mistake(
        Rules(orders=(0,)),
        WITHIN,
        DUPLICATE,
        (
            CREATES,
            "POST 1 is executed, its answer is lost (listed newest first after 100 s, oldest first after 0 s)",
            "60 s pass",
            "it is not found",
            "POST 2 is answered",
        ),
    ),
    "no calm-down after an unclean run": Mistake(
        Rules(calm=0),
        WITHIN,
        DUPLICATE,
        (
            CREATES,
            "POST 1 is answered (listed newest first after 20 s, oldest first after 20 s)",
            "the process dies",
            UNLOCKED,
            CREATES,
            "POST 1 is answered",
        ),
    ),
    "calm down from the last sign of life": Mistake(
        Rules(calm=WINDOW),
        WITHIN,
        DUPLICATE,
        (
            CREATES,
            "10 s pass",
            "POST 1 is answered (listed newest first after 60 s, oldest first after 60 s)",
            "the process dies",
            "50 s pass",
            UNLOCKED,
            CREATES,
            "POST 1 is answered",
        ),
    ),
    "go on with the old plan after the calm-down": Mistake(
        Rules(plan_again=False),
        WITHIN,
        DUPLICATE,
        (
            CREATES,
            "10 s pass",
            "POST 1 is answered (listed newest first after 60 s, oldest first after 60 s)",
            "the process dies",
            "50 s pass",
            UNLOCKED,
            "an apply reads nothing, and waits 30 s after the unclean run",
            "30 s pass",
            "then it goes on with its plan",
            "POST 1 is answered",
        ),
    ),
    "call the stack clean without having calmed down": Mistake(
        Rules(others_calm=False),
        WITHIN,
        DUPLICATE,
        (
            CREATES,
            "POST 1 is answered (listed newest first after 20 s, oldest first after 20 s)",
            "the process dies",
            UNLOCKED,
            "an apply of something else ends clean",
            CREATES,
            "POST 1 is answered",
        ),
    ),
    "end by a bug as if nothing were under way": Mistake(
        Rules(doubt_beats=False),
        WITHIN,
        DUPLICATE,
        (
            CREATES,
            "POST 1 is answered (listed newest first after 20 s, oldest first after 20 s)",
            "the process ends by a bug and gives the stack back",
            CREATES,
            "POST 1 is answered",
        ),
    ),
    "believe the lists rather than the inventory": Mistake(
        Rules(by_id=False),
        WITHIN,
        DUPLICATE,
        (
            CREATES,
            "POST 1 is answered (listed newest first after 20 s, oldest first after 20 s)",
            "it is confirmed",
            "the run ends clean",
            CREATES,
            "POST 1 is answered",
        ),
    ),
    "confirm before the create returns": Mistake(
        Rules(pending=False),
        TWICE,
        HEALED,
        (
            CREATES,
            "POST 1 is answered, and will be executed again at once",
            "the late POST is executed",
            "the run ends clean",
            "nothing goes wrong any more, and the lease of whoever died runs out",
            "an apply reads two confirmed objects and refuses",
            "an apply reads two confirmed objects and refuses",
        ),
    ),
    "keep the oldest": Mistake(
        Rules(keep="oldest", look_before_delete=False),
        TWICE,
        PUBLISHED,
        (
            CREATES,
            "POST 1 is executed twice, its answer is lost",
            "it is found in a list",
            "it is confirmed",
            "the run ends clean",
            "an apply reads one unconfirmed and 1 more",
            "it is confirmed",
            "a double is deleted, a confirmed one",
        ),
    ),
    "keep all": Mistake(
        Rules(keep="all"),
        TWICE,
        CONVERGED,
        (
            CREATES,
            "POST 1 is answered, and will be executed again at once",
            "the late POST is executed",
            "it is confirmed",
            "the run ends clean",
            "nothing goes wrong any more, and the lease of whoever died runs out",
            "an apply reads one confirmed and 1 more",
            "the run ends clean",
            "an apply reads one confirmed and 1 more",
            "the run ends clean",
        ),
    ),
    "delete the younger of two confirmed ones": Mistake(
        Rules(refuse=False, look_before_delete=False),
        LATE,
        PUBLISHED,
        (
            CREATES,
            "POST 1 is answered (listed newest first after 100 s, oldest first after 100 s)",
            "it is confirmed",
            "the process dies",
            "90 s pass",
            UNLOCKED,
            CREATES,
            "POST 1 is answered",
            "it is confirmed",
            "the run ends clean",
            "10 s pass",
            "nothing goes wrong any more, and the lease of whoever died runs out",
            "an apply reads one confirmed and 1 more",
            "a double is deleted, a confirmed one",
        ),
    ),
    "delete a double by what the plan says of it": Mistake(
        Rules(look_before_delete=False),
        LATER,
        CONFIRMED,
        (
            CREATES,
            "POST 1 is executed twice, its answer is lost",
            "it is found in a list",
            "the process dies; its confirmation will be executed after 100 s",
            "90 s pass",
            UNLOCKED,
            "an apply reads one unconfirmed and 1 more",
            "it is confirmed",
            "10 s pass",
            "the late confirmation is executed",
            "a double is deleted, a confirmed one",
        ),
    ),
}


@pytest.mark.parametrize("name", list(MISTAKES))
def test_every_rule_is_needed(name: str) -> None:
    mistake = MISTAKES[name]
    report = search(mistake.rules, mistake.weather)
    assert report.broken == mistake.breaks
    assert story(report.trace) == list(mistake.story)


def test_counting_from_the_last_sign_of_life_is_too_short_by_the_silence_that_is_allowed() -> None:
    """The last request of a process that dies may leave up to 30 s after its last sign of life."""
    short = Rules(calm=WINDOW)
    assert search(short, replace(WITHIN, sum=WINDOW - SILENCE)).counterexample is None
    assert search(short, replace(WITHIN, sum=WINDOW)).broken == DUPLICATE


def test_a_story_adds_up_the_waits_and_leaves_out_the_signs_of_life() -> None:
    assert story(["a", "10 s pass", "a sign of life", "10 s pass", "b", "10 s pass"]) == [
        "a",
        "20 s pass",
        "b",
        "10 s pass",
    ]
