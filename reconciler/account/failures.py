"""How a run ends that cannot go on without the call that failed: exit code, what is so, what to do."""

from __future__ import annotations

from reconciler.account.port import Failure, FailureKind
from reconciler.account.waiting import pause
from reconciler.model.errors import Exit, Stop

_CODES = {
    FailureKind.AUTHENTICATION: Exit.DENIED,
    FailureKind.PERMISSION: Exit.DENIED,
    FailureKind.NOT_FOUND: Exit.UNAVAILABLE,
    FailureKind.QUOTA: Exit.UNAVAILABLE,
    FailureKind.RATE_LIMITED: Exit.UNAVAILABLE,
    FailureKind.OVERLOADED: Exit.UNAVAILABLE,
    FailureKind.UNREACHABLE: Exit.UNAVAILABLE,
    FailureKind.TIMEOUT: Exit.UNAVAILABLE,
    FailureKind.MALFORMED: Exit.UNAVAILABLE,
}
"""Whatever has no row is a refusal: of a read, then the service does not answer as it should; of a write, then what was
sent may be to blame, and what was done before stays."""
_ADVICE = {
    FailureKind.AUTHENTICATION: "Check OPENAI_API_KEY, OPENAI_ORG_ID and OPENAI_PROJECT_ID, and `account` in "
    "reconciler.yaml.",
    FailureKind.PERMISSION: "The key lacks a permission. Planning needs to read vector stores, skills, agents and "
    "files, applying to write them.",
    FailureKind.QUOTA: "The account is out of quota or over its spend limit; try again when that is settled.",
    FailureKind.RATE_LIMITED: "The account's rate limit is used up; try again later.",
    FailureKind.OVERLOADED: "The service is overloaded; try again later.",
    FailureKind.UNREACHABLE: "Check the network and OPENAI_BASE_URL; if both are right, try again later.",
    FailureKind.NOT_FOUND: "Check that OPENAI_BASE_URL is an OpenAI API, and that the key belongs to the right "
    "project.",
    FailureKind.TIMEOUT: "Check the network, or allow more with --timeout.",
    FailureKind.MALFORMED: "Check that OPENAI_BASE_URL is an OpenAI API, with no proxy or login page in front of it.",
}
_READ_REFUSED = (
    "Check that OPENAI_BASE_URL is an OpenAI API, with nothing in front of it that filters requests. If it is, ask the "
    "service's support; the request's id, where there is one, helps them."
)
_READ_CONFLICT = "Try again later; if it stays so, ask the service's support."
_WRITE_REFUSED = (
    "Run the same command again; it goes on where this run stopped. If it is refused again, ask the service's support."
)
_DOWN = "The service, or something in front of it, is out of order; try again later."


def stop_for(failure: Failure) -> Stop:
    """How a run ends that cannot go on without the call that failed; both parts of the message are sentences."""
    refused = Exit.UNAVAILABLE if failure.call.reads else Exit.INCOMPLETE
    return Stop(_CODES.get(failure.kind, refused), _sentence(failure.summary), _advice(failure))


def _advice(failure: Failure) -> str:
    advice = _ADVICE.get(failure.kind) or (_READ_REFUSED if failure.call.reads else _WRITE_REFUSED)
    answered = failure.status is not None
    if failure.kind is FailureKind.CONFLICT and failure.call.reads:
        advice = _READ_CONFLICT
    if answered and failure.kind in {FailureKind.UNREACHABLE, FailureKind.TIMEOUT}:
        advice = _DOWN
    if (failure.retry_after or 0) < 1:
        return advice
    if failure.kind in {FailureKind.RATE_LIMITED, FailureKind.OVERLOADED}:
        advice = "Run the same command again then."
    asked = f"The service asks to wait {pause(failure.retry_after or 0, failure.date)}. " if answered else ""
    return f"{asked}{advice}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
