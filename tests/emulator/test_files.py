from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.emulator import files as service
from tests.emulator.account import START

if TYPE_CHECKING:
    from tests.emulator.account import Account


def test_an_uploaded_file_reads_back(account: Account) -> None:
    made = account.form("/files", [("purpose", None, "user_data"), ("file", "ünïcode name.md", "héllo")]).json
    assert made == {
        "id": made["id"],
        "object": "file",
        "bytes": 6,
        "created_at": int(START),
        "expires_at": None,
        "filename": "ünïcode name.md",
        "purpose": "user_data",
        "status": "processed",
        "status_details": None,
    }
    assert account.get(f"/files/{made['id']}") == made


def test_equal_uploads_are_two_files(account: Account) -> None:
    assert account.upload("a.md") != account.upload("a.md")


@pytest.mark.parametrize("purpose", ["assistants", "user_data"])
def test_content_cannot_be_downloaded_for_these_purposes(account: Account, purpose: str) -> None:
    answer = account.send("GET", f"/files/{account.upload('a.md', purpose=purpose)}/content")
    assert answer.status == 400
    assert answer.json["error"]["message"] == f"Not allowed to download files of purpose: {purpose}"


def test_other_content_is_given_byte_for_byte(account: Account) -> None:
    content = bytes(range(256)) + b"\r\n--boundary-of"
    file = account.upload("a.jsonl", content, purpose="batch")
    assert account.send("GET", f"/files/{file}/content").response.body == content


def test_the_list_can_be_filtered_by_purpose(account: Account) -> None:
    account.upload("a.md", purpose="assistants")
    other = account.upload("b.md", purpose="user_data")
    assert [file["id"] for file in account.get("/files", purpose="user_data")["data"]] == [other]
    assert len(account.get("/files", limit=10_000)["data"]) == 2
    assert account.refused("GET", "/files", limit=10_001) == (400, "integer_above_maximum_value", "limit")


def test_deleting_twice_is_404(account: Account) -> None:
    file = account.upload("a.md")
    assert account.delete(f"/files/{file}") == {"id": file, "object": "file", "deleted": True}
    for method in ("GET", "DELETE"):
        assert account.refused(method, f"/files/{file}") == (404, None, "id")
    assert account.send("GET", f"/files/{file}/content").status == 404


def test_a_file_expires_on_request_and_leaves_its_stores(account: Account) -> None:
    expiry = [("expires_after[anchor]", None, "created_at"), ("expires_after[seconds]", None, "3600")]
    made = account.form("/files", [*expiry, ("purpose", None, "assistants"), ("file", "a.md", "text")]).json
    store = account.store(file_ids=[made["id"]])
    assert made["expires_at"] == int(START) + 3600
    account.clock.now += 3600
    assert account.send("GET", f"/files/{made['id']}").status == 404
    assert account.get(f"/vector_stores/{store}")["file_counts"]["total"] == 0


def test_batch_files_expire_after_thirty_days(account: Account) -> None:
    file = account.upload("a.jsonl", purpose="batch")
    assert account.get(f"/files/{file}")["expires_at"] == int(START) + 30 * 86_400


def test_the_purpose_assistants_takes_some_formats_only(account: Account) -> None:
    parts = [("purpose", None, "assistants"), ("file", "a.vb", "text")]
    answer = account.form("/files", parts)
    assert answer.status == 400
    assert answer.json["error"]["message"].startswith("Invalid extension vb. Supported formats:")
    assert account.upload("a.vb", purpose="user_data")
    assert account.upload("a.XLSX", purpose="assistants")


@pytest.mark.parametrize(
    ("parts", "code", "param"),
    [
        ([("purpose", None, "assistants")], "missing_required_parameter", "file"),
        ([("file", "a.md", "x")], "missing_required_parameter", "purpose"),
        ([("file", None, "x"), ("purpose", None, "assistants")], "invalid_type", "file"),
        ([("file", "a.md", "x"), ("purpose", None, "none")], "invalid_value", "purpose"),
        ([("file", "a.md", "x"), ("purpose", None, "vision"), ("name", None, "x")], "unknown_parameter", "name"),
        (
            [("file", "a.md", "x"), ("purpose", None, "vision"), ("expires_after[seconds]", None, "3600")],
            "missing_required_parameter",
            "expires_after.anchor",
        ),
    ],
)
def test_bad_forms_are_refused(
    account: Account, parts: list[tuple[str, str | None, str]], code: str, param: str
) -> None:
    assert account.form("/files", parts).error == (400, code, param)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"no boundary"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"; filename="a'),
        ("multipart/form-data; boundary=" + "x" * 300, b"--x"),
    ],
)
def test_what_is_no_form_is_refused(account: Account, content_type: str, body: bytes) -> None:
    answer = account.send("POST", "/files", body, headers={"content-type": content_type})
    assert answer.status == 400


def test_half_a_gigabyte_is_the_limit(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_BYTES", 10)
    assert account.form("/files", [("purpose", None, "batch"), ("file", "a.jsonl", "x" * 11)]).status == 413
