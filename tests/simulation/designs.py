"""What the simulated trees want, as small values: two runs that want the same are equal, and an edit is a new value.

Each resource is lowered by the real loader, once; a tree is put together from those that it needs. Its files are on
paper, not on a disk, so that they can also fail.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from reconciler.manifest.files.tree import Tree
from reconciler.manifest.load.loader import Loaded, load
from reconciler.model.address import Address
from reconciler.model.desired import Desired, Lifecycle

MODEL = "gpt-6.1-terra"
SEARCHES = frozenset({"responses", "assistants"})
"""The runtimes that have file search and code interpreter."""


@dataclass(frozen=True, slots=True)
class Paper:
    """One document in one of its editions."""

    path: str
    edition: int = 1

    def content(self, home: str) -> bytes:
        """Its bytes. The first two editions are equally long: a file may change without changing its size."""
        extra = " This edition is a little longer." * (self.edition // 3)
        return f"{home}/{self.path}, edition {self.edition}.{extra}\n".encode()


@dataclass(frozen=True, slots=True)
class Shelf:
    """A vector store. `home` is the directory of its files, which a rename does not move; `days` until it expires."""

    name: str
    papers: tuple[Paper, ...] = ()
    title: int = 1
    audience: int = 1
    days: int | None = None
    protect: bool = False
    retain: bool = False
    moved_from: str | None = None
    adopt: str | None = None
    home: str = ""
    ignore: tuple[str, ...] = ()

    @property
    def directory(self) -> str:
        """Where its files are."""
        return self.home or self.name

    @property
    def lifecycle(self) -> Lifecycle:
        """The block of the manifest."""
        moved = Address("VectorStore", self.moved_from) if self.moved_from else None
        return Lifecycle(self.protect, self.retain, moved, self.ignore, self.adopt)


@dataclass(frozen=True, slots=True)
class Helper:
    """An assistant of one runtime; `shelves` are those it searches, `files` those its code interpreter reads."""

    name: str
    runtime: str = "responses"
    prompt: int = 1
    shelves: tuple[str, ...] = ()
    files: tuple[Paper, ...] = ()
    protect: bool = False
    retain: bool = False
    moved_from: str | None = None
    adopt: str | None = None
    home: str = ""
    ignore: tuple[str, ...] = ()

    @property
    def directory(self) -> str:
        """Where its files are."""
        return self.home or self.name

    @property
    def instructions(self) -> str:
        """What it is told."""
        return f"You help people, edition {self.prompt}.\n"

    @property
    def lifecycle(self) -> Lifecycle:
        """The block of the manifest."""
        moved = Address("Assistant", self.moved_from) if self.moved_from else None
        return Lifecycle(self.protect, self.retain, moved, self.ignore, self.adopt)


Piece = Shelf | Helper


def addresses(piece: Piece) -> list[str]:
    """Where a resource is, and where it moves away from."""
    form = "VectorStore" if isinstance(piece, Shelf) else "Assistant"
    return [f"{form}/{name}" for name in (piece.name, piece.moved_from) if name]


@dataclass(frozen=True, slots=True)
class Design:
    """A whole tree."""

    shelves: tuple[Shelf, ...] = ()
    helpers: tuple[Helper, ...] = ()
    destroyed: bool = False
    """Nothing is wanted, anchor included: what `destroy` is to reach."""

    def with_piece(self, piece: Piece) -> Design:
        """With one resource put in, in place of one of the same name."""
        if isinstance(piece, Shelf):
            others = [item for item in self.shelves if item.name != piece.name]
            return replace(self, shelves=tuple(sorted([*others, piece], key=lambda item: item.name)))
        rest = [item for item in self.helpers if item.name != piece.name]
        return replace(self, helpers=tuple(sorted([*rest, piece], key=lambda item: item.name)))

    def without(self, piece: Piece) -> Design:
        """With one resource gone; nobody searches a shelf that is gone."""
        if isinstance(piece, Helper):
            return replace(self, helpers=tuple(item for item in self.helpers if item != piece))
        helpers = tuple(
            replace(item, shelves=tuple(name for name in item.shelves if name != piece.name)) for item in self.helpers
        )
        return replace(self, shelves=tuple(item for item in self.shelves if item != piece), helpers=helpers)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """All resources."""
        return (*self.shelves, *self.helpers)

    @property
    def contents(self) -> dict[str, bytes]:
        """The bytes of every file, by its path below the root."""
        found = {
            f"{shelf.directory}/{paper.path}": paper.content(shelf.directory)
            for shelf in self.shelves
            for paper in shelf.papers
        }
        for helper in self.helpers:
            found |= {f"{helper.directory}/{paper.path}": paper.content(helper.directory) for paper in helper.files}
        return found

    def load(self) -> Loaded:
        """What the tool makes of it."""
        return _load(self)


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that happens to the tree's files while a process reads them: `what` at the `read`-th opening."""

    what: str
    read: int


class PaperTree(Tree):
    """The files of a design. `mishap` may strike an opening: `full` (the disk), `longer` or `other` (somebody writes)."""

    def __init__(self, contents: Mapping[str, bytes], mishap: Mishap | None = None) -> None:
        self._contents = contents
        self._mishap = mishap
        self._opened = 0

    @contextmanager
    def _opening(self, relpath: str) -> Iterator[BinaryIO]:
        self._opened += 1
        content = self._contents[relpath]
        if self._mishap is not None and self._opened == self._mishap.read:
            if self._mishap.what == "full":
                raise OSError(28, "No space left on device")
            content = content + b"more\n" if self._mishap.what == "longer" else content[::-1]
        yield BytesIO(content)

    def open(self, relpath: str) -> AbstractContextManager[BinaryIO]:  # type: ignore[override]
        """One file, below the root."""
        return self._opening(relpath)


def with_mishap(loaded: Loaded, design: Design, mishap: Mishap | None) -> Loaded:
    """A tree of its own for one process."""
    return replace(loaded, tree=PaperTree(design.contents, mishap))


# --- lowering ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _load(design: Design) -> Loaded:
    base = _base()
    desired = sorted((_desired(piece) for piece in design.pieces), key=lambda item: item.address)
    digest = "sha256:" + hashlib.sha256(repr(design).encode()).hexdigest()
    return replace(base, desired=tuple(desired), manifests=digest, tree=PaperTree(design.contents))


def _desired(piece: Piece) -> Desired:
    """The resource, with its life cycle put on: that is not a matter of its content."""
    plain = replace(piece, protect=False, retain=False, moved_from=None, adopt=None, ignore=())
    found = _lowered(plain)
    return found if piece == plain else replace(found, lifecycle=piece.lifecycle)


@lru_cache(maxsize=1)
def _base() -> Loaded:
    return _loaded([], {})


@lru_cache(maxsize=4096)
def _lowered(piece: Piece) -> Desired:
    if isinstance(piece, Shelf):
        manifest, files = (
            _shelf(piece),
            {f"{piece.directory}/{paper.path}": paper.content(piece.directory) for paper in piece.papers},
        )
        manifests = [manifest]
        name = piece.name
    else:
        manifests = [_helper(piece), *(_shelf(Shelf(name)) for name in piece.shelves)]
        files = {f"{piece.directory}/{paper.path}": paper.content(piece.directory) for paper in piece.files}
        name = piece.name
    found = _loaded(manifests, files)
    return next(
        item for item in found.desired if item.address.name == name and item.address.kind == manifests[0]["kind"]
    )


def _loaded(manifests: list[dict[str, Any]], files: Mapping[str, bytes]) -> Loaded:
    """Really written, and really loaded. JSON is YAML."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        stack = {"apiVersion": "reconciler/v1", "kind": "Stack", "metadata": {"name": "small"}}
        (root / "reconciler.yaml").write_text(json.dumps({**stack, "spec": {"defaults": {"model": MODEL}}}))
        for number, manifest in enumerate(manifests):
            (root / f"manifest-{number}.yaml").write_text(json.dumps(manifest))
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        return load(root)


def _manifest(kind: str, name: str, spec: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": name, **({"labels": dict(labels)} if labels else {})}
    return {"apiVersion": "reconciler/v1", "kind": kind, "metadata": metadata, "spec": dict(spec)}


def _shelf(shelf: Shelf) -> dict[str, Any]:
    spec: dict[str, Any] = {"display_name": title(shelf)}
    if shelf.days is not None:
        spec["expires_after"] = {"anchor": "last_active_at", "days": shelf.days}
    if shelf.papers:
        attributes = audience(shelf)
        spec["files"] = [
            {"path": f"{shelf.directory}/{paper.path}", "attributes": attributes} for paper in shelf.papers
        ]
    return _manifest("VectorStore", shelf.name, spec, {})


def title(shelf: Shelf) -> str:
    """What a store is called."""
    return f"Shelf {shelf.directory} {shelf.title}"


def audience(shelf: Shelf) -> dict[str, str]:
    """What its documents say of themselves."""
    return {"audience": f"group {shelf.audience}"}


LABELS = {"team": "support"}
"""What every assistant is labelled with."""
EDITED = "Edited by hand."
"""What a person writes into a prompt or a name."""
OTHER_TEAM = "somebody's"
"""What a person writes into the label."""


def _helper(helper: Helper) -> dict[str, Any]:
    spec: dict[str, Any] = {"runtime": helper.runtime, "display_name": f"Helper {helper.directory}"}
    spec["instructions"] = helper.instructions
    tools: list[dict[str, Any]] = []
    if helper.shelves:
        tools.append({"type": "file_search", "vector_stores": list(helper.shelves)})
    if helper.files:
        tools.append(
            {"type": "code_interpreter", "files": [f"{helper.directory}/{paper.path}" for paper in helper.files]}
        )
    if tools:
        spec["tools"] = tools
    return _manifest("Assistant", helper.name, spec, LABELS)
