"""What holds for every test: property tests draw the same examples on every machine, and take the time they need."""

from __future__ import annotations

import gc

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None, max_examples=50)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--exhaustive`: the simulation crashes at every request, not at one in four."""
    parser.addoption("--exhaustive", action="store_true", help="crash at every request of every scenario")


def pytest_collection_finish() -> None:
    """What was imported stays: the garbage collector need not look at it again and again (a tenth of all the time)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


@pytest.fixture
def exhaustive(request: pytest.FixtureRequest) -> bool:
    """Whether to try every place."""
    return bool(request.config.getoption("--exhaustive"))
