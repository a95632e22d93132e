"""Waits in words: a service that asks for a day is to be believed at a glance."""

from __future__ import annotations

import math
from datetime import UTC, datetime

_LONGEST = 366 * 86_400


def pause(seconds: float, now: float | None = None) -> str:
    """`90 s`, `24 h, until 2026-11-23 09:00 UTC`: rounded up; `now` is epoch seconds where a clock is at hand."""
    if not seconds <= _LONGEST:
        return "more than a year"
    return _length(math.ceil(seconds)) + _until(seconds, now)


def _length(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    hours, rest = divmod(minutes, 60)
    if seconds < 120:
        return f"{seconds} s"
    if hours < 2:
        return f"{minutes} min"
    if hours < 96:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{math.ceil(minutes / 1440)} days"


def _until(seconds: float, now: float | None) -> str:
    """To the minute, rounded up: who comes back then has waited long enough. Nothing for a wait of a few minutes."""
    if now is None or seconds < 120:
        return ""
    try:
        moment = datetime.fromtimestamp(math.ceil((now + seconds) / 60) * 60, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return f", until {moment:%Y-%m-%d %H:%M} UTC"
