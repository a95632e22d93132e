"""A full disk, a directory that cannot be written to, a cache that somebody tampered with: one message, nothing lost."""

from __future__ import annotations

import hashlib
import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.cli.rendering import write
from reconciler.model.errors import Exit, Stop
from reconciler.review import planfile
from tests.acceptance.world import World
from tests.cli.conftest import Command

PLAN = ("plan", "--local", "--format", "json", "--as-of", "2026-11-22")


@contextmanager
def full_disk(limit: int = 0) -> Iterator[None]:
    """No file of this process can grow beyond `limit` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def beside(tree: World) -> set[str]:
    """What lies beside the manifests."""
    return {path.name for path in tree.root.iterdir()}


def test_a_plan_that_cannot_be_saved_leaves_the_old_one(tree: World) -> None:
    out = tree.root / "plan.json"
    write(out, planfile.dumps(tree.plan().body))
    old, there = out.read_bytes(), beside(tree)
    tree.assistant("other", model="gpt-6.1-terra", instructions="Be long.\n")
    with full_disk(), pytest.raises(Stop) as stopped:
        write(out, planfile.dumps(tree.plan().body))
    assert stopped.value.code is Exit.INVALID
    assert "could not be saved" in stopped.value.summary
    assert out.read_bytes() == old
    assert beside(tree) == {*there, "assistant-other.yaml"}


def test_without_room_for_a_cache_all_works(reconciler: Command) -> None:
    with full_disk():
        assert reconciler("validate").code == 0


@pytest.mark.parametrize("limit", [0, 60_000])
def test_an_embedded_account_on_a_full_disk_loses_nothing(reconciler: Command, tree: World, limit: int) -> None:
    tree.assistant("helper", model="gpt-6.1-terra", instructions="Be short.\n")
    assert reconciler("apply", "--local", "--yes").code == 0
    lines = (hashlib.sha256(bytes([number % 251, number // 251])).hexdigest() for number in range(3000))
    tree.assistant("helper", model="gpt-6.1-terra", instructions="\n".join(lines) + "\n")
    with full_disk(limit):
        result = reconciler("apply", "--local", "--yes", "--timeout", "1s", "--settle", "0s")
    assert result.code in {3, 9}
    assert "Traceback" not in result.err
    assert "disk" in result.err + result.out
    assert reconciler("apply", "--local", "--yes", "--settle", "0s").code == 0
    assert reconciler("plan", "--local", "--detailed-exitcode").code == 0


def test_a_directory_that_cannot_be_made_is_named(reconciler: Command, tree: World) -> None:
    (tree.root / ".reconciler").write_text("in the way")
    result = reconciler("apply", "--local", "--yes")
    assert result.code == 7
    assert ".reconciler" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_broken_cache_changes_no_plan(reconciler: Command, tree: World, content: bytes) -> None:
    expected = reconciler(*PLAN).out
    (tree.root / ".reconciler" / "cache.db").write_bytes(content)
    assert reconciler(*PLAN).out == expected


def test_no_cache_makes_apply_send_what_no_file_holds(reconciler: Command, tree: World) -> None:
    """Whoever can write the cache can mislead `plan`; what `apply` sends it reads itself."""
    old = tree.root / "docs" / "a.md"
    os.utime(old, ns=(10**18, 10**18))
    assert reconciler("validate").code == 0
    forged = sqlite3.connect(tree.root / ".reconciler" / "cache.db")
    with forged:
        forged.execute("UPDATE hashes SET sha256 = ?", ("f" * 64,))
    forged.close()
    assert reconciler("apply", "--local", "--yes").code == 0
    for path in (tree.root / ".reconciler").glob("cache.db*"):
        path.unlink()
    assert reconciler("plan", "--local", "--refresh", "full", "--detailed-exitcode").code == 0


def test_without_any_local_file_nothing_is_lost(reconciler: Command, tree: World, tmp_path: Path) -> None:
    database = str(tmp_path / "elsewhere.db")
    assert reconciler("apply", "--local", database, "--yes").code == 0
    for path in (tree.root / ".reconciler").rglob("*"):
        if path.is_file():
            path.unlink()
    assert reconciler("plan", "--local", database, "--detailed-exitcode").code == 0
