"""Archives of releases: the same files are the same bytes, and a hostile archive is none."""

from __future__ import annotations

import io
import stat
import zipfile

import pytest

from reconciler.account.bundles import MAX_BYTES, MAX_ENTRIES, BadBundle, pack, unpack

FILES = {"SKILL.md": b"# Helper\n", "assistant.json": b"{}\n"}


def archive(entries: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", how) as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return target.getvalue()


def test_what_was_packed_is_unpacked() -> None:
    assert unpack(pack("helper", FILES)) == FILES


def test_equal_files_are_equal_bytes_whatever_their_order() -> None:
    assert pack("helper", dict(reversed(FILES.items()))) == pack("helper", FILES)


def test_files_are_readable_and_not_executable() -> None:
    with zipfile.ZipFile(io.BytesIO(pack("helper", FILES))) as packed:
        assert {stat.S_IMODE(info.external_attr >> 16) for info in packed.infolist()} == {0o644}


def test_files_without_a_common_folder_keep_their_names() -> None:
    assert set(unpack(archive({"a/x": b"", "b/x": b""}))) == {"a/x", "b/x"}
    assert set(unpack(archive({"x": b"", "b/x": b""}))) == {"x", "b/x"}


def test_directories_are_no_files() -> None:
    assert unpack(archive({"helper/": b"", "helper/x": b"1"})) == {"x": b"1"}


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/etc/passwd", "a//x", "a\\..\\x", "C:/x", "a/./x", "..", "a/..\\x"]
)
def test_a_name_that_could_lead_elsewhere_makes_the_archive_none_of_ours(name: str) -> None:
    with pytest.raises(BadBundle):
        unpack(archive({name: b"x"}))


@pytest.mark.parametrize("data", [b"", b"PK", b"<html>", b"PK\x05\x06" + b"\xff" * 18, bytes(1000)])
def test_what_is_no_archive_is_no_bundle(data: bytes) -> None:
    with pytest.raises(BadBundle):
        unpack(data)


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked() -> None:
    with pytest.raises(BadBundle, match="unpacks to more"):
        unpack(archive({"x": bytes(MAX_BYTES + 1)}, zipfile.ZIP_DEFLATED))


def test_an_archive_with_too_many_files_is_not_read() -> None:
    with pytest.raises(BadBundle, match="is the limit"):
        unpack(archive({f"a/{number}": b"" for number in range(MAX_ENTRIES + 1)}))
    with pytest.raises(BadBundle, match="larger than"):
        unpack(archive({f"a/{number}": b"" for number in range(10_000)}))


def test_an_archive_that_is_too_large_is_not_read() -> None:
    with pytest.raises(BadBundle, match="larger than"):
        unpack(bytes(MAX_BYTES + 1))


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression_is_refused(how: int) -> None:
    with pytest.raises(BadBundle):
        unpack(archive({"a/x": b"x"}, how))


def test_one_name_twice_is_refused() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr("a/x", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            packed.writestr("a/x", b"2")
    with pytest.raises(BadBundle):
        unpack(target.getvalue())


def test_no_damage_to_an_archive_is_more_than_a_bad_bundle() -> None:
    good = pack("helper", {"SKILL.md": b"# Helper\n" * 50})
    for position in range(len(good)):
        damaged = bytearray(good)
        damaged[position] ^= 0xFF
        try:
            unpack(bytes(damaged))
        except BadBundle:
            continue
    for length in range(len(good)):
        with pytest.raises(BadBundle):
            unpack(good[:length])
