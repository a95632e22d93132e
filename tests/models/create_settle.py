"""A model of creating something once: create, look, confirm, calm down, heal, for one address on an account that lags.

One unit of time is ten seconds; the settle window W is six of them. One process runs at a time (that is the lease's
business: lease.py); it may die at any point, and after it others run. A POST may be refused, be answered, be executed
without an answer, be executed late, be executed twice, or never; a new object shows up in the newest-first and in the
oldest-first list after a lag of its own for each. Reading by id never lags.

What stands for what:

- `_apply`, `_plan`: observe._tagged and _versioned (both orders, then the id that the inventory names) and plan._match
  (ready over pending, then the oldest; two ready ones are a collision that is refused);
- "calm": lifecycle._settle_earlier and Lease.seconds_to_settle, then planning again;
- `_post`, `_look`: creation.create_once and creation._look, with one op a request;
- "confirm": tagged._finish, or versioned._point for a release; sending it again changes nothing, so only dying matters;
- "heal": _remove_surplus and _delete_one of tagged and versioned;
- `_end`: Lease.release, which notes what is ready in the inventory when the run ended clean;
- "an apply of something else": `--only`, a rollback, manifests that do not speak of the address.

Left out: what an object contains, the anchor's own writes failing, more than one address (steps share nothing but the
anchor), and lists that show an object and later do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from tests.models.checker import Model

SECONDS = 10
"""One unit of time."""
WINDOW = 6
"""The settle window W: a minute."""
BEAT = 2
"""From here on a sign of life is due."""
SILENCE = 3
"""No request that writes leaves a process whose last sign of life is older; it shows a new one first."""
BEYOND = WINDOW + SILENCE + 1
"""A lag or a delay that is longer than the window, also counted from the last sign of life."""
NEVER = -1

Lag = tuple[int, int]
"""After how long an object shows up in the newest-first list and in the oldest-first list."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The protocol as it is meant; every other value is a mistake that somebody could make.

    `look` is how long a lost create is looked for, `orders` in which lists. `calm` is how long after the last sign of
    life of an unclean run absence is not believed; `plan_again`: the account is read again after that wait. `by_id`:
    the id that the inventory names is asked for. `pending`: objects are created unconfirmed. `keep` is which of several
    is kept ("all": none is deleted); `refuse`: unless two of them are confirmed. `look_before_delete`: a double is read
    again right before it is deleted, and only an unconfirmed one is. `others_calm`: a run that creates nothing here
    also waits, before it calls the stack clean. `doubt_beats`: a run that ends with something under way says when that
    was.
    """

    attempts: int = 3
    look: int = WINDOW
    orders: tuple[int, ...] = (0, 1)
    calm: int = WINDOW + SILENCE
    plan_again: bool = True
    by_id: bool = True
    pending: bool = True
    keep: str = "confirmed"
    refuse: bool = True
    look_before_delete: bool = True
    others_calm: bool = True
    doubt_beats: bool = True


@dataclass(frozen=True, slots=True)
class Weather:
    """What may go wrong: at most `faults` times, in at most `runs` runs.

    `late` are the delays of a POST, `lags` those of lists, and `sum` bounds a delay and the lag of the list that shows
    the object first together. `confirm` and `delete` are the delays of confirmations and of deletions that a dead
    process has sent. `twice`: a POST may be executed twice.
    """

    faults: int = 2
    runs: int = 2
    late: tuple[int, ...] = (0, 2, WINDOW)
    lags: tuple[Lag, ...] = tuple((one, two) for one in (0, 2, WINDOW, BEYOND) for two in (0, 2, WINDOW, BEYOND))
    sum: int = WINDOW
    confirm: tuple[int, ...] = (0, WINDOW)
    delete: tuple[int, ...] = (0, WINDOW)
    twice: bool = False

    @property
    def delays(self) -> tuple[int, ...]:
        """How long after it was sent a POST may be executed."""
        return tuple(late for late in self.late if self.lags_after(late))

    def lags_after(self, late: int) -> tuple[Lag, ...]:
        """How long an object may stay out of the lists that was made so late."""
        return tuple(lag for lag in self.lags if late + min(lag) <= self.sum)


WITHIN = Weather(runs=3)
"""Lag and delay together stay within the window."""
TWICE = Weather(late=(0, WINDOW), lags=((0, 0), (BEYOND, 0), (0, BEYOND), (WINDOW, WINDOW)), twice=True)
"""The same, but a request may be executed twice."""
LATE = Weather(late=(0, BEYOND), lags=((0, 0), (BEYOND, BEYOND)), sum=2 * BEYOND, twice=True)
"""The same, and creations and lists are as late as one likes."""
LATER = replace(LATE, confirm=(0, WINDOW, BEYOND), delete=(0,))
"""The same, and so are confirmations."""
LATEST = replace(LATER, delete=(0, WINDOW, BEYOND))
"""Everything is as late as one likes."""


class Thing(NamedTuple):
    """One live object at the address; things stand in the order of their creation.

    `ready` is confirmed; `known`: and some process lived to tell it, which is what published means here. `lag` is as of
    now. `noted`: the inventory names it. `part` is what it is to the process that runs: one of "" (not known), "mine"
    (of the op that is looked for), "chosen" (is to be confirmed) and "surplus". `confirm` and `delete` are when a
    request of a dead process will be executed, or NEVER.
    """

    ready: bool
    lag: Lag
    known: bool = False
    noted: bool = False
    part: str = ""
    confirm: int = NEVER
    delete: int = NEVER


class Flight(NamedTuple):
    """A POST under way: when it will be executed, after how long a delay that is, and whether it is looked for."""

    due: int
    late: int
    mine: bool


class State(NamedTuple):
    """The account, the anchor, the process (`phase` empty: none), and what may still happen.

    `left` is the wait in units of time: of a look, of the calm-down, or before a POST. `beat` is the age of the last
    sign of life; `unclean` and `held` say that the anchor is busy, and that it names a run.
    """

    things: tuple[Thing, ...] = ()
    flights: tuple[Flight, ...] = ()
    phase: str = ""
    left: int = 0
    attempt: int = 0
    beat: int = 0
    unclean: bool = False
    held: bool = False
    faults: int = 0
    runs: int = 0
    quiet: bool = False
    """Nothing goes wrong any more."""
    lost: str = ""
    """What was deleted that should not have been: "confirmed", or even "published"."""


Step = tuple[str, State]

DUPLICATE = "one object at most"
PUBLISHED = "what was published is never deleted"
CONFIRMED = "what was confirmed is never deleted"
CONVERGED = "two applies after the last fault there is one object, confirmed, or a refusal"
HEALED = "two applies after the last fault there is one object, confirmed"
QUIET_RUNS = 2


def model(rules: Rules, weather: Weather) -> Model[State]:
    """The protocol under some rules in some weather, with the promises that hold in such weather.

    Beyond the window nobody can promise that there is never a duplicate. And a deletion that is on its way cannot be
    called back: where both the confirmation of a dead process and the deletion of the double that it confirms come
    late, what is deleted may have become a confirmed object meanwhile. Nobody has been told of it then.
    """
    always = {PUBLISHED: lambda state: state.lost != "published"}
    at_rest = {CONVERGED: lambda state: _one(state) or _several_confirmed(state)}
    if max(weather.confirm) <= WINDOW or weather.delete == (0,):
        always[CONFIRMED] = lambda state: not state.lost
    if max(weather.sum, *weather.confirm) <= WINDOW:
        at_rest[HEALED] = _one
    if weather.sum <= WINDOW and not weather.twice:
        always[DUPLICATE] = lambda state: len(state.things) <= 1
    start = State(faults=weather.faults, runs=weather.runs, beat=rules.calm)
    return Model([start], _World(rules, weather).steps, always, at_rest)


def _one(state: State) -> bool:
    return [thing.ready for thing in state.things] == [True]


def _several_confirmed(state: State) -> bool:
    return sum(thing.ready for thing in state.things) > 1


@dataclass(frozen=True, slots=True)
class _World:
    rules: Rules
    weather: Weather

    def steps(self, state: State) -> Iterator[Step]:
        """What happens at once comes first; then what the process does, dies of, or waits for."""
        due = list(self._due(state))
        if due:
            yield from due
            return
        if state.phase:
            yield from PHASES[state.phase](self, state)
            if not state.quiet and state.faults:
                yield from self._dies(state)
        else:
            yield from self._between_runs(state)

    # --- the account --------------------------------------------------------------------------------------------------

    def _due(self, state: State) -> Iterator[Step]:
        for number, flight in enumerate(state.flights):
            if flight.due == 0:
                rest = state._replace(flights=state.flights[:number] + state.flights[number + 1 :])
                yield from self._made(rest, flight.late, "mine" if flight.mine else "", "the late POST is executed")
                return
        for number, thing in enumerate(state.things):
            if thing.confirm == 0:
                yield (
                    "the late confirmation is executed",
                    _with(state, number, thing._replace(ready=True, confirm=NEVER)),
                )
                return
            if thing.delete == 0:
                yield "the late deletion is executed", _without(state, number)
                return

    def _made(self, state: State, late: int, part: str, label: str) -> Iterator[Step]:
        """A POST is executed, `late` after it was sent; how soon lists show it is anybody's guess."""
        for lag in self._lags(state, late):
            thing = Thing(not self.rules.pending, lag, known=not self.rules.pending, part=part)
            yield f"{label}{_said(lag)}", state._replace(things=(*state.things, thing))

    def _lags(self, state: State, late: int) -> tuple[Lag, ...]:
        return ((0, 0), (WINDOW, WINDOW)) if state.quiet else self.weather.lags_after(late)

    def _later(self, state: State) -> State:
        """The same one unit of time on."""
        return state._replace(
            things=tuple(_older(thing) for thing in state.things),
            flights=tuple(flight._replace(due=flight.due - 1) for flight in state.flights),
            beat=min(self.rules.calm, state.beat + 1),
        )

    # --- between runs -------------------------------------------------------------------------------------------------

    def _between_runs(self, state: State) -> Iterator[Step]:
        later = self._later(state)
        if later != state:
            yield f"{SECONDS} s pass", later
        elif not state.quiet:
            calm = later._replace(quiet=True, held=False, faults=0, runs=QUIET_RUNS)
            yield "nothing goes wrong any more, and the lease of whoever died runs out", calm
        if state.held and not state.quiet:
            yield "a person unlocks the stack", state._replace(held=False)
        if state.runs and not state.held:
            yield from self._apply(state._replace(runs=state.runs - 1))
            if state.unclean and not state.quiet and not (self.rules.others_calm and state.beat < self.rules.calm):
                clean = state._replace(runs=state.runs - 1, unclean=False, beat=self.rules.calm)
                yield "an apply of something else ends clean", clean

    # --- a run --------------------------------------------------------------------------------------------------------

    def _apply(self, state: State) -> Iterator[Step]:
        """Read and plan; take the anchor; after an unclean run wait until nothing of it can happen any more."""
        seen = self._seen(state)
        if self._refused(state, seen):
            yield "an apply reads two confirmed objects and refuses", state
            return
        left = self.rules.calm - state.beat if state.unclean else 0
        taken = state._replace(beat=0, unclean=True, held=True)
        if left <= 0:
            yield from self._plan(taken, seen)
        elif self.rules.plan_again or seen:
            yield f"an apply waits {left * SECONDS} s after the unclean run", taken._replace(phase="calm", left=left)
        else:
            label = f"an apply reads nothing, and waits {left * SECONDS} s after the unclean run"
            yield label, taken._replace(phase="calm_then_post", left=left)

    def _seen(self, state: State) -> list[int]:
        """The objects that the lists show in either order, or that the inventory names."""
        return [
            number for number, thing in enumerate(state.things) if 0 in thing.lag or (self.rules.by_id and thing.noted)
        ]

    def _refused(self, state: State, seen: list[int]) -> bool:
        return self.rules.refuse and sum(state.things[number].ready for number in seen) > 1

    def _plan(self, state: State, seen: list[int], first: str = "an apply reads") -> Iterator[Step]:
        if self._refused(state, seen):
            yield f"{first} two confirmed objects and refuses", self._end(state, clean=False)
            return
        if not seen:
            yield f"{first} nothing and will create", state._replace(phase="post", attempt=1, left=SILENCE)
            return
        ready = [number for number in seen if state.things[number].ready]
        chosen = seen[0] if self.rules.keep == "oldest" else (ready or seen)[0]
        things = tuple(
            thing._replace(
                known=thing.known or (number == chosen and thing.ready),
                noted=number in ready and number == chosen,
                part="chosen" if number == chosen else "surplus" if number in seen and self.rules.keep != "all" else "",
            )
            for number, thing in enumerate(state.things)
        )
        words = "confirmed" if state.things[chosen].ready else "unconfirmed"
        more = f" and {len(seen) - 1} more" if len(seen) > 1 else ""
        phase = "heal" if state.things[chosen].ready else "confirm"
        yield f"{first} one {words}{more}", state._replace(things=things, phase=phase, left=SILENCE)

    def _beats(self, state: State) -> Iterator[Step]:
        """Wait. A sign of life that is due is shown before the silence is too long."""
        if state.beat >= BEAT:
            yield "a sign of life", state._replace(beat=0)
        if state.beat < SILENCE:
            yield f"{SECONDS} s pass", self._later(state)._replace(left=state.left - 1)

    def _calm(self, state: State) -> Iterator[Step]:
        if state.left:
            yield from self._beats(state)
        else:
            yield from self._plan(state, self._seen(state), "then it reads")

    def _calm_then_post(self, state: State) -> Iterator[Step]:
        if state.left:
            yield from self._beats(state)
        else:
            yield "then it goes on with its plan", state._replace(phase="post", attempt=1, left=0)

    # --- create -------------------------------------------------------------------------------------------------------

    def _post(self, state: State) -> Iterator[Step]:
        what = f"POST {state.attempt}"
        sent = state._replace(left=0)
        for label, made in self._made(sent, 0, "chosen", f"{what} is answered"):
            yield label, self._answered(made)
        if state.faults:
            yield from self._goes_wrong(sent._replace(faults=state.faults - 1), what)
        if state.left:
            yield from self._beats(state)

    def _answered(self, state: State) -> State:
        return state._replace(phase="confirm" if self.rules.pending else "heal")

    def _goes_wrong(self, state: State, what: str) -> Iterator[Step]:
        looking = state._replace(phase="look", left=self.rules.look)
        yield f"{what} is refused", self._end(state, clean=False)
        yield f"{what} is lost on its way", looking
        yield from self._made(looking, 0, "mine", f"{what} is executed, its answer is lost")
        for late in self.weather.delays[1:]:
            label = f"{what} gets no answer, and will be executed {_after(late)}"
            yield label, looking._replace(flights=(*state.flights, Flight(late, late, mine=True)))
        if self.weather.twice:
            for label, made in self._made(state, 0, "chosen", f"{what} is answered"):
                for late in self.weather.delays:
                    again = made._replace(flights=(*made.flights, Flight(late, late, mine=False)))
                    yield f"{label}, and will be executed again {_after(late)}", self._answered(again)
            for label, made in self._made(looking, 0, "mine", f"{what} is executed twice, its answer is lost"):
                yield label, made._replace(things=(*made.things, made.things[-1]))

    def _look(self, state: State) -> Iterator[Step]:
        found = [
            number
            for number, thing in enumerate(state.things)
            if thing.part == "mine" and any(thing.lag[order] == 0 for order in self.rules.orders)
        ]
        if found:
            things = tuple(
                thing._replace(part="chosen" if number == found[-1] else "")
                for number, thing in enumerate(state.things)
            )
            yield "it is found in a list", self._answered(_forgotten(state)._replace(things=things, left=0))
        elif state.left:
            yield from self._beats(state)
        elif state.attempt < self.rules.attempts:
            yield "it is not found", _forgotten(state)._replace(phase="post", attempt=state.attempt + 1)
        else:
            yield "it is not found; in doubt", self._end(state._replace(beat=0), clean=False, in_doubt=True)

    # --- confirm and heal ---------------------------------------------------------------------------------------------

    def _confirm(self, state: State) -> Iterator[Step]:
        number = _chosen(state)
        ready = state.things[number]._replace(ready=True, known=True)
        yield "it is confirmed", _with(state, number, ready)._replace(phase="heal")

    def _heal(self, state: State) -> Iterator[Step]:
        number = next((number for number, thing in enumerate(state.things) if thing.part == "surplus"), None)
        if number is None:
            yield "the run ends clean", self._end(state, clean=True)
        elif state.things[number].ready and self.rules.look_before_delete:
            yield "the double was confirmed meanwhile: left alone", self._end(state, clean=False)
        else:
            yield f"a double is deleted{_which(state.things[number])}", _without(state, number)
        if number is not None and state.left:
            yield from self._beats(state)

    # --- the end of a run ---------------------------------------------------------------------------------------------

    def _end(self, state: State, *, clean: bool, in_doubt: bool = False) -> State:
        things = tuple(
            thing._replace(noted=thing.ready and (thing.noted or (clean and thing.part == "chosen")), part="")
            for thing in state.things
        )
        beat = state.beat if in_doubt else self.rules.calm
        return _forgotten(state)._replace(
            things=things, phase="", left=0, attempt=0, unclean=not clean, held=False, beat=beat
        )

    def _dies(self, state: State) -> Iterator[Step]:
        """It leaves everything as it is; a request that it has just sent may be executed by and by."""
        things = tuple(thing._replace(part="") for thing in state.things)
        dead = _forgotten(state)._replace(things=things, phase="", left=0, attempt=0, faults=state.faults - 1)
        yield "the process dies", dead
        if not self.rules.doubt_beats:
            yield "the process ends by a bug and gives the stack back", dead._replace(held=False, beat=self.rules.calm)
        if state.phase == "post":
            for late in self.weather.delays:
                posted = dead._replace(flights=(*dead.flights, Flight(late, late, mine=False)))
                yield f"the process dies; its POST will be executed {_after(late)}", posted
        for late in self.weather.confirm if state.phase == "confirm" else ():
            number = _chosen(state)
            label = f"the process dies; its confirmation will be executed {_after(late)}"
            yield label, _with(dead, number, things[number]._replace(confirm=late))
        for late in self.weather.delete if state.phase == "heal" else ():
            for number, thing in enumerate(state.things):
                if thing.part == "surplus" and not (thing.ready and self.rules.look_before_delete):
                    label = f"the process dies; its deletion will be executed {_after(late)}"
                    yield label, _with(dead, number, things[number]._replace(delete=late))


PHASES: Mapping[str, Callable[[_World, State], Iterator[Step]]] = {
    "calm": _World._calm,
    "calm_then_post": _World._calm_then_post,
    "post": _World._post,
    "look": _World._look,
    "confirm": _World._confirm,
    "heal": _World._heal,
}


def _older(thing: Thing) -> Thing:
    newest, oldest = thing.lag
    if newest == oldest == 0 and thing.confirm == thing.delete == NEVER:
        return thing
    lag = (max(0, newest - 1), max(0, oldest - 1))
    return thing._replace(lag=lag, confirm=max(NEVER, thing.confirm - 1), delete=max(NEVER, thing.delete - 1))


def _chosen(state: State) -> int:
    return next(number for number, thing in enumerate(state.things) if thing.part == "chosen")


def _with(state: State, number: int, thing: Thing) -> State:
    return state._replace(things=(*state.things[:number], thing, *state.things[number + 1 :]))


def _without(state: State, number: int) -> State:
    thing = state.things[number]
    lost = "published" if thing.ready and thing.known else state.lost or ("confirmed" if thing.ready else "")
    return state._replace(things=state.things[:number] + state.things[number + 1 :], lost=lost)


def _forgotten(state: State) -> State:
    """Nobody looks any more for what was sent."""
    return state._replace(
        things=tuple(thing._replace(part="" if thing.part == "mine" else thing.part) for thing in state.things),
        flights=tuple(flight._replace(mine=False) for flight in state.flights),
    )


def _said(lag: Lag) -> str:
    if lag == (0, 0):
        return ""
    return f" (listed newest first after {lag[0] * SECONDS} s, oldest first after {lag[1] * SECONDS} s)"


def story(trace: Iterable[str]) -> list[str]:
    """A trace in fewer words: waits are added up, and signs of life left out."""
    told: list[str] = []
    waited = 0
    for label in (*trace, ""):
        if label == f"{SECONDS} s pass":
            waited += SECONDS
        elif label != "a sign of life":
            told += [f"{waited} s pass"] * (waited > 0) + [label] * (label != "")
            waited = 0
    return told


def _after(late: int) -> str:
    return f"after {late * SECONDS} s" if late else "at once"


def _which(thing: Thing) -> str:
    return ", a confirmed one" if thing.ready else ""
