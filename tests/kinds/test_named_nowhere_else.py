"""Nothing outside `reconciler/kinds` names a kind: who needs to know something of kinds asks them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

from reconciler.kinds import FORMS, KINDS

PACKAGE = Path(__file__).parents[2] / "reconciler"
NEUTRAL = {"reconciler.kinds", *(f"reconciler.kinds.{name}" for name in ("kind", "form", "field", "manifest", "words"))}
"""What says nothing of one kind alone."""
WORDS = frozenset({"file"})
"""Names of kinds that are words of everyday, such as the key of a position in JSON. Their paths count all the same."""
ALLOWED = MappingProxyType(
    {
        "ownership/anchor.py: vector_store": "The anchor is one: docs/reference/ownership.md fixes its form.",
    }
)
"""Where a kind is named all the same, and why."""


def namings(source: str) -> Iterator[str]:
    """The kinds that a module names: by name, by the beginning of an address or of a path, or by importing them."""
    names = {*KINDS, *FORMS} - WORDS
    paths = {f"/{kind.collection.split('/')[1]}" for kind in KINDS.values()}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            first, slash, _ = text.partition("/")
            if text in names or (slash and first in FORMS) or any(f"{text}/".startswith(f"{path}/") for path in paths):
                yield text
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reconciler.kinds"):
            within = node.module == "reconciler.kinds"
            modules = {f"{node.module}.{one.name}" for one in node.names} if within else {str(node.module)}
            yield from sorted(module for module in modules - NEUTRAL if not within or _is_module(module))


def _is_module(name: str) -> bool:
    return (PACKAGE.parent / f"{name.replace('.', '/')}.py").exists()


def test_nothing_outside_the_kinds_names_one() -> None:
    """The emulator is the account: it shares no code with the kinds, and knows its collections itself."""
    found = {
        f"{path.relative_to(PACKAGE).as_posix()}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in {"kinds", "emulator"}
        for name in namings(path.read_text(encoding="utf-8"))
    }
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("if kind == 'release': pass", ["release"]),
        ("text.startswith('Tool/')", ["Tool/"]),
        ("f'VectorStore/{name}'", ["VectorStore/"]),
        ("Call('GET', f'/vector_stores/{name}')", ["/vector_stores/"]),
        ("Call('GET', '/files')", ["/files"]),
        ("from reconciler.kinds.runtime import Runtime", ["reconciler.kinds.runtime"]),
        ("from reconciler.kinds import runtime", ["reconciler.kinds.runtime"]),
        ("from reconciler.kinds import KINDS, form", []),
        ("from reconciler.kinds.kind import Kind", []),
        ("{'file': 1, 'help': 'The release of an assistant.'}", []),
    ],
)
def test_a_naming_is_seen(source: str, named: list[str]) -> None:
    assert list(namings(source)) == named
