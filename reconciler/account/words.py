"""The words of servers: the one table of what is decided by text that a server wrote.

OpenAI says most things by a status and a code of its own for each. Where it does not, and where others put into words
what OpenAI has a status for, a row says who does so and what it means. Nothing else looks into a server's text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto


class Meaning(Enum):
    """What is to be told apart."""

    MISSING = auto()
    """There is no such object."""
    SPENT = auto()
    """Not too many requests, but no money left: waiting does not help."""
    PASSING = auto()
    """The file could not be processed, and might be if it was attached once more."""


@dataclass(frozen=True, slots=True)
class Words:
    """What `servers` write, in answers with this status, when they mean something.

    `status` is None where it is no answer to a request but what an attached file says of itself: `code: message`.
    """

    meaning: Meaning
    servers: str
    status: int | None
    pattern: re.Pattern[str]


TABLE = (
    Words(
        Meaning.MISSING,
        "compatible servers such as OGX (llama-stack), about vector stores and what is attached to them",
        400,
        re.compile(r"not found", re.IGNORECASE),
    ),
    Words(
        Meaning.SPENT,
        "OpenAI: insufficient_quota, billing_hard_limit_reached; gateways with budgets of their own",
        429,
        re.compile(r"quota|billing|spend|credit|budget|hard_limit", re.IGNORECASE),
    ),
    Words(
        Meaning.PASSING,
        "OpenAI, of a failure of its own; unsupported_file and invalid_file are the file's",
        None,
        re.compile(r"\Aserver_error"),
    ),
    Words(
        Meaning.PASSING,
        "compatible servers, of a File that was uploaded a moment ago",
        None,
        re.compile(r"not found", re.IGNORECASE),
    ),
)


def says(meaning: Meaning, text: str, *, status: int | None = None) -> bool:
    """Whether a server means something by a text: the message or the code of an answer, or the error of a file."""
    return any(
        row.meaning is meaning and row.status == status and row.pattern.search(text) is not None for row in TABLE
    )
