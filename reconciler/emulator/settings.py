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
    """

    merge_metadata: bool = False
    list_lag: float = 0
    numbers_as_floats: bool = False
    processing_seconds: float = 0
    missing: frozenset[str] = frozenset()
