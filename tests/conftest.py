"""What holds for every test: property tests draw the same examples on every machine, and take the time they need."""

from __future__ import annotations

import gc
import os
import ssl
from collections.abc import Iterator
from functools import cache
from zlib import crc32

import pytest
from hypothesis import settings

from tests.accounts import closing

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None, max_examples=20)
settings.register_profile("exhaustive", settings.get_profile("repeatable"), max_examples=300)
settings.load_profile("repeatable")

# Every client of an account reads the certificates of this machine, for connections that no test makes: once is enough.
pytest.MonkeyPatch().setattr(ssl, "create_default_context", cache(ssl.create_default_context))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--exhaustive`: property tests draw fifteen times as many examples, models have larger bounds, every request crashes."""
    parser.addoption("--exhaustive", action="store_true", help="try every place, and many more examples")


def pytest_configure(config: pytest.Config) -> None:
    """Before any test is defined: a test's own settings go on from the profile that is loaded then.

    Coverage is measured in the workers, and not in the programs that tests start: some look at what is imported there.
    """
    if hasattr(config, "workerinput"):
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
        os.environ.pop("COVERAGE_PROCESS_START", None)
    if config.getoption("--exhaustive"):
        settings.load_profile("exhaustive")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: three workers for two cores, because what runs against real time and real processes often waits.

    `-n logical`: one for each, where nothing waits.
    """
    cores = os.cpu_count() or 1
    return cores if config.option.numprocesses == "logical" else (3 * cores + 1) // 2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`@pytest.mark.sampled(n)`: of the cases of a test one in n is tried, and all of them with `--exhaustive`.

    Each test begins with another one, so that of a corpus that many tests share every case is tried by some.
    """
    if config.getoption("--exhaustive"):
        return
    seen: dict[str, int] = {}
    chosen: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        share = item.get_closest_marker("sampled")
        name = item.nodeid.partition("[")[0]
        seen[name] = seen.get(name, crc32(name.encode())) + 1
        (chosen if share is None or seen[name] % share.args[0] == 0 else others).append(item)
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = chosen


def pytest_collection_finish() -> None:
    """What was imported stays: the garbage collector need not look at it again and again (a tenth of all the time)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


def pytest_sessionfinish() -> None:
    """At the end pytest looks for cycles five times over: once finds what warns of unclosed things."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def accounts_end_with_their_test() -> Iterator[None]:
    """What a test opens is closed, or the next garbage collection would warn of it in some other test."""
    with closing():
        yield


@pytest.fixture
def exhaustive(request: pytest.FixtureRequest) -> bool:
    """Whether to try every place."""
    return bool(request.config.getoption("--exhaustive"))


@pytest.fixture
def no_rivals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody competes for the accounts of a test that runs commands, so no command waits for a rival either."""
    from reconciler.ownership import taking

    for name in ("EMBEDDED", "SERVICE"):
        monkeypatch.setattr(taking, name, taking.Timing(pause=0.0, most=60.0))
