"""Looks at every state that a small model of a protocol can reach, nearest first.

A model is a few starting states and a function from a state to its steps: what may happen next, in words, and the state
after it. A state is any hashable value. The search is breadth first, so what it reports is a shortest way to a state
that breaks a promise; the same model gives the same way every time.
"""

from __future__ import annotations

import gc
from array import array
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

State = TypeVar("State", bound=Hashable)

REST = "comes to rest"
"""The promise that is broken by a way that leads back to a state it was in before."""


class TooManyStatesError(Exception):
    """The model has more states than the bound allows: nothing was shown."""


@dataclass(frozen=True, slots=True)
class Model(Generic[State]):
    """`steps` gives what may happen next, `always` what holds in every state, `at_rest` in those without a next step.

    Whatever can happen has to end: a way that leads back to an earlier state breaks the promise `REST`.
    """

    starts: Iterable[State]
    steps: Callable[[State], Iterable[tuple[str, State]]]
    always: Mapping[str, Callable[[State], bool]] = field(default_factory=dict)
    at_rest: Mapping[str, Callable[[State], bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counterexample(Generic[State]):
    """The promise that is broken, what happened on a shortest way there, and where it ended."""

    promise: str
    trace: tuple[str, ...]
    state: State

    def __str__(self) -> str:
        """One step a line."""
        return "\n  ".join([f"{self.promise!r} is broken:", *self.trace])


@dataclass(frozen=True, slots=True)
class Report(Generic[State]):
    """How many states were looked at, and the nearest one that breaks a promise, if there is one."""

    states: int
    counterexample: Counterexample[State] | None

    @property
    def trace(self) -> list[str]:
        """What happened on the way to the counterexample; empty when all promises hold."""
        return list(self.counterexample.trace) if self.counterexample else []

    @property
    def broken(self) -> str:
        """The broken promise, or nothing."""
        return self.counterexample.promise if self.counterexample else ""


def check(model: Model[State], *, bound: int = 1_000_000) -> Report[State]:
    """Look at all states; raises TooManyStatesError beyond `bound`."""
    collecting = gc.isenabled()
    gc.disable()  # states hold no cycles, and looking for some takes a third of the time
    try:
        return _Search(model, bound).run()
    finally:
        if collecting:
            gc.enable()


class _Search(Generic[State]):
    def __init__(self, model: Model[State], bound: int) -> None:
        self._model = model
        self._bound = bound
        self._states: list[State] = []
        self._number: dict[State, int] = {}
        self._parents = array("q")
        self._labels: list[str] = []
        self._next = array("q")
        """The successors of all states, one after the other …"""
        self._ends = array("q")
        """… and where those of each state end."""

    def run(self) -> Report[State]:
        for start in self._model.starts:
            self._meet(start, -1, "")
        for number, state in enumerate(self._states):  # the list grows while it is walked
            promise = self._broken(state, moves=self._follow(number, state))
            if promise is not None:
                return self._report(promise, number)
        return self._report_cycle() or Report(len(self._states), None)

    def _follow(self, number: int, state: State) -> bool:
        """Meet what comes next; whether anything does."""
        moves = False
        for label, following in self._model.steps(state):
            moves = True
            self._next.append(self._meet(following, number, label))
        self._ends.append(len(self._next))
        return moves

    def _meet(self, state: State, parent: int, label: str) -> int:
        number = self._number.setdefault(state, len(self._states))
        if number == len(self._states):
            if number >= self._bound:
                raise TooManyStatesError(f"more than {self._bound:,} states")
            self._states.append(state)
            self._parents.append(parent)
            self._labels.append(label)
        return number

    def _broken(self, state: State, *, moves: bool) -> str | None:
        for promise, holds in self._model.always.items():
            if not holds(state):
                return promise
        if not moves:
            for promise, holds in self._model.at_rest.items():
                if not holds(state):
                    return promise
        return None

    def _report(self, promise: str, number: int) -> Report[State]:
        counterexample = Counterexample(promise, tuple(self._way_to(number)), self._states[number])
        return Report(len(self._states), counterexample)

    def _way_to(self, number: int) -> list[str]:
        way = []
        while self._parents[number] >= 0:
            way.append(self._labels[number])
            number = self._parents[number]
        return way[::-1]

    # --- cycles -------------------------------------------------------------------------------------------------------

    def _report_cycle(self) -> Report[State] | None:
        """Take away states that only lead to rest, until nothing is left, or a way that never ends."""
        before: list[list[int]] = [[] for _ in self._states]
        open_ways = array("q", bytes(8 * len(self._states)))
        for number in range(len(self._states)):
            for following in self._next[self._ends[number - 1] if number else 0 : self._ends[number]]:
                before[following].append(number)
                open_ways[number] += 1
        resting = [number for number, ways in enumerate(open_ways) if ways == 0]
        for number in resting:  # the list grows while it is walked
            for earlier in before[number]:
                open_ways[earlier] -= 1
                if open_ways[earlier] == 0:
                    resting.append(earlier)
        endless = next((number for number, ways in enumerate(open_ways) if ways), None)
        return None if endless is None else self._report_round(endless, open_ways)

    def _report_round(self, number: int, open_ways: array[int]) -> Report[State]:
        """Go on from a state that need not come to rest, until a state comes up again."""
        way = self._way_to(number)
        seen: set[int] = set()
        while number not in seen:
            seen.add(number)
            steps = ((label, self._number[state]) for label, state in self._model.steps(self._states[number]))
            label, number = next((label, following) for label, following in steps if open_ways[following])
            way.append(label)
        return Report(len(self._states), Counterexample(REST, tuple(way), self._states[number]))
