"""Four times as much costs four times as much, counted in calls of functions: no time is measured here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.acceptance.world import World

LITTLE = 24
MOST = 4.4
"""What is done once makes it less than four, what is sorted a little more."""


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, those written in C too."""
    count = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def applied(root: Path, count: int) -> World:
    """So many assistants of every runtime, each with documents and a file of its own."""
    world = World.new(root, profile="compatible")
    for number in range(count):
        world.store(f"docs-{number}", {"a.md": f"# {number}\n"})
        world.write(f"data/{number}.csv", f"{number}\n")
        file_search = {"type": "file_search", "vector_stores": [f"docs-{number}"]}
        code_interpreter = {"type": "code_interpreter", "files": [f"data/{number}.csv"]}
        runtime = ("responses", "agents", "assistants")[number % 3]
        tools = {} if runtime == "agents" else {"tools": [file_search, code_interpreter]}
        world.assistant(f"helper-{number}", runtime, model="gpt-6.1-terra", **tools)
    assert world.apply().exit == 0
    assert world.steps() == []
    return world


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, World]:
    return (
        applied(tmp_path_factory.mktemp("few"), LITTLE),
        applied(tmp_path_factory.mktemp("many"), 4 * LITTLE),
    )


@pytest.mark.parametrize("options", [{}, {"refresh": "full"}, {"destroy": True}], ids=["empty", "full", "destroy"])
def test_a_plan_of_four_times_as_many_resources_costs_four_times_as_much(
    worlds: tuple[World, World], options: dict[str, Any]
) -> None:
    few, many = (calls(partial(world.plan, **options)) for world in worlds)
    assert many < MOST * few
