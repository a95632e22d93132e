"""Playing one life of a stack: its episodes under its weather, then calm, then rest; and what was wrong with it.

When the weather has cleared, what is in the account and in the tree decides how it has to end. Where the documented end
is a refusal, it has to come, and write nothing; then a person decides, and the tool has to converge like always.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from random import Random

from reconciler.emulator import Profile
from reconciler.model.errors import Exit
from reconciler.observing.scope import Refresh
from reconciler.review import approvals, planfile
from reconciler.review.approvals import Approval
from tests.simulation.designs import Design
from tests.simulation.history import History, Process, Rest, Role
from tests.simulation.invariants import Violation, violations
from tests.simulation.loop import Conditions, Deadlock, Endless, Trace, run
from tests.simulation.obstacles import Obstacle, obstacles, tidy
from tests.simulation.stage import NORMAL, Stage, Start
from tests.simulation.weather import FAIR, Climate, SeededWeather

APPLIES = 2
"""So many applies must suffice in calm weather."""
TAKEOVER = 700.0
"""Virtual seconds until a busy anchor may be taken over, and a little more."""
LOOKS: tuple[Refresh, ...] = ("auto", "auto", "auto", "full")
"""The plans that must be empty at rest."""
DECISIONS = 4
"""So many obstacles at most are got out of the way by people."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One command, `idle` seconds after the last one has ended, on the tree as it is then.

    `rival` is started `after` seconds after this one began. `saved`: the plan is saved first, and approved as it is
    `pause` seconds later; the run is then repeated under the same approval until it has ended clean, at most twice.
    """

    role: Role
    design: Design
    start: Start = NORMAL
    idle: float = 0.0
    rival: Episode | None = None
    after: float = 0.0
    saved: bool = False
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Life:
    """One simulated life of a stack. `final` is the tree that has to be reached when the weather has cleared."""

    seed: int
    profile: Profile
    episodes: tuple[Episode, ...]
    final: Design
    climate: Climate = FAIR


@dataclass(slots=True)
class Played:
    """How a life went."""

    life: Life
    history: History
    trace: Trace
    wrong: list[Violation] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many were sent."""
        return len(self.history.sent)


def play(life: Life, *, traced: bool = False) -> Played:
    """Play a life from the first request to the last look; `traced`: keep what happened, line by line."""
    history: list[History] = []

    async def main(conditions: Conditions) -> None:
        weather = SeededWeather(Random(f"weather {life.seed}"), life.climate)
        stage = Stage(conditions, life.profile, weather)
        stage.history.delay = life.climate.delay
        history.append(stage.history)
        try:
            await _live(stage, weather, life)
        finally:
            stage.close()

    trace = Trace(kept=traced)
    try:
        run(life.seed, main, trace)
    except (Deadlock, Endless) as stuck:
        history[0].trouble.append((12, str(stuck)))
    return Played(life, history[0], trace, violations(history[0]))


async def _live(stage: Stage, weather: SeededWeather, life: Life) -> None:
    stage.settle_strangers()
    for episode in life.episodes:
        await stage.conditions.clock.sleep(episode.idle)
        await _episode(stage, episode)
    weather.calm = True
    await stage.conditions.clock.sleep(TAKEOVER + life.climate.delay)
    stage.thaw()
    if life.final.destroyed:
        tidy(stage)
    design = await _decide(stage, life.final)
    await _recover(stage, design)
    await _rest(stage, design)


async def _episode(stage: Stage, episode: Episode) -> None:
    if episode.saved:
        await _approved(stage, episode)
        return
    if episode.rival is None:
        await _single(stage, episode)
        return
    await asyncio.gather(
        stage.run(episode.role, episode.design, episode.start), _rival(stage, episode.rival, episode.after)
    )


async def _rival(stage: Stage, episode: Episode, after: float) -> None:
    await stage.conditions.clock.sleep(after)
    await stage.run(episode.role, episode.design, episode.start)


async def _single(stage: Stage, episode: Episode) -> Process:
    """A run that nothing disturbs and nobody forbids has to succeed.

    An anchor that is gone and still shown looks like the lease of another run, so what was deleted disturbs as well.
    """
    before = stage.view()
    waiting = stage.faulty.outstanding or stage.faulty.haunted
    free = not any(anchor.busy for anchor in before.anchors()) and not waiting
    forbidden = obstacles(before, episode.design)
    process = await stage.run(episode.role, episode.design, episode.start)
    undisturbed = not process.disturbed and episode.start == NORMAL and free and not process.crashed
    if undisturbed and not forbidden and process.exit is not Exit.DONE and episode.role is not Role.ROLLBACK:
        stage.history.trouble.append((7, f"{process.name} exits {process.exit!r} undisturbed: {_said(process)}"))
    return process


async def _approved(stage: Stage, episode: Episode) -> None:
    """Plan, save, approve; apply until it is done; and what is done cannot be applied again."""
    planned = await stage.run(Role.PLAN, episode.design)
    if planned.prepared is None or planned.prepared.plan.blocked:
        return
    approval = approvals.load(planfile.dumps(planned.prepared.body).encode(), "plan.json")
    await stage.conditions.clock.sleep(episode.pause)
    start = replace(episode.start, approval=approval)
    for _ in range(2):
        process = await stage.run(Role.APPLY, episode.design, start)
        if process.exit is Exit.DONE:
            if process.writes:  # where people have done it all meanwhile, there is nothing to do, now or later
                await _again(stage, episode.design, approval)
            return
        await stage.conditions.clock.sleep(TAKEOVER)
        start = Start(approval=approval)


async def _again(stage: Stage, design: Design, approval: Approval) -> None:
    process = await stage.run(Role.APPLY, design, Start(approval=approval))
    if process.exit is Exit.DONE:
        stage.history.trouble.append((10, f"{process.name} applies a plan that was finished"))


# --- calm -------------------------------------------------------------------------------------------------------------


async def _decide(stage: Stage, design: Design) -> Design:
    """Every obstacle has to be refused as documented; then a person gets it out of the way."""
    for _ in range(DECISIONS):
        found = obstacles(stage.view(), design)
        if not found:
            return design
        await _refused(stage, design, found)
        for obstacle in found:
            design = await obstacle.resolve(stage, design)
    stage.history.trouble.append((6, f"people cannot get these out of the way: {obstacles(stage.view(), design)}"))
    return design


async def _refused(stage: Stage, design: Design, found: list[Obstacle]) -> None:
    role = Role.DESTROY if design.destroyed else Role.APPLY
    process = await stage.run(role, design)
    expected = {obstacle.exit for obstacle in found}
    if process.exit not in expected:
        names = ", ".join(obstacle.name for obstacle in found)
        stage.history.trouble.append(
            (9, f"{process.name} exits {process.exit!r} in spite of {names}: {_said(process)}")
        )
    if process.writes:
        stage.history.trouble.append((9, f"{process.name} refuses, and sends {process.writes[0].name}"))


async def _recover(stage: Stage, design: Design) -> None:
    role = Role.DESTROY if design.destroyed else Role.APPLY
    said = ""
    for _ in range(APPLIES):
        process = await stage.run(role, design)
        if process.exit is Exit.DONE:
            return
        said = f"{process.exit!r}: {_said(process)}"
        await stage.conditions.clock.sleep(TAKEOVER)
    stage.history.trouble.append((6, f"not clean after {APPLIES} applies in calm weather: {said}"))


async def _rest(stage: Stage, design: Design) -> None:
    for number, refresh in enumerate(LOOKS, 1):
        process = await stage.run(Role.PLAN, design, Start(refresh=refresh))
        if process.prepared is None:
            stage.history.trouble.append((6, f"plan {number} at rest ends with {process.exit!r}: {_said(process)}"))
            continue
        plan = process.prepared.plan
        steps, blocked = tuple(str(step) for step in plan.steps), tuple(str(change.blocked) for change in plan.blocked)
        text = json.dumps(process.prepared.body)
        stage.history.rests.append(Rest(number, text, steps, blocked, refresh))
    await stage.run(Role.GC, design)
    stage.history.final = stage.view()


def _said(process: Process) -> str:
    """The last words of a process."""
    if process.error:
        return process.error
    if process.stop is not None:
        return f"{process.stop.summary} {process.stop.detail}"
    return " ".join(line for line in process.said if '"step"' in line or "warning" in line or "converged" in line)[
        -700:
    ]
