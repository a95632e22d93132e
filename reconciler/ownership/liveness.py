"""Whether a run that started on this machine is still alive: a hint that spares its user the takeover time.

A lease in the account cannot say that its holder died; a file lock on the same machine can, since the system releases
it with the process. The file names the machine and its boot, or a directory that two machines share could make a run of
the other one look dead. Nothing depends on it: without the file, or on another machine, the heartbeat alone decides.
"""

from __future__ import annotations

import os
import platform
import re
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

_RUN = re.compile(r"[0-9a-f]{8}")


class Liveness(Protocol):
    """What is known of runs apart from the account."""

    def held(self, run: str) -> AbstractContextManager[None]:
        """Inside, the run is alive."""
        ...

    def died(self, run: str) -> bool:
        """Whether it is certain that a run is dead; False when nothing is known."""
        ...


class Unknown:
    """Nothing is known."""

    @contextmanager
    def held(self, run: str) -> Iterator[None]:  # noqa: ARG002 - nobody is told
        """Inside, the run is alive."""
        yield

    def died(self, run: str) -> bool:  # noqa: ARG002 - the same
        """Nobody can tell."""
        return False


class LockFiles:
    """One file in a directory per run, locked as long as its process lives. Local problems with it are ignored."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._dead: set[str] = set()

    @contextmanager
    def held(self, run: str) -> Iterator[None]:
        """Inside, the run is alive."""
        handle = self._lock(run)
        try:
            yield
        finally:
            if handle is not None:
                with suppress(OSError):
                    self._path(run).unlink()
                os.close(handle)

    def died(self, run: str) -> bool:
        """Whether a run's file is here and nobody has it locked; the file is then removed."""
        if run in self._dead or not _RUN.fullmatch(run):
            return run in self._dead
        try:
            handle = os.open(self._path(run), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            if os.read(handle, 1024) != _here() or not _locked(handle):
                return False
            self._dead.add(run)
            with suppress(OSError):
                self._path(run).unlink()
            return True
        finally:
            os.close(handle)

    def _path(self, run: str) -> Path:
        return self._directory / f"{run}.run"

    def _lock(self, run: str) -> int | None:
        handle = None
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path(run), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            return None
        try:
            if _locked(handle) and os.write(handle, _here()) == len(_here()):
                return handle
        except OSError:
            pass
        os.close(handle)
        return None


def _locked(handle: int) -> bool:
    """Whether an open file could be locked: by this process, and by nobody else."""
    try:
        import fcntl  # noqa: PLC0415 - there is none on Windows, where nothing is known
    except ImportError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _here() -> bytes:
    """This machine since it was started."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = f"{uuid.getnode():x}"
    return f"{platform.node()} {boot}".encode()[:1024]
