r"""The one way that untrusted text takes to a terminal, a log or a comment.

Instructions, file names, live values and API errors are written by others. Whatever could move a cursor, reverse a
line, hide between letters or be obeyed by a CI runner is shown as `\u{202e}`, so a reader sees that it is there. Colour
and marks of ours are added afterwards. Printable text, in any script, stays as it is.

A backslash that would start such an escape is itself escaped, so the two can be told apart.
"""

import json
import re
import unicodedata
from bisect import bisect_left
from typing import Any

from reconciler.model import unicode

TAB = "⇥"
"""How a tab is shown: one column, and different from spaces."""

_EMOJI = re.compile(rf"([{unicode.PICTURES}])\\u\{{fe0f\}}")
_BACKSLASH = re.compile(r"\\(?=u\{)")
_PILE = re.compile(rf"(?<=[{unicode.ACCENTS}]{{3}})[{unicode.ACCENTS}]")
"""An accent on top of three others: on the screen it would cover other lines, and it takes no column."""

_COMMAND = re.compile(r"(?<!\S):(?=:)|#(?=#[A-Za-z.]*\[)")
"""What a CI runner obeys: `::name` after blanks at the start of a line, `##[name]` and `##vso[name]` anywhere."""


_COMMAND_IN_JSON = re.compile(r"(?<![^\s\"]):(?=:)|#(?=#[A-Za-z.]*\[)")


def _is_safe(code: int) -> bool:
    """Whether a reader sees the character as it is, and nobody takes it for one of ours."""
    char = chr(code)
    return (char.isprintable() or char == "\u3000") and char != TAB and not unicode.is_hidden(char)


class _Visible(dict[int, str]):
    """A translation table that fills itself: code point to what is shown for it."""

    def __missing__(self, code: int) -> str:
        shown = self[code] = chr(code) if _is_safe(code) else f"\\u{{{code:x}}}"
        return shown


def _in_json(code: int) -> str:
    r"""JSON's notation for a character: `\u202e`, or a pair of surrogates."""
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


class _VisibleInJson(dict[int, str]):
    r"""The same in JSON's own notation, which any parser turns back."""

    def __missing__(self, code: int) -> str:
        shown = self[code] = chr(code) if _is_safe(code) else _in_json(code)
        return shown


_VISIBLE = _Visible({ord("\t"): TAB})
_VISIBLE_IN_JSON = _VisibleInJson({ord("\n"): "\n"})


def line(text: str) -> str:
    r"""One line of terminal-safe text; a line break in it is shown as `\u{a}`."""
    if "\\" in text:
        text = _BACKSLASH.sub(r"\\u{5c}", text)
    if not (text.isascii() and text.isprintable()):
        text = text.translate(_VISIBLE)
        if "\\u{fe0f}" in text:  # asks for the coloured form of a symbol, which is what most emoji are written with
            text = _EMOJI.sub("\\1\ufe0f", text)
        text = _PILE.sub(lambda match: f"\\u{{{ord(match[0]):x}}}", text)
        if text and unicodedata.category(text[0]).startswith("M"):  # would sit on the character of ours before it
            text = f"\\u{{{ord(text[0]):x}}}{text[1:]}"
    if "::" in text or "##" in text:
        text = _COMMAND.sub(lambda match: f"\\u{{{ord(match[0]):x}}}", text)
    return text


def joined(text: str, spans: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """Text put together from lines that were escaped one by one, and spans (start, end) of it.

    A command that came about where two of them meet is broken as well; the spans move with it.
    """
    found = [match.start() for match in _COMMAND.finditer(text)] if "::" in text or "##" in text else []
    if not found:
        return text, spans
    longer = len(r"\u{23}") - 1

    def moved(at: int) -> int:
        return at + longer * bisect_left(found, at)

    text = _COMMAND.sub(lambda match: f"\\u{{{ord(match[0]):x}}}", text)
    return text, [(moved(start), moved(end)) for start, end in spans]


def json_text(value: Any, *, indent: int | None = None) -> str:
    r"""JSON text that parses to `value`, with the same characters escaped in JSON's notation.

    Key order is kept. A command that a runner might obey is broken the same way: `\u003a:name`.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if not (text.isascii() and text.isprintable()):
        text = _PILE.sub(lambda match: _in_json(ord(match[0])), text.translate(_VISIBLE_IN_JSON))
    if "::" in text or "##" in text:
        text = _COMMAND_IN_JSON.sub(lambda match: _in_json(ord(match[0])), text)
    return text
