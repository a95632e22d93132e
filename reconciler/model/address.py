"""What people call things, and where they stand: addresses, references to them, positions in files."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """`Kind/name`, or `Kind/name:path` for a document of it: the only identity people see.

    Addresses sort by kind, name and path; an object comes before its documents.
    """

    kind: str
    name: str
    path: str | None = None

    def __lt__(self, other: Address) -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[str, str, str]:
        return (self.kind, self.name, self.path or "")

    def __str__(self) -> str:
        base = f"{self.kind}/{self.name}"
        return base if self.path is None else f"{base}:{self.path}"

    @property
    def owner(self) -> Address:
        """The address without the document's path."""
        return self if self.path is None else Address(self.kind, self.name)

    def document(self, path: str) -> Address:
        """The address of one of its documents."""
        return Address(self.kind, self.name, path)

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `Kind/name[:path]`; raises ValueError on anything else."""
        match = re.fullmatch(r"([A-Z][A-Za-z]{0,39})/([a-z0-9]+(?:-[a-z0-9]+)*)(?::(.+))?", text, re.DOTALL)
        if match is None or len(match[2]) > 40:
            raise ValueError(f"{text!r} is not an address; expected Kind/name, such as Assistant/customer-support")
        return cls(match[1], match[2], match[3])


@dataclass(frozen=True, slots=True)
class Ref:
    """Stands for the id of the resource at an address until that id is known."""

    address: Address

    def __str__(self) -> str:
        return str(self.address)


@dataclass(frozen=True, slots=True)
class Unknown:
    """In a delta: a reference whose id only apply will know."""

    ref: Ref


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A position in a file: 1-based line and column; the path is relative to the tree's root, with slashes."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def position(span: Span | None) -> dict[str, str | int] | None:
    """A place as every JSON form has it; None where there is none."""
    return None if span is None else {"file": span.file, "line": span.line, "column": span.column}
