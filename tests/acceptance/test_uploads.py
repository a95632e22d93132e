"""Files that go bad under the run: each is its own document's trouble, and nothing that differs is ever attached."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from reconciler.apply import Conclusion
from reconciler.apply.session import Session
from reconciler.apply.uploads import parts
from reconciler.apply.uploads import uploading as uploads
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.manifest.files.tree import Tree
from reconciler.model.errors import Exit
from tests.acceptance.world import Applied, World
from tests.direct import DirectAccount

KIB = 1024
TEXT = "# The victim, fifty bytes in each line of it, see\n" * KIB
Fault = Callable[[Path], None]


@pytest.fixture(params=["in one request", "in parts"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the victim is sent; its parts have 10 KiB."""
    if request.param == "in parts":
        monkeypatch.setattr(uploads, "LARGE_FROM", 40 * KIB)
        monkeypatch.setattr(parts, "PART", 10 * KIB)
    return str(request.param)


class _Handle:
    """A handle under which something happens once, before so many bytes were read."""

    def __init__(self, inner: BinaryIO, at: int, fault: Callable[[], None]) -> None:
        self._inner = inner
        self._at = at
        self._fault: Callable[[], None] | None = fault

    def read(self, size: int = -1) -> bytes:
        if self._fault is not None and self._inner.tell() >= self._at:
            fault, self._fault = self._fault, None
            fault()
        return self._inner.read(size)

    def seek(self, offset: int) -> int:
        return self._inner.seek(offset)


class _Disk(Tree):
    """A tree whose victim goes bad while it is read."""

    fault: Fault
    at: int

    @contextmanager
    def open(self, relpath: str) -> Iterator[BinaryIO]:
        with super().open(relpath) as handle:
            if relpath != "docs/victim.md":
                yield handle
            else:
                yield cast("BinaryIO", _Handle(handle, self.at, lambda: self.fault(self.root / relpath)))


@dataclass
class Failing(World):
    """A world on such a disk."""

    fault: Fault | None = None
    at: int = 0

    def session(self) -> tuple[Session, DirectAccount]:
        session, direct = super().session()
        if self.fault is None:
            return session, direct
        disk = _Disk(self.root)
        disk.fault, disk.at = self.fault, self.at
        return replace(session, loaded=replace(session.loaded, tree=disk)), direct

    def apply_after(self, fault: Callable[[], object]) -> Applied:
        """Plan, let something happen, apply: one run, whose tree was read before."""
        session, direct = self.session()

        async def work() -> Applied:
            prepared = await prepare(session)
            fault()
            conclusion = Conclusion()
            events = [event.to_json() async for event in carry_out(session, prepared, conclusion)]
            return Applied(int(conclusion.exit), events, direct.calls)

        return self.time.run(work)


def failing(root: Path) -> Failing:
    world = World.new(root)
    world = Failing(world.root, world.emulator, world.time)
    world.store("docs", {"other.md": "# Other\n", "victim.md": TEXT})
    return world


def attached(world: World) -> dict[str, bytes]:
    """What is attached by path, each with the bytes of its File; all of them are what their attributes say."""
    found = {}
    for store in world.api("GET", "/vector_stores?limit=100")["data"]:
        for item in world.api("GET", f"/vector_stores/{store['id']}/files?limit=100")["data"]:
            content = world.emulator._storage.read_content(item["id"])
            assert hashlib.sha256(content).hexdigest() == item["attributes"]["reconciler_sha256"]
            found[item["attributes"]["reconciler_path"]] = content
    return found


def files(world: World) -> int:
    return len(world.api("GET", "/files")["data"])


def lines(events: list[dict[str, Any]]) -> list[str]:
    return [line for event in events for line in event.get("lines", ())]


# --- what makes the bytes others than the plan's ----------------------------------------------------------------------


def shrink(path: Path) -> None:
    os.truncate(path, 25 * KIB)


def grow(path: Path) -> None:
    with path.open("ab") as handle:
        handle.write(b"one more line\n")


def rewrite(path: Path) -> None:
    with path.open("r+b") as handle:
        handle.seek(30 * KIB)
        handle.write(b"another text")


def break_down(path: Path) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))


DIFFERENT = {
    shrink: "it changed while the run was under way; plan again",
    grow: "it changed while the run was under way; plan again",
    rewrite: "it changed while the run was under way; plan again",
    break_down: "docs/victim.md cannot be read: Input/output error.",
}


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("fault", "why"), DIFFERENT.items(), ids=lambda item: getattr(item, "__name__", ""))
@pytest.mark.parametrize(
    ("way", "at"), [("in one request", 0), ("in parts", 0), ("in parts", 20 * KIB)], indirect=["way"]
)
def test_a_file_whose_bytes_go_bad_fails_alone_and_leaves_nothing(
    tmp_path: Path, fault: Fault, why: str, at: int
) -> None:
    world = failing(tmp_path)
    world.fault, world.at = fault, at
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert lines(applied.events) == [f"docs/victim.md: {why}"]
    assert attached(world) == {"docs/other.md": b"# Other\n"}
    assert files(world) == 1
    world.fault = None
    assert world.settled()
    assert attached(world)["docs/victim.md"] == (tmp_path / "docs/victim.md").read_bytes()
    assert files(world) == 2


# --- what happens to the name, while the bytes that were planned are still held ----------------------------------------


def vanish(path: Path) -> None:
    path.unlink()


def become_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def become_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_another_file(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_text("# Something else\n")
    other.rename(path)


NAMES = [vanish, become_a_link, become_a_pipe, become_a_directory, become_another_file]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("fault", NAMES, ids=lambda fault: fault.__name__)
def test_a_file_that_is_open_is_sent_as_it_was_planned_whatever_becomes_of_its_name(
    tmp_path: Path, fault: Fault
) -> None:
    world = failing(tmp_path)
    world.fault, world.at = fault, 0
    assert world.apply().exit == 0
    assert attached(world)["docs/victim.md"] == TEXT.encode()
    assert files(world) == 2


BEFORE = {
    vanish: "docs/victim.md does not exist.",
    become_a_link: "docs/victim.md is a symbolic link, and links are not followed. Copy the file to its place.",
    become_a_pipe: "docs/victim.md is a named pipe, not a file.",
    become_a_directory: "docs/victim.md is a directory, not a file.",
    become_another_file: "it changed while the run was under way; plan again",
    shrink: "it changed while the run was under way; plan again",
    grow: "it changed while the run was under way; plan again",
    rewrite: "it changed while the run was under way; plan again",
}


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("fault", "why"), BEFORE.items(), ids=lambda item: getattr(item, "__name__", ""))
def test_a_file_that_went_bad_between_plan_and_upload_fails_alone(tmp_path: Path, fault: Fault, why: str) -> None:
    world = failing(tmp_path)
    applied = world.apply_after(lambda: fault(tmp_path / "docs/victim.md"))
    assert (applied.exit, lines(applied.events)) == (Exit.INCOMPLETE, [f"docs/victim.md: {why}"])
    assert attached(world) == {"docs/other.md": b"# Other\n"}
    assert files(world) == 1


@pytest.mark.usefixtures("way")
def test_a_directory_that_is_gone_fails_every_file_in_it_and_leaves_nothing(tmp_path: Path) -> None:
    world = failing(tmp_path)
    applied = world.apply_after(lambda: (tmp_path / "docs").rename(tmp_path / "elsewhere"))
    assert applied.exit == Exit.INCOMPLETE
    assert lines(applied.events) == [f"docs/{name}.md: docs does not exist." for name in ("other", "victim")]
    assert files(world) == 0


def test_a_changed_document_that_goes_bad_keeps_its_old_version_serving(tmp_path: Path) -> None:
    world = failing(tmp_path)
    assert world.settled()
    world.write("docs/victim.md", TEXT.replace("fifty", "sixty"))
    world.write("docs/other.md", "# Other, changed\n")
    world.fault = break_down
    assert world.apply().exit == Exit.INCOMPLETE
    assert attached(world) == {"docs/other.md": b"# Other, changed\n", "docs/victim.md": TEXT.encode()}
    world.fault = None
    applied = world.apply()
    assert applied.exit == 0
    assert [write for write in applied.writes if write == "POST /files"] == ["POST /files"]
    assert files(world) == 2


# --- the size that is really large ------------------------------------------------------------------------------------


def test_a_file_of_17_mib_arrives_whole_in_two_parts(tmp_path: Path) -> None:
    world = failing(tmp_path)
    text = b"# Large\n" + bytes(range(65, 91)) * (17 * 2**20 // 26)
    world.write("docs/victim.md", text)
    applied = world.apply()
    assert applied.exit == 0
    assert sum(write.endswith("/parts") for write in applied.writes) == 2
    assert attached(world)["docs/victim.md"] == text
