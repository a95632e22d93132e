"""Version bundles ⇄ zip archives: the same files always give the same bytes, and a hostile archive gives none."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

MAX_ENTRIES = 500
MAX_BYTES = 32 * 1024 * 1024
"""Unpacked, all files together; a release is text."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


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
    found: dict[str, bytes] = {}
    left = MAX_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [info for info in archive.infolist() if not info.is_dir()]
            if len(entries) > MAX_ENTRIES:
                raise BadBundle(f"the archive has {len(entries)} files; {MAX_ENTRIES} is the limit")
            for info in entries:
                with archive.open(info) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise BadBundle(f"the archive unpacks to more than {MAX_BYTES} bytes")
                found[info.filename] = content
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise BadBundle("the archive cannot be read") from error
    folders = {name.split("/", 1)[0] for name in found if "/" in name}
    if len(folders) == 1 and all("/" in name for name in found):
        return {name.split("/", 1)[1]: content for name, content in found.items()}
    return found
