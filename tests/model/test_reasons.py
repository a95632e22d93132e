"""Reasons: each code has a text, and a text shows whether it belongs to a code."""

from __future__ import annotations

import pytest

from reconciler.model.plan import Reason, reason
from reconciler.model.reasons import TEXTS, ReasonCode, fits


def test_every_code_has_a_text() -> None:
    assert list(TEXTS) == list(ReasonCode)


def test_data_goes_into_the_text() -> None:
    made = reason(ReasonCode.GONE, id="vs_{1}")
    assert made == Reason(ReasonCode.GONE, "the object vs_{1} is gone, or no longer carries our tags")


@pytest.mark.parametrize(
    ("code", "text", "answer"),
    [
        ("new", "new", True),
        ("new", "new\n", False),
        ("new", "content changed", False),
        ("renamed", "renamed from Assistant/a", True),
        ("renamed", "renamed", False),
        ("only_tags", "only our tags change (spec)", True),
        ("only_tags", "only our tags change .spec.", False),
        ("unheard_of", "new", False),
        ("", "", False),
    ],
)
def test_a_text_fits_the_code_that_it_was_made_for(code: str, text: str, answer: bool) -> None:
    assert fits(code, text) is answer
