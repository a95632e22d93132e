"""Version bundles ⇄ zip archives: the same files always give the same bytes, and a hostile archive gives none."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

MAX_ENTRIES = 500
_ENTRY = b"PK\x01\x02"
"""What every entry of a zip's directory starts with; counting it costs nothing, reading a million entries does."""
MAX_BYTES = 32 * 1024 * 1024
"""Unpacked, all files together; a release is text."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
)


class BadBundle(Exception):  # noqa: N818 - data, not a bug
    """An archive that is not one of ours, or that would not fit."""


def pack(folder: str, files: Mapping[str, bytes]) -> bytes:
    """A zip with all files below one folder."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(f"{folder}/{name}", _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, files[name])
    return target.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The files of a zip without their common folder; raises BadBundle. Nothing is written to disk."""
    if len(data) > MAX_BYTES or data.count(_ENTRY) > 2 * MAX_ENTRIES:
        raise BadBundle("the archive is larger than any of ours")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = _read(archive)
    except _UNREADABLE as error:
        raise BadBundle("the archive cannot be read") from error
    folders = {name.split("/", 1)[0] for name in found if "/" in name}
    if len(folders) == 1 and all("/" in name for name in found):
        return {name.split("/", 1)[1]: content for name, content in found.items()}
    return found


def _read(archive: zipfile.ZipFile) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    left = MAX_BYTES
    entries = [info for info in archive.infolist() if not info.is_dir()]
    if len(entries) > MAX_ENTRIES:
        raise BadBundle(f"the archive has {len(entries)} files; {MAX_ENTRIES} is the limit")
    for info in entries:
        if not _is_plain(info) or info.filename in found:
            raise BadBundle(f"the archive holds {info.filename[:80]!r}, which no bundle has")
        with archive.open(info) as file:
            content = file.read(left + 1)
        left -= len(content)
        if left < 0:
            raise BadBundle(f"the archive unpacks to more than {MAX_BYTES} bytes")
        found[info.filename] = content
    return found


def _is_plain(info: zipfile.ZipInfo) -> bool:
    """A file below the archive's root, with a name that every system reads in one way, packed as everybody packs."""
    parts = info.filename.split("/")
    named = all(part not in {"", ".", ".."} for part in parts) and not set(info.filename) & set("\\:\0")
    return named and info.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
