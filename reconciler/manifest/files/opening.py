"""Opens what stands below one directory, each component from the directory above it, without following links.

So there is no moment at which a check and the opening could disagree. Paths are tuples of components, already resolved.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.manifest.files.refusals import (
    NotRegular,
    NotThere,
    SymlinkRefused,
    TooLarge,
    explain,
    require_regular,
)
from reconciler.manifest.text.limits import Limits

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # O_NONBLOCK: opening a FIFO must not wait


@dataclass(frozen=True, slots=True)
class Root:
    """A directory, whether links within it may be followed, and how many of them."""

    path: Path
    follow_symlinks: bool
    limits: Limits

    def read(self, parts: tuple[str, ...], max_bytes: int) -> bytes:
        """The bytes of a regular file; TooLarge as soon as more than `max_bytes` have come."""
        with os.fdopen(self.open(parts), "rb") as file:
            data = file.read(max_bytes + 1)
        if len(data) > max_bytes:
            path = "/".join(parts)
            raise TooLarge(path, f"{path} has more than {max_bytes:,} bytes, which is the limit for this use.")
        return data

    def open(self, parts: tuple[str, ...]) -> int:
        """A descriptor of a regular file, for its caller to close."""
        parts = self.physical(parts)
        with self.directory(parts[:-1]) as directory:
            try:
                descriptor = os.open(_last(parts), _FILE, dir_fd=directory)
            except OSError as error:
                explain(error, directory, parts)
        try:
            require_regular(os.fstat(descriptor), "/".join(parts))
        except NotRegular:
            os.close(descriptor)
            raise
        return descriptor

    def stat(self, parts: tuple[str, ...]) -> os.stat_result:
        """The status of a regular file, without opening it."""
        parts = self.physical(parts)
        found = self.lstat(parts)
        require_regular(found, "/".join(parts))
        return found

    def lstat(self, parts: tuple[str, ...]) -> os.stat_result:
        """The status of what is there, whatever it is."""
        with self.directory(parts[:-1]) as directory:
            try:
                return os.stat(_last(parts), dir_fd=directory, follow_symlinks=False)
            except OSError as error:
                explain(error, directory, parts)

    @contextmanager
    def directory(self, parts: tuple[str, ...]) -> Iterator[int]:
        """A descriptor of a directory, each component opened from the one above it."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise NotThere("", f"The directory {self.path} cannot be read: {error.strerror}.") from error
        try:
            for index, name in enumerate(parts):
                try:
                    below = os.open(name, _DIRECTORY, dir_fd=descriptor)
                except OSError as error:
                    explain(error, descriptor, parts[: index + 1])
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    def physical(self, parts: tuple[str, ...]) -> tuple[str, ...]:
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
                target = str(self.path.joinpath(*done, name).readlink())
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
        for root in (os.path.abspath(self.path), os.path.realpath(self.path)):  # noqa: PTH100 - Path.resolve follows links
            if target == root or target.startswith(root.rstrip("/") + "/"):
                return target[len(root) :]
        raise SymlinkRefused(path, f"{path} is a link that leaves the directory of reconciler.yaml.")


def _last(parts: tuple[str, ...]) -> str:
    """The name to open in the directory above it; a link may have led to the root itself."""
    return parts[-1] if parts else "."
