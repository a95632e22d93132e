"""Colour for terminals: added to text that is already escaped, and only when it is wanted."""

STYLES = {
    "": "",
    "add": "32",
    "change": "33",
    "remove": "31",
    "replace": "35",
    "take": "36",
    "alarm": "1;31",
    "drift": "35",
    "quiet": "2",
    "strong": "1",
}
"""The parameters of the escape sequence that starts each style."""

_RESET = "\x1b[0m"


def paint(text: str, style: str, *, color: bool) -> str:
    """The text in a style; unchanged without colour, without a style, or when there is nothing to paint."""
    code = STYLES[style]
    return f"\x1b[{code}m{text}{_RESET}" if color and code and text else text


def paint_spans(text: str, spans: tuple[tuple[int, int], ...], style: str, *, color: bool) -> str:
    """The text in a style, with some spans (start, end) of it inverse and bold."""
    if not (color and spans):
        return paint(text, style, color=color)
    parts: list[str] = []
    at = 0
    for start, end in spans:
        parts.append(paint(text[at:start], style, color=True))
        parts.append(f"\x1b[1;7;{STYLES[style]}m{text[start:end]}{_RESET}")
        at = end
    parts.append(paint(text[at:], style, color=True))
    return "".join(parts)
