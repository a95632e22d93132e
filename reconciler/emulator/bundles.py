"""Skill bundles: uploaded files or one zip, checked, with the front matter that names the skill."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from reconciler.emulator.errors import ApiError, bad_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.emulator.multipart import Part

MOST_ZIP_BYTES = 50 * 2**20
MOST_FILES = 500
MOST_FILE_BYTES = 25 * 2**20
MOST_FRONT_MATTER = 64 * 2**10
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_UNSAFE = re.compile(r"[\\\x00]|\A[A-Za-z]:")
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A version's name and description, and the zip that is handed out."""

    name: str
    description: str
    archive: bytes


def bundle(parts: Sequence[Part]) -> Bundle:
    """Check what was uploaded: a single zip, or files that share one top folder."""
    if len(parts) == 1 and parts[0].content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        archive = parts[0].content
    else:
        archive = _pack(parts)
    if len(archive) > MOST_ZIP_BYTES:
        raise ApiError(413, f"The bundle is too large: {len(archive)} bytes, the maximum is {MOST_ZIP_BYTES}.")
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            text = _manifest(opened)
    except _UNREADABLE as error:
        raise _invalid(f"the zip cannot be read ({error})") from error
    name, description = _front_matter(text)
    return Bundle(name, description, archive)


def _invalid(reason: str) -> ApiError:
    return bad_request(f"Invalid skill bundle: {reason}.", param="files", code="invalid_value")


def _pack(parts: Sequence[Part]) -> bytes:
    tops = {part.filename.split("/", 1)[0] for part in parts}
    if len(tops) != 1 or any("/" not in part.filename for part in parts):
        raise _invalid("all files must be inside one top-level folder")
    if len({part.filename for part in parts}) != len(parts):
        raise _invalid("two files have the same name")
    if any(len(part.content) > MOST_FILE_BYTES for part in parts):
        raise _invalid(f"a file is larger than {MOST_FILE_BYTES} bytes")
    _check_names([part.filename for part in parts])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(parts, key=lambda part: part.filename):
            entry = zipfile.ZipInfo(part.filename)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, part.content)
    return buffer.getvalue()


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        steps = name.rstrip("/").split("/")
        if _UNSAFE.search(name) or any(step in ("", ".", "..") for step in steps):
            raise _invalid(f"the file name {name[:200]!r} is not allowed")


def _manifest(archive: zipfile.ZipFile) -> str:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    _check_names(entry.filename for entry in archive.infolist())
    if len(entries) > MOST_FILES:
        raise _invalid(f"it has {len(entries)} files, the maximum is {MOST_FILES}")
    if len({entry.filename for entry in entries}) != len(entries):
        raise _invalid("two files have the same name")
    if any(entry.file_size > MOST_FILE_BYTES for entry in entries):
        raise _invalid(f"a file is larger than {MOST_FILE_BYTES} bytes")
    found = [entry for entry in entries if entry.filename.rpartition("/")[2].lower() == "skill.md"]
    if len(found) != 1:
        raise _invalid(f"it must have exactly one SKILL.md, and has {len(found)}")
    if found[0].filename.count("/") > 1:
        raise _invalid("SKILL.md must be at the top of the bundle")
    with archive.open(found[0]) as file:
        # The declared size is the client's word; what is inflated is bounded here.
        content = file.read(MOST_FILE_BYTES + 1)
    return content.decode("utf-8-sig")


def _front_matter(text: str) -> tuple[str, str]:
    match = _FRONT_MATTER.match(text)
    if match is None or len(match[1]) > MOST_FRONT_MATTER:
        raise _invalid("SKILL.md must start with YAML front matter between two lines of ---")
    try:
        fields = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError) as error:
        raise _invalid("the front matter of SKILL.md is not valid YAML") from error
    if not isinstance(fields, dict):
        raise _invalid("the front matter of SKILL.md must be a mapping")
    name, description = _text(fields, "name", 64), _text(fields, "description", 1024)
    if not _NAME.fullmatch(name):
        raise _invalid(f"the name {name!r} may have lower-case letters, digits and single hyphens only")
    return name, description


def _text(fields: dict[Any, Any], key: str, most: int) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _invalid(f"SKILL.md must have a {key}")
    if len(value) > most:
        raise _invalid(f"the {key} has {len(value)} characters, the maximum is {most}")
    return value
