"""Which account is emulated: the service as it is, a compatible server, and facts that nobody could verify."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Profile(Enum):
    """The kind of server. OpenAI removed `/v1/assistants` on 2026-08-26; compatible servers still have it."""

    OPENAI = "openai"
    COMPATIBLE = "compatible"


@dataclass(frozen=True, slots=True)
class Switches:
    """Behaviour that is reported differently by different people; a client has to work under every setting.

    merge_metadata: an update adds to `metadata` and `attributes` instead of replacing them.
    list_lag: seconds until a new object appears in lists (reading it by id works at once).
    numbers_as_floats: numbers that were sent as `1` come back as `1.0`.
    processing_seconds: time until an attached file is no longer `in_progress`; 0 means settled at the first read.
    missing: collections that this account does not have, for example `skills`; every endpoint of them answers 404.
    failing: the error code with which every file ends that is attached; empty: what becomes of it decides its content.
    """

    merge_metadata: bool = False
    list_lag: float = 0
    numbers_as_floats: bool = False
    processing_seconds: float = 0
    missing: frozenset[str] = frozenset()
    failing: str = ""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which conditions one request is executed, unlike the others; `faults` makes these.

    switches: the account's, but for this request. now: when it happens, for one that was executed late, in seconds
    since 1970. ghost_seconds: what it deletes stays visible for so long. ghosts: it sees what was deleted like that.
    """

    switches: Switches | None = None
    now: float | None = None
    ghost_seconds: float = 0
    ghosts: bool = False


NORMAL = Conditions()
