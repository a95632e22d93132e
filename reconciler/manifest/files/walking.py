"""One walk below a root: the files that fit a pattern, without those that are hidden or left out."""

from __future__ import annotations

import os
import stat as modes
from dataclasses import dataclass, field

from reconciler.manifest.files.globs import Glob, Ignore, States
from reconciler.manifest.files.opening import Root
from reconciler.manifest.files.paths import require_utf8
from reconciler.manifest.files.refusals import NotThere, PathRefused, SymlinkRefused, TooMany, TreeError, link_sentence


@dataclass(slots=True)
class Walk:
    """What it looks for and leaves out, what it found, what went wrong, and how much it has visited.

    `earlier` is how much other walks of the tree have visited.
    """

    root: Root
    glob: Glob
    ignore: Ignore
    excluded: tuple[Glob, ...] = ()
    earlier: int = 0
    visited: int = 0
    found: set[str] = field(default_factory=set)
    errors: list[TreeError] = field(default_factory=list)

    def run(self, *, missing_is_error: bool) -> None:
        """Start at the deepest directory that the pattern names, rather than list all those above it."""
        count = min(self.glob.literal, len(self.glob.parts) - 1)
        parts = tuple(str(part) for part in self.glob.parts[:count])
        if parts and self.ignore.covers("/".join(parts), directory=True):
            return
        try:
            self._visit(parts, self.glob.start(count), trail=())
        except TreeError as error:
            if missing_is_error or not isinstance(error, NotThere):
                self.errors.append(error)

    def _visit(self, parts: tuple[str, ...], states: States, *, trail: tuple[object, ...]) -> None:
        physical = self.root.physical(parts)
        levels = self.root.limits.levels
        if physical in trail:
            raise SymlinkRefused("/".join(parts), f"{'/'.join(parts)} is a link to a directory above itself.")
        if len(trail) > levels:
            raise PathRefused("/".join(parts), f"Directories nest deeper than {levels} levels here.")
        for name, kind in self._entries(physical):
            after = self.glob.advance(states, name)
            if not after or name.startswith("."):
                continue
            below = (*parts, name)
            try:
                self._meet(below, self._kind(kind, below), after, (*trail, physical))
            except TooMany:
                raise
            except TreeError as error:
                if not self._leaves_out("/".join(below), directory=True):
                    self.errors.append(error)

    def _meet(self, parts: tuple[str, ...], kind: str, after: States, trail: tuple[object, ...]) -> None:
        """Note a file, go into a directory, refuse what is neither or may not be followed."""
        path = "/".join(parts)
        directory = kind in {"directory", "link to a directory"}
        if self._leaves_out(path, directory=directory):
            return
        if not directory:
            if self.glob.accepts(after):
                require_utf8(path)
                self.found.add(path)
        elif self.glob.goes_on(after):
            require_utf8(path)
            if kind != "directory":
                raise SymlinkRefused(path, link_sentence(path))
            self._visit(parts, after, trail=trail)

    def _leaves_out(self, path: str, *, directory: bool) -> bool:
        return any(glob.matches(path) for glob in self.excluded) or self.ignore.excludes(path, directory=directory)

    def _entries(self, physical: tuple[str, ...]) -> list[tuple[str, str]]:
        """The names in a directory, sorted, with what each is."""
        with self.root.directory(physical) as directory, os.scandir(directory) as entries:
            listed = [(entry.name, _kind_of(entry)) for entry in entries]
        self.visited += len(listed)
        limits = self.root.limits
        limit = limits.entries if self.visited > limits.entries else limits.visits
        if self.visited > limit or self.earlier + self.visited > limit:
            path = "/".join(physical)
            raise TooMany(path, f"More than {limit:,} files would be visited. Use fewer or narrower patterns.")
        return sorted(listed)

    def _kind(self, kind: str, parts: tuple[str, ...]) -> str:
        """What an entry is to this walk: with links allowed, what the link points at."""
        if not (self.root.follow_symlinks and kind.startswith("link")):
            return kind
        found = self.root.lstat(self.root.physical(parts))
        return "directory" if modes.S_ISDIR(found.st_mode) else "file"


def _kind_of(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        try:
            return "link to a directory" if entry.is_dir() else "link"
        except OSError:  # a link in a circle
            return "link"
    return "directory" if entry.is_dir(follow_symlinks=False) else "file"
