"""Text to values, with the position of every value: a strict YAML reader built on PyYAML's events.

PyYAML's own loaders lose duplicate keys, read `NO` as false, expand aliases without bound and forget where a value
stood. Here the event stream is composed into nodes under limits first; only then are values made. The rules are those
of docs/reference/manifests.md: YAML 1.2's core schema (except that `012` stays text, since YAML 1.1 tools read it as
octal), no custom tags (`!!str` alone is accepted: it cannot change what a value means), no merge keys, text as keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from yaml import events as ev

from reconciler.manifest.text.limits import Limits
from reconciler.manifest.text.secrets import shown
from reconciler.manifest.text.syntax import explain
from reconciler.manifest.text.written import Written
from reconciler.model.address import Span
from reconciler.model.diagnostics import Problems
from reconciler.model.json import Json, Path

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it (thirteen times faster); only its scanner and parser are used."""

_STRING_TAG = "tag:yaml.org,2002:str"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_LONGEST_NUMBER = 64
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BREAK = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class _Node:
    """A composed value. `content` is a scalar, a list of nodes, or a dict of (key's span, node) by key."""

    span: Span
    content: Any
    size: int = 1
    height: int = 1
    weight: int = 0


class _Halt(Exception):  # noqa: N818 - not an error: the problem is already noted
    """Nothing more can be read from this file."""


_OPEN: Any = object()
"""Stands for an anchor whose value is not complete yet: an alias to it would contain itself."""


def parse(text_bytes: bytes, file: str, problems: Problems, limits: Limits = Limits()) -> list[Written]:  # noqa: B008
    """The documents of one file; what is wrong goes to `problems` (E201 to E213), and never raises.

    After a wrong value reading goes on; after a syntax error or an exceeded limit the documents before it are returned.
    """
    text = decode(text_bytes, file, problems, limits)
    if text is None:
        return []
    composer = _Composer(text, file, problems, limits)
    parsed: list[Written] = []
    try:
        parsed.extend(_construct(node) for node in composer.documents())
    except yaml.YAMLError as error:
        problems.add(*explain(error, text, file))
    except _Halt:
        pass
    return parsed


def decode(text_bytes: bytes, file: str, problems: Problems, limits: Limits = Limits()) -> str | None:  # noqa: B008
    """The text of a file, without a byte order mark; None, and a problem, if it is not printable UTF-8."""
    if len(text_bytes) > limits.bytes:
        detail = f"It has {len(text_bytes):,} bytes; a manifest may have {limits.bytes:,}. Split it, or move long text"
        problems.add("E211", "File too large", f"{detail} to a file of its own ({{file: …}}).", Span(file))
        return None
    if text_bytes.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.add("E201", "Not UTF-8", "The file is UTF-16. Save it as UTF-8.", Span(file))
        return None
    try:
        text = text_bytes.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = text_bytes[: error.start].decode("utf-8", "replace")
        detail = f"Byte 0x{text_bytes[error.start]:02x} is not valid here. Save the file as UTF-8."
        problems.add("E201", "Not UTF-8", detail, position(before, len(before), file))
        return None
    bad = _FORBIDDEN.search(text)
    if bad is None:
        return text
    detail = f'U+{ord(bad[0]):04X} may not stand in YAML as it is. Remove it, or write it as "\\u{ord(bad[0]):04x}".'
    problems.add("E202", "Character not allowed", detail, position(text, bad.start(), file))
    return None


def position(text: str, offset: int, file: str) -> Span:
    """The line and column of an offset into a text."""
    line, start = 1, 0
    for found in _BREAK.finditer(text, 0, offset):
        line, start = line + 1, found.end()
    return Span(file, line, offset - start + 1)


def lines(text: str) -> list[str]:
    """The lines of a text, as positions count them."""
    return _BREAK.split(text)


# --- scalars ----------------------------------------------------------------------------------------------------------


def resolve(text: str) -> Json:
    """What an unquoted scalar means; ValueError, with a sentence, for numbers that JSON or the API cannot hold."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _NOT_FINITE.match(text):
        raise ValueError(f"{text} is not a number that JSON can hold. If it is meant as text, put it in quotes.")
    whole = _INTEGER.match(text) is not None
    if not whole and _FLOAT.match(text) is None:
        return text
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"A number has at most {_LONGEST_NUMBER} characters. If it is text, put it in quotes.")
    return _integer(text) if whole else _float(text)


def _integer(text: str) -> int:
    value = int(text, 0) if text[1:2] in {"o", "x"} else int(text)
    if abs(value) >= 2**64:
        raise ValueError("The number does not fit into 64 bits. If it is meant as text, put it in quotes.")
    return value


def _float(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise ValueError("The number is too large. If it is meant as text, put it in quotes.")
    return value


# --- events to nodes --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Composer:
    """Reads events into nodes under the limits, noting problems with their positions."""

    text: str
    file: str
    problems: Problems
    limits: Limits
    anchors: dict[str, _Node] = field(default_factory=dict)
    documents_read: int = 0
    noted: int = 0
    nodes: int = 0
    characters: int = 0
    events: Iterator[Any] = field(init=False)

    def documents(self) -> Iterator[_Node]:
        """The root node of each document."""
        self.events = iter(yaml.parse(self.text, Loader=LOADER))
        for event in self.events:
            if isinstance(event, ev.DocumentStartEvent):
                self.documents_read += 1
                if self.documents_read > self.limits.documents:
                    self.halt(event, "Too many documents", f"At most {self.limits.documents:,} are allowed in a file.")
                self.anchors.clear()
                self.check_version(event)
                node = self.node(next(self.events), 1)
                next(self.events)  # the end of the document: only now is its syntax known to be good
                yield node

    def check_version(self, event: Any) -> None:
        version = getattr(event, "version", None)
        if version and tuple(version) != (1, 2):
            detail = "Manifests are read as YAML 1.2. Remove the %YAML line."
            self.note(event, "E212", "Another version of YAML", detail)

    def node(self, event: Any, depth: int) -> _Node:
        """The value that starts with this event."""
        if depth > self.limits.depth:
            self.halt(event, "Nested too deeply", f"At most {self.limits.depth} levels are allowed.")
        if isinstance(event, ev.AliasEvent):
            return self.alias(event, depth)
        self.spend(event, 1, 0)
        self.check_tag(event)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self.anchors[anchor] = _OPEN
        node = self.content(event, depth)
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def content(self, event: Any, depth: int) -> _Node:
        if isinstance(event, ev.ScalarEvent):
            return self.scalar(event)
        if isinstance(event, ev.SequenceStartEvent):
            return self.sequence(event, depth)
        return self.mapping(event, depth)

    def alias(self, event: Any, depth: int) -> _Node:
        name: str = event.anchor
        node = self.anchors.get(name)
        if node is None or node is _OPEN:
            why = "is not defined above this line in the same document" if node is None else "would contain itself"
            detail = f"The anchor &{name} {why}. Write the value out; text that starts with * needs quotes."
            self.note(event, "E210", "Unknown alias" if node is None else "Recursive alias", detail)
            return _Node(self.span(event), None)
        if depth + node.height - 1 > self.limits.depth:
            self.halt(event, "Nested too deeply", f"At most {self.limits.depth} levels are allowed, aliases expanded.")
        self.spend(event, node.size, node.weight)
        return replace(node, span=self.span(event))

    def scalar(self, event: Any) -> _Node:
        text: str = event.value
        self.spend(event, 0, len(text))
        span = self.span(event)
        if _SURROGATE.search(text):
            detail = "Half of a surrogate pair stands alone. Write the character itself, or as \\U0001F600."
            self.note(event, "E202", "Character not allowed", detail)
            return _Node(span, "")
        if not _plain(event):
            return _Node(span, text, weight=len(text))
        try:
            return _Node(span, resolve(text), weight=len(text))
        except ValueError as error:
            self.note(event, "E209", "Number out of range", str(error))
            return _Node(span, 0)

    def sequence(self, event: Any, depth: int) -> _Node:
        items: list[_Node] = []
        while not isinstance(item := next(self.events), ev.SequenceEndEvent):
            items.append(self.node(item, depth + 1))
        return _collection(self.span(event), items, items)

    def mapping(self, event: Any, depth: int) -> _Node:
        entries: dict[str, tuple[Span, _Node]] = {}
        while not isinstance(start := next(self.events), ev.MappingEndEvent):
            key = self.key(start, depth + 1, entries)
            node = self.node(next(self.events), depth + 1)
            if key is not None:
                entries[key] = (self.span(start), node)
        return _collection(self.span(event), entries, [node for _, node in entries.values()])

    def key(self, event: Any, depth: int, entries: Mapping[str, tuple[Span, _Node]]) -> str | None:
        """The name that a key gives its value, or None, and a problem, when the value has to be dropped."""
        problem = self.key_problem(event, self.node(event, depth), entries)
        if problem is not None:
            self.note(event, *problem)
        return event.value if problem is None else None

    def key_problem(
        self, event: Any, node: _Node, entries: Mapping[str, tuple[Span, _Node]]
    ) -> tuple[str, str, str] | None:
        if not isinstance(event, ev.ScalarEvent):
            detail = "A key is plain text, not a list, a map or an alias. Text that starts with [, { or * needs quotes."
            return "E207", "Key is not text", detail
        name: str = event.value
        if name == "<<" and _plain(event):
            detail = "Merge keys (<<) hide where a value comes from. Write the fields out, or alias single values."
            return "E206", "Merge key", detail
        if name in entries:
            line = entries[name][0].line
            detail = f"{shown(name)} stands on line {line} and again on line {self.span(event).line}. Keep one of them."
            return "E205", "Duplicate key", detail
        if not isinstance(node.content, str):
            return "E207", "Key is not text", f"Keys are text: put this one in quotes, {shown(name)}."
        return None

    def check_tag(self, event: Any) -> None:
        tag = getattr(event, "tag", None)
        if tag is None or (tag == _STRING_TAG and isinstance(event, ev.ScalarEvent)):
            return
        text = tag.replace("tag:yaml.org,2002:", "!!")
        detail = (
            f"The tag {shown(text)} is not supported: a value is what it is written as. Remove it; text may be quoted."
        )
        self.note(event, "E208", "Tag", detail)

    def spend(self, event: Any, nodes: int, characters: int) -> None:
        """Count what an event will cost once it is built, and stop before it is."""
        self.nodes += nodes
        self.characters += characters
        if self.nodes > self.limits.nodes:
            self.halt(event, "Too many values", f"At most {self.limits.nodes:,} are allowed, aliases expanded.")
        if self.characters > self.limits.characters:
            limit = f"At most {self.limits.characters:,} characters are allowed, aliases expanded."
            self.halt(event, "Too much text", limit)

    def span(self, event: Any) -> Span:
        mark = event.start_mark
        return Span(self.file, mark.line + 1, mark.column + 1)

    def note(self, event: Any, code: str, summary: str, detail: str) -> None:
        if self.noted >= self.limits.problems:
            self.problems.add("E213", "Too many problems", "The rest of this file was not checked.", self.span(event))
            raise _Halt
        self.noted += 1
        self.problems.add(code, summary, detail, self.span(event))

    def halt(self, event: Any, summary: str, detail: str) -> None:
        self.problems.add("E211", summary, detail, self.span(event))
        raise _Halt


def _plain(event: Any) -> bool:
    """Whether a scalar is unquoted and untagged, so that its spelling decides what it is."""
    return event.style in {None, ""} and event.tag is None


def _collection(span: Span, content: Any, children: list[_Node]) -> _Node:
    size = 1 + sum(child.size for child in children)
    height = 1 + max((child.height for child in children), default=0)
    return _Node(span, content, size, height, sum(child.weight for child in children))


# --- nodes to values --------------------------------------------------------------------------------------------------


def _construct(root: _Node) -> Written:
    spans: dict[Path, Span] = {}
    keys: dict[Path, Span] = {}

    def build(node: _Node, path: Path) -> Json:
        spans[path] = node.span
        if isinstance(node.content, list):
            return [build(item, (*path, index)) for index, item in enumerate(node.content)]
        if not isinstance(node.content, dict):
            return node.content
        value: dict[str, Json] = {}
        for name, (span, item) in node.content.items():
            keys[*path, name] = span
            value[name] = build(item, (*path, name))
        return value

    return Written(build(root, ()), spans, keys)
