"""What tags vouch for, and when something has to be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.address import Address, Ref
from reconciler.model.desired import Desired, Document
from reconciler.model.observed import Observed, Tags
from reconciler.ownership.digests import files_tag, labels_digest, refs_digest
from reconciler.ownership.evidence import our_labels, vouch_for_documents, vouch_for_version

DOCS = Address("VectorStore", "docs")
HELPER = Address("Assistant", "helper")
PAPER = Document("a.md", "a.md", "a.md", 4, "0" * 64)
STORE = Desired(DOCS, "vector_store", {}, documents=(PAPER,))
SETTLED = Tags("acme", "0123456789ab", DOCS, files=files_tag(STORE, 120))


def live(total: int = 1, completed: int = 1, usage: Any = 120) -> dict[str, Any]:
    return {"id": "vs_1", "file_counts": {"total": total, "completed": completed}, "usage_bytes": usage}


def test_a_tag_and_counts_that_agree_vouch_for_the_documents() -> None:
    assert vouch_for_documents(SETTLED, STORE, live())
    assert vouch_for_documents(replace(SETTLED, files=""), replace(STORE, documents=()), live(0, 0, 0))


@pytest.mark.parametrize("raw", [live(total=2), live(completed=0), live(usage=121), live(usage=None), {"id": "vs_1"}])
def test_counts_that_do_not_agree_with_the_tag_vouch_for_nothing(raw: dict[str, Any]) -> None:
    assert not vouch_for_documents(SETTLED, STORE, raw)


@pytest.mark.parametrize(
    "tags", [replace(SETTLED, state="pending"), replace(SETTLED, files=""), replace(SETTLED, files=files_tag(STORE))]
)
def test_a_tag_that_was_not_written_last_vouches_for_nothing(tags: Tags) -> None:
    assert not vouch_for_documents(tags, STORE, live())


def test_an_empty_store_that_should_be_empty_and_once_was_not_is_read() -> None:
    assert not vouch_for_documents(SETTLED, replace(STORE, documents=()), live(0, 0, 0))
    assert not vouch_for_documents(replace(SETTLED, files=""), replace(STORE, documents=()), live())


def test_a_version_is_vouched_for_as_long_as_what_it_refers_to_has_the_same_id() -> None:
    desired = Desired(HELPER, "release", {"model": "gpt-6.1-terra", "store": Ref(DOCS)})
    ids = {DOCS: "vs_1"}
    tags = Tags("acme", "0123456789ab", HELPER, spec=desired.digest(), refs=refs_digest(desired.spec, ids))
    assert vouch_for_version(tags, desired, ids)
    assert not vouch_for_version(tags, desired, {DOCS: "vs_2"})
    assert not vouch_for_version(tags, desired, {})
    assert not vouch_for_version(replace(tags, spec="0" * 16), desired, ids)


def test_labels_of_ours_are_those_that_the_tag_remembers() -> None:
    tags = replace(SETTLED, fields={"labels": labels_digest({"team": "sales"})})
    observed = Observed("vector_store", "vs_1", {}, {}, tags, labels={"team": "support", "theirs": "x"})
    assert our_labels(observed) == {"team": "support"}
