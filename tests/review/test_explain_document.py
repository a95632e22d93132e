"""One document of a resource, where the account could not process it."""

from __future__ import annotations

from reconciler.model.address import Address
from reconciler.model.desired import Desired, Document
from reconciler.model.observed import Attachment, Observed
from reconciler.review.explain_document import explain_document

STORE = Address("VectorStore", "docs")
DIGEST = "a" * 64


def test_a_document_that_could_not_be_processed_says_why() -> None:
    wanted = Document("a.md", "docs/a.md", "a.md", 4, DIGEST)
    live = Attachment("file-1", "a.md", DIGEST, "a.md", status="failed", error="server_error: try again")
    store = Observed("vector_store", "vs_1", {}, {}, documents=(live,))
    desired = Desired(STORE, "vector_store", {}, documents=(wanted,))
    found = explain_document(STORE.document("a.md"), desired, (), store)
    assert found["differs"] == [{"what": "processing", "wanted": "completed", "live": "server_error: try again"}]
