"""The ways a run stops, each with its exit code (docs/reference/exit-codes.md)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from reconciler.account.port import Failure, Sort


class Exit(IntEnum):
    """What the process says to the pipeline."""

    DONE = 0
    BUG = 1
    CHANGES = 2
    INCOMPLETE = 3
    REFUSED = 4
    STALE = 5
    LOCKED = 6
    INVALID = 7
    DENIED = 8
    UNAVAILABLE = 9
    INTERRUPTED = 130


class Stop(Exception):  # noqa: N818 - a decision, not a bug
    """The run ends here: `summary` says what is so, `detail` what to do. Server text in them is not yet escaped."""

    def __init__(self, code: Exit, summary: str, detail: str = "", *, lines: Sequence[str] = ()) -> None:
        super().__init__(summary)
        self.code = code
        self.summary = summary
        self.detail = detail
        self.lines = tuple(lines)


_CODES = {
    Sort.AUTHENTICATION: Exit.DENIED,
    Sort.PERMISSION: Exit.DENIED,
    Sort.NOT_FOUND: Exit.UNAVAILABLE,
    Sort.QUOTA: Exit.UNAVAILABLE,
    Sort.RATE_LIMITED: Exit.UNAVAILABLE,
    Sort.OVERLOADED: Exit.UNAVAILABLE,
    Sort.UNREACHABLE: Exit.UNAVAILABLE,
    Sort.TIMEOUT: Exit.UNAVAILABLE,
    Sort.MALFORMED: Exit.UNAVAILABLE,
    Sort.CONFLICT: Exit.INCOMPLETE,
    Sort.REFUSED: Exit.INCOMPLETE,
}

_ADVICE = {
    Sort.AUTHENTICATION: "Check OPENAI_API_KEY, OPENAI_ORG_ID and OPENAI_PROJECT_ID, and `account` in reconciler.yaml.",
    Sort.PERMISSION: "The key lacks a permission. Planning needs to read vector stores, skills, agents and files.",
    Sort.QUOTA: "The account is out of quota or over its spend limit; try again when that is settled.",
    Sort.RATE_LIMITED: "The account's rate limit is used up; try again later.",
    Sort.OVERLOADED: "The service is overloaded; try again later.",
    Sort.UNREACHABLE: "Check the network and OPENAI_BASE_URL.",
    Sort.TIMEOUT: "Check the network, or allow more with --timeout.",
    Sort.MALFORMED: "Check that OPENAI_BASE_URL is an OpenAI API, with no proxy or login page in front of it.",
}


def stop_for(failure: Failure) -> Stop:
    """How a run ends that cannot go on without the call that failed."""
    code = _CODES.get(failure.sort, Exit.UNAVAILABLE)
    request = f" (request {failure.request_id})" if failure.request_id else ""
    summary = f"{failure.call.method} {failure.call.path}: {failure.message}{request}"
    return Stop(code, summary, _ADVICE.get(failure.sort, ""))
