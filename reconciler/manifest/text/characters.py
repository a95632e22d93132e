"""Characters that make text look different from what it is: bidirectional controls, invisible and tag characters.

A reviewer approves what the eye sees; a model reads every code point. Where a character is an ordinary part of visible
text (a joiner or selector inside an emoji) it is left alone.
"""

from __future__ import annotations

import re
import unicodedata

_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls but tab, line feed, carriage return
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufeff\u180e\u034f\u00ad"  # zero-width and invisible
    "\u2028\u2029\ufff9-\ufffb"  # separators and annotations
    "\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # fillers that are drawn as nothing
    "\ufe00-\ufe0f\U000e0100-\U000e01ef\u180b-\u180d\u180f"  # variation selectors
    "\U000e0000-\U000e007f\U0001d173-\U0001d17a"  # tags, and musical controls
    "\ud800-\udfff"  # halves of surrogate pairs
    "]"
)
_PICTURE = re.compile("[\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff]")
_JOINER = "\u200d"
_SELECTORS = frozenset("\ufe0e\ufe0f")


def unsafe_characters(text: str) -> list[tuple[int, int, str]]:
    """Offset, code point and Unicode name of every unsafe character, in order of appearance."""
    return [
        (found.start(), ord(found[0]), _name(found[0]))
        for found in _UNSAFE.finditer(text)
        if not _in_emoji(text, found.start())
    ]


def _in_emoji(text: str, offset: int) -> bool:
    """Whether a joiner stands between two pictures, or a selector right after a picture or a keycap's base."""
    before, after = text[max(offset - 1, 0) : offset], text[offset + 1 : offset + 2]
    if text[offset] in _SELECTORS:
        return bool(_PICTURE.match(before)) or (before != "" and before in "0123456789#*" and after == "\u20e3")
    if text[offset] != _JOINER or not _PICTURE.match(after):
        return False
    return bool(_PICTURE.match(before)) or (before == "\ufe0f" and _in_emoji(text, offset - 1))


def _name(character: str) -> str:
    return unicodedata.name(character, "") or f"CONTROL CHARACTER U+{ord(character):04X}"
