"""Which refusals are the matter of one object, and which end the whole run."""

from __future__ import annotations

from reconciler.account.limiter import PATIENCE
from reconciler.account.port import Failure, FailureKind

FATAL = frozenset({FailureKind.AUTHENTICATION, FailureKind.PERMISSION, FailureKind.QUOTA})
"""Refusals that every further call would meet; all others are the matter of one object."""


def is_fatal(failure: Failure) -> bool:
    """Whether a refusal ends all work: every call would meet it, or the wait that it asks for is too long."""
    too_long = failure.kind is FailureKind.RATE_LIMITED and (failure.retry_after or 0.0) > PATIENCE
    return too_long or failure.kind in FATAL
