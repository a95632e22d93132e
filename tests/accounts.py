"""Embedded accounts for tests: whatever a test opens is closed when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reconciler.emulator import Emulator

_open: list[Emulator] = []


def account(*arguments: Any, **options: Any) -> Emulator:
    """An embedded account, open until the `closing` around it ends."""
    opened = Emulator(*arguments, **options)
    _open.append(opened)
    return opened


@contextmanager
def closing() -> Iterator[None]:
    """Close all accounts that were opened inside."""
    before = len(_open)
    try:
        yield
    finally:
        while len(_open) > before:
            _open.pop().close()
