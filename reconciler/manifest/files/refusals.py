"""Why a file of the tree cannot be used: what a path or a walk can be refused for, each as a sentence for people."""

from __future__ import annotations

import errno
import os
import stat as modes
from typing import NoReturn

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


def require_regular(found: os.stat_result, path: str) -> None:
    """Raise for what is no regular file: a link, a directory, or what may never end."""
    if modes.S_ISREG(found.st_mode):
        return
    if modes.S_ISLNK(found.st_mode):
        raise SymlinkRefused(path, link_sentence(path))
    kind = next(words for test, words in _KINDS if test(found.st_mode))
    raise NotRegular(path, f"{path or 'The root'} is {kind}, not a file.")


def link_sentence(path: str) -> str:
    """What to say of a link that may not be followed."""
    return f"{path} is a symbolic link, and links are not followed. Copy the file to its place."


def explain(error: OSError, directory: int, parts: tuple[str, ...]) -> NoReturn:
    """Say why a component could not be opened: most errors mean that it is not what it should be."""
    path = "/".join(parts)
    try:
        found = os.stat(parts[-1], dir_fd=directory, follow_symlinks=False)
    except OSError:
        found = None
    if found is not None and modes.S_ISLNK(found.st_mode):
        raise SymlinkRefused(path, link_sentence(path)) from error
    if error.errno == errno.ENOTDIR:
        raise NotThere(path, f"{path} is not a directory.") from error
    if error.errno == errno.ENXIO:
        raise NotRegular(path, f"{path} is a socket, not a file.") from error
    if error.errno == errno.ENOENT:
        raise NotThere(path, f"{path} does not exist.") from error
    raise TreeError(path, f"{path} cannot be read: {error.strerror}.") from error
