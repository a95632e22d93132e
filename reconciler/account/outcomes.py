"""What an answer means: the one place that decides whether the server may have acted.

The live account and the direct one share this module, so the simulation exercises the very classification that real
answers go through. It knows nothing of the SDK and nothing of HTTP libraries: a status, headers and bytes come in, a
`Reply` goes out or a `Failure` is raised. Everything that arrives is taken for hostile.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import urlsplit

from reconciler.account.port import Call, Execution, Failure, FailureKind, Reply, Upload
from reconciler.account.words import Meaning, says

JSON_LIMIT = 32 * 1024 * 1024
"""The largest JSON answer in bytes: a page of 10,000 files is about 3 MB."""

BINARY_LIMIT = 60 * 1024 * 1024
"""The largest other body in bytes: a skill bundle is at most 50 MB."""

DEPTH_LIMIT = 100
"""How deeply an answer may nest: twice what a tool's schema may, far below Python's own limit."""

MESSAGE_LIMIT = 500
"""How many characters of a server's text are kept."""

UNREADABLE = "unreadable"
"""`Failure.code` of an answer that is no JSON at all: a proxy's page or a cut body; reading again may help."""

UNEXPECTED = "unexpected"
"""`Failure.code` of an answer that can be read but is not what the API says; reading again will not help."""

OTHER_API = "other_api"
"""`Failure.code` of an answer that is JSON but no object, which no endpoint of this API gives."""

REDIRECTED = "redirected"
"""`Failure.code` of a 3xx that names another place; the others are UNEXPECTED."""

CHANGED = "changed"
"""`Failure.code` of an upload whose file has another size than the call promised."""

_KINDS = {
    400: FailureKind.REFUSED,
    401: FailureKind.AUTHENTICATION,
    403: FailureKind.PERMISSION,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.TIMEOUT,
    409: FailureKind.CONFLICT,
    410: FailureKind.NOT_FOUND,
    413: FailureKind.REFUSED,
    415: FailureKind.REFUSED,
    422: FailureKind.REFUSED,
    503: FailureKind.OVERLOADED,
    504: FailureKind.TIMEOUT,
}

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DEFINITE = frozenset({400, 401, 403, 404, 413, 415, 422})
"""Statuses that say the request was not executed; every other one leaves that open."""

_KEY_SHAPE = re.compile(r"sk-[A-Za-z0-9_-]+")
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response before anybody has judged it; header names are lower case, `seconds` is how long it took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Explanation:
    """What an error body says; `formatted` if it does so in OpenAI's format."""

    message: str = ""
    code: str | None = None
    param: str | None = None
    formatted: bool = False


@dataclass(frozen=True, slots=True)
class Redaction:
    """Takes secrets out of text: exact values and anything shaped like an API key."""

    secrets: tuple[str, ...] = field(default=(), repr=False)

    def __call__(self, text: str) -> str:
        """Give the text without secrets, at most 500 characters of it."""
        text = text[: 10 * MESSAGE_LIMIT]
        for secret in self.secrets:
            if secret:
                text = text.replace(secret, "[redacted]")
        text = _KEY_SHAPE.sub("[redacted]", text)
        return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"


def classify(call: Call, answer: Answer, *, redact: Redaction | None = None) -> Reply:
    """Give the valid reply that an answer is; raises Failure for every other answer."""
    redact = redact or Redaction()
    if 200 <= answer.status < 300:
        return _accept(call, answer, redact)
    if 300 <= answer.status < 400:
        _not_an_answer(call, answer, redact)
    raise _refusal(call, answer, redact)


def failure(
    call: Call,
    *,
    execution: Execution,
    kind: FailureKind,
    message: str,
    redact: Redaction | None = None,
    code: str | None = None,
) -> Failure:
    """A failure without a response; a call that only reads can always be repeated."""
    return Failure(
        call, execution=_execution(call, execution), kind=kind, message=(redact or Redaction())(message), code=code
    )


def changed(call: Call, upload: Upload) -> Failure:
    """The failure of an upload whose file was written to meanwhile: the server may have seen a part of it."""
    message = f"{upload.filename} changed while it was being uploaded; run the command again"
    return failure(call, execution=Execution.AMBIGUOUS, kind=FailureKind.REFUSED, message=message, code=CHANGED)


# --- answers that say yes ---------------------------------------------------------------------------------------------


def _accept(call: Call, answer: Answer, redact: Redaction) -> Reply:
    kind = media_type(answer.headers)
    if not answer.body.strip() and (answer.status != 200 or not call.binary):  # only a file may be empty
        message = f"{_what(call)} answered {answer.status} without a body; is something between us and the API?"
        _malformed(call, answer, redact, message, code=UNREADABLE)
    if call.binary:
        if kind == "text/html":
            _malformed(
                call, answer, redact, f"{_what(call)} answered with a web page instead of a file", code=UNREADABLE
            )
        _within(call, answer, redact, BINARY_LIMIT)
        return _reply(answer, {}, answer.body)
    if kind != "application/json" and not kind.endswith("+json"):
        found = "a web page" if kind == "text/html" else kind or "a body without a content type"
        message = f"{_what(call)} answered with {found} instead of JSON; is something between us and the API?"
        _malformed(call, answer, redact, message, code=UNREADABLE)
    _within(call, answer, redact, JSON_LIMIT)
    try:
        data = decode(answer.body)
    except ValueError as error:
        _malformed(
            call, answer, redact, f"{_what(call)} answered with JSON that cannot be used: {error}", code=UNREADABLE
        )
    if not isinstance(data, dict):
        found = "an array" if isinstance(data, list) else "a single value"
        message = f"{_what(call)} answered with {found} instead of an object: this server has another API at that path"
        _malformed(call, answer, redact, message, code=OTHER_API)
    return _reply(answer, data, b"")


def _within(call: Call, answer: Answer, redact: Redaction, limit: int) -> None:
    if len(answer.body) > limit:
        message = f"{_what(call)} answered with more than {limit // 1024 // 1024} MB"
        _malformed(call, answer, redact, message, code=UNEXPECTED)


def _reply(answer: Answer, data: Mapping[str, Any], content: bytes) -> Reply:
    return Reply(
        status=answer.status,
        data=data,
        content=content,
        headers=answer.headers,
        date=_date(answer.headers.get("date")),
        seconds=answer.seconds,
    )


def media_type(headers: Mapping[str, str]) -> str:
    """The content type without its parameters, in lower case."""
    return headers.get("content-type", "").split(";", 1)[0].strip().lower()


def decode(body: bytes) -> Any:
    """Decode JSON strictly; raises ValueError with one sentence that quotes nothing of the body.

    NaN, infinities (also `1e999`) and values nested deeper than 100 are refused: they break comparison later on.
    """
    try:
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it breaks off or is malformed at character {error.pos} of {len(error.doc)}") from error
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:
        raise ValueError("it holds a number that cannot be represented") from error
    if text.count("[") + text.count("{") > DEPTH_LIMIT and _deep(value):
        raise ValueError("it is nested too deeply")
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


_DECODER = json.JSONDecoder(parse_constant=_constant, parse_float=_finite)


def _deep(value: Any) -> bool:
    """Whether containers nest deeper than the limit; level by level, since recursion is what must not happen."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEPTH_LIMIT):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


# --- answers that say no ----------------------------------------------------------------------------------------------


def _refusal(call: Call, answer: Answer, redact: Redaction) -> Failure:
    said = _explanation(answer.body)
    kind, execution = _judge(answer.status, said)
    if answer.status == 404 and media_type(answer.headers) == "text/html":
        kind = FailureKind.MALFORMED  # a web server's page is no evidence that an object is gone
        said = _Explanation(
            message=f"{_what(call)} answered 404 with a web page; is the base URL right?", code=UNEXPECTED
        )
    return Failure(
        call,
        execution=_execution(call, execution),
        kind=kind,
        message=redact(said.message or f"HTTP {answer.status} without an explanation"),
        status=answer.status,
        code=redact(said.code)[:100] if said.code else None,
        param=redact(said.param)[:100] if said.param else None,
        retry_after=retry_after(answer.headers),
        request_id=_request_id(answer.headers),
        date=_date(answer.headers.get("date")),
    )


def _judge(status: int, said: _Explanation) -> tuple[FailureKind, Execution]:
    if status == 429:
        kind = FailureKind.QUOTA if says(Meaning.SPENT, said.code or "", status=429) else FailureKind.RATE_LIMITED
        return kind, Execution.NOT_EXECUTED if said.formatted else Execution.AMBIGUOUS
    kind = _KINDS.get(status, FailureKind.UNREACHABLE if status >= 500 else FailureKind.REFUSED)
    return kind, Execution.NOT_EXECUTED if status in _DEFINITE else Execution.AMBIGUOUS


def _execution(call: Call, execution: Execution) -> Execution:
    return Execution.NOT_EXECUTED if call.reads else execution


def _malformed(call: Call, answer: Answer, redact: Redaction, message: str, *, code: str) -> NoReturn:
    raise Failure(
        call,
        execution=_execution(call, Execution.AMBIGUOUS),
        kind=FailureKind.MALFORMED,
        message=redact(message),
        status=answer.status,
        code=code,
        request_id=_request_id(answer.headers),
    )


def _not_an_answer(call: Call, answer: Answer, redact: Redaction) -> NoReturn:
    """A 3xx: a redirect, or (304 of a cache) no answer of this API at all."""
    if answer.status not in _REDIRECTS:
        wanted = "a file" if call.binary else "an object"
        message = f"{_what(call)} answered {answer.status} instead of {wanted}: that is a cache between us and the API"
        _malformed(call, answer, redact, message, code=UNEXPECTED)
    try:
        host = urlsplit(answer.headers.get("location", "")).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    where = f"to {host}" if _HOST.fullmatch(host) else "to another path"
    message = f"HTTP {answer.status} redirects {where}; redirects are never followed, so check the base URL"
    _malformed(call, answer, redact, message, code=REDIRECTED)


def _what(call: Call) -> str:
    return f"{call.method} {call.path}"


def _explanation(body: bytes) -> _Explanation:
    """Read an error body: OpenAI's `{"error": {…}}`, or the ways in which other servers say the same."""
    try:
        data = decode(body[:JSON_LIMIT])
    except ValueError:
        return _Explanation()
    if not isinstance(data, dict):
        return _Explanation()
    error = data.get("error")
    if isinstance(error, dict):
        code = _text(error.get("code")) or _text(error.get("type"))
        formatted = isinstance(error.get("message"), str) and ("code" in error or "type" in error)
        return _Explanation(_text(error.get("message")) or "", code, _text(error.get("param")), formatted)
    return _Explanation(next(filter(None, map(_text, (error, data.get("message"), data.get("detail")))), ""))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _request_id(headers: Mapping[str, str]) -> str | None:
    value = headers.get("x-request-id", "")
    return value if _TOKEN.fullmatch(value) else None


# --- times ------------------------------------------------------------------------------------------------------------


def retry_after(headers: Mapping[str, str]) -> float | None:
    """How many seconds a server asks to wait: `retry-after-ms`, else `Retry-After` in seconds or as a date.

    A date is taken relative to the answer's own `Date`, so a wrong local clock does no harm. Negative, infinite and
    unreadable values are None.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None:
        return seconds
    at, now = _date(value), _date(headers.get("date"))
    return at - now if at is not None and now is not None and at >= now else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


@lru_cache(maxsize=256)
def _date(text: str | None) -> float | None:
    """An HTTP date as epoch seconds; many answers come in one second."""
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, OSError, IndexError, TypeError):
        return None


def lowered(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Header names in lower case; of a repeated header the first counts."""
    found: dict[str, str] = {}
    for name, value in headers:
        found.setdefault(name.lower(), value)
    return found
