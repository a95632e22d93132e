"""A life is a value, and playing it gives one trace: every time, on every machine, whatever the environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.emulator import Profile
from reconciler.model.errors import Exit
from tests.simulation import schedules
from tests.simulation.__main__ import main
from tests.simulation.campaign import Tally, Work, do, plan
from tests.simulation.campaign import run as run_campaign
from tests.simulation.designs import Design, Helper, Paper, Shelf
from tests.simulation.history import Role
from tests.simulation.invariants import CHECKS, NAMES
from tests.simulation.play import Episode, Life, play
from tests.simulation.scenarios import small

ROOT = Path(__file__).parents[2]
SEED = 5
"""A seed with crashes and faults in it."""


def test_one_life_is_one_trace() -> None:
    first, second = (play(schedules.life(SEED), traced=True) for _ in range(2))
    assert len(first.trace.lines) > 100
    assert first.trace.hash == second.trace.hash


def test_other_seeds_are_other_traces() -> None:
    assert len({play(schedules.life(seed), traced=True).trace.hash for seed in range(4)}) == 4


def test_neither_hash_seed_nor_locale_nor_time_zone_changes_a_trace() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seed", str(SEED)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "4711", "TZ": "Asia/Tokyo", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert f"trace {play(schedules.life(SEED), traced=True).trace.hash}" in said


@pytest.mark.parametrize("profile", list(Profile), ids=lambda profile: profile.value)
def test_nothing_happens_to_an_undisturbed_stack(profile: Profile) -> None:
    """Apply, apply again (which only reads), change everything a little, destroy."""
    first = small(profile)
    shelf = Shelf("handbook", (Paper("returns.md", 2), Paper("warranty.md")))
    second = first.with_piece(shelf).with_piece(Helper("writer", "agents", prompt=2))
    gone = Design(destroyed=True)
    episodes = [Episode(Role.APPLY, tree) for tree in (first, first, second)]
    played = play(Life(1, profile, (*episodes, Episode(Role.DESTROY, gone)), gone))
    assert played.wrong == []
    assert {process.exit for process in played.history.processes} == {Exit.DONE}
    assert [len(process.writes) > 0 for process in played.history.processes[:4]] == [True, False, True, True]


def test_the_result_does_not_depend_on_the_number_of_workers() -> None:
    pieces = [Work(range(1)), Work(range(1, 2)), Work(scenario="retain", stride=90)]
    alone, _ = run_campaign(pieces, workers=1, show=print)
    together, _ = run_campaign(pieces, workers=2, show=print)
    assert alone == together
    assert alone.lives > 2


def test_a_life_that_cannot_be_played_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(seed: int, *, rare: bool) -> Life:
        raise ZeroDivisionError(seed, rare)

    monkeypatch.setattr(schedules, "life", broken)
    tally = do(Work(range(2)))
    assert [name for name, _ in tally.wrong] == ["--seed 0", "--seed 1"]
    assert all("ZeroDivisionError" in what for _, what in tally.wrong)
    assert tally.lines(1.0)[-1] == "2 violations, in 2 of the schedules"


def test_the_work_is_cut_into_pieces_without_a_gap() -> None:
    pieces = plan(range(10, 133), ["retain"])
    assert [seed for piece in pieces for seed in piece.seeds] == list(range(10, 133))
    assert {(piece.profile, piece.offset) for piece in pieces if piece.scenario} == {
        (profile, offset) for profile in Profile for offset in range(4)
    }


def test_one_death_is_played_again_by_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for _ in range(2):
        assert main(["--scenario", "retain", "--profile", "openai", "--crash", "12:after"]) == 0
        outputs.append(capsys.readouterr().out)
    assert "process 2 (apply): crashed" in outputs[0]
    assert "all invariants hold" in outputs[0]
    assert outputs[0] == outputs[1]


def test_every_invariant_has_a_name_and_a_check() -> None:
    assert len(CHECKS) == len(NAMES) == 15
    assert Tally().kinds() == []
