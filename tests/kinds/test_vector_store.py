"""Vector stores: names, expiry, and which entry of the manifest speaks for a document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.kinds.vector_store import VECTOR_STORE
from reconciler.manifest.load.loader import load
from reconciler.model.desired import Desired
from reconciler.model.diagnostics import Rejected
from tests.acceptance.world import World
from tests.kinds.sdk import misfits, request_type
from tests.kinds.subjects import spec_of

STATIC = {"type": "static", "static": {"max_chunk_size_tokens": 400, "chunk_overlap_tokens": 100}}


def lowered(root: Path, **spec: Any) -> Desired:
    world = World.new(root)
    for path in ("docs/a.md", "docs/b.md"):
        world.write(path, f"# {path}\n")
    world.manifest("VectorStore", "docs", spec)
    (found,) = load(root).desired
    return found


@pytest.mark.parametrize("example", [0, 1])
def test_requests_are_of_the_sdks_types(example: int) -> None:
    spec = {field.name: field.examples[example] for field in VECTOR_STORE.fields}
    assert len(spec_of(VECTOR_STORE)) > len(spec)
    body = VECTOR_STORE.encode(spec, list(spec))
    assert misfits(body, request_type("vector_store_create_params.VectorStoreCreateParams")) == []


def test_a_store_is_called_like_its_manifest_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert lowered(tmp_path / "a").spec == {"name": "docs"}
    assert lowered(tmp_path / "b", display_name="Documents").spec == {"name": "Documents"}


def test_the_first_entry_that_matches_a_document_speaks_for_it(tmp_path: Path) -> None:
    entries = [
        {"path": "docs/b.md", "name": "B.md", "chunking_strategy": {"type": "auto"}},
        {"glob": "docs/*.md", "attributes": {"audience": "public"}, "exclude": ["docs/c*"]},
    ]
    found = lowered(tmp_path, files=entries, chunking_strategy=STATIC).documents
    assert [(item.path, item.name, dict(item.attributes), item.chunking) for item in found] == [
        ("docs/a.md", "a.md", {"audience": "public"}, STATIC),
        ("docs/b.md", "B.md", {}, {"type": "auto"}),
    ]


def test_new_fields_pass_through(tmp_path: Path) -> None:
    assert lowered(tmp_path, raw={"brand_new": 1}).spec == {"name": "docs", "raw": {"brand_new": 1}}


def test_a_store_without_the_documents_it_names_is_not_lowered(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="Pattern matches nothing"):
        lowered(tmp_path, files=[{"glob": "nothing/*.md"}])


@pytest.mark.parametrize(("status", "usable"), [("completed", True), ("in_progress", True), ("expired", False)])
def test_only_an_expired_store_has_to_be_replaced(status: str, *, usable: bool) -> None:
    assert (VECTOR_STORE.unusable({"status": status}) is None) is usable
