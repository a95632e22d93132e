from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.emulator import Switches, processing
from tests.emulator.account import START, Account

if TYPE_CHECKING:
    from typing import Any

AUTO = {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}}


def attach(account: Account, store: str, file: str, **fields: Any) -> Any:
    return account.post(f"/vector_stores/{store}/files", {"file_id": file, **fields})


def test_attaching_answers_in_progress_and_the_next_read_completed(account: Account) -> None:
    store, file = account.store(), account.upload("a.md", "Some words here.")
    made = attach(account, store, file, attributes={"path": "a.md", "n": 1, "on": True})
    assert made == {
        "id": file,
        "object": "vector_store.file",
        "created_at": int(START),
        "vector_store_id": store,
        "status": "in_progress",
        "usage_bytes": 0,
        "last_error": None,
        "attributes": {"path": "a.md", "n": 1, "on": True},
        "chunking_strategy": AUTO,
    }
    read = account.get(f"/vector_stores/{store}/files/{file}")
    assert read == {**made, "status": "completed", "usage_bytes": read["usage_bytes"]}
    assert read["usage_bytes"] > 0


def test_attaching_twice_gives_the_same_entry_unchanged(account: Account) -> None:
    store, file = account.store(), account.upload("a.md")
    attach(account, store, file, attributes={"n": 1})
    again = attach(account, store, file, attributes={"n": 2})
    assert (again["id"], again["status"], again["attributes"]) == (file, "completed", {"n": 1})
    assert len(account.get(f"/vector_stores/{store}/files")["data"]) == 1


@pytest.mark.parametrize("store_exists", [True, False])
def test_attaching_to_or_of_nothing_is_404(account: Account, *, store_exists: bool) -> None:
    store = account.store() if store_exists else "vs_none"
    file = "file-none" if store_exists else account.upload("a.md")
    assert account.refused("POST", f"/vector_stores/{store}/files", {"file_id": file})[0] == 404


@pytest.mark.parametrize(
    ("name", "content", "outcome"),
    [
        ("a.txt", "text", "completed"),
        ("a.md", "ä".encode("utf-16"), "completed"),
        ("a.py", b"\xef\xbb\xbfprint()", "completed"),
        ("a.pdf", b"%PDF-1.7 ...", "completed"),
        ("a.docx", b"PK\x03\x04 ...", "completed"),
        ("a.pptx", b"PK\x03\x04 ...", "completed"),
        ("a.csv", "a,b", "unsupported_file"),
        ("a.MD", "text", "unsupported_file"),
        ("a", "text", "unsupported_file"),
        ("a.txt", "", "invalid_file"),
        ("a.txt", " \n", "invalid_file"),
        ("a.txt", b"\xff\x00\xfe", "invalid_file"),
        ("a.txt", b"a\x00b", "invalid_file"),
        ("a.pdf", "not a pdf", "invalid_file"),
        ("a.docx", "not a docx", "invalid_file"),
    ],
)
def test_the_extension_as_written_and_the_content_decide(
    account: Account, name: str, content: str | bytes, outcome: str
) -> None:
    store, file = account.store(), account.upload(name, content, purpose="user_data")
    attach(account, store, file)
    read = account.get(f"/vector_stores/{store}/files/{file}")
    code = read["last_error"]["code"] if read["last_error"] else read["status"]
    assert code == outcome
    assert read["status"] == ("completed" if outcome == "completed" else "failed")
    assert (read["usage_bytes"] > 0) is (outcome == "completed")


def test_processing_takes_as_long_as_the_switch_says() -> None:
    account = Account(switches=Switches(processing_seconds=5))
    store, file = account.store(), account.upload("a.md")
    attach(account, store, file)
    path = f"/vector_stores/{store}/files/{file}"
    account.clock.now += 4.9
    assert account.get(path)["status"] == "in_progress"
    assert account.get(f"/vector_stores/{store}")["status"] == "in_progress"
    account.clock.now += 0.2
    assert account.get(path)["status"] == "completed"


def test_a_file_in_progress_cannot_be_detached() -> None:
    account = Account(switches=Switches(processing_seconds=5))
    store, file = account.store(), account.upload("a.md")
    attach(account, store, file)
    assert account.send("DELETE", f"/vector_stores/{store}/files/{file}").status == 404
    account.clock.now += 6
    assert account.delete(f"/vector_stores/{store}/files/{file}")["deleted"] is True


def test_detaching_keeps_the_file_and_the_other_stores(account: Account) -> None:
    file = account.upload("a.md")
    first, second = account.store(file_ids=[file]), account.store(file_ids=[file])
    gone = account.delete(f"/vector_stores/{first}/files/{file}")
    assert gone == {"id": file, "object": "vector_store.file.deleted", "deleted": True}
    assert account.send("GET", f"/vector_stores/{first}/files/{file}").status == 404
    assert account.get(f"/vector_stores/{second}/files/{file}")["id"] == file
    assert account.get(f"/files/{file}")["id"] == file


def test_deleting_the_file_detaches_it_everywhere(account: Account) -> None:
    file = account.upload("a.md")
    stores = [account.store(file_ids=[file]) for _ in range(2)]
    account.delete(f"/files/{file}")
    assert [account.get(f"/vector_stores/{store}")["file_counts"]["total"] for store in stores] == [0, 0]


def test_attributes_are_replaced_and_null_clears_them(account: Account) -> None:
    store, file = account.store(), account.upload("a.md")
    path = f"/vector_stores/{store}/files/{file}"
    attach(account, store, file, attributes={"a": "1", "b": "2"})
    assert account.post(path, {"attributes": {"b": 3}})["attributes"] == {"b": 3}
    assert account.post(path, {"attributes": None})["attributes"] == {}
    assert account.refused("POST", path, {}) == (400, "missing_required_parameter", "attributes")
    assert account.refused("POST", path, {"attributes": {"a": []}}) == (400, "invalid_type", "attributes.a")


@pytest.mark.parametrize("wanted", ["completed", "failed"])
def test_the_list_can_be_filtered_by_status(account: Account, wanted: str) -> None:
    files = {"completed": account.upload("a.md"), "failed": account.upload("a.csv")}
    store = account.store(file_ids=list(files.values()))
    listed = account.get(f"/vector_stores/{store}/files", filter=wanted)
    assert [item["id"] for item in listed["data"]] == [files[wanted]]
    assert account.get(f"/vector_stores/{store}/files", filter="in_progress")["data"] == []


@pytest.mark.parametrize(
    ("size", "overlap", "good"),
    [(100, 50, True), (4096, 0, True), (99, 0, False), (4097, 0, False), (100, 51, False), (100, -1, False)],
)
def test_chunking_has_limits(account: Account, size: int, overlap: int, *, good: bool) -> None:
    store, file = account.store(), account.upload("a.md")
    strategy = {"type": "static", "static": {"max_chunk_size_tokens": size, "chunk_overlap_tokens": overlap}}
    body = {"file_id": file, "chunking_strategy": strategy}
    answer = account.send("POST", f"/vector_stores/{store}/files", body)
    assert answer.status == (200 if good else 400)
    if good:
        assert account.get(f"/vector_stores/{store}/files/{file}")["chunking_strategy"] == strategy


def test_the_content_joins_up_to_the_text(account: Account) -> None:
    text = "  " + "".join(f"word{n}{' ' if n % 7 else chr(10)}" for n in range(250))
    store, file = account.store(), account.upload("a.md", text)
    strategy = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50}}
    attach(account, store, file, chunking_strategy=strategy)
    page = account.get(f"/vector_stores/{store}/files/{file}/content")
    assert (page["object"], page["has_more"]) == ("vector_store.file_content.page", False)
    assert len(page["data"]) == 3
    assert "".join(item["text"] for item in page["data"]) == text


def test_a_text_has_a_limit_in_tokens(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "MOST_TOKENS", 3)
    store, file = account.store(), account.upload("a.md", "one two three four")
    attach(account, store, file)
    assert account.get(f"/vector_stores/{store}/files/{file}")["last_error"]["code"] == "invalid_file"
