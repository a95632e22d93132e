"""Medians of two things that are run in turn, so that whatever else the machine does meets both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure, what it is compared with, and how often. `limit` is the median in seconds to stay under."""

    name: str
    subject: Callable[[], object]
    against: str
    alternative: Callable[[], object]
    limit: float | None = None
    note: str = ""


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

    @property
    def ratio(self) -> float:
        """How many times as long as the alternative."""
        return self.median / self.alternative

    @property
    def met(self) -> bool | None:
        """Whether the limit is kept; None where there is none."""
        return None if self.limit is None else self.median < self.limit

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
        subject.append(_seconds(case.subject))
        alternative.append(_seconds(case.alternative))
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
    )


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
