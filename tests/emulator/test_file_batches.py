from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.emulator import Switches
from tests.emulator.account import START, Account

if TYPE_CHECKING:
    from typing import Any


def batch(account: Account, store: str, **body: Any) -> Any:
    return account.post(f"/vector_stores/{store}/file_batches", body)


def test_a_batch_shares_attributes_and_counts_its_files(account: Account) -> None:
    store, files = account.store(), [account.upload("a.md"), account.upload("b.csv")]
    made = batch(account, store, file_ids=files, attributes={"k": "v"})
    assert made == {
        "id": made["id"],
        "object": "vector_store.files_batch",
        "created_at": int(START),
        "vector_store_id": store,
        "status": "in_progress",
        "file_counts": {"in_progress": 2, "completed": 0, "failed": 0, "cancelled": 0, "total": 2},
    }
    read = account.get(f"/vector_stores/{store}/file_batches/{made['id']}")
    assert (read["id"], read["status"]) == (made["id"], "completed")
    assert read["file_counts"] == {"in_progress": 0, "completed": 1, "failed": 1, "cancelled": 0, "total": 2}
    listed = account.get(f"/vector_stores/{store}/file_batches/{made['id']}/files", order="asc")["data"]
    assert [(item["id"], item["attributes"]) for item in listed] == [(file, {"k": "v"}) for file in files]
    failed = account.get(f"/vector_stores/{store}/file_batches/{made['id']}/files", filter="failed")["data"]
    assert [item["last_error"]["code"] for item in failed] == ["unsupported_file"]


def test_each_file_may_have_its_own_attributes_and_then_shared_ones_do_not_count(account: Account) -> None:
    store, files = account.store(), [account.upload("a.md"), account.upload("b.md")]
    own = [{"file_id": files[0], "attributes": {"n": 1}}, {"file_id": files[1]}]
    batch(account, store, files=own, attributes={"shared": "x"})
    listed = account.get(f"/vector_stores/{store}/files", order="asc")["data"]
    assert [item["attributes"] for item in listed] == [{"n": 1}, {}]


@pytest.mark.parametrize("body", [{}, {"file_ids": [], "files": []}, {"file_ids": ["a"], "files": [{"file_id": "a"}]}])
def test_exactly_one_way_of_naming_files_is_allowed(account: Account, body: Any) -> None:
    assert account.refused("POST", f"/vector_stores/{account.store()}/file_batches", body)[0] == 400


def test_one_unknown_file_refuses_the_whole_batch(account: Account) -> None:
    store, file = account.store(), account.upload("a.md")
    body = {"file_ids": [file, "file-none"]}
    assert account.refused("POST", f"/vector_stores/{store}/file_batches", body)[0] == 404
    assert account.get(f"/vector_stores/{store}/files")["data"] == []


def test_cancelling_stops_what_is_in_progress() -> None:
    account = Account(switches=Switches(processing_seconds=10))
    store, file = account.store(), account.upload("a.md")
    made = batch(account, store, file_ids=[file])
    cancelled = account.post(f"/vector_stores/{store}/file_batches/{made['id']}/cancel")
    assert (cancelled["status"], cancelled["file_counts"]["cancelled"]) == ("cancelled", 1)
    account.clock.now += 20
    assert account.get(f"/vector_stores/{store}/files/{file}")["status"] == "cancelled"


def test_cancelling_a_batch_that_is_done_changes_nothing(account: Account) -> None:
    store, file = account.store(), account.upload("a.md")
    made = batch(account, store, file_ids=[file])
    assert account.post(f"/vector_stores/{store}/file_batches/{made['id']}/cancel")["status"] == "completed"


def test_a_file_that_was_there_already_belongs_to_the_batch_too(account: Account) -> None:
    old, new = account.upload("a.md"), account.upload("b.md")
    store = account.store(file_ids=[old])
    made = batch(account, store, file_ids=[old, new, new])
    assert made["file_counts"] == {"in_progress": 1, "completed": 1, "failed": 0, "cancelled": 0, "total": 2}


def test_two_thousand_files_fit_and_one_more_does_not(account: Account) -> None:
    store, file = account.store(), account.upload("a.md")
    path = f"/vector_stores/{store}/file_batches"
    assert account.send("POST", path, {"file_ids": [file] * 2000}).status == 200
    assert account.refused("POST", path, {"file_ids": [file] * 2001}) == (400, "array_above_max_length", "file_ids")


def test_an_unknown_batch_is_404(account: Account) -> None:
    store = account.store()
    for method, path in (("GET", ""), ("GET", "/files"), ("POST", "/cancel")):
        assert account.send(method, f"/vector_stores/{store}/file_batches/vsfb_none{path}").status == 404
