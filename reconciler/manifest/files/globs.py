"""Glob patterns and `.reconcilerignore`, matched in time linear in pattern times path.

Patterns come from the tree, so they may be hostile: `*a*a*a*a*b` takes a backtracking matcher minutes. A pattern is a
small automaton over path components instead (`fnmatch` translates one component without backtracking), which also says
which directories need no visit at all.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

_MAGIC = frozenset("*?[")


class _Depth(Enum):
    """`**`: any number of directories."""

    ANY = "**"


_Part = str | re.Pattern[str] | _Depth
States = frozenset[int]
"""The positions in a pattern that the components read so far may have led to."""


def has_magic(text: str) -> bool:
    """Whether a component, or a whole path, has characters that make it a pattern."""
    return not _MAGIC.isdisjoint(text)


def _part(text: str) -> _Part:
    if text == "**":
        return _Depth.ANY
    return re.compile(fnmatch.translate(text.replace("[^", "[!"))) if has_magic(text) else text


@dataclass(frozen=True, slots=True)
class Glob:
    """A compiled pattern; `literal` counts the leading components that are plain names."""

    parts: tuple[_Part, ...]
    literal: int

    @classmethod
    def of(cls, pattern: Iterable[str], *, below: Iterable[str] = ()) -> Glob:
        """Compile the components of a pattern; those of `below` are names even where they look like patterns."""
        parts = [*below, *(_part(text) for text in pattern)]
        if parts and parts[-1] is _Depth.ANY:  # what ends in `**` means the things below, not the directory itself
            parts.append(re.compile(fnmatch.translate("*")))
        literal = next((index for index, part in enumerate(parts) if not isinstance(part, str)), len(parts))
        return cls(tuple(parts), literal)

    def start(self, skip: int = 0) -> States:
        """The states before the first component, or after `skip` literal ones."""
        return self._close({skip})

    def _close(self, states: set[int]) -> States:
        for state in sorted(states):
            while state < len(self.parts) and self.parts[state] is _Depth.ANY:
                state += 1  # noqa: PLW2901 - `**` may stand for nothing: step over it
                states.add(state)
        return frozenset(states)

    def advance(self, states: States, name: str) -> States:
        """The states after one more component; empty when nothing below can match."""
        found: set[int] = set()
        for state in states:
            if state == len(self.parts):
                continue
            part = self.parts[state]
            if part is _Depth.ANY:
                found.add(state)
            elif part == name if isinstance(part, str) else part.match(name) is not None:
                found.add(state + 1)
        return self._close(found)

    def accepts(self, states: States) -> bool:
        """Whether the components read so far are a match."""
        return len(self.parts) in states

    def goes_on(self, states: States) -> bool:
        """Whether something below may still match."""
        return any(state < len(self.parts) for state in states)

    def matches(self, path: str) -> bool:
        """Whether a relative path, with slashes, matches."""
        states = self.start()
        for name in path.split("/"):
            states = self.advance(states, name)
        return self.accepts(states)


@dataclass(frozen=True, slots=True)
class _Rule:
    glob: Glob
    negated: bool
    directories: bool


@dataclass(frozen=True, slots=True)
class Ignore:
    """The rules of a `.reconcilerignore`, which are those of gitignore; the last rule that matches decides."""

    rules: tuple[_Rule, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Ignore:
        """Read the rules, one a line; comments, blank lines and what can match nothing are left out."""
        rules = (_rule(line) for line in text.splitlines())
        return cls(tuple(rule for rule in rules if rule is not None))

    def excludes(self, path: str, *, directory: bool) -> bool:
        """Whether a path itself is excluded; a walk that stays out of excluded directories asks this only."""
        verdict = False
        for rule in self.rules:
            if rule.negated is verdict and (directory or not rule.directories) and rule.glob.matches(path):
                verdict = not verdict
        return verdict

    def covers(self, path: str, *, directory: bool = False) -> bool:
        """Whether a path, or a directory above it, is excluded."""
        above = [path[:index] for index, letter in enumerate(path) if letter == "/"]
        return any(self.excludes(item, directory=True) for item in above) or self.excludes(path, directory=directory)


def _rule(line: str) -> _Rule | None:
    line = re.sub(r"(?<!\\)[ \t]+\Z", "", line)
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    body = _unescape(line[1:] if negated else line)
    names = [name for name in body.split("/") if name]
    if not names:
        return None
    anchored = "/" in body.rstrip("/")
    return _Rule(Glob.of(names if anchored else ["**", *names]), negated, body.endswith("/"))


def _unescape(text: str) -> str:
    """Backslash escapes as `fnmatch` knows them: an escaped star is `[*]`, an escaped `#` is itself."""
    return re.sub(r"\\(.)", lambda found: f"[{found[1]}]" if has_magic(found[1]) else found[1], text)
