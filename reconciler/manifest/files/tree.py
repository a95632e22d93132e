"""The one way to open files of the tree.

The tree comes from a pull request whose author may be hostile, and the runner's own files (`/proc/self/environ` holds
the API key) must not end up in a plan or an upload. So every path is relative and stays below the root, hidden files
are never read, and each component is opened from the directory above it without following links: there is no moment at
which a check and the opening could disagree.
"""

from __future__ import annotations

import errno
import os
import re
import stat as modes
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NoReturn

from reconciler.manifest.files.globs import Glob, Ignore, States, has_magic
from reconciler.manifest.text.limits import Limits

IGNORE_FILE = ".reconcilerignore"

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # O_NONBLOCK: opening a FIFO must not wait
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_LONGEST_PATH = 4096

_KINDS = (
    (modes.S_ISDIR, "a directory"),
    (modes.S_ISLNK, "a symbolic link"),
    (modes.S_ISFIFO, "a named pipe"),
    (modes.S_ISSOCK, "a socket"),
    (modes.S_ISCHR, "a device"),
    (modes.S_ISBLK, "a device"),
)


class TreeError(Exception):
    """A file of the tree that cannot be used; the text is a sentence for people, `path` what it is about."""

    def __init__(self, path: str, sentence: str) -> None:
        self.path = path
        super().__init__(sentence)


class PathRefused(TreeError):  # noqa: N818 - a refusal
    """A path that may not be used, whether or not there is such a file."""


class SymlinkRefused(TreeError):  # noqa: N818 - a refusal
    """A symbolic link on the way to a file."""


class NotThere(TreeError):  # noqa: N818 - a fact
    """There is no such file."""


class NotRegular(TreeError):  # noqa: N818 - a fact
    """A directory, a pipe, a socket or a device."""


class TooLarge(TreeError):  # noqa: N818 - a fact
    """A file with more bytes than its use allows."""


class TooMany(TreeError):  # noqa: N818 - a fact
    """More files than one walk may visit."""


OnError = Callable[[TreeError], None]


def _raise(error: TreeError) -> None:
    raise error


def check_relative(text: str) -> None:
    """Raise PathRefused unless a path or pattern is relative, plain and printable; `..` is judged where it leads."""
    if not text or len(text) > _LONGEST_PATH:
        raise PathRefused(text[:60], f"A path has 1 to {_LONGEST_PATH} characters.")
    if _CONTROL.search(text):
        raise PathRefused(text, f"{text!r} contains a control character. Rename the file.")
    if "\\" in text:
        raise PathRefused(text, f"{text!r} contains a backslash. Write paths with forward slashes.")
    if _URL.match(text):
        raise PathRefused(
            text, f"{text!r} is a URL or a drive. Only files below the root may be used: download it first."
        )
    if text.startswith(("/", "~")):
        raise PathRefused(text, f"{text!r} is absolute. Write it relative to the manifest's directory.")


def _join(base_dir: str, relative: str) -> tuple[list[str], list[str]]:
    """The components of a path or pattern from the root: those left of the base directory, and those it adds."""
    check_relative(relative)
    base = [part for part in base_dir.split("/") if part not in {"", "."}]
    if ".." in base:
        raise PathRefused(base_dir, f"{base_dir!r} is not below the directory of reconciler.yaml.")
    added: list[str] = []
    for part in relative.split("/"):
        if part in {"", "."}:
            continue
        if part != "..":
            added.append(part)
        elif added and not has_magic(added[-1]):
            added.pop()
        elif added:
            raise PathRefused(relative, f"{relative!r} has `..` after a pattern. Write the path without it.")
        elif base:
            base.pop()
        else:
            raise PathRefused(relative, f"{relative!r} leaves the directory of reconciler.yaml. Move the file into it.")
    if not added:
        raise PathRefused(relative, f"{relative!r} is a directory. Name a file, or a pattern such as `**/*.md`.")
    hidden = next((part for part in added if part.startswith(".")), None)
    if hidden is not None:
        raise PathRefused(
            relative, f"{relative!r} goes through {hidden!r}, and hidden files are never read. Rename it."
        )
    return base, added


def resolve(base_dir: str, relative: str) -> str:
    """A path of a manifest in `base_dir` as a path from the root; PathRefused, and why, if it may not be used."""
    base, added = _join(base_dir, relative)
    return "/".join((*base, *added))


@dataclass(slots=True)
class _Search:
    """One walk: what it looks for, what it leaves out, what it found, what went wrong, how much it has visited."""

    glob: Glob
    ignore: Ignore
    excluded: tuple[Glob, ...] = ()
    visited: int = 0
    found: set[str] = field(default_factory=set)
    errors: list[TreeError] = field(default_factory=list)

    def leaves_out(self, path: str, *, directory: bool) -> bool:
        return any(glob.matches(path) for glob in self.excluded) or self.ignore.excludes(path, directory=directory)


class Tree:
    """The files below one root. Paths are relative to it, with slashes; `follow_symlinks` allows links within it."""

    def __init__(self, root: Path, *, follow_symlinks: bool = False, limits: Limits | None = None) -> None:
        self.root = root
        self.follow_symlinks = follow_symlinks
        self.limits = limits or Limits()
        self._ignore: Ignore | None = None
        self._visited = 0

    # --- paths --------------------------------------------------------------------------------------------------------

    def resolve(self, base_dir: str, relative: str) -> str:
        """See the function of the same name."""
        return resolve(base_dir, relative)

    @property
    def ignore(self) -> Ignore:
        """The rules of the root's `.reconcilerignore`, read once; none if there is no such file."""
        if self._ignore is None:
            try:
                text = self._read((IGNORE_FILE,), self.limits.bytes)
            except NotThere:
                text = b""
            self._ignore = Ignore.parse(text.decode("utf-8", "replace"))
        return self._ignore

    # --- opening ------------------------------------------------------------------------------------------------------

    def read(self, relpath: str, max_bytes: int) -> bytes:
        """The bytes of a regular file; TooLarge as soon as more than `max_bytes` have come."""
        return self._read(tuple(resolve("", relpath).split("/")), max_bytes)

    @contextmanager
    def open(self, relpath: str) -> Iterator[BinaryIO]:
        """A regular file, open for reading; the caller caps what it reads."""
        with os.fdopen(self._open_file(tuple(resolve("", relpath).split("/"))), "rb") as file:
            yield file

    def stat(self, relpath: str) -> os.stat_result:
        """The status of a regular file, without opening it."""
        parts = self._physical(tuple(resolve("", relpath).split("/")))
        found = self._lstat(parts)
        _require_regular(found, "/".join(parts))
        return found

    def _read(self, parts: tuple[str, ...], max_bytes: int) -> bytes:
        with os.fdopen(self._open_file(parts), "rb") as file:
            data = file.read(max_bytes + 1)
        if len(data) > max_bytes:
            path = "/".join(parts)
            raise TooLarge(path, f"{path} has more than {max_bytes:,} bytes, which is the limit for this use.")
        return data

    def _open_file(self, parts: tuple[str, ...]) -> int:
        parts = self._physical(parts)
        with self._directory(parts[:-1]) as directory:
            try:
                descriptor = os.open(_last(parts), _FILE, dir_fd=directory)
            except OSError as error:
                _explain(error, directory, parts)
        try:
            _require_regular(os.fstat(descriptor), "/".join(parts))
        except NotRegular:
            os.close(descriptor)
            raise
        return descriptor

    def _lstat(self, parts: tuple[str, ...]) -> os.stat_result:
        with self._directory(parts[:-1]) as directory:
            try:
                return os.stat(_last(parts), dir_fd=directory, follow_symlinks=False)
            except OSError as error:
                _explain(error, directory, parts)

    @contextmanager
    def _directory(self, parts: tuple[str, ...]) -> Iterator[int]:
        """A descriptor of a directory, each component opened from the one above it."""
        try:
            descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise NotThere("", f"The directory {self.root} cannot be read: {error.strerror}.") from error
        try:
            for index, name in enumerate(parts):
                try:
                    below = os.open(name, _DIRECTORY, dir_fd=descriptor)
                except OSError as error:
                    _explain(error, descriptor, parts[: index + 1])
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    def _physical(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """The components with links within the root replaced by what they point at, if that is allowed.

        The result is still opened without following links, so a link that changes meanwhile is refused.
        """
        if not self.follow_symlinks:
            return parts
        path = "/".join(parts)
        pending, done, links = list(reversed(parts)), list[str](), 0
        while pending:
            name = pending.pop()
            if name == "..":
                if not done:
                    raise SymlinkRefused(path, f"{path} is a link that leaves the directory of reconciler.yaml.")
                done.pop()
                continue
            try:
                target = str(self.root.joinpath(*done, name).readlink())
            except OSError:
                done.append(name)
                continue
            links += 1
            if links > self.limits.links:
                raise SymlinkRefused(path, f"{path} goes through more than {self.limits.links} links, or in a circle.")
            if target.startswith("/"):
                done, target = [], self._below_root(path, target)
            pending.extend(part for part in reversed(target.split("/")) if part not in {"", "."})
        if any(name.startswith(".") for name in done if name not in parts):
            raise SymlinkRefused(path, f"{path} is a link to a hidden file, and hidden files are never read.")
        return tuple(done)

    def _below_root(self, path: str, target: str) -> str:
        for root in (os.path.abspath(self.root), os.path.realpath(self.root)):  # noqa: PTH100 - Path.resolve follows links
            if target == root or target.startswith(root.rstrip("/") + "/"):
                return target[len(root) :]
        raise SymlinkRefused(path, f"{path} is a link that leaves the directory of reconciler.yaml.")

    # --- looking around -----------------------------------------------------------------------------------------------

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
            search = _Search(Glob.of(["**"], below=below), self.ignore if ignore is None else ignore)
            self._begin(search, on_error, missing_is_error=True)
            found |= search.found
        yield from sorted(found)

    def glob(
        self, base_dir: str, pattern: str, exclude: Sequence[str] = (), *, on_error: OnError = _raise
    ) -> list[str]:
        """The files that match a pattern of a manifest in `base_dir`, sorted, as paths from the root.

        `*`, `?` and `[…]` stay within a name, `**` is any number of directories. An excluded directory excludes what is
        below it; an exclusion that starts with `**/` counts anywhere, others from the manifest's directory. Hidden and
        ignored files never match.
        """
        base, added = _join(base_dir, pattern)
        excluded = tuple(self._exclusion(base_dir, item) for item in exclude)
        search = _Search(Glob.of(added, below=base), self.ignore, excluded)
        self._begin(search, on_error, missing_is_error=False)
        return sorted(search.found)

    def _exclusion(self, base_dir: str, pattern: str) -> Glob:
        base, added = _join(base_dir, pattern + "**" if pattern.endswith("/") else pattern)
        return Glob.of(added) if added[0] == "**" else Glob.of(added, below=base)

    def _begin(self, search: _Search, on_error: OnError, *, missing_is_error: bool) -> None:
        """Start at the deepest directory that the pattern names, rather than list all those above it."""
        count = min(search.glob.literal, len(search.glob.parts) - 1)
        parts = tuple(str(part) for part in search.glob.parts[:count])
        if parts and search.ignore.covers("/".join(parts), directory=True):
            return
        try:
            self._visit(search, parts, search.glob.start(count), trail=())
        except TreeError as error:
            if missing_is_error or not isinstance(error, NotThere):
                search.errors.append(error)
        for problem in search.errors:
            on_error(problem)

    def _visit(self, search: _Search, parts: tuple[str, ...], states: States, *, trail: tuple[object, ...]) -> None:
        physical = self._physical(parts)
        if physical in trail:
            raise SymlinkRefused("/".join(parts), f"{'/'.join(parts)} is a link to a directory above itself.")
        if len(trail) > self.limits.levels:
            raise PathRefused("/".join(parts), f"Directories nest deeper than {self.limits.levels} levels here.")
        for name, kind in self._entries(search, physical):
            path = "/".join((*parts, name))
            after = search.glob.advance(states, name)
            if not after or name.startswith("."):
                continue
            try:
                self._meet(search, (*parts, name), self._kind(kind, (*parts, name)), after, (*trail, physical))
            except TooMany:
                raise
            except TreeError as error:
                if not search.leaves_out(path, directory=True):
                    search.errors.append(error)

    def _meet(
        self, search: _Search, parts: tuple[str, ...], kind: str, after: States, trail: tuple[object, ...]
    ) -> None:
        """Note a file, go into a directory, refuse what is neither or may not be followed."""
        path = "/".join(parts)
        directory = kind in {"directory", "link to a directory"}
        if search.leaves_out(path, directory=directory):
            return
        if not directory:
            if search.glob.accepts(after):
                _require_utf8(path)
                search.found.add(path)
        elif search.glob.goes_on(after):
            _require_utf8(path)
            if kind != "directory":
                raise SymlinkRefused(path, _link_sentence(path))
            self._visit(search, parts, after, trail=trail)

    def _entries(self, search: _Search, physical: tuple[str, ...]) -> list[tuple[str, str]]:
        """The names in a directory, sorted, with what each is."""
        with self._directory(physical) as directory, os.scandir(directory) as entries:
            listed = [(entry.name, _kind_of(entry)) for entry in entries]
        search.visited += len(listed)
        self._visited += len(listed)
        limit = self.limits.entries if search.visited > self.limits.entries else self.limits.visits
        if search.visited > limit or self._visited > limit:
            path = "/".join(physical)
            raise TooMany(path, f"More than {limit:,} files would be visited. Use fewer or narrower patterns.")
        return sorted(listed)

    def _kind(self, kind: str, parts: tuple[str, ...]) -> str:
        """What an entry is to this walk: with links allowed, what the link points at."""
        if not (self.follow_symlinks and kind.startswith("link")):
            return kind
        found = self._lstat(self._physical(parts))
        return "directory" if modes.S_ISDIR(found.st_mode) else "file"


def _kind_of(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        try:
            return "link to a directory" if entry.is_dir() else "link"
        except OSError:  # a link in a circle
            return "link"
    return "directory" if entry.is_dir(follow_symlinks=False) else "file"


def _require_utf8(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        shown = path.encode("utf-8", "backslashreplace").decode()
        raise PathRefused(shown, f"The name of {shown} is not UTF-8. Rename the file.") from error


def _last(parts: tuple[str, ...]) -> str:
    """The name to open in the directory above it; a link may have led to the root itself."""
    return parts[-1] if parts else "."


def _require_regular(found: os.stat_result, path: str) -> None:
    if modes.S_ISREG(found.st_mode):
        return
    if modes.S_ISLNK(found.st_mode):
        raise SymlinkRefused(path, _link_sentence(path))
    kind = next(words for test, words in _KINDS if test(found.st_mode))
    raise NotRegular(path, f"{path or 'The root'} is {kind}, not a file.")


def _link_sentence(path: str) -> str:
    return f"{path} is a symbolic link, and links are not followed. Copy the file to its place."


def _explain(error: OSError, directory: int, parts: tuple[str, ...]) -> NoReturn:
    """Say why a component could not be opened: most errors mean that it is not what it should be."""
    path = "/".join(parts)
    try:
        found = os.stat(parts[-1], dir_fd=directory, follow_symlinks=False)
    except OSError:
        found = None
    if found is not None and modes.S_ISLNK(found.st_mode):
        raise SymlinkRefused(path, _link_sentence(path)) from error
    if error.errno == errno.ENOTDIR:
        raise NotThere(path, f"{path} is not a directory.") from error
    if error.errno == errno.ENXIO:
        raise NotRegular(path, f"{path} is a socket, not a file.") from error
    if error.errno == errno.ENOENT:
        raise NotThere(path, f"{path} does not exist.") from error
    raise TreeError(path, f"{path} cannot be read: {error.strerror}.") from error
