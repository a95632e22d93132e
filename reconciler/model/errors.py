"""The ways a run stops, each with its exit code (docs/reference/exit-codes.md)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class Exit(IntEnum):
    """What the process says to the pipeline."""

    DONE = 0
    BUG = 1
    CHANGES = 2
    INCOMPLETE = 3
    REFUSED = 4
    STALE = 5
    LOCKED = 6
    INVALID = 7
    DENIED = 8
    UNAVAILABLE = 9
    INTERRUPTED = 130


class Stop(Exception):  # noqa: N818 - a decision, not a bug
    """The run ends here: `summary` says what is so, `detail` what to do. Server text in them is not yet escaped."""

    def __init__(self, code: Exit, summary: str, detail: str = "", *, lines: Sequence[str] = ()) -> None:
        super().__init__(summary)
        self.code = code
        self.summary = summary
        self.detail = detail
        self.lines = tuple(lines)
