"""Running a coroutine, without importing asyncio (26 ms) into commands that need none."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`."""
    import asyncio

    return asyncio.run(main)
