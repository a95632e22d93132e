r"""What of Unicode deceives the eye: characters that are invisible, reorder a line, or pass for others. One table.

A reviewer approves what the eye sees; a model reads every code point. Manifests refuse what is `HIDDEN`, plans show it
as `\u{202e}`, risks name it along with letters that pass for Latin ones.
"""

import re
import unicodedata

HIDDEN = {
    "control": "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f",  # but tab, line feed, carriage return
    "reordering": "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069",
    "invisible": "\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufeff\u180e\u034f\u00ad",
    "separator or annotation": "\u2028\u2029\ufff9-\ufffb",
    "filler, drawn as nothing": "\u115f\u1160\u17b4\u17b5\u3164\uffa0",
    "variation selector": "\ufe00-\ufe0f\U000e0100-\U000e01ef\u180b-\u180d\u180f",
    "tag, or musical control": "\U000e0000-\U000e007f\U0001d173-\U0001d17a",
    "half of a surrogate pair": "\ud800-\udfff",
}
"""Ranges of characters that no honest text of a manifest needs, by what they are."""

BLANK = "\u2800"
"""The empty braille pattern: a symbol that braille is written with, and a blank to anybody who sees."""

ACCENTS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
"""Ranges of marks that sit on the character before them; piled up they cover other lines."""

PICTURES = "\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff"
"""Ranges of symbols that U+FE0F makes an emoji of, and U+200D joins."""

LATIN_LIKE = frozenset(
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"  # Greek capitals
    "\u03b1\u03b9\u03ba\u03bd\u03bf\u03c1\u03c5\u03c7\u03f2\u03f9"  # Greek small letters, lunate sigmas
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0405\u0406\u0408"  # Cyrillic
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04bb\u04cf\u0501\u051b\u051d"
)
"""Letters that are drawn as Latin ones."""

UNMIXED = ("CYRILLIC ", "ARMENIAN ", "CHEROKEE ", "COPTIC ", "LISU ", "FULLWIDTH LATIN ", "MATHEMATICAL ")
"""How the names of letters begin that nobody writes next to Latin ones within a word."""

_HIDDEN = re.compile(f"[{''.join(HIDDEN.values())}]")
_PICTURE = re.compile(f"[{PICTURES}]")
_JOINER = "\u200d"
_SELECTORS = frozenset("\ufe0e\ufe0f")


def is_hidden(character: str) -> bool:
    """Whether the character, by itself, is one that a reader would not see as it is."""
    return character == BLANK or _HIDDEN.match(character) is not None


def hidden(text: str) -> list[tuple[int, int, str]]:
    """Offset, code point and name of every hidden character, in order of appearance.

    Where it is an ordinary part of visible text (a joiner or selector inside an emoji) it is left alone.
    """
    return [
        (found.start(), ord(found[0]), name(found[0]))
        for found in _HIDDEN.finditer(text)
        if not _in_emoji(text, found.start())
    ]


def name(character: str) -> str:
    """Unicode's name; of what has none, its number."""
    return unicodedata.name(character, "") or f"CONTROL CHARACTER U+{ord(character):04X}"


def _in_emoji(text: str, offset: int) -> bool:
    """Whether a joiner stands between two pictures, or a selector right after a picture or a keycap's base."""
    before, after = text[max(offset - 1, 0) : offset], text[offset + 1 : offset + 2]
    if text[offset] in _SELECTORS:
        return bool(_PICTURE.match(before)) or (before != "" and before in "0123456789#*" and after == "\u20e3")
    if text[offset] != _JOINER or not _PICTURE.match(after):
        return False
    return bool(_PICTURE.match(before)) or (before == "\ufe0f" and _in_emoji(text, offset - 1))
