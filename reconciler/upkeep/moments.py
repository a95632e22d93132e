"""Server times as the reports of this package write them."""

from __future__ import annotations

import datetime as dt

from reconciler.model.json import Json

_LATEST = 2**33


def moment(seconds: Json) -> str | None:
    """Epoch seconds as `2026-11-22T10:00:00Z`; None for what no server should say."""
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds < _LATEST:
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
