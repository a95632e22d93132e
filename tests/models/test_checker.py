"""The checker finds what is wrong with a model, by a shortest way, and looks at everything else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.models.checker import REST, Model, TooManyStatesError, check


def counting(limit: int) -> Model[int]:
    """From 0, one or two at a time, up to a limit."""

    def steps(state: int) -> Iterator[tuple[str, int]]:
        for step in (1, 2):
            if state + step <= limit:
                yield f"+{step}", state + step

    return Model([0], steps)


def test_every_state_is_counted_once() -> None:
    assert check(counting(100)).states == 101


def test_a_promise_that_holds_everywhere_gives_no_counterexample() -> None:
    report = check(Model([0], counting(9).steps, always={"small": lambda state: state < 10}))
    assert (report.counterexample, report.trace, report.broken) == (None, [], "")


def test_the_shortest_way_to_a_broken_promise_is_found() -> None:
    report = check(Model([0], counting(100).steps, always={"not seven": lambda state: state != 7}))
    assert report.broken == "not seven"
    assert len(report.trace) == 4
    assert sum(int(label) for label in report.trace) == 7
    assert report.counterexample is not None
    assert report.counterexample.state == 7
    assert str(report.counterexample).splitlines()[0] == "'not seven' is broken:"


def test_a_start_may_be_the_counterexample() -> None:
    report = check(Model([3], counting(9).steps, always={"not three": lambda state: state != 3}))
    assert (report.broken, report.trace) == ("not three", [])


def test_what_holds_at_rest_is_asked_only_where_nothing_more_can_happen() -> None:
    assert check(Model([0], counting(9).steps, at_rest={"nine": lambda state: state == 9})).counterexample is None
    report = check(Model([0], counting(9).steps, at_rest={"ten": lambda state: state == 10}))
    assert report.broken == "ten"
    assert len(report.trace) == 5


def test_what_goes_round_in_circles_never_comes_to_rest() -> None:
    edges = {"a": [("on", "b"), ("off", "end")], "b": [("on", "c"), ("off", "end")], "c": [("back", "b")], "end": []}
    report = check(Model(["a"], lambda state: edges[state]))
    assert report.broken == REST
    assert report.trace == ["on", "on", "back"]


def test_a_model_that_grows_beyond_the_bound_shows_nothing() -> None:
    with pytest.raises(TooManyStatesError, match="more than 1,000 states"):
        check(counting(1_000), bound=1_000)
    assert check(counting(999), bound=1_000).states == 1_000


def test_several_starts_are_one_search() -> None:
    assert check(Model([0, 5, 7], counting(9).steps)).states == 10
