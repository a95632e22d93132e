"""What OpenAI charges and how fast it lets one go: one dated table, and nothing else in this package knows a price.

To bring it up to date: read the sources below, change what differs, and set `AS_OF` to that day; docs/reference/plan.md
tells more. What is not in the table is not estimated: a plan is silent about it. All prices are in US dollars.
"""

from __future__ import annotations

from typing import NamedTuple

AS_OF = "2026-11-22"
"""The day on which every line was last compared with its source."""

SOURCE = "OpenAI documentation, pricing"
"""Where the prices come from; what a line takes from elsewhere, it says."""

HOST = "api.openai.com"
"""Whose prices and limits these are. Regional hosts below it charge other prices; compatible servers have their own."""

REHEARSAL = "local"
"""The embedded account: its plans are estimated as if they were made for the real one."""


class Price(NamedTuple):
    """US dollars per million tokens: of input that is not cached, and of output."""

    input: float
    output: float


# Standard processing, requests of at most 272,000 input tokens, no regional processing. Models whose price is not
# certain on the day of the table (gpt-5.6-sol: a promotion that ran "at least through" the day before) are left out.
MODELS = {
    # Announcements and articles that quote OpenAI's pricing; gpt-6.2-astra also in LiteLLM's price list, #52347.
    "gpt-6.2-astra": Price(8.00, 40.00),
    "gpt-6-astra": Price(10.00, 50.00),
    "gpt-6.2-sol": Price(2.00, 10.00),
    "gpt-6.1-sol": Price(2.00, 10.00),
    "gpt-6-sol": Price(2.00, 10.00),
    "gpt-6.1-terra": Price(1.00, 5.00),
    "gpt-6-luna": Price(0.10, 0.50),
    # OpenAI documentation, pricing.
    "gpt-5.6-terra": Price(2.00, 12.00),
    "gpt-5.6-luna": Price(0.20, 1.20),
    "gpt-5.5": Price(5.00, 30.00),
    "gpt-5.4": Price(2.50, 15.00),
    "gpt-5.4-mini": Price(0.75, 4.50),
    "gpt-5.4-nano": Price(0.20, 1.25),
    "gpt-5.2": Price(1.75, 14.00),
    "gpt-5.1": Price(1.25, 10.00),
    "gpt-5": Price(1.25, 10.00),
    "gpt-5-mini": Price(0.25, 2.00),
    "gpt-5-nano": Price(0.05, 0.40),
    "gpt-4.1": Price(2.00, 8.00),
    "gpt-4.1-mini": Price(0.40, 1.60),
    "gpt-4o": Price(2.50, 10.00),
    "gpt-4o-mini": Price(0.15, 0.60),
}
"""By the exact id: a dated snapshot may cost something else than the name without a date."""

GIB = 2**30
STORAGE = 0.10
"""US dollars per GiB and day in vector stores, by their `usage_bytes` (OpenAI documentation, pricing)."""
FREE_BYTES = GIB
"""So much of all vector stores of an account together is free (OpenAI documentation, pricing)."""

UPLOADS = 1_000
"""Files that one user may upload in a minute (OpenAI documentation, rate limits of the Files API)."""
ATTACHED = 2_000
"""Files that one organisation may attach in a minute (openai-python 3.54, docstring of `files.create`)."""
ATTACHES = 300
"""Requests that attach to one vector store in a minute, a batch counts as one (OpenAI documentation, retrieval)."""
