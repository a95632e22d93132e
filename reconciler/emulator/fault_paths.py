"""The patterns of paths in a file of rules: `*` within a step, `**` for any number of steps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def steps_of(path: str) -> list[str]:
    """The steps of a path's pattern; several `**` in a row are one."""
    steps = path.strip("/").split("/")
    return [step for at, step in enumerate(steps) if step != "**" or steps[at - 1 : at] != ["**"]]


def _step(step: str) -> str:
    """One step as a regular expression: a `*` is anything but a slash; alone, it is at least one character."""
    return "[^/]+" if step == "*" else "[^/]*".join(map(re.escape, re.split(r"\*+", step)))


def pattern_of(steps: Sequence[str]) -> re.Pattern[str]:
    """The whole pattern: `**` is any number of steps, at the end at least one."""
    last = len(steps) - 1
    parts = [
        (".+" if at == last else "(?:[^/]+/)*") if step == "**" else _step(step) + ("" if at == last else "/")
        for at, step in enumerate(steps)
    ]
    return re.compile("/" + "".join(parts), re.DOTALL)


def reaches(steps: Sequence[str], endpoint: str) -> bool:
    """Whether a pattern can match a path of an endpoint, whose ids may be anything."""
    return _reaches(steps, endpoint.strip("/").split("/"))


def _reaches(steps: Sequence[str], endpoint: Sequence[str]) -> bool:
    if not steps or not endpoint:
        return not steps and not endpoint
    head, rest = steps[0], steps[1:]
    if head == "**":
        return not rest or any(_reaches(rest, endpoint[skip:]) for skip in range(len(endpoint)))
    fits = endpoint[0].startswith("{") or re.fullmatch(_step(head), endpoint[0]) is not None
    return fits and _reaches(rest, endpoint[1:])


def shown(method: str, path: str) -> str:
    """An endpoint as a rule may name it."""
    return f"{method} {re.sub(r'{[^}]*}', '*', path)}"
