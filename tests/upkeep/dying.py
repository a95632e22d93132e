"""A process that dies at one of its requests, so that every place where a command can be cut off is tried."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from reconciler.account.port import Account, Call, Reply
from reconciler.apply.session import Session
from tests.acceptance.world import Kept, World

Work = Callable[[Session], Coroutine[Any, Any, Any]]


class Died(Exception):  # noqa: N818 - it is what it is called
    """The process is no more."""


@dataclass
class Mortal:
    """An account as a process sees it that dies at its `last` request (from 1): before it leaves, or unheard.

    With `weather` every request takes a random time, half of it before the server acts.
    """

    account: Account
    last: int | None = None
    acted: bool = False
    weather: Random | None = None
    calls: list[Call] = field(default_factory=list)

    async def send(self, call: Call) -> Reply:
        """Send one call once, unless the process is dead."""
        if self.last is not None and len(self.calls) >= self.last:
            raise Died
        self.calls.append(call)
        dies = len(self.calls) == self.last
        if dies and not self.acted:
            raise Died
        await self._travel()
        reply = await self.account.send(call)
        await self._travel()
        if dies:
            raise Died
        return reply

    async def _travel(self) -> None:
        if self.weather is not None:
            await asyncio.sleep(self.weather.choice((0.01, 0.02, 0.05, 0.2)))

    @property
    def writes(self) -> list[Call]:
        """Everything that was not a read."""
        return [call for call in self.calls if not call.reads]


def session_of(
    world: World, *, last: int | None = None, acted: bool = False, weather: Random | None = None
) -> tuple[Session, Mortal]:
    """A freshly started process."""
    session, _ = world.session()
    mortal = Mortal(session.account, last, acted, weather)
    return replace(session, account=mortal), mortal


def deaths(make: Callable[[], World], work: Work) -> Iterator[World]:
    """A copy of one world for each place where a process doing `work` in it can die, just after it died there.

    Before its first request, and before and after each write. Death at a read is none of its own: the account is as
    it was after the write before it, and the process forgets all it knew.
    """
    kept = Kept.of(world := make())
    session, mortal = session_of(world)
    world.time.run(lambda: work(session))
    places = [(number, call) for number, call in enumerate(mortal.calls, 1) if number == 1 or not call.reads]
    for number, call in places:
        for acted in (False,) if call.reads else (False, True):
            session, _ = session_of(world := kept.again(world), last=number, acted=acted)
            try:
                world.time.run(lambda: work(session))  # noqa: B023 - run at once
            except Died:
                yield world
            else:
                raise AssertionError(f"it was to die at request {number} of {len(mortal.calls)}")
