"""The virtual loop keeps its promises: repeatable, varied, without real waiting, and never silently stuck."""

from __future__ import annotations

import asyncio
import time

import pytest

from reconciler.account.limiter import Throttled
from reconciler.account.port import Account, Call, Execution, Failure, FailureKind, Reply
from reconciler.emulator import Emulator
from tests.direct import DirectAccount
from tests.simulation.loop import Conditions, Deadlock, Endless, Run, run

WORKERS = 6
CALLS = 5


class TracedAccount:
    """An account that writes every call and how it ended into the trace, with the virtual time."""

    def __init__(self, account: Account, conditions: Conditions) -> None:
        self._account = account
        self._conditions = conditions

    async def send(self, call: Call) -> Reply:
        self._note(call, "→")
        try:
            reply = await self._account.send(call)
        except Failure as failure:
            self._note(call, f"{failure.execution.value} {failure.kind.value} {failure.status or '-'}")
            raise
        self._note(call, str(reply.status))
        return reply

    def _note(self, call: Call, what: str) -> None:
        query = "".join(f" {key}={value}" for key, value in call.query)
        self._conditions.trace.note(f"{self._conditions.clock.monotonic():.6f} {call.method} {call.path}{query} {what}")


class Moody:
    """An account whose calls take random time and now and then fail."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions

    async def send(self, call: Call) -> Reply:
        await self._conditions.clock.sleep(self._conditions.random.choice((0.01, 0.01, 0.05)))
        if self._conditions.random.random() < 0.15:
            raise Failure(
                call, execution=Execution.NOT_EXECUTED, kind=FailureKind.OVERLOADED, message="busy", status=503
            )
        return Reply(200, {})


async def _many(conditions: Conditions) -> int:
    account = Throttled(TracedAccount(Moody(conditions), conditions), clock=conditions.clock, random=conditions.random)

    async def work(worker: int) -> int:
        done = 0
        for number in range(CALLS):
            try:
                await account.send(Call("GET", f"/workers/{worker}/{number}"))
                done += 1
            except Failure:
                continue
        return done

    return sum(await asyncio.gather(*(work(worker) for worker in range(WORKERS))))


async def _on_the_emulator(conditions: Conditions) -> list[str]:
    numbers = iter(range(1_000_000))
    machine = Emulator(clock=conditions.clock.now, ids=lambda prefix: f"{prefix}{next(numbers):06d}")
    direct = DirectAccount(machine, clock=conditions.clock, latency=lambda _: conditions.random.uniform(0.01, 0.2))
    account = Throttled(TracedAccount(direct, conditions), clock=conditions.clock, random=conditions.random)
    calls = (Call("POST", "/vector_stores", json={"name": f"store {number}"}) for number in range(8))
    try:
        replies = await asyncio.gather(*(account.send(call) for call in calls))
        return [reply.data["id"] for reply in replies]
    finally:
        machine.close()


def test_one_seed_is_one_trace() -> None:
    first, second = run(7, _many), run(7, _many)
    assert first.trace.lines
    assert first.trace.hash == second.trace.hash
    assert (first.result, first.seconds) == (second.result, second.seconds)


def test_one_seed_is_one_trace_on_the_emulator_too() -> None:
    first, second = run(3, _on_the_emulator), run(3, _on_the_emulator)
    assert len(set(first.result)) == 8
    assert first.trace.hash == second.trace.hash
    assert first.result == second.result


def test_seeds_differ_in_their_traces() -> None:
    assert len({run(seed, _many).trace.hash for seed in range(20)}) >= 5


def test_seeds_differ_even_if_nothing_but_the_schedule_is_random() -> None:
    async def main(conditions: Conditions) -> None:
        async def step(name: str) -> None:
            await conditions.clock.sleep(1)
            conditions.trace.note(name)

        await asyncio.gather(*(step(name) for name in "abcd"))

    assert len({run(seed, main).trace.hash for seed in range(20)}) >= 5


def test_virtual_hours_take_no_real_time() -> None:
    async def main(conditions: Conditions) -> float:
        for _ in range(100):
            await conditions.clock.sleep(3600)
        return conditions.clock.now()

    started = time.process_time()
    ended = run(1, main)
    assert ended.seconds == pytest.approx(360_000)
    assert time.process_time() - started < 0.5


def test_a_timeout_is_virtual_too() -> None:
    async def main(conditions: Conditions) -> None:
        async with asyncio.timeout(600):
            await conditions.clock.sleep(601)

    with pytest.raises(TimeoutError):
        run(1, main)


def test_a_deadlock_names_who_waits_where() -> None:
    async def main(conditions: Conditions) -> None:
        async def stuck() -> None:
            await asyncio.get_running_loop().create_future()

        await asyncio.gather(asyncio.create_task(stuck(), name="uploader"), conditions.clock.sleep(5))

    with pytest.raises(Deadlock, match=r"uploader: .*stuck at .*test_loop\.py:\d+"):
        run(1, main)


def test_a_run_without_end_is_stopped() -> None:
    async def main(conditions: Conditions) -> None:
        while True:
            await conditions.clock.sleep(3600)

    with pytest.raises(Endless, match="task 1"):
        run(1, main)


def test_threads_run_inline() -> None:
    async def main(_: Conditions) -> int:
        return await asyncio.to_thread(sum, [1, 2, 3])

    ended: Run[int] = run(1, main)
    assert ended.result == 6


def test_what_main_raises_comes_out_and_leftovers_are_cancelled() -> None:
    cancelled = []

    async def main(conditions: Conditions) -> None:
        async def background() -> None:
            try:
                await conditions.clock.sleep(100)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        task = asyncio.create_task(background())
        await conditions.clock.sleep(1)
        raise ValueError(task.get_name())

    with pytest.raises(ValueError, match="task 2"):
        run(1, main)
    assert cancelled == [True]
