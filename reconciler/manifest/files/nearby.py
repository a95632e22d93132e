"""What there is where a path or a pattern looked in vain: the nearest name, or the types of files."""

from __future__ import annotations

import posixpath
from collections import Counter

from reconciler.manifest.files import names
from reconciler.manifest.files.globs import has_magic
from reconciler.manifest.files.tree import Tree
from reconciler.model.diagnostics import did_you_mean


def what_is_near(tree: Tree, base_dir: str, pattern: str) -> str:
    """A sentence about what there is where the pattern looks."""
    parts = [part for part in posixpath.normpath(posixpath.join(base_dir, pattern)).split("/") if part != "."]
    literal = next((index for index, part in enumerate(parts[:-1]) if has_magic(part)), len(parts) - 1)
    for count in range(literal + 1):
        directory = "/".join(parts[:count])
        beside = _names_in(tree, directory)
        if count < literal and parts[count] not in beside:
            return did_you_mean(parts[count], beside)
    if not has_magic(parts[-1]):
        return did_you_mean(parts[-1], beside)
    kinds = Counter("." + names.extension(name) for name in beside if names.extension(name))
    listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())[:6])
    where = directory or "the root"
    return f"In {where} there are: {listed}." if listed else f"In {where} there are no files; `**/` looks further down."


def _names_in(tree: Tree, directory: str) -> list[str]:
    """Files and directories directly in a directory, as far as a walk would show them."""
    prefix = f"{directory}/" if directory else ""
    found = tree.walk([directory], on_error=lambda _: None)
    return sorted({path[len(prefix) :].split("/")[0] for path in found})
