"""A command line in this process, on a tree and an embedded account of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler import cli
from tests.acceptance.world import World


@dataclass
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output as JSON."""
        return json.loads(self.out)


Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def _lease(no_rivals: None) -> None:
    """No command waits for another one."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own environment reaches a command."""
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "OPENAI_BASE_URL",
        "RECONCILER_PROFILE",
        "NO_COLOR",
        "FORCE_COLOR",
        "GITHUB_OUTPUT",
        "GITHUB_STEP_SUMMARY",
        "GITHUB_WORKSPACE",
        "CI_PROJECT_DIR",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tree(tmp_path: Path) -> World:
    """A tree with a store, a release and an agent. (The account of this World is not used: commands have their own.)."""
    world = World.new(tmp_path / "stack")
    world.store("docs", {"a.md": "# A\ntext\n", "b.md": "# B\n"})
    tool = {"type": "file_search", "vector_stores": ["docs"]}
    world.assistant("helper", model="gpt-6.1-terra", instructions="Be brief.\n", tools=[tool])
    world.assistant("writer", "agents", model="gpt-6.1-terra", instructions="Write.\n")
    return world


@pytest.fixture
def reconciler(tree: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command in the tree's directory."""
    monkeypatch.chdir(tree.root)
    if not cli.cli.commands:
        cli._register()

    def run(*arguments: str) -> Result:
        capsys.readouterr()
        code = cli.run(list(arguments))
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return run


_APPLIED: list[bytes] = []
"""The account with the tree applied to it, once a test of this process needed it."""


@pytest.fixture
def applied(reconciler: Command, tree: World) -> Command:
    """The same, with the tree applied to the embedded account."""
    account = tree.root / ".reconciler" / "local.db"
    if not _APPLIED:
        assert reconciler("apply", "--local", "--yes", "-q").code == 0
        _APPLIED.append(account.read_bytes())
    account.parent.mkdir(exist_ok=True)
    account.write_bytes(_APPLIED[0])
    return reconciler
