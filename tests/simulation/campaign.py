"""Many lives on all cores: what is played, and what came of it. The result does not depend on the number of workers."""

from __future__ import annotations

import gc
import multiprocessing
import re
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from reconciler.emulator import Profile
from tests.simulation import schedules
from tests.simulation.history import Crash, Position, Role
from tests.simulation.play import Life, Played, play
from tests.simulation.scenarios import SCENARIOS, Scenario, crashes, dying, second_crashes

CHUNK = 50
"""Seeds in one piece of work."""
SHOWN = 20
"""Violations that are shown in full."""


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of work: some seeds, or some of the deaths in one scenario.

    Of the deaths, every `stride`-th from `offset` on is played. `double`: each is followed by a second one.
    """

    seeds: range = range(0)
    rare: bool = False
    scenario: str = ""
    profile: Profile = Profile.OPENAI
    offset: int = 0
    stride: int = 1
    double: bool = False


@dataclass(slots=True)
class Tally:
    """What came of some work. `wrong` says how to play a life again, and what was wrong with it."""

    lives: int = 0
    requests: int = 0
    processes: Counter[str] = field(default_factory=Counter)
    exits: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    deeds: int = 0
    crashes: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)

    def take(self, name: str, played: Played) -> None:
        """Count one life."""
        history = played.history
        self.lives += 1
        self.requests += played.requests
        self.faults.update(history.faults)
        self.deeds += history.deeds
        for process in history.processes:
            self.processes[process.role.value] += 1
            self.exits["crashed" if process.exit is None else str(int(process.exit))] += 1
            self.crashes += process.crashed
        self.wrong += [(name, str(violation)) for violation in played.wrong]

    def add(self, other: Tally) -> None:
        """Count what somebody else has counted."""
        self.lives += other.lives
        self.requests += other.requests
        self.deeds += other.deeds
        self.crashes += other.crashes
        self.processes.update(other.processes)
        self.exits.update(other.exits)
        self.faults.update(other.faults)
        self.wrong += other.wrong

    def lines(self, seconds: float) -> list[str]:
        """For people."""
        faults = ", ".join(f"{name} {count:,}" for name, count in sorted(self.faults.items()))
        exits = ", ".join(f"{name}: {count:,}" for name, count in sorted(self.exits.items()))
        applies = sum(self.processes[role.value] for role in Role if role.writes)
        where = f", in {len({name for name, _ in self.wrong}):,} of the schedules" if self.wrong else ""
        return [
            f"{self.lives:,} schedules, {sum(self.processes.values()):,} runs of the tool, of which {applies:,} write",
            f"{self.requests:,} requests, {seconds:.0f} s",
            f"{sum(self.faults.values()):,} faults: {faults or 'none'}",
            f"{self.crashes:,} crashes, {self.deeds:,} deeds of people",
            f"exit codes: {exits}",
            f"{len(self.wrong):,} violations{where}",
        ]

    def kinds(self) -> list[str]:
        """The first violation of each schedule, those alike together, with the schedules that show them."""
        first: dict[str, str] = {}
        for name, what in self.wrong:
            first.setdefault(name, what)
        alike: dict[str, list[str]] = {}
        for name, what in sorted(first.items()):
            alike.setdefault(re.sub(r"[0-9]+", "…", what)[:90], []).append(name)
        ordered = sorted(alike.items(), key=lambda item: (-len(item[1]), item[0]))
        return [f"{len(names)} times: {what}   {', '.join(names[:5])}" for what, names in ordered]


def lives(work: Work) -> Iterator[tuple[str, Callable[[], Life]]]:
    """What is to be played, by the arguments that play it again."""
    for seed in work.seeds:
        name = f"--rare --seed {seed}" if work.rare else f"--seed {seed}"
        yield name, lambda seed=seed: schedules.life(seed, rare=work.rare)  # type: ignore[misc]
    if work.scenario:
        yield from _deaths(SCENARIOS[work.scenario](work.profile), work)


def _deaths(scenario: Scenario, work: Work) -> Iterator[tuple[str, Callable[[], Life]]]:
    arguments = f"--scenario '{work.scenario}' --profile {work.profile.value} --crash "
    places = [crash for crash in crashes(scenario, work.profile) if not work.double or crash.position is Position.AFTER]
    for first in places[work.offset :: work.stride]:
        if not work.double:
            yield arguments + said(first), lambda first=first: dying(scenario, work.profile, first)  # type: ignore[misc]
            continue
        for second in second_crashes(scenario, work.profile, first):
            name = f"{arguments}{said(first)} --second {said(second)}"
            yield name, lambda first=first, second=second: dying(scenario, work.profile, first, second)  # type: ignore[misc]


def said(crash: Crash) -> str:
    """As it is written on the command line."""
    return f"{crash.request}:{crash.position.value}"


def do(work: Work) -> Tally:
    """Play everything; a life that cannot be played is a violation too."""
    tally = Tally()
    if gc.isenabled():
        gc.disable()  # the cycles of one life are small, and looking for them takes a fifth of the time
        gc.collect()
        gc.freeze()
    for number, (name, make) in enumerate(lives(work), 1):
        if number % 20 == 0:
            gc.collect()
        try:
            tally.take(name, play(make()))
        except Exception:  # noqa: BLE001 - the simulation itself failed: that must not pass for success
            tally.wrong.append((name, f"the simulation failed: {traceback.format_exc()}"))
    return tally


def plan(seeds: range, scenarios: Iterable[str], *, double: bool = False, rare: bool = False) -> list[Work]:
    """Everything, in pieces."""
    pieces = [Work(seeds[at : at + CHUNK], rare) for at in range(0, len(seeds), CHUNK)]
    for name in scenarios:
        for profile in Profile:
            pieces += [Work(scenario=name, profile=profile, offset=at, stride=4) for at in range(4)]
            if double:
                pieces += [Work(scenario=name, profile=profile, offset=at, stride=8, double=True) for at in range(8)]
    return pieces


def run(pieces: list[Work], *, workers: int, show: Callable[[str], None]) -> tuple[Tally, float]:
    """Do all the work; the violations in a fixed order, and the seconds that it took."""
    total, began, told = Tally(), time.monotonic(), 0.0
    with multiprocessing.get_context("fork").Pool(workers, maxtasksperchild=200) as pool:
        for done, tally in enumerate(pool.imap_unordered(do, pieces), 1):
            total.add(tally)
            for name, what in tally.wrong[:1] if len(total.wrong) - len(tally.wrong) < SHOWN else ():
                show(f"VIOLATION {name}\n    {what[:600]}")
            seconds = time.monotonic() - began
            if seconds - told > 15:
                told = seconds
                show(f"{done} of {len(pieces)} pieces, {total.lives:,} schedules, {seconds:.0f} s")
    total.wrong.sort(key=lambda item: item[0])
    return total, time.monotonic() - began
