"""A model of two first applies at once: each creates an anchor of its own, and all but one have to notice.

There is nothing to hold a lease on yet, so the anchors themselves decide. A run creates one, waits until lists show it,
waits `pause` more, lists, and goes on unless it sees an anchor that is not younger than its own; else it removes its
own and ends. One unit of time is half a second; the server tells ages in whole seconds. A POST takes a while to be
executed, lists show an anchor after a lag of its own, and the lags of two anchors differ by at most `skew`.

What stands for what: "reads" is observe; "creates", "is shown", "lists" are Record.create, taking._refuse_rivals and
Record.rivals; "works" is everything after taking.take, "names its objects" the first write of the anchor that holds an
inventory, and the last run's choice observe._choose.

Left out: a POST whose answer is lost (it is looked for in the lists, which is the wait for being shown).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tests.models.checker import Model

NAMES = "ABC"
SECOND = 2
"""Units of time in a second."""
HORIZON = 3 * SECOND
"""Runs begin and create within this time."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The protocol as it is meant; every other value is a mistake that somebody could make.

    `until_shown`: wait until the lists show the own anchor; `pause_last`: and only then `pause`. `looks`: do not go on
    beside an older anchor. `ties`: nor beside one of the same second. `removes` is which anchor goes then.
    """

    until_shown: bool = True
    pause_last: bool = True
    pause: int = 3 * SECOND
    looks: bool = True
    ties: bool = True
    removes: Literal["own", "other"] = "own"


@dataclass(frozen=True, slots=True)
class Weather:
    """`late` is how long a POST takes to be executed, `lags` how long lists do not show an anchor, in units of time."""

    runs: int = 2
    late: tuple[int, ...] = (0, 3)
    lags: tuple[int, ...] = (0, 2, 8)
    skew: int = 3 * SECOND
    crashes: int = 0


class Anchor(NamedTuple):
    """One anchor: whose it is, when it was made, how long lists hide it and still will, whether it names objects."""

    owner: int
    made: int
    lag: int
    unseen: int
    names: bool = False


class Run(NamedTuple):
    """One process; `wait` is what is left of a wait."""

    doing: str = ""
    wait: int = 0


class State(NamedTuple):
    """`posts` are requests of dead runs: whose they are, and when they are executed."""

    now: int
    runs: tuple[Run, ...]
    anchors: tuple[Anchor, ...] = ()
    posts: tuple[tuple[int, int], ...] = ()
    crashes: int = 0
    lost: bool = False
    """An anchor was removed that named objects, or whose run was at work."""


Step = tuple[str, State]

ENDED = frozenset({"done", "locked", "dead"})
WORKS = frozenset({"works", "done"})

ONE = "at most one run works"
KEPT = "the anchor of a run that works is never removed"
FREE = "the run that comes after all of them is not refused"


def model(rules: Rules, weather: Weather) -> Model[State]:
    """The protocol under some rules in some weather.

    Nobody can promise that a person is never needed if a run dies between creating its anchor and listing: the empty
    anchor that it leaves may be the older one.
    """
    start = State(0, (Run(),) * weather.runs, crashes=weather.crashes)
    always = {ONE: _one, KEPT: lambda state: not state.lost}
    return Model([start], _World(rules, weather).steps, always, {} if weather.crashes else {FREE: free})


def _one(state: State) -> bool:
    return sum(run.doing in WORKS for run in state.runs) <= 1


def free(state: State) -> bool:
    """Whether the oldest anchor can be taken: a younger one that names objects would need a person."""
    oldest_first = sorted(state.anchors, key=lambda anchor: (anchor.made // SECOND, anchor.owner))
    return not any(anchor.names for anchor in oldest_first[1:])


@dataclass(frozen=True, slots=True)
class _World:
    rules: Rules
    weather: Weather

    def steps(self, state: State) -> Iterator[Step]:
        """What happens at once, in any order; when nothing does, what may happen, and time."""
        due = [*self._executed(state), *self._at_once(state)]
        if due:
            yield from due
            return
        later = self._later(state)
        if later != state:
            yield TICK, later
        for number, run in enumerate(state.runs):
            yield from self._may(state, number, run)

    def _later(self, state: State) -> State:
        settled = all(run.doing in ENDED for run in state.runs)
        return state._replace(
            now=state.now if settled else min(state.now + 1, HORIZON + max(self.weather.late) + 1),
            runs=tuple(run._replace(wait=max(0, run.wait - 1)) for run in state.runs),
            anchors=tuple(anchor._replace(unseen=max(0, anchor.unseen - 1)) for anchor in state.anchors),
            posts=tuple((owner, due - 1) for owner, due in state.posts),
        )

    # --- the account --------------------------------------------------------------------------------------------------

    def _executed(self, state: State) -> Iterator[Step]:
        for number, run in enumerate(state.runs):
            if run.doing == "posts" and run.wait == 0:
                wait = 0 if self.rules.pause_last else self.rules.pause
                waits = _with(state, number, Run("waits" if wait else "is not shown", wait))
                yield from self._made(waits, number)
        for place, (owner, due) in enumerate(state.posts):
            if due == 0:
                yield from self._made(state._replace(posts=state.posts[:place] + state.posts[place + 1 :]), owner)

    def _made(self, state: State, owner: int) -> Iterator[Step]:
        for lag in self.weather.lags:
            if all(abs(lag - other.lag) <= self.weather.skew for other in state.anchors):
                anchor = Anchor(owner, state.now, lag, lag)
                label = f"{NAMES[owner]}'s anchor is made" + (f" (shown after {lag / SECOND:g} s)" if lag else "")
                yield label, state._replace(anchors=(*state.anchors, anchor))

    # --- a run --------------------------------------------------------------------------------------------------------

    def _at_once(self, state: State) -> Iterator[Step]:
        for number, run in enumerate(state.runs):
            if run.wait or run.doing in {"", "planned", "posts", "works"} | ENDED:
                continue
            if run.doing == "waits":
                yield f"{NAMES[number]} has waited", _with(state, number, Run("is not shown"))
            elif run.doing == "is not shown":
                if not self.rules.until_shown or any(a.owner == number and not a.unseen for a in state.anchors):
                    wait = self.rules.pause if self.rules.pause_last else 0
                    yield f"{NAMES[number]} is shown", _with(state, number, Run("lists", wait))
            else:
                yield self._lists(state, number)

    def _lists(self, state: State, number: int) -> Step:
        name = NAMES[number]
        mine = next((anchor for anchor in state.anchors if anchor.owner == number), None)
        if mine is None:
            return f"{name} does not find its anchor, and ends", _with(state, number, Run("locked"))
        rivals = [anchor for anchor in state.anchors if not anchor.unseen and anchor.owner != number]
        ahead = [anchor for anchor in rivals if self._ahead(anchor, mine)]
        if not ahead or not self.rules.looks:
            return f"{name} goes to work", _with(state, number, Run("works"))
        if self.rules.removes == "other":
            lost = state.lost or any(anchor.names or state.runs[anchor.owner].doing in WORKS for anchor in ahead)
            kept = tuple(anchor for anchor in state.anchors if anchor not in ahead)
            works = _with(state, number, Run("works"))
            return f"{name} removes the other anchor, and works", works._replace(anchors=kept, lost=lost)
        ended = _with(state, number, Run("locked"))
        kept = tuple(anchor for anchor in state.anchors if anchor != mine)
        return f"{name} sees another anchor, removes its own, and ends", ended._replace(anchors=kept)

    def _ahead(self, other: Anchor, mine: Anchor) -> bool:
        theirs, ours = other.made // SECOND, mine.made // SECOND
        return theirs < ours or (theirs == ours and self.rules.ties)

    # --- what may happen ----------------------------------------------------------------------------------------------

    def _may(self, state: State, number: int, run: Run) -> Iterator[Step]:
        name = NAMES[number]
        if run.doing == "" and state.now <= HORIZON:
            seen = any(not anchor.unseen for anchor in state.anchors)
            label = f"{name} reads an anchor, and ends" if seen else f"{name} reads no anchor"
            yield label, _with(state, number, Run("locked" if seen else "planned"))
        elif run.doing == "" and state.now > HORIZON:
            yield f"{name} does not begin", _with(state, number, Run("locked"))
        elif run.doing == "planned":
            for late in self.weather.late:
                label = f"{name} creates its anchor" + (f" (executed after {late / SECOND:g} s)" if late else "")
                yield label, _with(state, number, Run("posts", late))
        elif run.doing == "works":
            named = tuple(a._replace(names=True) if a.owner == number else a for a in state.anchors)
            yield f"{name} names its objects, and is done", _with(state, number, Run("done"))._replace(anchors=named)
        if state.crashes and run.doing not in {"", *ENDED}:
            dead = _with(state, number, Run("dead"))._replace(crashes=state.crashes - 1)
            posts = (*state.posts, (number, run.wait)) if run.doing == "posts" else state.posts
            yield f"{name} dies", dead._replace(posts=posts)


TICK = "0.5 s pass"


def story(trace: list[str]) -> list[str]:
    """A trace with the waits added up."""
    told: list[str] = []
    waited = 0
    for label in [*trace, ""]:
        if label == TICK:
            waited += 1
        else:
            told += [f"{waited / SECOND:g} s pass"] * (waited > 0) + [label] * (label != "")
            waited = 0
    return told


def _with(state: State, number: int, run: Run) -> State:
    return state._replace(runs=(*state.runs[:number], run, *state.runs[number + 1 :]))
