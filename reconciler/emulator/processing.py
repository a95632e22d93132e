"""What becomes of a file that is attached to a vector store: accepted or not, its text, its chunks, its size."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

TEXT_EXTENSIONS = frozenset(
    re.findall(r"\w+", "c cpp cs css go html java js json md php py rb sh tex ts txt"),
)
_ZIP, _PDF, _OLE = b"PK\x03\x04", b"%PDF-", b"\xd0\xcf\x11\xe0"
MAGIC = {"doc": _OLE, "docx": _ZIP, "pdf": _PDF, "pptx": _ZIP}
MOST_TOKENS = 5_000_000
EMBEDDING_BYTES = 1024
_WORD = re.compile(r"\S+\s*")
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Chunking:
    """How text is cut: window and overlap, in tokens. A token is a whitespace-separated word here."""

    tokens: int = 800
    overlap: int = 400


@dataclass(frozen=True, slots=True)
class Processed:
    """The result: an outcome and, for a failure, OpenAI's error code and message."""

    outcome: str
    usage: int = 0
    code: str | None = None
    message: str | None = None


def process(filename: str, content: bytes, chunking: Chunking) -> Processed:
    """Decide as the service does: by the extension as written (upper case is not known), then by the content."""
    extension = extension_of(filename)
    if extension in MAGIC:
        if not content.startswith(MAGIC[extension]):
            return _invalid(f"The file is not a valid .{extension} document.")
        return Processed("completed", usage=len(content))
    if extension not in TEXT_EXTENSIONS:
        shown = extension or "none"
        message = f"Files with extensions [{shown}] are not supported for retrieval."
        return Processed("failed", code="unsupported_file", message=message)
    text = decode(content)
    if text is None:
        return _invalid("The file is not valid text: expected utf-8, utf-16 or ascii.")
    words = len(text.split())
    if words == 0:
        return _invalid("The file is empty.")
    if words > MOST_TOKENS:
        return _invalid(f"The file has {words} tokens; the maximum is {MOST_TOKENS}.")
    step = chunking.tokens - chunking.overlap
    count = 1 + max(0, -(-(words - chunking.tokens) // step))
    return Processed("completed", usage=len(text.encode()) + count * EMBEDDING_BYTES)


def _invalid(message: str) -> Processed:
    return Processed("failed", code="invalid_file", message=message)


def extension_of(filename: str) -> str:
    """Give what follows the last dot, unchanged; empty if there is none."""
    return filename.rpartition(".")[2] if "." in filename else ""


def text_of(filename: str, content: bytes) -> str:
    """Give the text to search in; documents that are not plain text have none here."""
    return "" if extension_of(filename) in MAGIC else decode(content) or ""


def decode(content: bytes) -> str | None:
    """Decode utf-8 (so ascii) or utf-16 with a byte order mark; None when it is neither."""
    encoding = "utf-16" if content.startswith(_UTF_16_MARKS) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text


def chunks(text: str, chunking: Chunking) -> list[str]:
    """Cut text into overlapping windows of whole words; every character of the text is in at least one."""
    starts = [match.start() for match in _WORD.finditer(text)]
    step = chunking.tokens - chunking.overlap
    found = []
    for first in range(0, len(starts), step):
        end = first + chunking.tokens
        found.append(text[starts[first] if first else 0 : starts[end] if end < len(starts) else len(text)])
        if end >= len(starts):
            break
    return found
