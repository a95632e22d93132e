"""`reconciler-simulate`, also `python -m tests.simulation`: plays lives of a stack, many at once or one again.

reconciler-simulate --seeds 0..2000              random schedules, all cores
reconciler-simulate --seeds 0..2000 --rare       the same, and what is rare happens often
reconciler-simulate --scenarios push             a death at every request of the scenarios of every push
reconciler-simulate --seed 17 --trace            one schedule, line by line
reconciler-simulate --scenario rename --profile openai --crash 15:after --trace
"""

from __future__ import annotations

import argparse
import os
import sys

from reconciler.emulator import Profile
from tests.simulation import campaign, schedules
from tests.simulation.history import Crash, Position
from tests.simulation.play import Life, play
from tests.simulation.scenarios import ON_PUSH, SCENARIOS, dying


def main(arguments: list[str] | None = None) -> int:
    """Play what is asked for; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="reconciler-simulate", description="Simulated lives of a stack.")
    parser.add_argument("--seed", type=int, help="play one schedule again")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), help="play one scenario again")
    parser.add_argument("--profile", choices=[profile.value for profile in Profile], default=Profile.OPENAI.value)
    parser.add_argument("--crash", type=_crash, metavar="N:POSITION", help="where the run of the scenario dies")
    parser.add_argument("--second", type=_crash, metavar="N:POSITION", help="where the one after it dies")
    parser.add_argument("--trace", action="store_true", help="print every request, answer and event")
    parser.add_argument("--seeds", type=_range, default=range(0), metavar="A..B", help="schedules from A to before B")
    parser.add_argument("--rare", action="store_true", help="schedules in which what is rare meets often")
    parser.add_argument("--scenarios", choices=("none", "push", "all"), default="none")
    parser.add_argument("--double", action="store_true", help="a second death while the first is repaired")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return _again(schedules.life(options.seed, rare=options.rare), trace=options.trace)
    if options.scenario is not None:
        scenario, profile = SCENARIOS[options.scenario](Profile(options.profile)), Profile(options.profile)
        life = dying(scenario, profile, options.crash, options.second) if options.crash else scenario.life(profile)
        return _again(life, trace=options.trace)
    names = {"none": [], "push": list(SCENARIOS)[:ON_PUSH], "all": list(SCENARIOS)}[options.scenarios]
    pieces = campaign.plan(options.seeds, names, double=options.double, rare=options.rare)
    tally, seconds = campaign.run(pieces, workers=options.workers, show=_show)
    for line in (*tally.kinds(), *tally.lines(seconds)):
        _show(line)
    return 1 if tally.wrong else 0


def _again(life: Life, *, trace: bool) -> int:
    """One life: its outcome, and the hash of its trace."""
    played = play(life, traced=True)
    if trace:
        for episode in life.episodes:
            _show(repr(episode))
        _show(repr(life.climate))
        for line in played.trace.lines:
            _show(line)
    for process in played.history.processes:
        _show(f"{process.name}: {'crashed' if process.exit is None else f'exit {int(process.exit)}'}")
    for violation in played.wrong:
        _show(str(violation))
    verdict = "all invariants hold" if not played.wrong else f"{len(played.wrong)} violations"
    _show(f"{len(played.history.sent)} requests, {sum(played.history.faults.values())} faults; {verdict}")
    _show(f"trace {played.trace.hash}")
    return 1 if played.wrong else 0


def _crash(text: str) -> Crash:
    number, _, position = text.partition(":")
    return Crash(int(number), Position(position))


def _range(text: str) -> range:
    first, _, last = text.partition("..")
    return range(int(first), int(last))


def _show(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
