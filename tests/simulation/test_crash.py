"""A process may die at any request: run again, and all is as it should be.

One test is one scenario with a death at every request, before it is sent and after the server has acted. A failing case
is named by its seed and its crash; `survive(scenario, profile, seed, crash)` plays it again and gives the trace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.emulator import Profile
from reconciler.manifest.loader import Loaded, load
from tests.simulation.crashes import EXPIRY, Scenario, places, survive
from tests.simulation.stage import Crash, Position
from tests.simulation.trees import DOCUMENTS, edit, write_tree

SEED = 1
SAMPLE = 4
"""Without --exhaustive, one place in so many is tried; `make simulate` tries them all."""
PROFILES = pytest.mark.parametrize("profile", list(Profile), ids=lambda profile: profile.value)


@dataclass(frozen=True, slots=True)
class Trees:
    """The small tree, and the same after one changed document and one changed word of a prompt."""

    old: Loaded
    new: Loaded


SCENARIOS: dict[str, Callable[[Trees], Scenario]] = {
    "first apply": lambda trees: Scenario(None, trees.old),
    "update": lambda trees: Scenario(trees.old, trees.new),
    "replacement": lambda trees: Scenario(trees.old, trees.old, idle=EXPIRY, lost=len(DOCUMENTS)),
    "destroy": lambda trees: Scenario(trees.old, trees.old, destroy=True),
}


def _trees(root: Path, profile: Profile) -> Trees:
    old = load(write_tree(root / "old", profile))
    changed = write_tree(root / "new", profile)
    edit(changed)
    return Trees(old, load(changed))


@PROFILES
@pytest.mark.parametrize("name", list(SCENARIOS))
def test_a_crash_at_any_request_is_healed_by_running_again(
    tmp_path: Path, profile: Profile, name: str, exhaustive: bool
) -> None:
    scenario = SCENARIOS[name](_trees(tmp_path, profile))
    crashes = places(scenario, profile, SEED)
    wrong = {}
    for crash in crashes if exhaustive else crashes[::SAMPLE]:
        survival, _ = survive(scenario, profile, SEED, crash)
        if survival.wrong:
            wrong[f"seed {SEED}, {crash}"] = survival.wrong
    assert len(crashes) > 40
    assert wrong == {}


@PROFILES
def test_one_crash_is_one_trace(tmp_path: Path, profile: Profile) -> None:
    scenario = SCENARIOS["update"](_trees(tmp_path, profile))
    crash = Crash(20, Position.AFTER)
    first, second = survive(scenario, profile, 3, crash), survive(scenario, profile, 3, crash)
    assert first[0].requests == 20
    assert first[1].hash == second[1].hash
