"""Text that looks different from what it is: invisible and reordering characters, and letters that pass for others.

A reviewer approves what the eye sees, a model reads every code point. Findings name the code point and the place; the
character itself is never part of a message.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from reconciler.manifest.text.characters import unsafe_characters

_WORD = re.compile(r"\w+")
_LETTERS = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[A-Za-z]")
_SCRIPTS = ("CYRILLIC ", "ARMENIAN ", "CHEROKEE ", "COPTIC ", "LISU ", "FULLWIDTH LATIN ", "MATHEMATICAL ")
"""How the names of letters begin that nobody writes next to Latin ones within a word."""
_ALIKE = frozenset(
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"  # Greek capitals
    "\u03b1\u03b9\u03ba\u03bd\u03bf\u03c1\u03c5\u03c7\u03f2\u03f9"  # Greek small letters, lunate sigmas
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0405\u0406\u0408"  # Cyrillic
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04bb\u04cf\u0501\u051b\u051d"
)
"""Letters that are drawn as Latin ones."""


class Finding(NamedTuple):
    """An unusual character: its code point, what it is, and where it stands; line and column count from 1."""

    code: int
    what: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"U+{self.code:04X} {self.what} (line {self.line}, column {self.column})"


def unusual(text: str) -> list[Finding]:
    """Every unusual character of a text, in order of appearance."""
    if text.isascii() and text.isprintable():
        return []
    found = {offset: (code, name) for offset, code, name in unsafe_characters(text)}
    if not text.isascii():
        found |= {offset: (ord(text[offset]), f"{_name(text[offset])} in a Latin word") for offset in _foreign(text)}
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    located = []
    for offset, (code, what) in sorted(found.items()):
        line = bisect_right(starts, offset)
        located.append(Finding(code, what, line, offset - starts[line - 1] + 1))
    return located


def new(before: str, after: str) -> list[Finding]:
    """The unusual characters of a text that its earlier form did not have: more of them, on a line that is new."""
    found = unusual(after)
    if not found:
        return []
    had = Counter(item.code for item in unusual(before))
    has = Counter(item.code for item in found)
    lines, known = after.split("\n"), set(before.split("\n"))
    return [item for item in found if has[item.code] > had[item.code] and lines[item.line - 1] not in known]


def plain(text: str, most: int = 80) -> str:
    """A short text in ASCII: anything else is shown as `<U+XXXX>`, and what is too long is cut and counted."""
    cut = f"... ({len(text):,} characters)" if len(text) > most else ""
    return "".join(char if " " <= char <= "~" else f"<U+{ord(char):04X}>" for char in text[:most]) + cut


def _foreign(text: str) -> Iterator[int]:
    """Offsets of letters of another script in words with Latin letters."""
    for word in _WORD.finditer(text):
        if word[0].isascii() or not _LATIN.search(word[0]):
            continue
        for run in _LETTERS.finditer(word[0]):
            mixed = _LATIN.search(run[0]) is not None
            for place, char in enumerate(run[0], word.start() + run.start()):
                if char in _ALIKE or (mixed and not char.isascii() and _name(char).startswith(_SCRIPTS)):
                    yield place


def _name(char: str) -> str:
    return unicodedata.name(char, "UNNAMED CHARACTER")
