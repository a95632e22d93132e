"""Pressing an account: how hard, what is sent again, and when to stop. On virtual time."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.account.limiter import Throttled, duration
from reconciler.account.port import Call, Execution, Failure, FailureKind, Reply, Upload
from tests.simulation.loop import Conditions, run

READ = Call("GET", "/vector_stores")
WRITE = Call("POST", "/vector_stores", json={})
DONE = Reply(200, {})

Script = Callable[[int, Call], Reply | Failure]


class Scripted:
    """An account whose n-th call ends as a script says; notes when each began and how many ran at once."""

    def __init__(self, conditions: Conditions, script: Script, *, seconds: float = 0.0) -> None:
        self.times: list[float] = []
        self.calls: list[Call] = []
        self.most = 0
        self._running = 0
        self._conditions = conditions
        self._script = script
        self._seconds = seconds

    async def send(self, call: Call) -> Reply:
        number = len(self.times)
        self.times.append(self._conditions.clock.monotonic())
        self.calls.append(call)
        self._running += 1
        self.most = max(self.most, self._running)
        try:
            await self._conditions.clock.sleep(self._seconds)
        finally:
            self._running -= 1
        result = self._script(number, call)
        if isinstance(result, Failure):
            raise result
        return result


def throttled(conditions: Conditions, account: Scripted, **options: Any) -> Throttled:
    return Throttled(account, clock=conditions.clock, random=conditions.random, **options)


def fails(sort: FailureKind, *, ambiguous: bool = False, **fields: Any) -> Script:
    """Every call fails."""
    outcome = Execution.AMBIGUOUS if ambiguous else Execution.NOT_EXECUTED
    return lambda _, call: Failure(call, execution=outcome, kind=sort, message="as told", **fields)


def first(count: int, failing: Script) -> Script:
    """The first calls fail, the others do not."""
    return lambda number, call: failing(number, call) if number < count else DONE


def attempts(call: Call, script: Script, *, seed: int = 1) -> tuple[Reply | Failure, list[float], Throttled]:
    """Send one call; give how it ended, and when each of its attempts began."""

    async def main(conditions: Conditions) -> tuple[Reply | Failure, list[float], Throttled]:
        account = Scripted(conditions, script)
        limiter = throttled(conditions, account)
        try:
            return await limiter.send(call), account.times, limiter
        except Failure as failure:
            return failure, account.times, limiter

    return run(seed, main).result


# --- what is sent again -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sort",
    [
        FailureKind.RATE_LIMITED,
        FailureKind.OVERLOADED,
        FailureKind.UNREACHABLE,
        FailureKind.TIMEOUT,
        FailureKind.CONFLICT,
    ],
)
def test_a_read_that_failed_for_the_moment_is_read_again(sort: FailureKind) -> None:
    result, times, limiter = attempts(READ, first(2, fails(sort)))
    assert result is DONE
    assert len(times) == 3
    assert (limiter.counters.requests, limiter.counters.retries) == (3, 2)


@pytest.mark.parametrize(
    "sort",
    [
        FailureKind.NOT_FOUND,
        FailureKind.REFUSED,
        FailureKind.AUTHENTICATION,
        FailureKind.PERMISSION,
        FailureKind.QUOTA,
        FailureKind.MALFORMED,
    ],
)
def test_what_will_not_get_better_is_not_sent_again(sort: FailureKind) -> None:
    for call in (READ, WRITE):
        result, times, _ = attempts(call, fails(sort))
        assert isinstance(result, Failure)
        assert len(times) == 1


def test_a_page_instead_of_an_answer_is_read_again_but_never_written_again() -> None:
    page = fails(FailureKind.MALFORMED, ambiguous=True, code="unreadable")
    assert len(attempts(READ, page)[1]) == 4
    assert len(attempts(WRITE, page)[1]) == 1


@pytest.mark.parametrize("sort", list(FailureKind))
def test_an_ambiguous_write_is_never_sent_again(sort: FailureKind) -> None:
    result, times, _ = attempts(WRITE, fails(sort, ambiguous=True))
    assert isinstance(result, Failure)
    assert len(times) == 1


@pytest.mark.parametrize(
    "sort", [FailureKind.RATE_LIMITED, FailureKind.OVERLOADED, FailureKind.UNREACHABLE, FailureKind.TIMEOUT]
)
def test_a_write_that_was_not_executed_is_sent_again(sort: FailureKind) -> None:
    result, times, _ = attempts(WRITE, first(1, fails(sort)))
    assert result is DONE
    assert len(times) == 2


def test_a_call_is_sent_four_times_at_most_with_growing_pauses() -> None:
    longest = [0.0, 0.0, 0.0]
    for seed in range(100):
        result, times, _ = attempts(READ, fails(FailureKind.UNREACHABLE), seed=seed)
        assert isinstance(result, Failure)
        assert len(times) == 4
        pauses = [after - before for before, after in itertools.pairwise(times)]
        longest = [max(pair) for pair in zip(longest, pauses, strict=True)]
    assert longest == [pytest.approx(most, rel=0.1) for most in (0.5, 1.0, 2.0)]


def test_retries_are_a_tenth_of_the_requests_and_ten_more() -> None:
    async def main(conditions: Conditions) -> Throttled:
        account = Scripted(conditions, lambda _, call: fails(FailureKind.CONFLICT)(0, call))
        limiter = throttled(conditions, account)
        await asyncio.gather(*(limiter.send(READ) for _ in range(200)), return_exceptions=True)
        return limiter

    counters = run(1, main).result.counters
    assert counters.requests == 200 + counters.retries
    assert 20 <= counters.retries <= 11 + 0.1 * counters.requests


def test_bytes_of_uploads_are_counted() -> None:
    upload = Upload("file", "a.md", lambda: io.BytesIO(b"abc"), 3)
    call = Call("POST", "/files", uploads=(upload,))
    assert attempts(call, first(1, fails(FailureKind.RATE_LIMITED)))[2].counters.bytes == 6


# --- how hard ---------------------------------------------------------------------------------------------------------


def pressed(
    script: Script, *, count: int, parallelism: int = 16, seconds: float = 1.0, seed: int = 1
) -> tuple[Scripted, Throttled]:
    """Send many reads at once."""

    async def main(conditions: Conditions) -> tuple[Scripted, Throttled]:
        account = Scripted(conditions, script, seconds=seconds)
        limiter = throttled(conditions, account, parallelism=parallelism)
        await asyncio.gather(*(limiter.send(READ) for _ in range(count)), return_exceptions=True)
        return account, limiter

    return run(seed, main).result


def test_concurrency_starts_at_four_and_grows_by_one_per_clean_window() -> None:
    account, limiter = pressed(lambda *_: DONE, count=4 + 5 + 6)
    assert [account.times.count(second) for second in (0.0, 1.0, 2.0)] == [4, 5, 6]
    assert limiter.concurrency == 7


def test_concurrency_is_bounded() -> None:
    assert pressed(lambda *_: DONE, count=500)[0].most == 16
    assert pressed(lambda *_: DONE, count=50, parallelism=3)[0].most == 3
    with pytest.raises(ValueError, match="at least 1"):
        pressed(lambda *_: DONE, count=1, parallelism=0)


def test_calls_that_fail_together_cut_the_concurrency_once() -> None:
    assert pressed(fails(FailureKind.OVERLOADED, status=503, retry_after=121.0), count=4)[1].concurrency == 2


def test_concurrency_never_falls_below_one() -> None:
    limiter = pressed(fails(FailureKind.RATE_LIMITED, status=429), count=60)[1]
    assert limiter.concurrency == 1


@pytest.mark.parametrize("failure", [fails(FailureKind.NOT_FOUND, status=404), fails(FailureKind.UNREACHABLE)])
def test_only_load_cuts_the_concurrency(failure: Script) -> None:
    assert attempts(WRITE, failure)[2].concurrency == 4


@pytest.mark.parametrize(
    "failure", [fails(FailureKind.TIMEOUT), fails(FailureKind.UNREACHABLE, status=500), fails(FailureKind.RATE_LIMITED)]
)
def test_a_load_signal_cuts_it(failure: Script) -> None:
    assert attempts(WRITE, first(1, failure))[2].concurrency == 2


def test_a_cancelled_call_leaves_its_place_to_the_others() -> None:
    async def main(conditions: Conditions) -> int:
        account = Scripted(conditions, lambda *_: DONE, seconds=1.0)
        limiter = throttled(conditions, account, parallelism=1)
        tasks = [asyncio.create_task(limiter.send(READ)) for _ in range(6)]
        await conditions.clock.sleep(0.5)
        for task in tasks[:3]:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(reply is DONE for reply in ended) == 3
        return account.most

    for seed in range(20):
        assert run(seed, main).result == 1


# --- what the service says about waiting ------------------------------------------------------------------------------


def test_retry_after_holds_back_everybody() -> None:
    account, _ = pressed(first(1, fails(FailureKind.RATE_LIMITED, status=429, retry_after=30.0)), count=20, seconds=0.1)
    later = [at for at in account.times if at > 0.1]
    assert later
    assert min(later) >= 30.1
    assert len(set(later)) > 1, "they come back with jitter, not all at once"


def test_being_told_to_wait_longer_than_two_minutes_is_a_failure_at_once_for_everybody() -> None:
    async def main(conditions: Conditions) -> tuple[list[BaseException | Reply], list[float]]:
        account = Scripted(conditions, first(1, fails(FailureKind.RATE_LIMITED, status=429, retry_after=600.0)))
        limiter = throttled(conditions, account)
        return [(await asyncio.gather(limiter.send(READ), return_exceptions=True))[0] for _ in range(2)], account.times

    ended = run(1, main)
    (told, refused), times = ended.result
    assert isinstance(told, Failure)
    assert told.retry_after == 600
    assert isinstance(refused, Failure)
    assert (refused.execution, refused.kind, refused.retry_after) == (
        Execution.NOT_EXECUTED,
        FailureKind.RATE_LIMITED,
        600,
    )
    assert refused.message.startswith("not sent: the service asks to wait 10 min, until ")
    assert len(times) == 1
    assert ended.seconds == 0


def test_what_gives_the_stack_back_leaves_although_nobody_waits_that_long() -> None:
    async def main(conditions: Conditions) -> tuple[Reply, list[float]]:
        account = Scripted(conditions, first(1, fails(FailureKind.RATE_LIMITED, status=429, retry_after=600.0)))
        limiter = throttled(conditions, account)
        with pytest.raises(Failure):
            await limiter.send(READ)
        return await limiter.send(replace(WRITE, parting=True)), account.times

    ended = run(1, main)
    assert ended.result[0] is DONE
    assert ended.result[1][-1] < 600


def test_a_conflict_with_retry_after_delays_that_call_only() -> None:
    account, _ = pressed(first(1, fails(FailureKind.CONFLICT, status=409, retry_after=30.0)), count=8, seconds=0.1)
    assert sum(at < 1 for at in account.times) == 8
    assert account.times[-1] >= 30


def test_requests_are_paced_when_the_rate_limit_is_almost_used_up() -> None:
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1m0s",
    }
    account, _ = pressed(lambda *_: Reply(200, {}, headers=headers), count=14, seconds=0.1)
    later = [at for at in account.times if at > 0]
    assert len(later) == 10
    assert all(after - before >= 0.99 for before, after in itertools.pairwise(later))


def test_requests_are_not_paced_while_there_is_room_or_the_headers_make_no_sense() -> None:
    for remaining, reset in (("500", "1s"), ("-1", "1s"), ("0", "soon"), ("9" * 6000, "1s"), ("0", "")):
        headers = {"x-ratelimit-remaining-requests": remaining, "x-ratelimit-reset-requests": reset}
        account, _ = pressed(lambda *_, given=headers: Reply(200, {}, headers=given), count=9, seconds=1)
        assert max(account.times) == 1.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("1m", 60),
        ("", None),
        (None, None),
        ("-1s", None),
        ("x", None),
    ],
)
def test_durations_are_read_as_the_service_writes_them(text: str | None, seconds: float | None) -> None:
    assert duration(text) == seconds


# --- when to stop -----------------------------------------------------------------------------------------------------


def test_after_five_failed_calls_nothing_is_sent_until_one_may_try() -> None:
    async def main(conditions: Conditions) -> list[float]:
        healthy = False

        def script(_: int, call: Call) -> Reply | Failure:
            return DONE if healthy else fails(FailureKind.UNREACHABLE, ambiguous=True)(0, call)

        account = Scripted(conditions, script)
        limiter = throttled(conditions, account)

        async def send() -> Failure | Reply:
            try:
                return await limiter.send(WRITE)
            except Failure as failure:
                return failure

        for _ in range(5):
            assert (await send()) is not DONE
        refused = await send()
        assert isinstance(refused, Failure)
        assert (refused.execution, refused.kind, refused.retry_after) == (
            Execution.NOT_EXECUTED,
            FailureKind.UNREACHABLE,
            30,
        )
        assert "as told" in refused.message
        await conditions.clock.sleep(31)
        assert (await send()) is not DONE
        assert len(account.times) == 6
        await conditions.clock.sleep(31)
        healthy = True
        ended = await asyncio.gather(*(send() for _ in range(4)))
        assert sum(result is DONE for result in ended) >= 1
        assert await send() is DONE
        return account.times

    assert run(1, main).result[5] == 31


def test_one_call_tries_while_the_others_fail_fast() -> None:
    async def main(conditions: Conditions) -> int:
        account = Scripted(conditions, first(5, fails(FailureKind.UNREACHABLE, ambiguous=True)), seconds=1)
        limiter = throttled(conditions, account)
        for _ in range(5):
            with pytest.raises(Failure):
                await limiter.send(WRITE)
        await conditions.clock.sleep(31)
        ended = await asyncio.gather(*(limiter.send(WRITE) for _ in range(6)), return_exceptions=True)
        return sum(result is DONE for result in ended)

    for seed in range(10):
        assert 1 <= run(seed, main).result < 6


def test_a_cancelled_try_lets_the_next_one_try() -> None:
    async def main(conditions: Conditions) -> Reply:
        account = Scripted(conditions, first(5, fails(FailureKind.TIMEOUT, ambiguous=True)), seconds=1)
        limiter = throttled(conditions, account)
        for _ in range(5):
            with pytest.raises(Failure):
                await limiter.send(WRITE)
        await conditions.clock.sleep(31)
        task = asyncio.create_task(limiter.send(WRITE))
        await conditions.clock.sleep(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return await limiter.send(WRITE)

    assert run(1, main).result is DONE


def test_refusals_do_not_open_the_breaker_and_interrupt_a_row_of_failures() -> None:
    async def main(conditions: Conditions) -> int:
        def script(number: int, call: Call) -> Failure:
            sort = FailureKind.NOT_FOUND if number % 5 == 4 else FailureKind.UNREACHABLE
            return Failure(call, execution=Execution.AMBIGUOUS, kind=sort, message="no")

        account = Scripted(conditions, script)
        limiter = throttled(conditions, account)
        for _ in range(30):
            with pytest.raises(Failure):
                await limiter.send(WRITE)
        return len(account.times)

    assert run(1, main).result == 30


def test_past_the_deadline_nothing_is_sent_and_before_it_calls_are_cut_short() -> None:
    async def main(conditions: Conditions) -> tuple[list[Call], Failure]:
        account = Scripted(conditions, lambda *_: DONE, seconds=4)
        limiter = throttled(conditions, account, deadline=10.0)
        for _ in range(3):
            await limiter.send(READ)
        with pytest.raises(Failure) as caught:
            await limiter.send(READ)
        return account.calls, caught.value

    calls, failure = run(1, main).result
    assert [call.timeout for call in calls] == [10, 6, 2]
    assert (failure.kind, failure.execution) == (FailureKind.TIMEOUT, Execution.NOT_EXECUTED)


def test_nobody_waits_for_a_retry_or_a_gate_beyond_the_deadline() -> None:
    async def main(conditions: Conditions) -> list[BaseException | Reply]:
        account = Scripted(conditions, fails(FailureKind.RATE_LIMITED, status=429, retry_after=60.0))
        limiter = throttled(conditions, account, deadline=30.0)
        return [(await asyncio.gather(limiter.send(READ), return_exceptions=True))[0] for _ in range(2)]

    ended = run(1, main)
    assert [result.kind for result in ended.result if isinstance(result, Failure)] == [
        FailureKind.RATE_LIMITED,
        FailureKind.TIMEOUT,
    ]
    assert ended.seconds == 0


# --- what the engine wants to decide itself ---------------------------------------------------------------------------


@pytest.mark.parametrize("sort", [FailureKind.RATE_LIMITED, FailureKind.OVERLOADED, FailureKind.UNREACHABLE])
def test_a_call_that_may_leave_only_once_is_not_sent_again(sort: FailureKind) -> None:
    result, times, _ = attempts(replace(WRITE, once=True), first(1, fails(sort)))
    assert isinstance(result, Failure)
    assert len(times) == 1


def test_a_guard_is_asked_after_the_last_wait_and_may_stop_the_call() -> None:
    asked: list[float] = []

    async def main(conditions: Conditions) -> tuple[list[float], int]:
        async def guard() -> None:
            asked.append(conditions.clock.monotonic())
            if len(asked) == 3:
                raise LookupError

        account = Scripted(conditions, first(1, fails(FailureKind.RATE_LIMITED, retry_after=30.0)))
        limiter = throttled(conditions, account)
        assert await limiter.send(replace(WRITE, guard=guard)) is DONE
        with pytest.raises(LookupError):
            await limiter.send(replace(WRITE, guard=guard))
        return account.times, len(account.calls)

    times, sent = run(1, main).result
    assert sent == 2
    assert asked[:2] == times


def test_what_a_guard_reads_does_not_queue_behind_the_calls_it_guards() -> None:
    async def main(conditions: Conditions) -> int:
        account = Scripted(conditions, lambda _, call: DONE, seconds=1.0)
        limiter = throttled(conditions, account, parallelism=1)

        async def guard() -> None:
            await limiter.send(replace(READ, urgent=True))

        await asyncio.gather(*(limiter.send(replace(WRITE, guard=guard)) for _ in range(5)))
        return len(account.calls)

    assert run(1, main).result == 10


def test_a_guard_that_refuses_does_not_use_up_the_try_that_closes_the_breaker() -> None:
    async def refuse() -> None:
        raise LookupError

    async def main(conditions: Conditions) -> Reply:
        account = Scripted(conditions, first(5, fails(FailureKind.UNREACHABLE, ambiguous=True)))
        limiter = throttled(conditions, account)
        for _ in range(5):
            with pytest.raises(Failure):
                await limiter.send(WRITE)
        await conditions.clock.sleep(40)
        with pytest.raises(LookupError):
            await limiter.send(replace(WRITE, guard=refuse))
        return await limiter.send(WRITE)

    assert run(1, main).result is DONE
