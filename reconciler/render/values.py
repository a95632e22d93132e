"""How JSON values, field paths, sizes and counts are written for people."""

import re
from collections.abc import Sequence
from typing import Any

from reconciler.render import escape

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PLAIN_ITEM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_:/.@-]*")
_MAX_DEPTH = 40
_ROOM = 60


def path(parts: Sequence[Any]) -> str:
    """`tools[function:lookup_order].parameters.required[0]`: object keys with dots, everything else in brackets."""
    written = ""
    for part in parts:
        if isinstance(part, str) and _PLAIN_KEY.fullmatch(part):
            written += f".{part}" if written else part
        elif isinstance(part, str) and _PLAIN_ITEM.fullmatch(part):
            written += f"[{part}]"
        else:
            written += f"[{escape.json_text(part)}]"
    return escape.line(written)


def inline(value: Any) -> str:
    """A value on one line, as JSON; a reference that is not known yet in words."""
    if not isinstance(value, dict | list) or not _holds_unknown(value):
        try:
            return escape.json_text(value)
        except RecursionError:
            return "(nested too deeply to be shown)"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    unknown = _unknown(value)
    if unknown is not None:
        return f"(new id of {escape.line(unknown)}, known after apply)"
    return "{" + ", ".join(f"{escape.json_text(str(key))}: {inline(item)}" for key, item in value.items()) + "}"


def lines(value: Any) -> list[str]:
    """A value on as many lines as it needs: a text as it is, anything else as an outline that reads like YAML.

    The lines are not escaped yet, so that two values can be compared line by line.
    """
    if isinstance(value, str):
        return value[:-1].split("\n") if value.endswith("\n") else value.split("\n")
    return _outline(value, 0)


def is_text(value: Any) -> bool:
    """Whether the value is a text of several lines."""
    return isinstance(value, str) and "\n" in value[:-1]


def size(count: int) -> str:
    """`812 B`, `4.1 MB`, `20 MB`: decimal units, two digits where there are more."""
    amount, units = float(count), ["GB", "MB", "kB", "B"]
    while amount >= 999.5 and len(units) > 1:
        amount /= 1000
        units.pop()
    unit = units[-1]
    return f"{amount:.1f} {unit}" if amount < 9.95 and unit != "B" else f"{amount:.0f} {unit}"


def number(count: int) -> str:
    """`12,034`."""
    return f"{count:,}"


def plural(count: int, noun: str) -> str:
    """`1 document`, `12,034 documents`."""
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def _unknown(value: Any) -> str | None:
    """The address whose id the value stands for."""
    if isinstance(value, dict) and len(value) == 1:
        address = value.get("known_after_apply")
        return address if isinstance(address, str) else None
    return None


def _holds_unknown(value: Any, depth: int = 0) -> bool:
    if isinstance(value, dict):
        if _unknown(value) is not None:
            return True
        value = value.values()
    elif not isinstance(value, list):
        return False
    return depth < _MAX_DEPTH and any(_holds_unknown(item, depth + 1) for item in value)


def _outline(value: Any, depth: int) -> list[str]:
    """A value as indented lines; a container that fits on one line stays there, unless it is the outermost."""
    written = [] if depth == 0 else [inline(value)]
    if not (isinstance(value, dict | list) and value) or depth > _MAX_DEPTH or _unknown(value) is not None:
        return written or [inline(value)]
    if written and len(written[0]) <= _ROOM:
        return written
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in _entry(str(key), item, depth + 1)]
    return [line for item in value for line in _listed(item, depth + 1)]


def _entry(key: str, value: Any, depth: int) -> list[str]:
    name = key if _PLAIN_KEY.fullmatch(key) else escape.json_text(key)
    if is_text(value):
        return [f"{name}: {_style(value)}", *(f"  {line}" for line in lines(value))]
    written = _outline(value, depth)
    if len(written) == 1 and written[0] == inline(value):
        return [f"{name}: {written[0]}"]
    return [f"{name}:", *(f"  {line}" for line in written)]


def _listed(value: Any, depth: int) -> list[str]:
    if is_text(value):
        return [f"- {_style(value)}", *(f"  {line}" for line in lines(value))]
    first, *rest = _outline(value, depth)
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _style(text: str) -> str:
    """YAML's sign for a text, which tells how it ends."""
    return "|-" if not text.endswith("\n") else "|+" if text.endswith("\n\n") else "|"
