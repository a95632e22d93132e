"""Every answer is classified, whatever it is, and no hostile one becomes anything but a Failure."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reconciler.account.outcomes import Answer, Redaction, classify, decode, lowered, retry_after
from reconciler.account.port import Call, Execution, Failure, FailureKind, Reply

READ = Call("GET", "/vector_stores")
WRITE = Call("POST", "/vector_stores", json={"name": "docs"})
JSON = {"content-type": "application/json"}


def answer(status: int, body: object = None, headers: Mapping[str, str] = JSON) -> Answer:
    return Answer(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def error(message: str = "no", **fields: object) -> dict[str, object]:
    return {"error": {"message": message, "type": "some_error", "param": None, "code": None, **fields}}


def failed(call: Call, given: Answer, redact: Redaction | None = None) -> Failure:
    with pytest.raises(Failure) as caught:
        classify(call, given, redact=redact)
    return caught.value


def test_an_object_is_a_reply_with_the_servers_date() -> None:
    headers = {**JSON, "date": "Wed, 18 Nov 2026 11:06:40 GMT"}
    reply = classify(WRITE, answer(201, {"id": "vs_1"}, headers))
    assert reply == Reply(201, {"id": "vs_1"}, headers=headers, date=1795000000.0)


def test_a_binary_call_gets_the_bytes() -> None:
    call = Call("GET", "/skills/skill_1/content", binary=True)
    assert classify(call, Answer(200, {"content-type": "application/zip"}, b"PK\x03")).content == b"PK\x03"
    assert failed(call, Answer(200, {"content-type": "text/html"}, b"<html>")).kind is FailureKind.MALFORMED


@pytest.mark.parametrize(
    ("status", "sort", "outcome"),
    [
        (400, FailureKind.REFUSED, Execution.NOT_EXECUTED),
        (401, FailureKind.AUTHENTICATION, Execution.NOT_EXECUTED),
        (403, FailureKind.PERMISSION, Execution.NOT_EXECUTED),
        (404, FailureKind.NOT_FOUND, Execution.NOT_EXECUTED),
        (413, FailureKind.REFUSED, Execution.NOT_EXECUTED),
        (415, FailureKind.REFUSED, Execution.NOT_EXECUTED),
        (422, FailureKind.REFUSED, Execution.NOT_EXECUTED),
        (429, FailureKind.RATE_LIMITED, Execution.NOT_EXECUTED),
        (301, FailureKind.MALFORMED, Execution.AMBIGUOUS),
        (307, FailureKind.MALFORMED, Execution.AMBIGUOUS),
        (402, FailureKind.REFUSED, Execution.AMBIGUOUS),
        (408, FailureKind.TIMEOUT, Execution.AMBIGUOUS),
        (409, FailureKind.CONFLICT, Execution.AMBIGUOUS),
        (410, FailureKind.NOT_FOUND, Execution.AMBIGUOUS),
        (418, FailureKind.REFUSED, Execution.AMBIGUOUS),
        (500, FailureKind.UNREACHABLE, Execution.AMBIGUOUS),
        (502, FailureKind.UNREACHABLE, Execution.AMBIGUOUS),
        (503, FailureKind.OVERLOADED, Execution.AMBIGUOUS),
        (504, FailureKind.TIMEOUT, Execution.AMBIGUOUS),
        (529, FailureKind.UNREACHABLE, Execution.AMBIGUOUS),
    ],
)
def test_the_status_says_whether_a_write_may_have_been_executed(
    status: int, sort: FailureKind, outcome: Execution
) -> None:
    failure = failed(WRITE, answer(status, error()))
    assert (failure.kind, failure.execution, failure.status) == (sort, outcome, status)
    again = failed(READ, answer(status, error()))
    assert (again.kind, again.execution) == (sort, Execution.NOT_EXECUTED)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"detail": "slow"}', b'{"error": "slow"}', b'{"error": {"message": 1}}']
)
def test_a_429_that_is_not_in_the_apis_format_is_ambiguous(body: bytes) -> None:
    failure = failed(WRITE, answer(429, body))
    assert (failure.kind, failure.execution) == (FailureKind.RATE_LIMITED, Execution.AMBIGUOUS)


@pytest.mark.parametrize("code", ["insufficient_quota", "billing_hard_limit_reached", "spend_limit_exceeded"])
def test_being_out_of_quota_is_no_rate_limit(code: str) -> None:
    assert failed(WRITE, answer(429, error(code=code))).kind is FailureKind.QUOTA
    assert failed(WRITE, answer(429, error(code=None, type=code))).kind is FailureKind.QUOTA


@pytest.mark.parametrize("code", ["slow_down", "rate_limit_exceeded", "files_api_rate_limit_exceeded", "tokens"])
def test_a_rate_limit_is_no_quota_though_its_text_mentions_billing(code: str) -> None:
    failure = failed(WRITE, answer(429, error("Rate limit reached. Add a payment method: /account/billing", code=code)))
    assert failure.kind is FailureKind.RATE_LIMITED


def test_the_servers_explanation_comes_along() -> None:
    headers = {**JSON, "x-request-id": "req_1", "retry-after": "3"}
    body = error("Too long.", code="string_above_max_length", param="metadata.x")
    failure = failed(WRITE, answer(400, body, headers))
    assert (failure.message, failure.code, failure.param) == ("Too long.", "string_above_max_length", "metadata.x")
    assert (failure.request_id, failure.retry_after) == ("req_1", 3.0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"detail": "Not Found"}, "Not Found"),
        ({"error": "broken"}, "broken"),
        ({"message": "broken"}, "broken"),
        ({"error": {"message": ["odd"]}}, "HTTP 500 without an explanation"),
        ([], "HTTP 500 without an explanation"),
        (b"\xff\xfe", "HTTP 500 without an explanation"),
        (b"[" * 100_000, "HTTP 500 without an explanation"),
    ],
)
def test_other_servers_explanations_are_understood_or_left_alone(body: object, message: str) -> None:
    assert failed(WRITE, answer(500, body)).message == message


def test_a_web_page_with_404_is_no_evidence_of_absence() -> None:
    failure = failed(READ, answer(404, b"<html>", {"content-type": "text/html"}))
    assert (failure.kind, failure.status) == (FailureKind.MALFORMED, 404)
    assert "base URL" in failure.message


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("https://evil.example/v1/files", "to evil.example;"),
        ("https://user:secret@evil.example/", "to evil.example;"),
        ("/elsewhere", "to another path;"),
        ("https://[broken", "to another path;"),
        ("https://a\x1b[31m.example/", "to another path;"),
    ],
)
def test_a_redirect_names_the_host_and_nothing_else(location: str, named: str) -> None:
    failure = failed(WRITE, Answer(307, {"location": location}, b""))
    assert named in failure.message
    assert "secret" not in failure.message
    assert failure.code == "redirected"


@pytest.mark.parametrize(
    ("headers", "body", "words"),
    [
        ({"content-type": "text/html; charset=utf-8"}, b"<html>sign in</html>", "a web page"),
        ({"content-type": "text/plain"}, b"{}", "text/plain"),
        ({}, b"{}", "without a content type"),
        (JSON, b'{"id": "vs_1', "breaks off"),
        (JSON, b"\xff", "UTF-8"),
        (JSON, b'{"x": NaN}', "number"),
        (JSON, b'{"x": -Infinity}', "number"),
        (JSON, b'{"x": 1e999}', "number"),
        (JSON, b'{"x": ' + b"9" * 5000 + b"}", "number"),
        (JSON, b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deeply"),
        (JSON, b'{"x": ' + b"[" * 101 + b"]" * 101 + b"}", "deeply"),
        (JSON, b"[]", "an array"),
        (JSON, b'"text"', "a single value"),
        (JSON, b"null", "a single value"),
    ],
)
def test_a_2xx_that_is_no_object_is_malformed(headers: dict[str, str], body: bytes, words: str) -> None:
    failure = failed(WRITE, answer(200, body, headers))
    assert (failure.kind, failure.execution) == (FailureKind.MALFORMED, Execution.AMBIGUOUS)
    assert words in failure.message
    assert "POST /vector_stores" in failure.message
    assert failed(READ, answer(200, body, headers)).execution is Execution.NOT_EXECUTED


@pytest.mark.parametrize("body", [b"", b" \r\n"])
@pytest.mark.parametrize("headers", [JSON, {"content-type": "text/html"}, {}])
@pytest.mark.parametrize("status", [200, 202, 204])
@pytest.mark.parametrize("call", [READ, WRITE])
def test_an_answer_without_a_body_is_called_that_and_leaves_a_write_in_doubt(
    call: Call, status: int, headers: dict[str, str], body: bytes
) -> None:
    failure = failed(call, Answer(status, headers, body))
    words = f"{call.method} /vector_stores answered {status} without a body; is something between us and the API?"
    assert (failure.message, failure.kind, failure.status) == (words, FailureKind.MALFORMED, status)
    assert failure.ambiguous is (call is WRITE)


def test_a_file_may_be_empty_but_not_missing() -> None:
    call = Call("GET", "/files/file-1/content", binary=True)
    assert classify(call, Answer(200, {}, b"")).content == b""
    assert "answered 204 without a body" in failed(call, Answer(204, {}, b"")).message


@pytest.mark.parametrize("status", [300, 304, 305, 399])
@pytest.mark.parametrize(("call", "wanted"), [(READ, "an object"), (Call("GET", "/x", binary=True), "a file")])
def test_a_3xx_that_names_no_other_place_is_no_redirect(call: Call, wanted: str, status: int) -> None:
    failure = failed(call, Answer(status, {}, b""))
    assert f"GET {call.path} answered {status} instead of {wanted}" in failure.message
    assert "redirect" not in failure.message
    assert (failure.kind, failure.execution, failure.code) == (
        FailureKind.MALFORMED,
        Execution.NOT_EXECUTED,
        "unexpected",
    )
    assert failed(WRITE, Answer(status, {}, b"")).ambiguous


def test_a_refusal_comes_with_the_servers_date() -> None:
    headers = {**JSON, "date": "Wed, 18 Nov 2026 11:06:40 GMT"}
    assert failed(READ, answer(429, error(), headers)).date == 1795000000.0
    assert failed(READ, answer(429, error())).date is None


def test_a_huge_body_is_malformed() -> None:
    body = b'{"x": "' + b"x" * (32 * 1024 * 1024) + b'"}'
    assert "32 MB" in failed(WRITE, answer(200, body)).message


def test_other_json_types_and_deep_enough_values_are_fine() -> None:
    reply = classify(
        READ, answer(200, b'{"x": ' + b"[" * 90 + b"]" * 90 + b"}", {"content-type": "application/vnd.x+json"})
    )
    assert "x" in reply.data


def test_messages_are_cut_and_hold_no_key() -> None:
    redact = Redaction(("the-very-key",))
    text = "Incorrect API key sk-proj-abc_DEF-123, the-very-key. " + "x" * 600
    failure = failed(WRITE, answer(401, error(text, code="sk-proj-1", param="the-very-key")), redact)
    assert failure.message.startswith("Incorrect API key [redacted], [redacted]. xxx")
    assert len(failure.message) == 500
    assert "the-very-key" not in f"{failure} {failure!r} {failure.code} {failure.param} {redact!r}"
    assert failure.code == "[redacted]"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "odd", "retry-after": "9"}, 9.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
        ({"retry-after": "Wed, 18 Nov 2026 11:07:40 GMT", "date": "Wed, 18 Nov 2026 11:06:40 GMT"}, 60.0),
        ({"retry-after": "Wed, 18 Nov 2026 11:07:40 GMT"}, None),
        ({"retry-after": "Wed, 18 Nov 2026 11:05:40 GMT", "date": "Wed, 18 Nov 2026 11:06:40 GMT"}, None),
        ({"retry-after": "Wed, 99 Nov 99999 11:05:40 GMT", "date": "Wed, 18 Nov 2026 11:06:40 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_a_request_id_that_is_no_token_is_dropped() -> None:
    assert failed(READ, answer(500, error(), {**JSON, "x-request-id": "a\x1b[0m"})).request_id is None


def test_decoding_keeps_equal_things_apart() -> None:
    assert decode(b'{"a": [1, 1.5, true, null, "\\u00e9"]}') == {"a": [1, 1.5, True, None, "é"]}


def test_of_a_repeated_header_the_first_counts() -> None:
    assert lowered([("Retry-After", "1"), ("retry-after", "2")]) == {"retry-after": "1"}
