"""Signals while a command writes: the first winds it down, the second stops it."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from reconciler.cli.asking import winding_down
from reconciler.cli.terminal import Terminal
from reconciler.model.errors import Exit, Stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_sets_the_event_and_a_second_stops_at_once(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work() -> None:
        interrupt = asyncio.Event()
        with winding_down(Terminal("never"), interrupt):
            os.kill(os.getpid(), number)
            await asyncio.wait_for(interrupt.wait(), 5)
            os.kill(os.getpid(), number)
            await asyncio.sleep(5)

    with pytest.raises(Stop) as stopped:
        asyncio.run(work())
    assert stopped.value.code is Exit.INTERRUPTED
    assert "no new step starts" in capsys.readouterr().err


def test_a_cancellation_for_another_reason_is_none_of_ours() -> None:
    async def work() -> None:
        with winding_down(Terminal("never"), asyncio.Event()):
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(work())
