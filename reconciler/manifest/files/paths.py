"""Which paths a manifest may write: relative, plain, and never out of the tree or into what is hidden."""

from __future__ import annotations

import re

from reconciler.manifest.files.globs import has_magic
from reconciler.manifest.files.refusals import PathRefused

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_LONGEST_PATH = 4096


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


def join(base_dir: str, relative: str) -> tuple[list[str], list[str]]:
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
    base, added = join(base_dir, relative)
    return "/".join((*base, *added))


def require_utf8(path: str) -> None:
    """Raise PathRefused for a name that cannot be written into a plan or a request."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        shown = path.encode("utf-8", "backslashreplace").decode()
        raise PathRefused(shown, f"The name of {shown} is not UTF-8. Rename the file.") from error
