"""The one way to open files of the tree.

The tree comes from a pull request whose author may be hostile, and the runner's own files (`/proc/self/environ` holds
the API key) must not end up in a plan or an upload. So every path is relative and stays below the root, hidden files
are never read, and each component is opened from the directory above it without following links.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from reconciler.manifest.files.globs import Glob, Ignore
from reconciler.manifest.files.opening import Root
from reconciler.manifest.files.paths import join, resolve
from reconciler.manifest.files.refusals import NotThere, TreeError
from reconciler.manifest.files.walking import Walk
from reconciler.manifest.text.limits import Limits

IGNORE_FILE = ".reconcilerignore"

OnError = Callable[[TreeError], None]


def _raise(error: TreeError) -> None:
    raise error


class Tree:
    """The files below one root. Paths are relative to it, with slashes; `follow_symlinks` allows links within it."""

    def __init__(self, root: Path, *, follow_symlinks: bool = False, limits: Limits | None = None) -> None:
        self.root = root
        self.limits = limits or Limits()
        self._files = Root(root, follow_symlinks, self.limits)
        self._ignore: Ignore | None = None
        self._visited = 0

    @property
    def ignore(self) -> Ignore:
        """The rules of the root's `.reconcilerignore`, read once; none if there is no such file."""
        if self._ignore is None:
            try:
                text = self._files.read((IGNORE_FILE,), self.limits.bytes)
            except NotThere:
                text = b""
            self._ignore = Ignore.parse(text.decode("utf-8", "replace"))
        return self._ignore

    def read(self, relpath: str, max_bytes: int) -> bytes:
        """The bytes of a regular file; TooLarge as soon as more than `max_bytes` have come."""
        return self._files.read(_parts(relpath), max_bytes)

    @contextmanager
    def open(self, relpath: str) -> Iterator[BinaryIO]:
        """A regular file, open for reading; the caller caps what it reads."""
        with os.fdopen(self._files.open(_parts(relpath)), "rb") as file:
            yield file

    def stat(self, relpath: str) -> os.stat_result:
        """The status of a regular file, without opening it."""
        return self._files.stat(_parts(relpath))

    def walk(
        self, directories: Iterable[str] = (".",), ignore: Ignore | None = None, *, on_error: OnError = _raise
    ) -> Iterator[str]:
        """Every file below some directories, sorted, each once; hidden and ignored ones are left out.

        `ignore` defaults to the root's `.reconcilerignore`. A link to a file is among the results (opening it says what
        is wrong); a link to a directory, a missing directory and a name that is not UTF-8 go to `on_error`, which
        raises unless the caller collects.
        """
        found: set[str] = set()
        for directory in directories:
            below = [] if directory in {"", ".", "./"} else resolve("", directory).split("/")
            walk = self._walk(Glob.of(["**"], below=below), self.ignore if ignore is None else ignore)
            found |= self._found(walk, on_error, missing_is_error=True)
        yield from sorted(found)

    def glob(
        self, base_dir: str, pattern: str, exclude: Sequence[str] = (), *, on_error: OnError = _raise
    ) -> list[str]:
        """The files that match a pattern of a manifest in `base_dir`, sorted, as paths from the root.

        `*`, `?` and `[…]` stay within a name, `**` is any number of directories. An excluded directory excludes what is
        below it; an exclusion that starts with `**/` counts anywhere, others from the manifest's directory. Hidden and
        ignored files never match.
        """
        base, added = join(base_dir, pattern)
        excluded = tuple(self._exclusion(base_dir, item) for item in exclude)
        walk = self._walk(Glob.of(added, below=base), self.ignore, excluded)
        return sorted(self._found(walk, on_error, missing_is_error=False))

    def _exclusion(self, base_dir: str, pattern: str) -> Glob:
        base, added = join(base_dir, pattern + "**" if pattern.endswith("/") else pattern)
        return Glob.of(added) if added[0] == "**" else Glob.of(added, below=base)

    def _walk(self, glob: Glob, ignore: Ignore, excluded: tuple[Glob, ...] = ()) -> Walk:
        return Walk(self._files, glob, ignore, excluded, earlier=self._visited)

    def _found(self, walk: Walk, on_error: OnError, *, missing_is_error: bool) -> set[str]:
        walk.run(missing_is_error=missing_is_error)
        self._visited += walk.visited
        for problem in walk.errors:
            on_error(problem)
        return walk.found


def _parts(relpath: str) -> tuple[str, ...]:
    return tuple(resolve("", relpath).split("/"))
