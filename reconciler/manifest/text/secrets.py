"""Find credentials in manifests and knowledge files before they are uploaded, without ever repeating them.

A search for each literal prefix (as fast as memory) leads to one anchored, possessive match per hit, so the time is
linear whatever the text. What a person would recognise as a placeholder is passed over: the alternative is a check that
people learn to switch off.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

VERSION = 1
"""Raised when the rules change, so that remembered results are not taken for fresh ones."""

_OVERLAP = 16_384
_MOST_FOUND = 50
_BASE64_LINE = re.compile(r"[A-Za-z0-9+/=]{40}")
_LETTERS_AND_DIGITS = re.compile(r"(?=[^a-z]*+[a-z])(?=[^A-Z]*+[A-Z])(?=[^0-9]*+[0-9])")
_USER = re.compile(r"(?<=://)[^/@\s]{1,200}(?=@)")
_KEY_LINE = re.compile(r"\s*[A-Za-z0-9+/=]{48,}\s*\Z")
_HEX = re.compile(r"[0-9a-f]{32,}\Z")
_PLACEHOLDER = re.compile(
    r"x{4}|example|your|placeholder|redacted|changeme|dummy|fake|sample|12345678|abcdefgh", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Found:
    """A credential: its kind, and where it stands. `offset` and `length` are in characters of the text searched."""

    kind: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class _Shape:
    """A kind of credential: what it starts with, the whole of it, and which part has to look random."""

    kind: str
    prefixes: tuple[str, ...]
    pattern: re.Pattern[str]
    mixed: bool = True


def _shape(kind: str, prefixes: str, pattern: str, *, mixed: bool = True) -> _Shape:
    return _Shape(kind, tuple(prefixes.split()), re.compile(pattern), mixed)


_SHAPES = (
    _shape("Anthropic API key", "sk-ant-", r"sk-ant-([A-Za-z0-9_-]{24,512}+)"),
    _shape("OpenAI API key", "sk-", r"sk-(?!ant-)(?:proj-|svcacct-|admin-|None-)?+([A-Za-z0-9_-]{20,512}+)"),
    _shape(
        "AWS access key id", "AKIA ASIA", r"A(?:K|S(?=IA[A-Z]*+[0-9]))IA([A-Z0-9]{16}+)(?![A-Za-z0-9])", mixed=False
    ),
    _shape("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_([A-Za-z0-9]{36,255}+)"),
    _shape("GitHub token", "github_pat_", r"github_pat_([A-Za-z0-9_]{40,255}+)"),
    _shape("GitLab token", "glpat-", r"glpat-([A-Za-z0-9_-]{20,255}+)"),
    _shape("Slack token", "xox", r"xox[abeoprs]-([A-Za-z0-9-]{20,255}+)"),
    _shape("Google API key", "AIza", r"AIza([A-Za-z0-9_-]{35}+)(?![A-Za-z0-9_-])"),
    _shape("Stripe key", "sk_live_ rk_live_", r"[sr]k_live_([A-Za-z0-9]{16,255}+)"),
    _shape("private key", "-----BEGIN", r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?+-----()"),
    _shape(
        "JSON web token",
        "eyJ",
        r"eyJ[A-Za-z0-9_-]{10,4096}+\.eyJ(?!zdWIiOiIxMjM0NTY3ODkwI)[A-Za-z0-9_-]{10,4096}+\.([A-Za-z0-9_-]{20,4096}+)",
    ),
)

KINDS = frozenset(shape.kind for shape in _SHAPES)


def find_secrets(text: str) -> list[Found]:
    """The credentials in a text, in order, at most 50; the text itself is never part of the result."""
    kept: list[Found] = []
    _keep(kept, _search(text, 0, len(text)))
    return kept


def masked(text: str) -> str:
    """The text as it may be shown: credentials, and the user part of a URL, as stars."""
    for found in find_secrets(text):
        text = text[: found.offset] + "*" * found.length + text[found.offset + found.length :]
    return _USER.sub(lambda match: "*" * len(match[0]), text)


def masked_line(line: str) -> str:
    """A line of a file as it may be shown: one that looks like the middle of a key is not."""
    return "*" * len(line) if _KEY_LINE.match(line) else masked(line)


def shown(text: str) -> str:
    """A piece of user text for a sentence: masked, quoted, and cut where it is long."""
    text = masked(text[:_OVERLAP])
    return repr(text if len(text) <= 60 else text[:59] + "…")


def _keep(kept: list[Found], found: Iterable[Found]) -> None:
    """Add to what was kept, in order, without what begins inside another one, and not beyond the most."""
    for item in sorted(found, key=lambda item: (item.offset, -item.length)):
        if len(kept) < _MOST_FOUND and (not kept or item.offset >= kept[-1].offset + kept[-1].length):
            kept.append(item)


def _search(text: str, start: int, end: int) -> Iterator[Found]:
    """Credentials that begin in text[start:end]; what stands around that decides where they begin and end."""
    for shape in _SHAPES:
        for prefix in shape.prefixes:
            offset = text.find(prefix, start, end + len(prefix) - 1)
            while offset >= 0:
                length = _length(shape, text, offset)
                if length:
                    yield Found(shape.kind, offset, length)
                offset = text.find(prefix, offset + len(prefix), end + len(prefix) - 1)


def _length(shape: _Shape, text: str, offset: int) -> int:
    """How long the credential at an offset is; 0 if there is none."""
    match = None if _inside_a_word(text, offset) else shape.pattern.match(text, offset)
    if match is None:
        return 0
    if match[1]:
        return 0 if _is_placeholder(match[1], mixed=shape.mixed) else len(match[0])
    body = _BASE64_LINE.search(text, match.end(), match.end() + 400)
    return len(match[0]) if body and not _is_placeholder(body[0], mixed=False) else 0


def _inside_a_word(text: str, offset: int) -> bool:
    """Whether a longer word ends in this prefix (`task-`); an escaped line break before it is none."""
    before = text[max(offset - 2, 0) : offset]
    if text[offset] == "-" or not before or before in {"\\n", "\\r", "\\t"}:
        return False
    return before[-1].isascii() and (before[-1].isalnum() or before[-1] in "_-")


def _is_placeholder(body: str, *, mixed: bool) -> bool:
    """Whether a person made this up: too regular, or saying so. Real keys mix cases and digits, or are hexadecimal."""
    if len(set(body)) < 8 or _PLACEHOLDER.search(body):
        return True
    return mixed and not _LETTERS_AND_DIGITS.match(body) and not _HEX.match(body)


class Scanner:
    """Finds what `find_secrets` finds, chunk by chunk, in the bytes of a file; offsets are in bytes.

    UTF-16 text is searched with its zero bytes taken out (offsets are then approximate).
    """

    def __init__(self) -> None:
        self._text = ""
        self._scanned = 0
        self._dropped = 0
        self._found: list[Found] = []

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._text += chunk.decode("latin-1").replace("\0", "")
        self._scan(len(self._text) - _OVERLAP)

    def finish(self) -> list[Found]:
        """Everything found, in order, at most 50."""
        self._scan(len(self._text))
        return self._found

    def _scan(self, end: int) -> None:
        """Search up to an offset, and keep only what later searches need: the rest, and two characters before it."""
        if end <= self._scanned:
            return
        if len(self._found) < _MOST_FOUND:
            found = _search(self._text, self._scanned, end)
            _keep(self._found, (Found(item.kind, item.offset + self._dropped, item.length) for item in found))
        keep = max(end - 2, 0)
        self._text = self._text[keep:]
        self._dropped += keep
        self._scanned = end - keep
