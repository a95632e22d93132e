"""Small trees of manifests, and what loading one gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from reconciler.manifest.load.loader import Loaded, load
from reconciler.model.desired import Desired
from reconciler.model.diagnostics import Diagnostic, Rejected

HEAD = "apiVersion: reconciler/v1\n"
STACK = HEAD + "kind: Stack\nmetadata: {name: acme}\n"


def stack(spec: str = "") -> str:
    """`reconciler.yaml` with a spec in block style."""
    return STACK + ("spec:\n" + _indented(spec) if spec else "")


def manifest(kind: str, name: str, spec: str = "", *, more: str = "") -> str:
    """A manifest; `more` are further lines before the spec. The spec starts on line 5 where there are none."""
    body = "spec:\n" + _indented(spec) if spec else "spec: {}\n"
    return f"{HEAD}kind: {kind}\nmetadata: {{name: {name}}}\n{dedent(more)}{body}"


def assistant(name: str = "bot", spec: str = "", *, more: str = "") -> str:
    """An Assistant with a model (line 5) and whatever else is given, from line 6 on."""
    return manifest("Assistant", name, "model: m\n" + dedent(spec), more=more)


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" if line else "\n" for line in dedent(text).strip("\n").split("\n"))


def plant(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files; a stack where none is given."""
    for name, content in {"reconciler.yaml": STACK, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def loaded(root: Path, files: Mapping[str, str | bytes], **options: Any) -> Loaded:
    """The tree, which has to be good."""
    return load(plant(root, files), **options)


def desired(root: Path, files: Mapping[str, str | bytes], **options: Any) -> dict[str, Desired]:
    """What a good tree wants, by address."""
    return {str(item.address): item for item in loaded(root, files, **options).desired}


def rejected(root: Path, files: Mapping[str, str | bytes], **options: Any) -> tuple[Diagnostic, ...]:
    """What is wrong with a tree that has to be refused."""
    try:
        load(plant(root, files), **options)
    except Rejected as error:
        return error.diagnostics
    raise AssertionError("the tree was accepted")


def brief(found: tuple[Diagnostic, ...]) -> list[str]:
    """`code file:line:column summary` of each."""
    return [f"{item.code} {item.span or '-'} {item.summary}" for item in found]


def problems(root: Path, files: Mapping[str, str | bytes], **options: Any) -> list[str]:
    """What is wrong with a tree, in brief."""
    return brief(rejected(root, files, **options))
