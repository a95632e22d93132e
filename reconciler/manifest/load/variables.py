"""`${var.NAME}` in texts.

Prompts are full of braces, dollar signs and shell, so there is no other templating: every other `${` is plain text, and
`$${var.x}` is the literal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_VARIABLE = re.compile(r"(\$?)\$\{var\.([^}\n]{0,80})\}")


@dataclass(frozen=True, slots=True)
class Undefined:
    """A variable that nobody defines: its name, and its offset in the text."""

    name: str
    offset: int


def interpolate(text: str, variables: Mapping[str, str]) -> tuple[str, list[Undefined]]:
    """The text with variables filled in; what is filled in is not looked at again."""
    undefined: list[Undefined] = []

    def fill(match: re.Match[str]) -> str:
        if match[1]:
            return match[0][1:]
        if match[2] not in variables:
            undefined.append(Undefined(match[2], match.start()))
            return match[0]
        return variables[match[2]]

    return _VARIABLE.sub(fill, text), undefined


def growth(text: str, variables: Mapping[str, str]) -> int:
    """How many characters filling in would add, at most; known before anything of that size is built."""
    return sum(len(variables.get(name, "")) for _, name in _VARIABLE.findall(text))
