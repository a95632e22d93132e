"""What Git knows of the tree: which commit it is at, and how a document was when it was last applied.

Git is started with fixed arguments and with everything switched off that a repository, or a pull request that looks
like one, could have it execute or fetch: hooks, monitors, lazy fetches, transports, bare repositories in the tree.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.manifest.files.refusals import TreeError

if TYPE_CHECKING:
    from reconciler.manifest.load.loader import Loaded
    from reconciler.model.desired import Document
    from reconciler.model.plan import FileChange, Plan

MAX_BYTES = 1_000_000
"""Larger documents are not compared."""
MAX_DOCUMENTS = 500
"""So many documents are compared, in the order of the plan."""
DEADLINE = 30.0
"""Seconds for all of them."""

TEXTS = frozenset(
    (
        *(".adoc", ".c", ".cc", ".cfg", ".conf", ".cpp", ".cs", ".css", ".csv", ".go", ".h", ".htm", ".html", ".ini"),
        *(".java", ".js", ".json", ".jsonl", ".jsx", ".kt", ".log", ".markdown", ".md", ".mdx", ".php", ".py", ".rb"),
        *(
            ".rs",
            ".rst",
            ".sh",
            ".sql",
            ".svg",
            ".tex",
            ".toml",
            ".ts",
            ".tsv",
            ".tsx",
            ".txt",
            ".xml",
            ".yaml",
            ".yml",
        ),
    )
)
"""Extensions of documents that people read as text."""

_TIMEOUT = 5.0
_REVISION = re.compile(r"[0-9a-f]{7,64}")
_NEUTRAL = (
    "--no-pager",
    "--literal-pathspecs",
    *(
        part
        for setting in (
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            "core.untrackedCache=false",
            "core.pager=cat",
            "safe.bareRepository=explicit",
            "protocol.allow=never",
            "credential.helper=",
        )
        for part in ("-c", setting)
    ),
)
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_PAGER": "cat",
    "GIT_ASKPASS": "true",
    "LC_ALL": "C",
}


def head(root: Path) -> str:
    """The tree's commit, 12 hex digits; empty where there is none."""
    commit = (_git(root, "rev-parse", "--verify", "-q", "HEAD", most=100) or b"").decode("ascii", "replace").strip()
    return commit[:12] if re.fullmatch(r"[0-9a-f]{40,64}", commit) else ""


def blob(root: Path, revision: str, file: str, most: int = MAX_BYTES) -> bytes | None:
    """A file of the tree as it was at a commit; None where this clone does not have it, or it is larger than `most`.

    `file` is relative to the root, wherever in its repository that is.
    """
    if _REVISION.fullmatch(revision) is None or posixpath.isabs(file) or posixpath.normpath(file) != file:
        return None
    if file.startswith("../") or "\0" in file:
        return None
    found = _git(root, "cat-file", "blob", f"{revision}:./{file}", most=most + 1)
    return found if found is not None and len(found) <= most else None


def texts(loaded: Loaded, plan: Plan) -> dict[str, tuple[str | None, str]]:
    """The texts of the changed documents of a plan: address → what was last applied, and what it is now.

    What was last applied is taken from Git only if it is, byte for byte, what the account's own tag says (sha-256);
    else it is None. Documents that are no text, too large, or one too many are not in it.
    """
    deadline = time.monotonic() + DEADLINE
    found: dict[str, tuple[str | None, str]] = {}
    for address, revision, item, document in _changed(loaded, plan):
        if len(found) == MAX_DOCUMENTS or time.monotonic() > deadline:
            break
        new = _now(loaded, document)
        if new is not None:
            found[address] = _then(loaded.tree.root, revision, item, document), new
    return found


def _changed(loaded: Loaded, plan: Plan) -> Iterator[tuple[str, str, FileChange, Document]]:
    """Each changed document that may be text: its address, its last commit, its change and its file."""
    wanted = {item.address: item for item in loaded.desired}
    for change in plan.changes:
        if change.files is None or change.address not in wanted:
            continue
        files = {document.path: document for document in wanted[change.address].documents}
        for item in change.files.changed:
            document = files.get(item.path)
            if document is not None and posixpath.splitext(document.file)[1].lower() in TEXTS:
                yield f"{change.address}:{item.path}", change.revision, item, document


def _now(loaded: Loaded, document: Document) -> str | None:
    if document.bytes > MAX_BYTES:
        return None
    try:
        return _decoded(loaded.tree.read(document.file, MAX_BYTES))
    except TreeError:  # it went away, or grew, since the plan was made
        return None


def _then(root: Path, revision: str, item: FileChange, document: Document) -> str | None:
    data = blob(root, revision, document.file)
    if data is None or item.before is None or hashlib.sha256(data).hexdigest() != item.before:
        return None
    return _decoded(data)


def _decoded(data: bytes) -> str | None:
    """The text, or None for what is none."""
    try:
        return None if b"\0" in data else data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _git(root: Path, *arguments: str, most: int) -> bytes | None:
    """At most so many bytes of what a git command prints; None where it fails, or takes too long."""
    settings: Mapping[str, Any] = {
        "cwd": root,
        "env": {**os.environ, **_ENVIRONMENT},
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.DEVNULL,
    }
    try:
        with subprocess.Popen(["git", *_NEUTRAL, *arguments], **settings) as process:
            late = threading.Timer(_TIMEOUT, process.kill)
            late.start()
            try:
                found = process.stdout.read(most) if process.stdout else b""
                if len(found) == most:
                    process.kill()
                code = process.wait()
            finally:
                late.cancel()
    except (OSError, ValueError):
        return None
    return found if code == 0 or len(found) == most else None
