"""The direct account sends the request that would go over the wire, and classifies as the live one does."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator

import pytest

from reconciler.account.port import Call, Execution, Failure, FailureKind, Upload
from reconciler.emulator import Emulator, Request, Response
from reconciler.emulator.faults import Effect, Fault, Faulty
from tests.direct import DirectAccount, request_of
from tests.simulation.loop import Conditions, run


@pytest.fixture
def machine() -> Iterator[Emulator]:
    machine = Emulator()
    yield machine
    machine.close()


def upload(content: bytes, *, name: str = "guide.md", size: int | None = None) -> Upload:
    return Upload("file", name, lambda: io.BytesIO(content), len(content) if size is None else size)


def test_an_object_is_created_read_and_deleted(machine: Emulator) -> None:
    async def main() -> list[Call]:
        account = DirectAccount(machine)
        made = await account.send(Call("POST", "/vector_stores", json={"name": "docs", "metadata": {"a": "é"}}))
        path = f"/vector_stores/{made.data['id']}"
        assert (await account.send(Call("GET", path))).data["metadata"] == {"a": "é"}
        assert (await account.send(Call("DELETE", path))).data["deleted"] is True
        with pytest.raises(Failure) as caught:
            await account.send(Call("GET", path))
        assert (caught.value.kind, caught.value.execution) == (FailureKind.NOT_FOUND, Execution.NOT_EXECUTED)
        return account.calls

    assert [call.method for call in asyncio.run(main())] == ["POST", "GET", "DELETE", "GET"]


def test_an_upload_arrives_byte_for_byte(machine: Emulator) -> None:
    content = bytes(range(256)) * 300 + b"\r\n------reconciler-8f2c1d0a7b\r\n"

    async def main() -> bytes:
        account = DirectAccount(machine)
        call = Call("POST", "/files", form=(("purpose", "batch"),), uploads=(upload(content, name="übung.jsonl"),))
        made = await account.send(call)
        assert (made.data["bytes"], made.data["filename"]) == (len(content), "übung.jsonl")
        return (await account.send(Call("GET", f"/files/{made.data['id']}/content", binary=True))).content

    assert asyncio.run(main()) == content


def test_a_file_that_changed_size_is_not_sent(machine: Emulator) -> None:
    account = DirectAccount(machine)
    call = Call("POST", "/files", form=(("purpose", "assistants"),), uploads=(upload(b"abc", size=4),))
    with pytest.raises(Failure, match=r"guide\.md changed") as caught:
        asyncio.run(account.send(call))
    assert caught.value.code == "changed"


def test_a_file_name_cannot_break_out_of_its_header() -> None:
    request = request_of(Call("POST", "/files", uploads=(upload(b"x", name='a"\r\nX: y'),)))
    assert b'filename="a%22%0D%0AX: y"' in request.body


def test_beta_and_query_go_along(machine: Emulator) -> None:
    request = request_of(Call("GET", "/agents", query=(("limit", "5"),), beta="agents=v1"))
    assert request == Request(
        "GET", "/agents", (("limit", "5"),), {"authorization": "Bearer local", "openai-beta": "agents=v1"}
    )


def test_hooks_see_every_call_and_may_fail_it(machine: Emulator) -> None:
    seen: list[object] = []

    def lose(call: Call, response: Response) -> None:
        seen.append(response.status)
        raise Failure(call, execution=Execution.AMBIGUOUS, kind=FailureKind.UNREACHABLE, message="lost")

    account = DirectAccount(machine, before=lambda call: seen.append(call.method), after=lose)
    with pytest.raises(Failure, match="lost"):
        asyncio.run(account.send(Call("POST", "/vector_stores", json={})))
    assert seen == ["POST", 200]


def test_latency_passes_on_the_injected_clock(machine: Emulator) -> None:
    async def main(conditions: Conditions) -> float | None:
        account = DirectAccount(machine, clock=conditions.clock, latency=lambda _: 3.0)
        reply = await account.send(Call("GET", "/vector_stores"))
        assert reply.seconds == 3.0
        assert reply.date == int(conditions.clock.now() - 1.5)
        return reply.date

    assert run(1, main).seconds == 3.0
    with pytest.raises(ValueError, match="clock"):
        DirectAccount(machine, latency=lambda _: 1.0)


READ, WRITE = Call("GET", "/vector_stores"), Call("POST", "/vector_stores", json={"name": "docs"})


def faulty(machine: Emulator, fault: Fault) -> Faulty:
    return Faulty(machine, lambda _: fault, clock=lambda: 1_795_000_000.0)


@pytest.mark.parametrize("effect", [Effect.LOST, Effect.DROPPED, Effect.LATE, Effect.TRUNCATED])
@pytest.mark.parametrize(("call", "outcome"), [(READ, Execution.NOT_EXECUTED), (WRITE, Execution.AMBIGUOUS)])
def test_a_connection_that_breaks_leaves_open_whether_a_write_was_executed(
    machine: Emulator, effect: Effect, call: Call, outcome: Execution
) -> None:
    account = DirectAccount(faulty(machine, Fault(effect, seconds=5)))
    with pytest.raises(Failure, match="the connection broke before the answer was complete: ") as caught:
        asyncio.run(account.send(call))
    assert (caught.value.kind, caught.value.execution, caught.value.status) == (FailureKind.UNREACHABLE, outcome, None)


def test_a_lost_connection_is_noticed_after_the_way_there_and_back(machine: Emulator) -> None:
    async def main(conditions: Conditions) -> None:
        account = DirectAccount(faulty(machine, Fault(Effect.DROPPED)), clock=conditions.clock, latency=lambda _: 3.0)
        with pytest.raises(Failure):
            await account.send(READ)

    assert run(1, main).seconds == 3.0


def test_a_delayed_answer_is_waited_for_on_the_clock(machine: Emulator) -> None:
    async def main(conditions: Conditions) -> None:
        account = DirectAccount(faulty(machine, Fault(Effect.DELAY, seconds=20)), clock=conditions.clock)
        reply = await account.send(WRITE)
        assert reply.seconds == 20
        assert reply.date == conditions.clock.now()

    assert run(1, main).seconds == 20


def test_an_answer_that_takes_longer_than_the_call_may_is_a_timeout(machine: Emulator) -> None:
    async def main(conditions: Conditions) -> None:
        account = DirectAccount(faulty(machine, Fault(Effect.DELAY, seconds=3600)), clock=conditions.clock)
        with pytest.raises(Failure, match="no complete answer within 60 s") as caught:
            await account.send(WRITE)
        assert (caught.value.kind, caught.value.execution) == (FailureKind.TIMEOUT, Execution.AMBIGUOUS)

    assert run(1, main).seconds == 60


def test_without_a_clock_nothing_is_waited_for(machine: Emulator) -> None:
    account = DirectAccount(faulty(machine, Fault(Effect.DELAY, seconds=3600)))
    assert asyncio.run(account.send(READ)).seconds == 0
