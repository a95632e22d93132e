"""What four times as much costs: a plan is linear in what the stack has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from reconciler.manifest.load.loader import load
from tests.acceptance.world import World
from tests.benchmarks.measure import Case


def cases(workplace: Path, *, assistants: int) -> Iterator[Case]:
    """Two stacks below `workplace`, applied to accounts of their own; what is measured is CPU time."""
    many = _planned(workplace / "many-assistants", 4 * assistants)
    few = _planned(workplace / "few-assistants", assistants)
    yield Case(
        f"plan of {4 * assistants} assistants, CPU",
        many,
        f"of {assistants}",
        few,
        clock=time.process_time,
        most=4.4,
    )


def _planned(root: Path, count: int) -> Callable[[], object]:
    """Loading, reading the account and planning, where nothing is to be done."""
    root.mkdir()
    world = World.new(root)
    for number in range(count):
        world.assistant(f"helper-{number}", ("responses", "agents")[number % 2], instructions=f"Number {number}.\n")
    if world.apply().exit or not world.plan().plan.empty:
        raise RuntimeError(f"{count} assistants could not be applied")

    def plan() -> None:
        load(root)
        world.plan()

    return plan
