from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.emulator.account import START

if TYPE_CHECKING:
    from typing import Any

    from tests.emulator.account import Account

DAY = 86_400
EMPTY = {"in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 0}


def test_a_new_store_reads_back_complete(account: Account) -> None:
    made = account.post("/v1/vector_stores", {"name": "docs", "metadata": {"team": "x"}, "description": "never shown"})
    assert made == {
        "id": made["id"],
        "object": "vector_store",
        "created_at": int(START),
        "name": "docs",
        "usage_bytes": 0,
        "file_counts": EMPTY,
        "status": "completed",
        "expires_after": None,
        "expires_at": None,
        "last_active_at": int(START),
        "metadata": {"team": "x"},
    }
    assert account.get(f"/vector_stores/{made['id']}") == made


def test_files_given_at_creation_are_in_progress_first_and_done_at_the_first_read(account: Account) -> None:
    good, bad = account.upload("a.md"), account.upload("a.csv")
    made = account.post("/vector_stores", {"file_ids": [good, bad]})
    assert (made["status"], made["file_counts"]) == ("in_progress", {**EMPTY, "in_progress": 2, "total": 2})
    read = account.get(f"/vector_stores/{made['id']}")
    assert (read["status"], read["file_counts"]) == ("completed", {**EMPTY, "completed": 1, "failed": 1, "total": 2})
    assert read["usage_bytes"] > len("Some text.")


def test_a_store_with_an_unknown_file_is_not_made(account: Account) -> None:
    assert account.refused("POST", "/vector_stores", {"file_ids": ["file-none"]})[0] == 404
    assert account.get("/vector_stores")["data"] == []


def test_an_update_replaces_metadata_and_keeps_what_it_does_not_name(account: Account) -> None:
    store = account.store(name="docs", metadata={"a": "1", "b": "2"})
    updated = account.post(f"/vector_stores/{store}", {"metadata": {"b": "3"}})
    assert (updated["name"], updated["metadata"]) == ("docs", {"b": "3"})


@pytest.mark.parametrize(("field", "after"), [("name", ""), ("metadata", {}), ("expires_after", None)])
def test_null_removes(account: Account, field: str, after: Any) -> None:
    policy = {"anchor": "last_active_at", "days": 1}
    store = account.store(name="docs", metadata={"a": "1"}, expires_after=policy)
    assert account.post(f"/vector_stores/{store}", {field: None})[field] == after
    assert account.get(f"/vector_stores/{store}")[field] == after


def test_a_store_expires_and_loses_its_files_but_not_the_uploads(account: Account) -> None:
    file = account.upload("a.md")
    store = account.store(file_ids=[file], expires_after={"anchor": "last_active_at", "days": 2})
    assert account.get(f"/vector_stores/{store}")["expires_at"] == int(START) + 2 * DAY
    account.clock.now += 2 * DAY
    read = account.get(f"/vector_stores/{store}")
    assert (read["status"], read["file_counts"], read["expires_at"]) == ("expired", EMPTY, None)
    assert account.get(f"/vector_stores/{store}/files")["data"] == []
    assert account.get(f"/files/{file}")["id"] == file
    assert account.refused("POST", f"/vector_stores/{store}/files", {"file_id": file})[0] == 400


def test_an_expired_store_stays_expired_whatever_is_updated(account: Account) -> None:
    store = account.store(expires_after={"anchor": "last_active_at", "days": 1})
    account.clock.now += DAY
    assert account.post(f"/vector_stores/{store}", {"expires_after": None})["status"] == "expired"


def test_use_postpones_the_expiry(account: Account) -> None:
    store = account.store(expires_after={"anchor": "last_active_at", "days": 1})
    account.clock.now += DAY - 1
    account.post(f"/vector_stores/{store}/search", {"query": "anything"})
    account.clock.now += DAY - 1
    assert account.get(f"/vector_stores/{store}")["status"] == "completed"


def test_deleting_a_store_keeps_the_files(account: Account) -> None:
    file = account.upload("a.md")
    store = account.store(file_ids=[file])
    batch = account.post(f"/vector_stores/{store}/file_batches", {"file_ids": [file]})["id"]
    assert account.delete(f"/vector_stores/{store}") == {"id": store, "object": "vector_store.deleted", "deleted": True}
    assert account.send("GET", f"/vector_stores/{store}").status == 404
    assert account.send("GET", f"/vector_stores/{store}/file_batches/{batch}").status == 404
    assert account.send("DELETE", f"/vector_stores/{store}").status == 404
    assert account.get(f"/files/{file}")["id"] == file


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"colour": 1}, "unknown_parameter", "colour"),
        ({"name": 1}, "invalid_type", "name"),
        ({"name": None}, "invalid_type", "name"),
        ({"metadata": {"a": 1}}, "invalid_type", "metadata.a"),
        ({"metadata": {"a": "x" * 513}}, "string_above_max_length", "metadata.a"),
        ({"metadata": {"k" * 65: "x"}}, "string_above_max_length", "metadata." + "k" * 65),
        ({"metadata": {str(n): "" for n in range(17)}}, "object_above_max_properties", "metadata"),
        ({"file_ids": ["f"] * 501}, "array_above_max_length", "file_ids"),
        ({"expires_after": {"anchor": "last_active_at"}}, "missing_required_parameter", "expires_after.days"),
        ({"expires_after": {"anchor": "created_at", "days": 1}}, "invalid_value", "expires_after.anchor"),
        ({"expires_after": {"anchor": "last_active_at", "days": 366}}, "integer_above_maximum_value", None),
        ({"expires_after": {"anchor": "last_active_at", "days": 0}}, "integer_below_minimum_value", None),
        ({"chunking_strategy": {"type": "none"}}, "invalid_value", "chunking_strategy.type"),
        ({"chunking_strategy": {}}, "missing_required_parameter", "chunking_strategy.type"),
    ],
)
def test_a_bad_body_is_refused_with_the_field_in_question(
    account: Account, body: Any, code: str, param: str | None
) -> None:
    status, said, where = account.refused("POST", "/vector_stores", body)
    assert (status, said) == (400, code)
    assert where == param if param else where is not None
    assert account.get("/vector_stores")["data"] == []
