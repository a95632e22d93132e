"""How a run ends for each way in which a call can fail."""

from __future__ import annotations

import pytest

from reconciler.account.port import Call, Failure, Outcome, Sort
from reconciler.errors import Exit, stop_for


def failure(sort: Sort, request_id: str | None = None) -> Failure:
    call = Call("GET", "/skills")
    return Failure(call, outcome=Outcome.NOT_EXECUTED, sort=sort, message="it says", request_id=request_id)


@pytest.mark.parametrize("sort", list(Sort))
def test_every_failure_has_an_exit_code_that_is_no_success_and_no_bug(sort: Sort) -> None:
    assert stop_for(failure(sort)).code in {Exit.DENIED, Exit.UNAVAILABLE, Exit.INCOMPLETE}


@pytest.mark.parametrize("sort", [Sort.AUTHENTICATION, Sort.PERMISSION])
def test_a_key_that_is_not_accepted_is_denied_and_says_what_to_check(sort: Sort) -> None:
    stop = stop_for(failure(sort))
    assert stop.code is Exit.DENIED
    assert "key" in stop.detail.lower()


def test_a_stop_names_the_request_and_what_was_said() -> None:
    assert stop_for(failure(Sort.QUOTA, "req_1")).summary == "GET /skills: it says (request req_1)"
    assert stop_for(failure(Sort.QUOTA)).summary == "GET /skills: it says"
