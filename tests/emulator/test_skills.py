from __future__ import annotations

import io
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.emulator import bundles
from tests.emulator.account import START

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.emulator.account import Account, Answer


def manifest(name: str = "helper", description: str = "Helps.") -> str:
    return f"---\nname: {name}\ndescription: {description}\n---\n# Helper\n"


def archive(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return buffer.getvalue()


def post_zip(account: Account, path: str, files: Mapping[str, str], **fields: str) -> Answer:
    more: list[tuple[str, str | None, str | bytes]] = [(name, None, value) for name, value in fields.items()]
    return account.form(path, [("files", "bundle.zip", archive(files)), *more])


def skill(account: Account, **texts: str) -> Any:
    answer = post_zip(account, "/skills", {"helper/SKILL.md": manifest(**texts)})
    assert answer.status == 200, answer.json
    return answer.json


def unzipped(answer: Answer) -> dict[str, bytes]:
    assert answer.response.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.response.body)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_a_zip_becomes_a_skill_with_one_version(account: Account) -> None:
    made = skill(account)
    assert made == {
        "id": made["id"],
        "object": "skill",
        "created_at": int(START),
        "name": "helper",
        "description": "Helps.",
        "default_version": "1",
        "latest_version": "1",
    }
    assert account.get(f"/skills/{made['id']}") == made
    assert account.get("/skills")["data"] == [made]


@pytest.mark.parametrize("name", ["files", "files[]"])
def test_a_folder_of_files_becomes_a_skill_too(account: Account, name: str) -> None:
    parts = [(name, "top/SKILL.md", manifest()), (name, "top/data/assistant.json", "{}")]
    made = account.form("/skills", parts).json
    content = unzipped(account.send("GET", f"/skills/{made['id']}/content"))
    assert content == {"top/SKILL.md": manifest().encode(), "top/data/assistant.json": b"{}"}


def test_a_new_version_is_current_only_once_it_is_made_the_default(account: Account) -> None:
    made = skill(account)
    path = f"/skills/{made['id']}"
    version = post_zip(account, f"{path}/versions", {"SKILL.md": manifest("renamed", "New.")}).json
    assert version == {
        "id": version["id"],
        "object": "skill.version",
        "created_at": int(START),
        "skill_id": made["id"],
        "version": "2",
        "name": "renamed",
        "description": "New.",
    }
    read = account.get(path)
    assert (read["name"], read["default_version"], read["latest_version"]) == ("helper", "1", "2")
    updated = account.post(path, {"default_version": "2"})
    assert (updated["name"], updated["description"], updated["default_version"]) == ("renamed", "New.", "2")


def test_a_version_can_be_posted_as_the_default(account: Account) -> None:
    path = f"/skills/{skill(account)['id']}"
    post_zip(account, f"{path}/versions", {"SKILL.md": manifest("second")}, default="true")
    assert account.get(path)["name"] == "second"
    assert account.get(f"{path}/versions/2")["name"] == "second"


def test_each_version_keeps_its_content(account: Account) -> None:
    path = f"/skills/{skill(account)['id']}"
    post_zip(account, f"{path}/versions", {"SKILL.md": manifest("second")})
    assert list(unzipped(account.send("GET", f"{path}/content"))) == ["helper/SKILL.md"]
    assert unzipped(account.send("GET", f"{path}/versions/2/content")) == {"SKILL.md": manifest("second").encode()}


def test_versions_are_listed_by_number_and_numbers_are_not_used_again(account: Account) -> None:
    path = f"/skills/{skill(account)['id']}"
    for _ in range(3):
        account.clock.now -= 10
        post_zip(account, f"{path}/versions", {"SKILL.md": manifest()})
    account.delete(f"{path}/versions/4")
    post_zip(account, f"{path}/versions", {"SKILL.md": manifest()})
    first = account.get(f"{path}/versions", limit=3)
    assert [item["version"] for item in first["data"]] == ["5", "3", "2"]
    rest = account.get(f"{path}/versions", limit=3, after=first["last_id"])
    assert ([item["version"] for item in rest["data"]], rest["has_more"]) == (["1"], False)


def test_the_default_version_is_kept_until_it_is_the_last(account: Account) -> None:
    made = skill(account)
    path = f"/skills/{made['id']}"
    second = post_zip(account, f"{path}/versions", {"SKILL.md": manifest()}).json
    assert account.refused("DELETE", f"{path}/versions/1") == (400, "invalid_value", "version")
    gone = account.delete(f"{path}/versions/2")
    assert gone == {"id": second["id"], "object": "skill.version.deleted", "deleted": True, "version": "2"}
    account.delete(f"{path}/versions/1")
    assert account.send("GET", path).status == 404


def test_deleting_a_skill_deletes_its_versions(account: Account) -> None:
    path = f"/skills/{skill(account)['id']}"
    assert account.delete(path)["object"] == "skill.deleted"
    assert account.refused("GET", f"{path}/versions/1") == (404, None, None)


def test_the_default_must_be_an_existing_version(account: Account) -> None:
    path = f"/skills/{skill(account)['id']}"
    assert account.refused("POST", path, {"default_version": "2"}) == (400, "invalid_value", "default_version")
    assert account.refused("POST", path, {"default_version": 1})[1] == "invalid_type"


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"top/README.md": "none"},
        {"a/SKILL.md": manifest(), "b/skill.md": manifest()},
        {"a/b/SKILL.md": manifest()},
        {"SKILL.md": "no front matter"},
        {"SKILL.md": "---\n- a list\n---\n"},
        {"SKILL.md": "---\nname: [\n---\n"},
        {"SKILL.md": "---\nname: helper\n---\n"},
        {"SKILL.md": manifest(name="Upper")},
        {"SKILL.md": manifest(name="double--hyphen")},
        {"SKILL.md": manifest(name="x" * 65)},
        {"SKILL.md": manifest(description="x" * 1025)},
        {"SKILL.md": manifest(), "../escape": "x"},
        {"SKILL.md": manifest(), "/absolute": "x"},
        {"SKILL.md": manifest(), "a\\b": "x"},
        {"SKILL.md": manifest(), "C:evil": "x"},
        {"SKILL.md": manifest(), **{f"f{n}": "" for n in range(500)}},
    ],
)
def test_bad_bundles_are_refused(account: Account, files: dict[str, str]) -> None:
    assert post_zip(account, "/skills", files).error == (400, "invalid_value", "files")


@pytest.mark.parametrize(
    "parts",
    [
        [("files[]", "SKILL.md", manifest())],
        [("files[]", "a/SKILL.md", manifest()), ("files[]", "b/x", "")],
        [("files[]", "a/SKILL.md", manifest()), ("files[]", "a/SKILL.md", manifest())],
        [("files[]", "a/SKILL.md", manifest()), ("files[]", "a/../x", "")],
        [("files", "bundle.zip", b"PK\x03\x04 but broken")],
        [("files", "bundle.zip", archive({"SKILL.md": manifest()})[:-10])],
    ],
)
def test_bad_uploads_are_refused(account: Account, parts: list[tuple[str, str | None, str]]) -> None:
    assert account.form("/skills", parts).error[0] == 400


def test_a_skill_without_files_is_refused(account: Account) -> None:
    assert account.refused("POST", "/skills") == (400, "missing_required_parameter", "files")


@pytest.mark.parametrize(
    ("limit", "value", "status"),
    [("MOST_ZIP_BYTES", 50, 413), ("MOST_FILE_BYTES", 10, 400), ("MOST_FRONT_MATTER", 5, 400)],
)
@pytest.mark.parametrize("as_zip", [True, False])
def test_bundles_have_limits(
    account: Account, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, status: int, *, as_zip: bool
) -> None:
    monkeypatch.setattr(bundles, limit, value)
    files = {"top/SKILL.md": manifest(), "top/more.md": "x" * 20}
    if as_zip:
        answer = post_zip(account, "/skills", files)
    else:
        answer = account.form("/skills", [("files[]", name, content) for name, content in files.items()])
    assert answer.status == status


def test_two_entries_of_one_name_are_refused(account: Account) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened, warnings.catch_warnings(action="ignore"):
        opened.writestr("SKILL.md", manifest())
        opened.writestr("data", "1")
        opened.writestr("data", "2")
    assert account.form("/skills", [("files", "s.zip", buffer.getvalue())]).error[0] == 400


def test_an_unknown_version_is_404(account: Account) -> None:
    path = f"/skills/{skill(account)['id']}/versions/9"
    assert [account.send(method, path).status for method in ("GET", "DELETE")] == [404, 404]
