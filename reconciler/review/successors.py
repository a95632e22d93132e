"""Which model takes the place of one that is shut down, as OpenAI's page of deprecations said on a day.

Only what is listed there is named; of any other model nothing is said. A new announcement is a new row and a new date.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

AS_OF = "2026-11-22"
"""The day that the table was last compared with its source."""

SOURCE = "https://developers.openai.com/api/docs/deprecations"

_PRO = "gpt-6.1-sol with `reasoning.mode: pro`"

SUCCESSORS: Mapping[str, str] = MappingProxyType(
    {
        # shutdown on 2026-12-11
        "gpt-5": "gpt-6.1-sol",
        "gpt-5-2025-08-07": "gpt-6.1-sol",
        "gpt-5-mini": "gpt-6.1-terra",
        "gpt-5-mini-2025-08-07": "gpt-6.1-terra",
        "gpt-5-nano": "gpt-6-luna",
        "gpt-5-nano-2025-08-07": "gpt-6-luna",
        "gpt-5-pro": _PRO,
        "gpt-5-pro-2025-10-06": _PRO,
        "o3": "gpt-6.1-sol",
        "o3-2025-04-16": "gpt-6.1-sol",
        "o3-pro": _PRO,
        "o3-pro-2025-06-10": _PRO,
        # shutdown on 2027-01-14
        "gpt-4o": "gpt-6-luna",
        "gpt-4o-2024-08-06": "gpt-6-luna",
        "gpt-4o-2024-11-20": "gpt-6-luna",
        "gpt-4o-mini": "gpt-6-luna",
        "gpt-4o-mini-2024-07-18": "gpt-6-luna",
        "gpt-4.1": "gpt-6-luna",
        "gpt-4.1-2025-04-14": "gpt-6-luna",
        "gpt-4.1-mini": "gpt-6-luna",
        "gpt-4.1-mini-2025-04-14": "gpt-6-luna",
    }
)
"""Model → the replacement that is recommended for it."""
