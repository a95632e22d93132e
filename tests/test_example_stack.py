"""The example stack of this repository: sound, of a realistic size, and true in what can be checked of it."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from reconciler.kinds import KINDS
from reconciler.manifest.load.loader import Loaded, load
from reconciler.model.desired import Desired
from reconciler.model.json import canonical, refs

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load(ROOT)


@pytest.fixture(scope="module")
def desired(loaded: Loaded) -> dict[str, Desired]:
    return {str(item.address): item for item in loaded.desired}


def test_it_loads_without_a_problem_and_nothing_in_it_is_ignored(loaded: Loaded) -> None:
    assert (loaded.warnings, loaded.ignored, loaded.stack.name) == ((), 0, "fellside-support")


def test_it_has_an_assistant_of_each_sort(desired: dict[str, Desired]) -> None:
    assert {address: item.kind for address, item in desired.items()} == {
        "Assistant/customer-support": "release",
        "Assistant/data-analyst": "release",
        "Assistant/technical-writer": "agent",
        "VectorStore/policies": "vector_store",
        "VectorStore/product-docs": "vector_store",
    }


def test_support_searches_both_stores_and_looks_up_orders(desired: dict[str, Desired]) -> None:
    support = desired["Assistant/customer-support"]
    assert {tool["type"] for tool in support.spec["tools"]} == {"file_search", "function"}
    assert {str(ref) for ref in refs(support.spec)} == {"VectorStore/policies", "VectorStore/product-docs"}
    assert support.lifecycle.protect


def test_the_analyst_has_its_data(desired: dict[str, Desired]) -> None:
    analyst = desired["Assistant/data-analyst"]
    assert {document.name for document in analyst.documents} == {"catalogue.csv", "sales-2026-sample.csv"}


def test_there_are_at_least_25_documents_of_realistic_length(desired: dict[str, Desired]) -> None:
    documents = [document for item in desired.values() if item.kind == "vector_store" for document in item.documents]
    assert len(documents) >= 25
    sizes = sorted(document.bytes for document in documents)
    assert sizes[0] > 500
    assert sizes[len(sizes) // 2] > 2500


def test_drafts_stay_in_git(desired: dict[str, Desired]) -> None:
    paths = [document.path for item in desired.values() for document in item.documents]
    assert not [path for path in paths if "drafts" in path]
    assert (ROOT / "knowledge/product-docs/releases/drafts/hub-4.4.0.md").is_file()


def test_every_document_of_the_folders_is_in_a_store(desired: dict[str, Desired]) -> None:
    taken = {document.file for item in desired.values() for document in item.documents}
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "knowledge").rglob("*") if path.is_file()}
    assert {file for file in files - taken if not file.endswith(".yaml")} == {
        "knowledge/product-docs/releases/drafts/hub-4.4.0.md"
    }


def test_citation_names_are_unique_and_readable(desired: dict[str, Desired]) -> None:
    names = [document.name for document in desired["VectorStore/product-docs"].documents]
    assert len(set(names)) == len(names)
    assert {
        "billing-index.md",
        "devices-index.md",
        "price-list.csv.txt",
        "Safety and regulatory information.md",
    } <= set(names)


def test_internal_documents_are_marked(desired: dict[str, Desired]) -> None:
    for document in desired["VectorStore/policies"].documents:
        audience = "internal" if "playbooks" in document.path else "public"
        assert document.attributes["audience"] == audience


def test_variables_are_filled_in_where_that_was_asked_for(desired: dict[str, Desired]) -> None:
    for address in ("Assistant/customer-support", "Assistant/data-analyst"):
        text = canonical(desired[address].spec)
        assert "${var." not in text
        assert "Fellside Instruments" in text


def test_prompts_speak_of_tools_that_the_assistant_has(desired: dict[str, Desired]) -> None:
    for item in desired.values():
        functions = {tool["name"] for tool in item.spec.get("tools", ()) if tool["type"] == "function"}
        spoken = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", item.spec.get("instructions", "")))
        known = {"lookup_order", "search_product_docs"}
        assert spoken & known <= functions, item.address


def test_links_between_documents_lead_somewhere() -> None:
    for path in sorted((ROOT / "knowledge").rglob("*.md")):
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", path.read_text()):
            assert (path.parent / target).is_file(), f"{path.relative_to(ROOT)} → {target}"


@pytest.mark.parametrize(
    "file",
    ["assistants/data/catalogue.csv", "assistants/data/sales-2026-sample.csv", "knowledge/prices/price-list.csv"],
)
def test_tables_are_rectangular(file: str) -> None:
    with (ROOT / file).open(newline="") as text:
        rows = list(csv.reader(text))
    assert len(rows) > 5
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(set(map(tuple, rows))) == len(rows)


def test_sales_are_of_products_in_the_catalogue() -> None:
    with (ROOT / "assistants/data/catalogue.csv").open(newline="") as text:
        catalogue = list(csv.DictReader(text))
    with (ROOT / "assistants/data/sales-2026-sample.csv").open(newline="") as text:
        sales = list(csv.DictReader(text))
    for key in ("sku", "product"):
        assert {row[key] for row in sales} <= {row[key] for row in catalogue}


def test_every_kind_that_the_example_uses_declares_every_field_that_it_sets(desired: dict[str, Desired]) -> None:
    for item in desired.values():
        declared = {field.name for field in KINDS[item.kind].fields} | {"raw"}
        assert set(item.spec) <= declared
