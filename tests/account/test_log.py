"""Requests in the log: one line each, no body, no header."""

from __future__ import annotations

import asyncio
import json

import pytest

from reconciler.account.log import Logged
from reconciler.account.port import Call, Execution, Failure, FailureKind, Reply


class Answering:
    """An account that answers everything in the same way."""

    def __init__(self, answer: Reply | Failure) -> None:
        self._answer = answer

    async def send(self, call: Call) -> Reply:
        """Give the answer."""
        del call
        if isinstance(self._answer, Failure):
            raise self._answer
        return self._answer


CALL = Call("POST", "/agents", json={"instructions": "the secret"})
REPLY = Reply(200, {"id": "agent_1"}, headers={"x-request-id": "req_1"}, seconds=0.0123)


def lines(answer: Reply | Failure, *, as_json: bool) -> list[str]:
    said: list[str] = []
    account = Logged(Answering(answer), said.append, as_json=as_json)
    try:
        asyncio.run(account.send(CALL))
    except Failure as failure:
        assert failure is answer  # noqa: PT017 - the same one comes through
    return said


def failure(status: int | None) -> Failure:
    return Failure(CALL, execution=Execution.AMBIGUOUS, kind=FailureKind.TIMEOUT, message="the secret", status=status)


def test_a_request_is_one_line_with_result_and_time() -> None:
    assert lines(REPLY, as_json=False) == ["POST /agents → 200 12 ms"]


@pytest.mark.parametrize(("status", "shown"), [(504, "504"), (None, "timeout")])
def test_a_failure_is_one_line_with_its_status_or_its_sort(status: int | None, shown: str) -> None:
    assert lines(failure(status), as_json=False) == [f"POST /agents → {shown}"]


def test_as_json_a_request_is_one_object() -> None:
    [line] = lines(REPLY, as_json=True)
    assert json.loads(line) == {
        "event": "request",
        "method": "POST",
        "path": "/agents",
        "result": "200",
        "seconds": 0.0123,
        "request": "req_1",
    }


def test_what_was_sent_and_what_was_answered_is_not_in_the_log() -> None:
    said = "".join([*lines(REPLY, as_json=True), *lines(failure(500), as_json=True), *lines(REPLY, as_json=False)])
    assert "secret" not in said
