"""Medians of two things that are run in turn, so that whatever else the machine does meets both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure, and what it is compared with.

    `limit` is the median in seconds to stay under, `most` how many times as long as the alternative it may take.
    """

    name: str
    subject: Callable[[], object]
    against: str
    alternative: Callable[[], object]
    limit: float | None = None
    note: str = ""
    clock: Callable[[], float] = time.perf_counter
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds: median and extremes of the subject, median of the alternative."""

    name: str
    median: float
    fastest: float
    slowest: float
    against: str
    alternative: float
    limit: float | None
    note: str
    runs: int
    most: float | None = None

    @property
    def ratio(self) -> float:
        """How many times as long as the alternative."""
        return self.median / self.alternative

    @property
    def met(self) -> bool | None:
        """Whether the limits are kept; None where there are none."""
        if self.limit is None and self.most is None:
            return None
        return (self.limit is None or self.median < self.limit) and (self.most is None or self.ratio <= self.most)

    @property
    def bound(self) -> str:
        """The limits in words, and whether they are kept; nothing where there are none."""
        limits = [f"{self.limit * 1000:.0f} ms"] if self.limit is not None else []
        limits += [f"{self.most:g} times"] if self.most is not None else []
        return " ".join([*limits, "met" if self.met else "MISSED"]) if limits else ""

    def to_json(self) -> dict[str, object]:
        """Everything, times in seconds."""
        return {
            "name": self.name,
            "median": round(self.median, 6),
            "fastest": round(self.fastest, 6),
            "slowest": round(self.slowest, 6),
            "against": self.against,
            "alternative": round(self.alternative, 6),
            "ratio": round(self.ratio, 3),
            "limit": self.limit,
            "most": self.most,
            "met": self.met,
            "note": self.note,
            "runs": self.runs,
        }


def measure(case: Case, runs: int) -> Result:
    """Run both once to warm up, which is not counted, and then in turn."""
    case.subject()
    case.alternative()
    subject, alternative = [], []
    for _ in range(runs):
        subject.append(_seconds(case.subject, case.clock))
        alternative.append(_seconds(case.alternative, case.clock))
    return Result(
        case.name,
        statistics.median(subject),
        min(subject),
        max(subject),
        case.against,
        statistics.median(alternative),
        case.limit,
        case.note,
        runs,
        case.most,
    )


def _seconds(action: Callable[[], object], clock: Callable[[], float]) -> float:
    started = clock()
    action()
    return clock() - started
