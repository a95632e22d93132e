"""A failure tells people the call, the answer and the request, each of them once."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.account.port import Call, Execution, Failure, FailureKind


def told(message: str, **more: Any) -> str:
    failure = Failure(
        Call("GET", "/skills"), execution=Execution.NOT_EXECUTED, kind=FailureKind.REFUSED, message=message, **more
    )
    assert str(failure) == failure.summary
    return failure.summary


@pytest.mark.parametrize(
    ("message", "more", "words"),
    [
        ("it says", {}, "GET /skills: it says"),
        ("it says", {"status": 409}, "GET /skills answered 409: it says"),
        ("at most 500 files", {"status": 500}, "GET /skills answered 500: at most 500 files"),
        ("HTTP 500 without an explanation", {"status": 500}, "GET /skills: HTTP 500 without an explanation"),
        ("HTTP 307 redirects to x", {"status": 307}, "GET /skills: HTTP 307 redirects to x"),
        ("GET /skills answered with a web page", {"status": 200}, "GET /skills answered with a web page"),
        ("GET /skills answered 404 with a web page", {"status": 404}, "GET /skills answered 404 with a web page"),
        ("Invalid URL (GET /v1/skills)", {"status": 404}, "HTTP 404: Invalid URL (GET /v1/skills)"),
        ("the list /skills has no end", {}, "the list /skills has no end"),
        ("bad value", {"status": 400, "param": "limit"}, "GET /skills answered 400: bad value (limit)"),
        ("bad limit", {"status": 400, "param": "limit"}, "GET /skills answered 400: bad limit"),
        ("it says", {"request_id": "req_1"}, "GET /skills: it says (request req_1)"),
        ("It says.", {"request_id": "req_1"}, "GET /skills: It says (request req_1)"),
        ("It says.", {}, "GET /skills: It says"),
        ("see req_1", {"request_id": "req_1"}, "GET /skills: see req_1"),
    ],
)
def test_nothing_is_said_twice(message: str, more: dict[str, Any], words: str) -> None:
    assert told(message, **more) == words
