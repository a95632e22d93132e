"""Server times in reports."""

from __future__ import annotations

import pytest

from reconciler.model.json import Json
from reconciler.upkeep.moments import moment


def test_a_time_is_written_in_utc() -> None:
    assert moment(1_790_000_000) == "2026-09-21T14:13:20Z"


@pytest.mark.parametrize("value", [None, True, "1790000000", 1.5, -1, 2**40])
def test_what_is_no_time_is_none(value: Json) -> None:
    assert moment(value) is None
