"""Documents of a vector store: what the attachment says, and what is a difference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.vector_store_file import AUTO, VECTOR_STORE_FILE, chunking
from reconciler.model.desired import Document
from reconciler.model.observed import Attachment
from reconciler.model.reasons import ReasonCode
from tests.kinds.sdk import misfits, request_type
from tests.model.test_model import JSON

STATIC = {"type": "static", "static": {"max_chunk_size_tokens": 400, "chunk_overlap_tokens": 100}}
DOCUMENT = Document("guides/a.md", "docs/guides/a.md", "a.md", 12, "a" * 64, {"audience": "staff", "year": 2026})


def listed(document: Document = DOCUMENT, **more: Any) -> dict[str, Any]:
    attributes = VECTOR_STORE_FILE.tags(document, "run.1")
    item = {"id": "file-1", "created_at": 7, "status": "completed", "attributes": attributes, "last_error": None}
    return item | {"chunking_strategy": {"type": "static", "static": dict(AUTO)}} | more


def test_what_is_attached_is_read_back() -> None:
    expected = Attachment(
        "file-1",
        "guides/a.md",
        "a" * 64,
        "a.md",
        attributes={"audience": "staff", "year": 2026},
        chunking={"type": "static", "static": dict(AUTO)},
        op="run.1",
        created_at=7,
    )
    assert VECTOR_STORE_FILE.read(listed()) == expected
    assert VECTOR_STORE_FILE.difference(DOCUMENT, expected) is None


def test_requests_are_of_the_sdks_types() -> None:
    for field in VECTOR_STORE_FILE.fields:
        for example in field.examples:
            body = {"file_id": "file-1", field.name: example}
            assert misfits(body, request_type("vector_stores.file_create_params.FileCreateParams")) == []


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"status": "failed"}, ReasonCode.FAILED),
        ({"status": "cancelled"}, ReasonCode.FAILED),
        ({"status": "in_progress"}, None),
        ({"sha256": "b" * 64}, ReasonCode.CONTENT),
        ({"name": "b.md"}, ReasonCode.NAME),
        ({"chunking": STATIC}, ReasonCode.CHUNKING),
        ({"chunking": {"type": "other"}}, None),
        ({"chunking": None}, None),
        ({"attributes": {"audience": "staff", "year": 2026.0}}, None),
        ({"attributes": {"audience": "public", "year": 2026}}, ReasonCode.ATTRIBUTES),
        ({"attributes": {}}, ReasonCode.ATTRIBUTES),
    ],
    ids=str,
)
def test_of_what_differs_the_first_thing_is_said(change: dict[str, Any], difference: ReasonCode | None) -> None:
    assert VECTOR_STORE_FILE.difference(DOCUMENT, replace(VECTOR_STORE_FILE.read(listed()), **change)) == difference


def test_auto_is_what_it_is_returned_as() -> None:
    assert chunking({"type": "auto"}) == chunking(None) == chunking({"type": "static", "static": dict(AUTO)}) == AUTO
    assert chunking(STATIC) == STATIC["static"]


def test_a_file_without_our_attributes_is_somebody_elses() -> None:
    assert VECTOR_STORE_FILE.read({"id": "file-9", "attributes": None}).path is None
    assert VECTOR_STORE_FILE.read(listed(attributes={"audience": "staff"})).path is None


def test_a_failure_says_why() -> None:
    error = {"code": "unsupported_file", "message": "No text."}
    assert VECTOR_STORE_FILE.read(listed(status="failed", last_error=error)).error == "unsupported_file: No text."


@given(st.dictionaries(st.sampled_from(sorted(listed())), JSON))
def test_whatever_the_server_lists_is_read(raw: dict[str, Any]) -> None:
    found = VECTOR_STORE_FILE.read({"id": "file-1", **raw})
    assert VECTOR_STORE_FILE.difference(DOCUMENT, found) != ""
