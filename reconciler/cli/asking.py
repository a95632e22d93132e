"""What commands that write have in common: they ask, wait for another run, and wind down on a signal."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import asyncio

    from reconciler.apply.session import Session
    from reconciler.cli.terminal import Terminal

LOCK_PAUSE = 5.0
"""Seconds between two looks at a stack that another run has."""
LOCK_NOTE = 60.0
"""Seconds between two lines that say so."""


def agreed(options: dict[str, Any], question: str) -> bool:
    """--yes, or a person who says yes. Without a terminal nobody is asked."""
    from reconciler.model.errors import Exit, Stop

    if options["yes"]:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Stop(Exit.INVALID, "There is no terminal to ask at.", "Add --yes.")
    return bool(click.confirm(question, default=False, err=True))


async def wait_for_lock(
    session: Session, screen: Terminal, options: dict[str, Any], attempt: Callable[[], Awaitable[int]]
) -> int:
    """Try, and while another run has the stack, wait for it as long as allowed; each attempt begins afresh."""
    from reconciler.model.errors import Exit, Stop

    until = session.clock.monotonic() + float(options["lock_timeout"])
    said = session.clock.monotonic() - LOCK_NOTE
    while True:
        try:
            return int(await attempt())
        except Stop as stop:
            if stop.code is not Exit.LOCKED or session.clock.monotonic() + LOCK_PAUSE > until:
                raise
            if session.clock.monotonic() >= said + LOCK_NOTE:
                screen.note(f"{stop.summary} Waiting.")
                said = session.clock.monotonic()
            await session.clock.sleep(LOCK_PAUSE)


@contextmanager
def winding_down(screen: Terminal, interrupt: asyncio.Event) -> Iterator[None]:
    """Inside, SIGINT and SIGTERM set an event instead of ending the process; a second one ends what runs here.

    Raises Stop in that case.
    """
    import asyncio
    import signal

    from reconciler.model.errors import Exit, Stop

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    again = False

    def wind_down() -> None:
        nonlocal again
        if interrupt.is_set() and task is not None:
            again = True
            task.cancel()
        else:
            screen.note("Interrupted: no new step starts; what is under way gets up to 7 s.")
            interrupt.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, wind_down)
    try:
        yield
    except asyncio.CancelledError:
        if not again:
            raise
        raise Stop(
            Exit.INTERRUPTED,
            "Stopped at once: what was under way is in doubt, and the stack was not given back.",
            "Run the same command again.",
        ) from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def pin(why: str, anchor: str, environment: str | None) -> str:
    """The lines of reconciler.yaml that name the anchor, and why to put them there."""
    lines = ["spec:", "  account:", f"    anchor: {anchor}"]
    if environment is not None:
        lines = ["spec:", "  environments:", f"    {environment}:", "      account:", f"        anchor: {anchor}"]
    return "\n".join([why, *lines])
