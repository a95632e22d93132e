"""A sample of what `make simulate` plays: a few deaths of some scenarios, and the first random schedules.

In `make examples`, a few deaths of every scenario in both kinds of account.
"""

from __future__ import annotations

import pytest

from reconciler.emulator import Profile
from tests.simulation import schedules
from tests.simulation.history import Crash
from tests.simulation.play import play
from tests.simulation.scenarios import ON_PUSH, SCENARIOS, crashes, dying, second_crashes

STRIDE = 151
"""Of the deaths of a scenario one in so many; it shares no factor with the three positions."""
CHUNKS = [range(start, start + 4) for start in range(0, 12, 4)]


@pytest.mark.sampled(7)
@pytest.mark.parametrize("profile", list(Profile), ids=lambda profile: profile.value)
@pytest.mark.parametrize("name", list(SCENARIOS))
def test_a_death_is_healed_by_running_again(name: str, profile: Profile) -> None:
    scenario = SCENARIOS[name](profile)
    deaths = list(crashes(scenario, profile))
    chosen = deaths[37 * len(name) % min(STRIDE, len(deaths)) :: STRIDE]
    assert chosen
    wrong = {}
    for crash in chosen:
        played = play(dying(scenario, profile, crash))
        if played.wrong:
            wrong[f"{name}, {profile.value}, {crash}"] = [str(violation) for violation in played.wrong]
    assert wrong == {}


def test_a_second_death_is_healed_too() -> None:
    scenario = SCENARIOS["documents change"](Profile.OPENAI)
    first = list(crashes(scenario, Profile.OPENAI))[70]
    seconds: list[Crash] = list(second_crashes(scenario, Profile.OPENAI, first))
    wrong = [play(dying(scenario, Profile.OPENAI, first, second)).wrong for second in seconds[::4]]
    assert len(seconds) > 4
    assert wrong == [[]] * len(wrong)


@pytest.mark.parametrize("seeds", CHUNKS, ids=lambda seeds: f"{seeds[0]}..{seeds[-1]}")
def test_every_invariant_holds_in_random_schedules(seeds: range) -> None:
    wrong = {seed: [str(violation) for violation in play(schedules.life(seed)).wrong] for seed in seeds}
    assert {seed: found for seed, found in wrong.items() if found} == {}


def test_there_are_twelve_scenarios_on_every_push_and_forty_on_demand() -> None:
    assert ON_PUSH >= 12
    assert len(SCENARIOS) >= 40
