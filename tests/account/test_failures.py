"""How a run ends for each way in which a call can fail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.account.failures import stop_for
from reconciler.account.outcomes import Answer, classify
from reconciler.account.port import Call, Execution, Failure, FailureKind
from reconciler.model.errors import Exit, Stop

READ = Call("GET", "/skills")
WRITE = Call("POST", "/skills", json={})
DATE = "Sun, 22 Nov 2026 09:00:30 GMT"


def failure(sort: FailureKind, call: Call = READ, **more: Any) -> Failure:
    return Failure(call, execution=Execution.NOT_EXECUTED, kind=sort, **{"message": "it says", **more})


def answered(status: int, call: Call = READ, headers: Mapping[str, str] | None = None) -> Stop:
    """The end of a run whose call was answered like this, in OpenAI's format."""
    body = json.dumps({"error": {"message": "It says no.", "type": "x", "code": None, "param": None}}).encode()
    given = Answer(
        status, {"content-type": "application/json", **(headers or {})}, body if status not in {204, 304} else b""
    )
    with pytest.raises(Failure) as caught:
        classify(call, given)
    return stop_for(caught.value)


@pytest.mark.parametrize("call", [READ, WRITE])
@pytest.mark.parametrize("sort", list(FailureKind))
def test_every_failure_has_an_exit_code_that_is_no_success_and_no_bug_and_a_way_out(
    sort: FailureKind, call: Call
) -> None:
    stop = stop_for(failure(sort, call))
    assert stop.code in {Exit.DENIED, Exit.UNAVAILABLE, Exit.INCOMPLETE}
    assert stop.detail


@pytest.mark.parametrize("sort", [FailureKind.AUTHENTICATION, FailureKind.PERMISSION])
def test_a_key_that_is_not_accepted_is_denied_and_says_what_to_check(sort: FailureKind) -> None:
    stop = stop_for(failure(sort))
    assert stop.code is Exit.DENIED
    assert "key" in stop.detail.lower()


@pytest.mark.parametrize(
    "status", [204, 304, 307, 400, 404, 405, 408, 409, 410, 413, 418, 422, 429, 451, 500, 501, 599]
)
def test_a_read_that_is_not_answered_as_it_should_be_means_that_the_api_is_not_available(status: int) -> None:
    stop = answered(status)
    assert stop.code is Exit.UNAVAILABLE
    assert f" {status}" in stop.summary
    assert stop.detail


@pytest.mark.parametrize("status", [400, 409, 413, 418, 422])
def test_a_write_that_is_refused_leaves_the_run_incomplete(status: int) -> None:
    stop = answered(status, WRITE)
    assert stop.code is Exit.INCOMPLETE
    assert stop.detail.startswith("Run the same command again")


@pytest.mark.parametrize("status", [500, 501, 504, 508, 520, 599])
def test_a_service_that_is_out_of_order_is_not_blamed_on_the_network(status: int) -> None:
    assert "network" not in answered(status).detail
    assert "network" in stop_for(failure(FailureKind.UNREACHABLE)).detail


def test_a_stop_names_the_request_and_what_was_said() -> None:
    assert stop_for(failure(FailureKind.QUOTA, request_id="req_1")).summary == "GET /skills: it says (request req_1)."
    assert stop_for(failure(FailureKind.QUOTA)).summary == "GET /skills: it says."


@pytest.mark.parametrize("message", ["it says", "It says.", "does it?", "it says…", "GET /skills answered 304"])
@pytest.mark.parametrize("sort", list(FailureKind))
def test_summary_and_detail_are_sentences_so_that_they_can_stand_in_a_row(sort: FailureKind, message: str) -> None:
    stop = stop_for(failure(sort, message=message))
    assert stop.summary[-1] in ".?!…"
    assert not stop.summary.endswith("..")
    assert stop.detail[0].isupper()
    assert stop.detail.endswith(".")


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_is_too_long_is_told_in_hours_and_until_when(status: int) -> None:
    stop = answered(status, headers={"retry-after": "86400", "date": DATE})
    assert stop.detail == (
        "The service asks to wait 24 h, until 2026-11-23 09:01 UTC. Run the same command again then."
    )
    undated = answered(status, headers={"retry-after": "86400"})
    assert undated.detail == "The service asks to wait 24 h. Run the same command again then."


def test_other_failures_that_ask_to_wait_keep_their_advice() -> None:
    detail = answered(500, headers={"retry-after": "90"}).detail
    assert detail.startswith("The service asks to wait 90 s. ")
    assert "out of order" in detail
    assert "asks to wait" not in answered(429, headers={"retry-after": "0"}).detail


def test_a_call_that_was_not_sent_says_the_wait_once() -> None:
    message = "not sent: the service asks to wait 24 h, until 2026-11-23 09:01 UTC"
    stop = stop_for(failure(FailureKind.RATE_LIMITED, message=message, retry_after=86_400.0))
    assert (stop.summary, stop.detail) == (f"GET /skills: {message}.", "Run the same command again then.")
