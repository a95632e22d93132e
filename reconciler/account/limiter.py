"""How hard the account is pressed: one limiter that all workers share, and the only layer that sends anything twice.

A read may always be repeated. A write is repeated only if it is known not to have been executed, and for no other
reason than load or a connection that never came about; whatever is ambiguous goes up to the engine, which looks before
it acts. Concurrency grows while all goes well and shrinks when the service says that it is too much (AIMD); what the
service says about waiting binds every worker at once.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import deque
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from random import Random

from reconciler.account.outcomes import UNREADABLE
from reconciler.account.port import BUSY, Account, Call, Clock, Execution, Failure, FailureKind, Reply
from reconciler.account.waiting import pause

RETRIES = 3
"""How often one call is sent again, at most."""

BUDGET = 0.1
"""Retries are at most this share of all requests …"""

BUDGET_FLOOR = 10
"""… and this many on top, so that a short run can get over a hiccup."""

PATIENCE = 120.0
"""The longest wait in seconds that the service may ask for; beyond it the call fails and says for how long."""

BREAKER = 5
"""So many calls failing in a row, retries included, open the breaker …"""

COOL_DOWN = 30.0
"""… for so many seconds; then one call may try."""

_START = 4.0
_DECREASE = 0.7
_FIRST_DELAY = 0.5
_LONGEST_DELAY = 8.0

_LOAD = frozenset({FailureKind.RATE_LIMITED, FailureKind.OVERLOADED, FailureKind.TIMEOUT})
_TRANSIENT = _LOAD | {FailureKind.UNREACHABLE, FailureKind.CONFLICT}
_OUTAGE = frozenset({FailureKind.OVERLOADED, FailureKind.TIMEOUT, FailureKind.UNREACHABLE})
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")


@dataclass(slots=True)
class Counters:
    """What went over the wire: `requests` includes `retries`; `bytes` are those of uploaded files."""

    requests: int = 0
    retries: int = 0
    bytes: int = 0


class Throttled:
    """An account that is pressed no harder than it can bear. All workers of a run use one.

    `parallelism` is the upper bound of concurrent calls; `deadline`, on the clock's monotonic scale, ends the run.
    """

    def __init__(
        self,
        account: Account,
        *,
        clock: Clock,
        random: Random,
        parallelism: int = 16,
        deadline: float | None = None,
    ) -> None:
        self.counters = Counters()
        self._account = account
        self._clock = clock
        self._random = random
        self._deadline = deadline
        self._granted = 0  # retries, counted when they are decided: many calls may fail at the same moment
        self._slots = _Slots(parallelism)
        self._pace = _Pace()
        self._breaker = _Breaker()

    @property
    def concurrency(self) -> int:
        """How many calls may run at once just now."""
        return self._slots.limit

    async def send(self, call: Call) -> Reply:
        """Send one call, again if that is safe and helps; raises Failure."""
        last: Failure | None = None
        for attempt in range(1 + RETRIES):
            async with nullcontext() if call.urgent else self._slots:
                try:
                    await self._turn(call)
                except Failure as error:
                    raise error from last
                result = await self._once(call, attempt)
            if isinstance(result, Reply):
                return result
            delay = self._delay(result, attempt)
            if delay is None:
                self._breaker.failed(result, self._clock.monotonic())
                raise result
            last = result
            await self._clock.sleep(delay)
        raise AssertionError("the last attempt returns or raises")

    async def _turn(self, call: Call) -> None:
        """Wait until the gate is open and the pace allows one more request; raises Failure if that is not to be.

        The call's guard is asked after the last wait: what it checks may have changed in the queue.
        """
        await self._wait(call)
        while call.guard is not None:
            await call.guard()
            if self._pace.wait(self._clock.monotonic()) <= 0:
                break
            await self._wait(call)
        self._breaker.enter(call, self._clock.monotonic())

    async def _wait(self, call: Call) -> None:
        while (wait := self._pace.wait(self._clock.monotonic())) > 0:
            if wait > PATIENCE and call.parting:
                break
            if wait > PATIENCE:
                message = f"not sent: the service asks to wait {pause(wait, self._clock.now())}"
                raise _unsent(call, FailureKind.RATE_LIMITED, message, retry_after=wait)
            self._in_time(call, wait)
            await self._clock.sleep(wait + self._random.uniform(0, min(1.0, wait / 4)))
        self._in_time(call, 0.0)

    def _in_time(self, call: Call, wait: float) -> None:
        if self._late(wait):
            raise _unsent(call, FailureKind.TIMEOUT, "the deadline of this run has passed; not sent")

    def _late(self, wait: float) -> bool:
        return self._deadline is not None and self._clock.monotonic() + wait >= self._deadline

    async def _once(self, call: Call, attempt: int) -> Reply | Failure:
        """Send once, and learn from how it went."""
        self._count(call, attempt)
        self._pace.started(self._clock.monotonic())
        generation = self._slots.generation
        try:
            reply = await self._account.send(self._bounded(call))
        except Failure as error:
            self._struggled(error, generation)
            return error
        except BaseException:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        self._slots.succeeded()
        self._pace.heed(reply.headers, self._slots.limit)
        return reply

    def _count(self, call: Call, attempt: int) -> None:
        self.counters.requests += 1
        self.counters.retries += attempt > 0
        self.counters.bytes += sum(upload.size for upload in call.uploads)

    def _bounded(self, call: Call) -> Call:
        if self._deadline is None:
            return call
        return replace(call, timeout=min(call.timeout, self._deadline - self._clock.monotonic()))

    def _struggled(self, error: Failure, generation: int) -> None:
        """Press less if the service says so; its `Retry-After` then binds everybody."""
        if error.kind not in _LOAD and (error.status or 0) < 500:
            return
        self._slots.overloaded(generation)
        if error.retry_after is not None:
            self._pace.close(self._clock.monotonic() + error.retry_after)

    def _delay(self, error: Failure, attempt: int) -> float | None:
        """Seconds until the call should be sent again; None if that is not safe, not affordable, or of no use."""
        asked = error.retry_after or 0.0
        affordable = self._granted < BUDGET * self.counters.requests + BUDGET_FLOOR
        if attempt >= RETRIES or asked > PATIENCE or not affordable or self._breaker.tripped or not _repeatable(error):
            return None
        delay = asked + self._random.uniform(0, min(_LONGEST_DELAY, _FIRST_DELAY * 2**attempt))
        if self._late(delay):
            return None
        self._granted += 1
        return delay


def passes(error: Failure) -> bool:
    """Whether a request was not executed, and may be a moment later: before anybody's patience is over."""
    return not error.ambiguous and error.kind in BUSY and (error.retry_after or 0.0) <= PATIENCE


def _repeatable(error: Failure) -> bool:
    if error.call.reads:
        return error.kind in _TRANSIENT or error.code == UNREADABLE
    definite = error.execution is Execution.NOT_EXECUTED and not error.call.once
    return definite and error.kind in _LOAD | {FailureKind.UNREACHABLE}


def _unsent(call: Call, kind: FailureKind, message: str, *, retry_after: float | None = None) -> Failure:
    return Failure(call, execution=Execution.NOT_EXECUTED, kind=kind, message=message, retry_after=retry_after)


class _Slots:
    """The places for concurrent calls, given out in order of arrival.

    `generation` counts the cuts: calls that were under way when the limit was cut do not cut it again.
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError("parallelism must be at least 1")
        self.generation = 0
        self._most = most
        self._limit = min(_START, most)
        self._active = 0
        self._clean = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        return int(self._limit)

    async def __aenter__(self) -> None:
        if self._active < self.limit and not self._waiting:
            self._active += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._release()  # the place was given just before the task was cancelled
            elif place in self._waiting:
                self._waiting.remove(place)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._release()

    def _release(self) -> None:
        self._active -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._active < self.limit:
            place = self._waiting.popleft()
            if not place.cancelled():
                self._active += 1
                place.set_result(None)

    def succeeded(self) -> None:
        self._clean += 1
        if self._clean >= self.limit:
            self._clean = 0
            self._limit = min(float(self._most), self._limit + 1)
            self._admit()

    def overloaded(self, generation: int) -> None:
        self._clean = 0
        if generation == self.generation:
            self.generation += 1
            self._limit = max(1.0, self._limit * _DECREASE)


class _Pace:
    """When the next request may start: not before the gate opens, and not faster than the service refills."""

    def __init__(self) -> None:
        self._opens = -math.inf
        self._next = -math.inf
        self._interval = 0.0

    def wait(self, now: float) -> float:
        return max(self._opens, self._next) - now

    def close(self, until: float) -> None:
        self._opens = max(self._opens, until)

    def started(self, now: float) -> None:
        self._next = now + self._interval if self._interval else -math.inf

    def heed(self, headers: Mapping[str, str], concurrency: int) -> None:
        """Slow down when the calls in flight may use up what remains of the rate limit."""
        remaining = _whole(headers.get("x-ratelimit-remaining-requests"))
        reset = duration(headers.get("x-ratelimit-reset-requests"))
        if remaining is None or reset is None or remaining > concurrency:
            self._interval, self._next = 0.0, -math.inf
            return
        total = _whole(headers.get("x-ratelimit-limit-requests"))
        missing = max(1, total - remaining) if total is not None else remaining + 1
        self._interval = min(_LONGEST_DELAY, reset / missing)


class _Breaker:
    """Stops a run from hammering a service that is down: opens after five calls that failed one after the other."""

    def __init__(self) -> None:
        self._streak = 0
        self._until: float | None = None
        self._probing = False
        self._why = ""

    @property
    def tripped(self) -> bool:
        return self._until is not None

    def enter(self, call: Call, now: float) -> None:
        """Let a call through, or after the cool-down one to try; raises Failure otherwise."""
        if self._until is None:
            return
        if now < self._until or self._probing:
            message = f"{BREAKER} calls in a row failed, so nothing is sent for a while; the last one: {self._why}"
            wait = max(0.0, self._until - now)
            raise _unsent(call, FailureKind.UNREACHABLE, message, retry_after=wait)
        self._probing = True

    def abandoned(self) -> None:
        self._probing = False

    def succeeded(self) -> None:
        self._streak, self._until, self._probing = 0, None, False

    def failed(self, error: Failure, now: float) -> None:
        if error.kind not in _OUTAGE and error.code != UNREADABLE:
            self.succeeded()  # a refusal is an answer
            return
        self._streak += 1
        if self._streak >= BREAKER:
            self._until, self._probing, self._why = now + COOL_DOWN, False, error.message


def duration(text: str | None) -> float | None:
    """Seconds of a time such as `1s`, `6m0s`, `20ms`, `1h2m3.5s`; None if it is not one."""
    match = _DURATION.fullmatch(text or "")
    if match is None or not text:
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else None
