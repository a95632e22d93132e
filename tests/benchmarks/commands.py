"""Whole processes: the commands that people wait for, on the example stack, against the imports they cannot do without."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.measure import Case

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("reconciler")
STACK = ("reconciler.yaml", "assistants", "knowledge")


def cases(workplace: Path) -> Iterator[Case]:
    """The example stack is copied to `workplace` and applied there once."""
    for name in STACK:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, workplace / name)
        else:
            shutil.copy2(source, workplace / name)
    yield Case("--help", reconciler(workplace, "--help"), "import click", _python("import click"), 0.15)
    yield Case(
        "validate",
        reconciler(workplace, "validate"),
        "import yaml, jsonschema",
        _python("import yaml, jsonschema"),
        0.5,
    )
    reconciler(workplace, "apply", "--local", "--yes")()
    yield Case("plan --local", reconciler(workplace, "plan", "--local"), "import openai", _python("import openai"), 2.5)
    yield Case(
        "apply --local, nothing to do",
        reconciler(workplace, "apply", "--local", "--yes"),
        "import openai",
        _python("import openai"),
    )


def reconciler(directory: Path, *arguments: str) -> Callable[[], None]:
    """The command line in a directory, as a process of its own."""
    return _process(directory, str(COMMAND), *arguments)


def _python(code: str) -> Callable[[], None]:
    return _process(REPOSITORY, sys.executable, "-c", code)


def _process(directory: Path, *command: str) -> Callable[[], None]:
    """Run to the end; raises CalledProcessError when it fails. Compiled modules are kept, as an installation has them."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}

    def run() -> None:
        subprocess.run(command, cwd=directory, env=environment, check=True, capture_output=True)

    return run
