"""Text that looks different from what it is: invisible and reordering characters, and letters that pass for others.

A reviewer approves what the eye sees, a model reads every code point. Findings name the code point and the place; the
character itself is never part of a message.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from reconciler.model import unicode

_WORD = re.compile(r"\w+")
_LETTERS = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[A-Za-z]")


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
    found = {offset: (code, name) for offset, code, name in unicode.hidden(text)}
    if not text.isascii():
        found |= {at: (ord(text[at]), f"{unicode.name(text[at])} in a Latin word") for at in _foreign(text)}
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
                strange = mixed and not char.isascii() and unicode.name(char).startswith(unicode.UNMIXED)
                if strange or char in unicode.LATIN_LIKE:
                    yield place
