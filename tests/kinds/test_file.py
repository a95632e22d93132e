"""Files of the code interpreter: known by the start of their digest, and by their name where one is known."""

from __future__ import annotations

import pytest

from reconciler.kinds.file import FILE
from reconciler.model.desired import Document
from reconciler.model.observed import Attachment
from reconciler.model.reasons import ReasonCode

DOCUMENT = Document("data/a.csv", "data/a.csv", "a.csv", 3, "0123456789abcdef" * 4)


@pytest.mark.parametrize(
    ("live", "difference"),
    [
        (Attachment("file-1", "data/a.csv", "0123456789abcdef", None), None),
        (Attachment("file-1", "data/a.csv", DOCUMENT.sha256, "a.csv"), None),
        (Attachment("file-1", "data/a.csv", DOCUMENT.sha256, "b.csv"), ReasonCode.NAME),
        (Attachment("file-1", "data/a.csv", "fedcba9876543210", None), ReasonCode.CONTENT),
        (Attachment("file-1", "data/a.csv", None, None), ReasonCode.CONTENT),
        (Attachment("file-1", "data/a.csv", "", None), ReasonCode.CONTENT),
        (Attachment("file-1", "data/a.csv", DOCUMENT.sha256, "a.csv", status="missing"), ReasonCode.MISSING),
    ],
)
def test_a_difference_is_said_in_two_words(live: Attachment, difference: str | None) -> None:
    assert FILE.difference(DOCUMENT, live) == difference


def test_a_file_says_nothing_but_its_name() -> None:
    assert FILE.read({"id": "file-1", "filename": "a.csv"}) == Attachment("file-1", None, None, "a.csv")
    assert FILE.tags(DOCUMENT, "run.1") == {}
