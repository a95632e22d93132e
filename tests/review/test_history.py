"""What Git knows of the tree, and that asking it executes nothing and fetches nothing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.address import Address
from reconciler.model.observed import AccountInfo
from reconciler.model.plan import Action, Change, FileChange, FileChanges, Plan
from reconciler.review import history
from tests.acceptance.world import World

QUIET = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, env=QUIET, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path) -> str:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "x")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree in a directory of a repository."""
    git(tmp_path, "init", "-q")
    (tmp_path / "stack" / "docs").mkdir(parents=True)
    (tmp_path / "stack" / "docs" / "a.md").write_bytes(b"old\n")
    return tmp_path / "stack"


def test_the_commit_is_the_one_that_is_checked_out(root: Path) -> None:
    assert history.head(root) == ""
    found = commit(root)
    assert history.head(root) == found[:12]


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert history.head(tmp_path) == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert history.head(tmp_path) == ""


def test_a_file_is_read_as_it_was(root: Path) -> None:
    first = commit(root)
    (root / "docs" / "a.md").write_bytes(b"new\n")
    second = commit(root)
    assert history.blob(root, first[:12], "docs/a.md") == b"old\n"
    assert history.blob(root, second, "docs/a.md") == b"new\n"


@pytest.mark.parametrize("name", ["with space.md", "-x.md", "a:b.md", "ünï.md", "*.md", "a\nb.md", "@{u}", "HEAD"])
def test_odd_names_are_names(root: Path, name: str) -> None:
    (root / name).write_bytes(b"odd")
    assert history.blob(root, commit(root), name) == b"odd"


def test_an_empty_file_is_a_file(root: Path) -> None:
    (root / "empty.md").write_bytes(b"")
    assert history.blob(root, commit(root), "empty.md") == b""


@pytest.mark.parametrize(
    ("revision", "file"),
    [
        ("HEAD", "docs/a.md"),
        ("--help", "docs/a.md"),
        ("", "docs/a.md"),
        ("0123456789ab", "docs/a.md"),
        (None, "docs/none.md"),
        (None, "docs"),
        (None, "../stack/docs/a.md"),
        (None, "/etc/passwd"),
        (None, "docs/../docs/a.md"),
        (None, "docs/a.md\0"),
    ],
)
def test_what_is_not_there_is_none(root: Path, revision: str | None, file: str) -> None:
    found = commit(root)
    assert history.blob(root, found if revision is None else revision, file) is None


def test_a_large_file_is_not_read(root: Path) -> None:
    (root / "large.md").write_bytes(b"x" * 3_000_000)
    found = commit(root)
    assert history.blob(root, found, "large.md") is None
    assert history.blob(root, found, "large.md", 3_000_000) is not None


def test_nothing_that_a_repository_names_is_executed(root: Path) -> None:
    trap = root.parent / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {root.parent}/sprung\ncat\n")
    trap.chmod(0o755)
    (root / ".gitattributes").write_text("*.md diff=trap filter=trap\n")
    found = commit(root)
    for name in ("post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman"):
        hook = root.parent / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_bytes(trap.read_bytes())
        hook.chmod(0o755)
    for setting in (
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "core.askPass",
        "core.alternateRefsCommand",
        "diff.external",
        "diff.trap.textconv",
        "diff.trap.command",
        "filter.trap.smudge",
        "filter.trap.process",
        "credential.helper",
        "pager.cat-file",
        "pager.rev-parse",
        "remote.origin.uploadpack",
        "alias.cat-file",
    ):
        git(root, "config", setting, f"!{trap}" if setting.startswith(("alias", "cred")) else str(trap))
    assert history.head(root) == found[:12]
    assert history.blob(root, found, "docs/a.md") == b"old\n"
    assert history.blob(root, found, "docs/none.md") is None
    assert not (root.parent / "sprung").exists()


def test_a_clone_that_left_files_out_does_not_fetch_them(root: Path, tmp_path: Path) -> None:
    found = commit(root)
    git(root, "config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{tmp_path}", str(partial))
    (partial / "stack").mkdir()
    assert history.blob(partial / "stack", found, "docs/a.md") is None
    assert git(partial, "cat-file", "blob", f"{found}:stack/docs/a.md") == "old"  # it could have been had


def test_a_repository_that_the_tree_brings_along_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    git(tmp_path, "init", "-q", "made")
    (tmp_path / "made" / "a.md").write_bytes(b"x")
    found = commit(tmp_path / "made")
    git(tmp_path, "clone", "-q", "--bare", "made", "bare")
    assert history.head(tmp_path / "made") == found[:12]
    assert history.head(tmp_path / "bare") == ""


def test_a_git_that_hangs_is_ended(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (fake / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake}:{os.environ['PATH']}")
    monkeypatch.setattr(history, "_TIMEOUT", 0.1)
    started = time.monotonic()
    assert history.head(root) == ""
    assert time.monotonic() - started < 10


# --- the documents of a plan ------------------------------------------------------------------------------------------

ADDRESS = Address("VectorStore", "docs")


def planned(revision: str, *changed: FileChange) -> Plan:
    unknown = Change(Address("VectorStore", "gone"), "vector_store", Action.DELETE, files=FileChanges(changed=changed))
    change = Change(ADDRESS, "vector_store", Action.UPDATE, files=FileChanges(changed=changed), revision=revision)
    none = Change(ADDRESS, "vector_store", Action.UPDATE)
    return Plan("acme", None, "", 0, False, AccountInfo("local"), "", "2026-11-22", (unknown, none, change))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A store of documents in a repository, changed since the commit."""
    git(tmp_path, "init", "-q")
    world = World.new(tmp_path / "stack")
    documents = {"a.md": "old\n", "b.pdf": "old", "c.md": "old", "d.md": "old"}
    world.store("docs", documents, files=[{"glob": "docs/*"}])
    return world


def compared(world: World, **before: str) -> Any:
    revision = commit(world.root)
    documents = {"a.md": b"new\n", "b.pdf": b"new", "c.md": b"\xff", "d.md": b"x\0y"}
    directory = next(world.root.rglob("a.md")).parent
    for name, data in documents.items():
        (directory / name).write_bytes(data)
    loaded = world.load()
    paths = {document.name: document.path for document in loaded.desired[0].documents}
    old = {"a.md": digest(b"old\n"), **before}
    changes = [FileChange(paths[name], 4, "0", before=old.get(name)) for name in documents]
    found = history.texts(loaded, planned(revision, *changes))
    return {address.rsplit("/", 1)[-1].rsplit(":", 1)[-1]: both for address, both in found.items()}


def test_a_changed_text_is_compared_with_what_was_applied(world: World) -> None:
    assert compared(world) == {"a.md": ("old\n", "new\n")}


def test_what_git_has_counts_only_if_it_is_what_the_account_has(world: World) -> None:
    assert compared(world, **{"a.md": digest(b"else")}) == {"a.md": (None, "new\n")}


def test_no_more_than_so_many_documents_are_compared(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_DOCUMENTS", 0)
    assert compared(world) == {}


def test_large_documents_are_not_compared(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_BYTES", 3)
    assert compared(world) == {}


def test_a_document_that_went_away_meanwhile_is_not_compared(world: World) -> None:
    revision = commit(world.root)
    loaded = world.load()
    document = next(item for item in loaded.desired[0].documents if item.name == "a.md")
    (world.root / document.file).unlink()
    changes = (FileChange(document.path, 4, "0", before=digest(b"old\n")), FileChange("gone.md", 4, "0"))
    assert history.texts(loaded, planned(revision, *changes)) == {}
