from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.emulator import files, uploads
from tests.emulator.account import START

if TYPE_CHECKING:
    import types

    from tests.emulator.account import Account


def start(account: Account, size: int, **more: Any) -> str:
    body = {"bytes": size, "filename": "big.md", "mime_type": "text/markdown", "purpose": "user_data", **more}
    upload_id: str = account.post("/uploads", body)["id"]
    return upload_id


def part(account: Account, upload: str, data: bytes) -> str:
    answer = account.form(f"/uploads/{upload}/parts", [("data", "blob", data)])
    assert answer.status == 200
    assert answer.json["object"] == "upload.part"
    part_id: str = answer.json["id"]
    return part_id


def test_parts_become_a_file_in_the_order_of_completion(account: Account) -> None:
    upload = start(account, 12)
    second, first = part(account, upload, b"world."), part(account, upload, b"Hello ")
    md5 = hashlib.md5(b"Hello world.").hexdigest()
    body = {"part_ids": [first, second], "md5": md5}
    done = account.post(f"/uploads/{upload}/complete", body)
    assert done["status"] == "completed"
    assert done["file"] == account.get(f"/files/{done['file']['id']}")
    assert (done["file"]["bytes"], done["file"]["filename"]) == (12, "big.md")
    store = account.store(file_ids=[done["file"]["id"]])
    text = account.get(f"/vector_stores/{store}/files/{done['file']['id']}/content")["data"][0]["text"]
    assert text == "Hello world."
    assert account.post(f"/uploads/{upload}/complete", body) == done
    assert len(account.get("/files")["data"]) == 1


@pytest.mark.parametrize(
    ("size", "md5", "more_ids"),
    [(5, None, []), (4, "0" * 32, []), (4, None, ["part_none"]), (8, None, ["again"])],
)
def test_completion_checks_size_digest_and_parts(
    account: Account, size: int, md5: str | None, more_ids: list[str]
) -> None:
    upload = start(account, size)
    part_id = part(account, upload, b"data")
    ids = [part_id, *(part_id if item == "again" else item for item in more_ids)]
    body = {"part_ids": ids, **({"md5": md5} if md5 else {})}
    assert account.refused("POST", f"/uploads/{upload}/complete", body)[0] == 400
    assert account.get("/files")["data"] == []


def test_a_cancelled_upload_takes_nothing_more(account: Account) -> None:
    upload = start(account, 4)
    assert account.post(f"/uploads/{upload}/cancel")["status"] == "cancelled"
    assert account.form(f"/uploads/{upload}/parts", [("data", "blob", b"data")]).status == 400
    assert account.send("POST", f"/uploads/{upload}/cancel").status == 400


def test_an_upload_expires_after_an_hour(account: Account) -> None:
    upload = start(account, 4)
    part_id = part(account, upload, b"data")
    account.clock.now += 3600
    assert account.send("POST", f"/uploads/{upload}/complete", {"part_ids": [part_id]}).status == 400


def test_a_file_from_an_upload_can_expire(account: Account) -> None:
    upload = start(account, 4, expires_after={"anchor": "created_at", "seconds": 3600})
    done = account.post(f"/uploads/{upload}/complete", {"part_ids": [part(account, upload, b"data")]})
    assert done["file"]["expires_at"] == int(START) + 3600


def test_unknown_uploads_are_404(account: Account) -> None:
    assert account.refused("POST", "/uploads/upload_none/cancel") == (404, None, "id")


@pytest.mark.parametrize(("service", "limit"), [(uploads, "MOST_PART_BYTES"), (files, "MOST_BYTES")])
def test_parts_and_files_have_limits(
    account: Account, monkeypatch: pytest.MonkeyPatch, service: types.ModuleType, limit: str
) -> None:
    monkeypatch.setattr(service, limit, 3)
    upload = start(account, 4)
    answer = account.form(f"/uploads/{upload}/parts", [("data", "blob", b"data")])
    if answer.status == 200:
        answer = account.send("POST", f"/uploads/{upload}/complete", {"part_ids": [answer.json["id"]]})
    assert answer.status == 413
