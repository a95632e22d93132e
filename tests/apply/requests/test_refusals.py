"""Which refusals end a run."""

from __future__ import annotations

from reconciler.account.port import Call, Execution, Failure, FailureKind
from reconciler.apply.requests.refusals import is_fatal


def failed(sort: FailureKind, *, wait: float | None = None) -> Failure:
    call = Call("POST", "/files")
    return Failure(call, execution=Execution.NOT_EXECUTED, kind=sort, message="no", retry_after=wait)


def test_what_every_call_would_meet_and_a_long_wait_are_fatal() -> None:
    fatal = (FailureKind.AUTHENTICATION, FailureKind.PERMISSION, FailureKind.QUOTA)
    assert all(is_fatal(failed(sort)) == (sort in fatal) for sort in FailureKind)
    assert [is_fatal(failed(FailureKind.RATE_LIMITED, wait=wait)) for wait in (None, 5.0, 121.0)] == [
        False,
        False,
        True,
    ]
