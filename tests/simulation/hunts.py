"""Where a planted bug shows: lives in which exactly one thing happens, at each of the requests where it might matter.

A hunt names a scenario, the requests that are struck (by an expression for `METHOD /path`) and what strikes them; it
does not name request numbers, so it goes on to work when the code sends one request more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from reconciler.emulator import Profile
from reconciler.emulator.faults import Effect, Fault
from reconciler.model.address import Address
from tests.simulation.designs import Design, Helper, Mishap, Paper, Shelf
from tests.simulation.history import Crash, Position, Role
from tests.simulation.people import Deed
from tests.simulation.play import Episode, Life, play
from tests.simulation.scenarios import SCENARIOS, Scenario
from tests.simulation.stage import Start

Strike = Fault | Deed | Position
LOST = Fault(Effect.LOST)
TWICE = Fault(Effect.TWICE)
HIDDEN = Fault(Effect.STALE, seconds=1e7)
"""A list that shows nothing but what is very old."""


@dataclass(frozen=True, slots=True)
class Hunt:
    """One life for each request of the struck run that fits `at`; or one in which nothing happens, for each seed."""

    scenario: str | Callable[[Profile], Scenario]
    at: str = ""
    strike: Strike | None = None
    profile: Profile = Profile.OPENAI
    seeds: int = 1

    def lives(self) -> Iterator[Life]:
        """In the order of the requests."""
        make = SCENARIOS[self.scenario] if isinstance(self.scenario, str) else self.scenario
        scenario = make(self.profile)
        if self.strike is None:
            for seed in range(1, 1 + self.seeds):
                yield scenario.life(self.profile, seed=seed)
            return
        names = [sent.name for sent in scenario.process(play(scenario.life(self.profile))).sent]
        for number, name in enumerate(names, 1):
            if re.fullmatch(self.at, name):
                yield scenario.life(self.profile, _struck(scenario.struck.start, number, self.strike))


def _struck(start: Start, number: int, strike: Strike) -> Start:
    if isinstance(strike, Fault):
        return replace(start, faults={**start.faults, number: strike})
    if isinstance(strike, Deed):
        return replace(start, deeds={**start.deeds, number: (strike,)})
    return replace(start, crash=Crash(number, strike))


# --- scenes that need more than one strike ----------------------------------------------------------------------------

AGENT = Helper("helper", "agents")
OTHER = Helper("guide", "agents")
ONE = Design((), (AGENT,))
TWO = Design((), (OTHER, AGENT))
READER = Helper("helper", "responses", shelves=("handbook",))
SLOW_SHELF = Design((Shelf("handbook", (Paper("returns.md"),)),), (READER,))


def _applied(design: Design) -> Episode:
    return Episode(Role.APPLY, design)


def hidden_lists(_: Profile) -> Scenario:
    """Both orders of a list hide what is there."""
    start = Start(struck=(("GET /agents", HIDDEN),))
    return Scenario((_applied(ONE),), Episode(Role.APPLY, ONE, start, idle=700.0), ONE)


def slow_lists(_: Profile) -> Scenario:
    """A creation arrives late, and every list of the agents takes half of the settle window."""
    slow = (("GET /agents", Fault(Effect.DELAY, seconds=30.0)), ("POST /agents", Fault(Effect.LATE, seconds=55.0)))
    return Scenario((_applied(ONE),), Episode(Role.APPLY, TWO, Start(struck=slow)), TWO)


def bad_pages(effect: Effect) -> Callable[[Profile], Scenario]:
    """Whenever the documents of a store are listed that is to go, the page is not what it should be."""

    def make(_: Profile) -> Scenario:
        gone = Design(destroyed=True)
        start = Start(struck=((r"GET /vector_stores/[^/]+/files", Fault(effect)),))
        shelf = replace(SLOW_SHELF.shelves[0], papers=(Paper("returns.md"), Paper("shipping.md")))
        return Scenario((_applied(Design((shelf,))),), Episode(Role.DESTROY, gone, start), gone)

    return make


def hidden_order(_: Profile) -> Scenario:
    """The first list of the agents hides what is there."""
    return Scenario((_applied(ONE),), Episode(Role.APPLY, ONE, Start(faults={2: HIDDEN}), idle=700.0), ONE)


def two_at_once(_: Profile) -> Scenario:
    """Two applies of a tree with something new, at the same moment."""
    rival = Episode(Role.APPLY, TWO)
    return Scenario((_applied(ONE),), Episode(Role.APPLY, TWO, rival=rival, after=0.05), TWO)


def overtaken(_: Profile) -> Scenario:
    """A run works long on a document; its answers from the anchor are lost; then another run takes the stack."""
    design = replace(SLOW_SHELF, helpers=(AGENT, replace(READER, name="reader")))
    slow = Fault(Effect.SLOW, seconds=560.0)
    deaf = ((r"POST /vector_stores/[^/]+/files", slow), (r"POST /skills", Fault(Effect.LATE, seconds=50.0)))
    rival = Episode(Role.APPLY, design)
    return Scenario((_applied(ONE),), Episode(Role.APPLY, design, Start(struck=deaf), rival=rival, after=606.0), design)


def interrupted(_: Profile) -> Scenario:
    """A run is interrupted while a creation is on its way that arrives later; the next run begins at once."""
    start = Start(struck=(("POST /agents", Fault(Effect.LATE, seconds=40.0)),), interrupt=1.0)
    return Scenario((_applied(ONE), Episode(Role.APPLY, TWO, start)), _applied(TWO), TWO)


def double_pending(_: Profile) -> Scenario:
    """A proxy sent a creation twice: an older one that nobody confirmed stands beside the output."""
    first = Episode(Role.APPLY, ONE, Start(struck=(("POST /agents", TWICE),)))
    return Scenario((first,), _applied(ONE), ONE)


def refused_for_ever(_: Profile) -> Scenario:
    """Every request for the agents is answered with 429."""
    start = Start(struck=(("GET /agents", Fault(Effect.STATUS, status=429)),))
    return Scenario((_applied(ONE),), Episode(Role.APPLY, ONE, start), ONE)


def saved(_: Profile) -> Scenario:
    """A saved plan is applied, and applied again."""
    return Scenario((_applied(ONE),), Episode(Role.APPLY, TWO, saved=True), TWO)


def saved_too_long(_: Profile) -> Scenario:
    """Between a plan and its approval a store expires."""
    before = Design((Shelf("handbook", (Paper("returns.md"),), days=7),), (AGENT,))
    after = before.with_piece(OTHER)
    return Scenario((_applied(before),), Episode(Role.APPLY, after, saved=True, pause=8 * 86_400.0), after)


def failing_step(_: Profile) -> Scenario:
    """One step fails for good, and another one is done."""
    start = Start(struck=(("POST /agents", Fault(Effect.STATUS, status=400)),))
    design = SLOW_SHELF.with_piece(OTHER)
    return Scenario((_applied(SLOW_SHELF.without(READER)),), Episode(Role.APPLY, design, start), design)


def forbidden(_: Profile) -> Scenario:
    """What is protected would have to go."""
    guarded = Design((), (OTHER, replace(AGENT, protect=True)))
    return Scenario((_applied(guarded),), _applied(Design((), (OTHER,))), Design((), (OTHER,)))


def left_alone(_: Profile) -> Scenario:
    """People change what they are allowed to, and then the manifest changes something else."""
    shelf = Shelf("handbook", (Paper("returns.md"),), ignore=("files", "name"))
    before = Design((shelf,), (replace(AGENT, ignore=("labels",)),))
    deeds = (Deed("relabel"), Deed("edit", 1), Deed("detach"))
    after = before.with_piece(replace(before.helpers[0], prompt=2))
    return Scenario((_applied(before), Episode(Role.PLAN, before, Start(deeds={1: deeds}))), _applied(after), after)


def only_one(_: Profile) -> Scenario:
    """Everything differs, and one resource is asked for."""
    before = Design((Shelf("handbook"),), (AGENT, OTHER))
    after = Design((), (replace(AGENT, prompt=2), replace(OTHER, prompt=2)))
    start = Start(only=frozenset({Address("Assistant", AGENT.name)}))
    return Scenario((_applied(before),), Episode(Role.APPLY, after, start), after)


def out_of_reach(_: Profile) -> Scenario:
    """While the stack is destroyed, its agents are not to be seen."""
    gone = Design(destroyed=True)
    start = Start(struck=(("GET /agents", Fault(Effect.STATUS, status=404)),))
    return Scenario((_applied(SLOW_SHELF.with_piece(OTHER)),), Episode(Role.DESTROY, gone, start), gone)


def planned(_: Profile) -> Scenario:
    """A plan."""
    return Scenario((_applied(ONE),), Episode(Role.PLAN, TWO), TWO)


def changing_file(_: Profile) -> Scenario:
    """A file changes while it is read, and not its size."""
    start = Start(mishap=Mishap("other", 1))
    return Scenario((), Episode(Role.APPLY, SLOW_SHELF, start), SLOW_SHELF)
