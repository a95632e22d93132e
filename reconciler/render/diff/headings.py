"""Which section of a Markdown text a line is in: what a reader would call the place."""

import re
from collections.abc import Sequence

_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_MAX_LINE = 400


def headings(lines: Sequence[str]) -> list[tuple[str, ...]]:
    """For every line the headings that it stands under (or is), outermost first.

    A title, which is the only heading of the first level and comes before all others, is left out where there is a
    nearer one: everything stands under it.
    """
    found: list[tuple[str, ...]] = []
    path: tuple[tuple[int, str], ...] = ()
    written: tuple[str, ...] = ()
    tops: list[int] = []
    fence = ""
    for number, text in enumerate(lines):
        fenced = _FENCE.match(text, 0, _MAX_LINE) if "```" in text or "~~~" in text else None
        if fence:
            if fenced and fenced[1].startswith(fence) and not fenced[2].strip():
                fence = ""
        elif fenced and not (fenced[1][0] == "`" and "`" in fenced[2]):
            fence = fenced[1]
        else:
            heading = _ATX.match(text, 0, _MAX_LINE) if "#" in text else None
            if heading:
                level = len(heading[1])
                path = (*(item for item in path if item[0] < level), (level, _bare(heading[2])))
                written = tuple(item[1] for item in path)
                tops += [number] if level == 1 else []
        found.append(written)
    first = next((number for number, under in enumerate(found) if under), None)
    if tops == [first]:
        found = _untitled(found)
    return found


def _untitled(found: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    shorter = {path: path[1:] or path for path in set(found)}
    return [shorter[path] for path in found]


def _bare(text: str) -> str:
    """A heading without the number signs that may close it."""
    text = text.rstrip()
    bare = text.rstrip("#")
    return bare.rstrip() if bare != text and bare[-1:].isspace() else text
