"""A run of this machine that died is known to be dead; about every other one nothing is claimed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.ownership.liveness import LockFiles, Unknown

RUN = "0123abcd"

HOLD = """
import sys, time
from pathlib import Path
from reconciler.ownership.liveness import LockFiles
with LockFiles(Path(sys.argv[1])).held(sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> subprocess.Popen[str]:
    """Another process that is in the middle of a run."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path), RUN], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def _end(process: subprocess.Popen[str], how: signal.Signals) -> None:
    os.kill(process.pid, how)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_run_is_alive_until_its_process_is_killed(tmp_path: Path, elsewhere: subprocess.Popen[str]) -> None:
    known = LockFiles(tmp_path)
    assert not known.died(RUN)
    _end(elsewhere, signal.SIGKILL)
    assert known.died(RUN)
    assert list(tmp_path.iterdir()) == []
    assert known.died(RUN)


def test_a_run_that_ended_well_leaves_nothing(tmp_path: Path) -> None:
    known = LockFiles(tmp_path / "runs")
    with known.held(RUN):
        assert not known.died(RUN)
        assert [path.name for path in (tmp_path / "runs").iterdir()] == [f"{RUN}.run"]
    assert not known.died(RUN)
    assert list((tmp_path / "runs").iterdir()) == []


def test_of_a_run_on_another_machine_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / f"{RUN}.run").write_bytes(b"another-host 00000000-0000-0000-0000-000000000000")
    assert not LockFiles(tmp_path).died(RUN)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "0123ABCD", "0123abcd0"])
def test_what_is_no_run_id_names_no_file(tmp_path: Path, name: str) -> None:
    assert not LockFiles(tmp_path).died(name)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with LockFiles(tmp_path).held(RUN):
        (tmp_path / f"{RUN}.run").rename(target)
    (tmp_path / f"{RUN}.run").symlink_to(target)
    assert not LockFiles(tmp_path).died(RUN)
    assert target.exists()


def test_a_directory_that_cannot_be_written_to_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    known = LockFiles(tmp_path / "file")
    with known.held(RUN):
        assert not known.died(RUN)


def test_nothing_is_known_by_default() -> None:
    with Unknown().held(RUN):
        assert not Unknown().died(RUN)
