"""Reads the values of a file of rules strictly: each with its line, each as what it must be, nothing guessed.

YAML's own loaders read `on:` as true and `NO` as false, and lose duplicate keys and lines. Here the nodes are looked
at themselves: what a value is depends on the field that it stands in. JSON is read as the YAML that it is.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

MOST_BYTES = 256 * 1024
_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "bool", "float", "int", "null", "timestamp"))
"""What YAML takes a value without a tag of its own for; here it is a text all the same."""
_WHOLE = re.compile(r"[0-9]{1,9}")
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?|\.[0-9]{1,12}")


class RulesError(Exception):
    """A file of rules that cannot be obeyed: `summary` names the place and the mistake, `detail` what was expected."""

    def __init__(self, summary: str, detail: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail


def text_of(file: Path) -> str:
    """Read a file of rules; raises RulesError if it cannot be."""
    try:
        with file.open("rb") as handle:
            content = handle.read(MOST_BYTES + 1)
    except OSError as error:
        raise RulesError(f"{file} cannot be read: {error.strerror}.", "--faults takes a YAML or JSON file.") from error
    if len(content) > MOST_BYTES:
        raise RulesError(f"{file} is too large.", f"A file of rules has at most {MOST_BYTES // 1024} KB.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RulesError(f"{file} is not UTF-8.", "Save it as UTF-8.") from error


def compose(text: str, file: str) -> yaml.Node:
    """Parse one YAML or JSON document; raises RulesError with the line."""
    if text.lstrip().startswith("{"):
        text = text.replace("\t", " ")  # JSON may be indented with tabs, and has them nowhere else
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        star = error.context == "while scanning an alias"
        expected = "A text that begins with * needs quotes." if star else "It is neither YAML nor JSON."
        raise RulesError(f"{file}{line}: {error.problem or error.context}.", expected) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else "a character is not allowed"
        raise RulesError(f"{file} cannot be read: {reason}.", "It is neither YAML nor JSON.") from error
    if node is None:
        raise RulesError(f"{file} is empty.", "It needs `faults:` with a list of rules.")
    return node


def near(name: str, known: Iterable[str]) -> str:
    """Name what a misspelt name most likely means; empty if nothing is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"Did you mean `{close[0]}`?" if close else ""


def refuse(file: str, node: yaml.Node, what: str, expected: str = "") -> NoReturn:
    """Raise RulesError at a node's line."""
    raise RulesError(f"{file}:{node.start_mark.line + 1}: {what}", expected)


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping of the file: the nodes of its keys and values, by key."""

    file: str
    whole_node: yaml.Node
    fields: Mapping[str, tuple[yaml.Node, yaml.Node]]

    @classmethod
    def of(cls, node: yaml.Node, file: str, what: str, known: Sequence[str] | None) -> Fields:
        """Take a mapping apart; `known` are the keys that it may have, None if any."""
        listed = f"Known: {', '.join(known)}." if known else ""
        if not isinstance(node, yaml.MappingNode):
            refuse(file, node, f"{what} is not a mapping of names to values.", listed)
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if known is not None and name not in known:
                refuse(file, key, f"{name[:80]!r} is not a field of {what}.", near(name, known) or listed)
            if name in found:
                refuse(file, key, f"{name[:80]!r} is given twice.", "Remove one of them.")
            found[name] = key, value
        return cls(file, node, found)

    def fail(self, name: str, what: str, expected: str = "") -> NoReturn:
        """Refuse the file because of one of the fields."""
        refuse(self.file, self.fields[name][0] if name in self.fields else self.whole_node, what, expected)

    def node(self, name: str) -> yaml.Node:
        """The value of a field that must be there."""
        if name not in self.fields:
            self.fail(name, f"`{name}` is missing.")
        return self.fields[name][1]

    def text(self, name: str) -> str:
        """A text, as it is written; quotes are not needed."""
        node = self.node(name)
        if not isinstance(node, yaml.ScalarNode) or not node.value or node.tag not in _TAGS:
            self.fail(name, f"`{name}` is not a text.")
        return str(node.value)

    def choice(self, name: str, known: Sequence[str]) -> str:
        """One of several words."""
        word = self.text(name)
        if word not in known:
            self.fail(name, f"`{name}: {word[:80]}` is not known.", near(word, known) or f"Known: {', '.join(known)}.")
        return word

    def flag(self, name: str) -> bool | None:
        """True or false; None if absent."""
        if name not in self.fields:
            return None
        word = self._plain(name)
        if word not in ("true", "false"):
            self.fail(name, f"`{name}` is neither true nor false.")
        return word == "true"

    def whole(self, name: str, *, least: int) -> int | None:
        """A whole number; None if absent."""
        if name not in self.fields:
            return None
        word = self._plain(name)
        if not _WHOLE.fullmatch(word) or int(word) < least:
            self.fail(name, f"`{name}` is not a whole number from {least}.")
        return int(word)

    def number(self, name: str, *, most: float) -> float | None:
        """A number that is not negative; None if absent."""
        if name not in self.fields:
            return None
        word = self._plain(name)
        if not _NUMBER.fullmatch(word) or float(word) > most:
            self.fail(name, f"`{name}` is not a number from 0 to {most:,}.", "Write it like 0.5.")
        return float(word)

    def _plain(self, name: str) -> str:
        """A value without quotes; empty for every other one."""
        node: Any = self.node(name)
        return str(node.value) if isinstance(node, yaml.ScalarNode) and not node.style else ""
