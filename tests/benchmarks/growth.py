"""What four times as much costs: a plan is linear in what the stack has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.commands import reconciler
from tests.benchmarks.measure import Case

STACK = "apiVersion: reconciler/v1\nkind: Stack\nmetadata: {name: grown}\n"
ASSISTANT = """\
apiVersion: reconciler/v1
kind: Assistant
metadata: {{name: helper-{number}}}
spec: {{runtime: {runtime}, model: gpt-6.1-terra, instructions: Number {number}.}}
"""


def cases(workplace: Path, *, assistants: int) -> Iterator[Case]:
    """Two stacks below `workplace`, each applied to an account of its own; what is measured is CPU time."""
    yield Case(
        f"plan --local of {4 * assistants} assistants, CPU",
        _planned(workplace / "many-assistants", 4 * assistants),
        f"of {assistants}",
        _planned(workplace / "few-assistants", assistants),
        clock=_cpu_of_processes,
        most=4.4,
    )


def _planned(root: Path, count: int) -> Callable[[], None]:
    """A plan where nothing is to be done."""
    (root / "assistants").mkdir(parents=True)
    (root / "reconciler.yaml").write_text(STACK, encoding="utf-8")
    for number in range(count):
        text = ASSISTANT.format(number=number, runtime=("responses", "agents")[number % 2])
        (root / "assistants" / f"helper-{number}.yaml").write_text(text, encoding="utf-8")
    reconciler(root, "apply", "--local", "--yes")()
    return reconciler(root, "plan", "--local")


def _cpu_of_processes() -> float:
    """Seconds that processes which were started here and have ended took of the processor."""
    times = os.times()
    return times.children_user + times.children_system
