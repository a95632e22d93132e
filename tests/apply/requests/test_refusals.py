"""Which refusals end a run."""

from __future__ import annotations

from reconciler.account.port import Call, Failure, Outcome, Sort
from reconciler.apply.requests.refusals import is_fatal


def failed(sort: Sort, *, wait: float | None = None) -> Failure:
    call = Call("POST", "/files")
    return Failure(call, outcome=Outcome.NOT_EXECUTED, sort=sort, message="no", retry_after=wait)


def test_what_every_call_would_meet_and_a_long_wait_are_fatal() -> None:
    fatal = (Sort.AUTHENTICATION, Sort.PERMISSION, Sort.QUOTA)
    assert all(is_fatal(failed(sort)) == (sort in fatal) for sort in Sort)
    assert [is_fatal(failed(Sort.RATE_LIMITED, wait=wait)) for wait in (None, 5.0, 121.0)] == [False, False, True]
