"""`${var.NAME}` in values, and the little else that a value may stand for: `{file: …}`.

Prompts are full of braces, dollar signs and shell, so there is no other templating: every other `${` is plain text, and
`$${var.x}` is the literal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from reconciler.model import Json, Path

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


def strings(value: Json, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every string value with its path; keys are not values."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from strings(item, (*path, number))


def rewrite(value: Json, change: Callable[[Path, Json], Json], path: Path = ()) -> Json:
    """A copy in which `change` was asked about every value, the outer ones first; it returns the value to go on with."""
    value = change(path, value)
    if isinstance(value, Mapping):
        return {key: rewrite(item, change, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [rewrite(item, change, (*path, number)) for number, item in enumerate(value)]
    return value
