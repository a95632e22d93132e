"""Opening files of a hostile tree: nothing outside of it, nothing that is no file, nothing that waits."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from reconciler.manifest.files.globs import Ignore
from reconciler.manifest.files.refusals import (
    NotRegular,
    NotThere,
    PathRefused,
    SymlinkRefused,
    TooLarge,
    TooMany,
    TreeError,
)
from reconciler.manifest.files.tree import Tree
from reconciler.manifest.text.limits import Limits


def plant(root: Path, *names: str) -> Tree:
    """A tree with some files, each containing its own name."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return Tree(root)


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    tree = plant(tmp_path, "a/b.md")
    assert tree.read("a/b.md", 6) == b"a/b.md"
    with tree.open("a/b.md") as file:
        assert file.read(1) == b"a"
    assert tree.stat("a/b.md").st_size == 6
    with pytest.raises(TooLarge, match="more than 5 bytes"):
        tree.read("a/b.md", 5)


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a\0", "~root", "a\\b"])
def test_reading_checks_the_path_too(tmp_path: Path, path: str) -> None:
    tree = plant(tmp_path / "root", "a")
    for use in (lambda: tree.read(path, 9), lambda: tree.stat(path), lambda: tree.open(path).__enter__()):
        with pytest.raises(PathRefused):
            use()


@pytest.mark.parametrize("target", ["/proc/self/environ", "../outside", "a.md", "missing", "link"])
def test_a_link_is_refused_whatever_it_points_at(tmp_path: Path, target: str) -> None:
    tree = plant(tmp_path / "root", "a.md")
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "root" / "link").symlink_to(target)
    for use in (lambda: tree.read("link", 9), lambda: tree.stat("link")):
        with pytest.raises(SymlinkRefused, match="link is a symbolic link") as caught:
            use()
        assert caught.value.path == "link"


def test_a_link_on_the_way_is_refused_and_named(tmp_path: Path) -> None:
    tree = plant(tmp_path, "real/b.md")
    (tmp_path / "link").symlink_to("real")
    for use in (lambda: tree.read("link/b.md", 9), lambda: tree.stat("link/b.md")):
        with pytest.raises(SymlinkRefused) as caught:
            use()
        assert caught.value.path == "link"


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    tree = plant(tmp_path, "dir/a", "file")
    os.mkfifo(tmp_path / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(tmp_path)  # the name of a socket is short
    try:
        listener.bind("sock")
    finally:
        os.chdir(here)
        listener.close()
    for name, words in (("dir", "a directory"), ("pipe", "a named pipe"), ("sock", "a socket")):
        with pytest.raises(NotRegular, match=words):
            tree.read(name, 9)
        with pytest.raises(NotRegular, match=words):
            tree.stat(name)
    with pytest.raises(NotThere, match="missing does not exist"):
        tree.read("missing", 9)
    with pytest.raises(NotThere, match="missing does not exist"):
        tree.stat("missing")
    with pytest.raises(NotThere, match="file is not a directory"):
        tree.read("file/a", 9)
    with pytest.raises(NotThere, match="nowhere"):
        Tree(tmp_path / "nowhere").read("a", 9)


def test_a_device_is_refused() -> None:
    with pytest.raises(NotRegular, match="a device"):
        Tree(Path("/dev")).read("null", 9)


def test_other_errors_are_said_in_words(tmp_path: Path) -> None:
    tree = plant(tmp_path, "a")
    with pytest.raises(TreeError, match="cannot be read: File name too long"):
        tree.read("b" * 300, 9)


# --- walking ----------------------------------------------------------------------------------------------------------


def test_a_walk_is_sorted_and_leaves_out_the_hidden_and_the_ignored(tmp_path: Path) -> None:
    tree = plant(
        tmp_path,
        "b.yaml",
        "a/z.yaml",
        "a/b/c.yaml",
        ".git/x.yaml",
        "a/.hidden",
        "node/x.yaml",
        "a-b/x.yaml",
        "skip.yaml",
    )
    (tmp_path / ".reconcilerignore").write_text("node/\n/skip.yaml\n")
    assert list(tree.walk()) == ["a-b/x.yaml", "a/b/c.yaml", "a/z.yaml", "b.yaml"]
    assert list(tree.walk(["a", "a/b"], Ignore())) == ["a/b/c.yaml", "a/z.yaml"]
    assert list(tree.walk(["node"])) == []


def test_a_walk_of_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotThere, match="nothing does not exist"):
        list(plant(tmp_path, "a").walk(["nothing"]))


def test_a_walk_names_links_instead_of_passing_them_over(tmp_path: Path) -> None:
    tree = plant(tmp_path, "real/a.yaml")
    (tmp_path / "dir").symlink_to("real")
    (tmp_path / "file.yaml").symlink_to("real/a.yaml")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "broken").symlink_to("nothing")
    errors: list[TreeError] = []
    assert list(tree.walk(on_error=errors.append)) == ["broken", "file.yaml", "loop", "real/a.yaml"]
    assert [error.path for error in errors] == ["dir"]
    with pytest.raises(SymlinkRefused):
        list(tree.walk())
    (tmp_path / ".reconcilerignore").write_text("dir/\n")
    assert list(Tree(tmp_path).walk()) == ["broken", "file.yaml", "loop", "real/a.yaml"]


def test_a_linked_ignore_file_is_refused(tmp_path: Path) -> None:
    plant(tmp_path, "a")
    (tmp_path / ".reconcilerignore").symlink_to("/etc/passwd")
    with pytest.raises(SymlinkRefused):
        list(Tree(tmp_path).walk())


def test_a_name_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    tree = plant(tmp_path, "a")
    (tmp_path / os.fsdecode(b"b\xff")).write_text("x")
    (tmp_path / os.fsdecode(b"c\xff")).mkdir()
    errors: list[TreeError] = []
    assert list(tree.walk(on_error=errors.append)) == ["a"]
    assert [error.path for error in errors] == ["b\\udcff", "c\\udcff"]
    assert tree.glob("", "a*") == ["a"]


def test_a_directory_that_cannot_be_read_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = plant(tmp_path, "a/x", "b/x")
    inner = os.open

    def refuse(path: str, flags: int, *, dir_fd: int | None = None) -> int:
        if path == "a":
            raise PermissionError(13, "Permission denied")
        return inner(path, flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refuse)
    errors: list[TreeError] = []
    assert list(tree.walk(on_error=errors.append)) == ["b/x"]
    assert [str(error) for error in errors] == ["a cannot be read: Permission denied."]


def test_a_walk_visits_only_so_much(tmp_path: Path) -> None:
    plant(tmp_path, "a/1", "a/2", "b/3")
    errors: list[TreeError] = []
    tree = Tree(tmp_path, limits=Limits(entries=3))
    assert list(tree.walk(on_error=errors.append)) == []
    assert [type(error) for error in errors] == [TooMany]
    with pytest.raises(PathRefused, match="nest deeper than 0"):
        list(Tree(tmp_path, limits=Limits(levels=0)).walk())


def test_all_walks_of_a_tree_together_visit_only_so_much(tmp_path: Path) -> None:
    plant(tmp_path, "a/1", "a/2", "b/3")
    tree = Tree(tmp_path, limits=Limits(visits=6))
    assert len(list(tree.walk())) == 3
    with pytest.raises(TooMany, match="More than 6 files"):
        list(tree.walk())


# --- patterns ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def docs(tmp_path: Path) -> Tree:
    return plant(
        tmp_path,
        "docs/a.md",
        "docs/b.txt",
        "docs/sub/c.md",
        "docs/drafts/d.md",
        "docs/.h.md",
        "other/e.md",
        "top.md",
        "k/s.yaml",
    )


@pytest.mark.parametrize(
    ("base", "pattern", "exclude", "expected"),
    [
        ("", "docs/**/*.md", (), ["docs/a.md", "docs/drafts/d.md", "docs/sub/c.md"]),
        ("docs", "*.md", (), ["docs/a.md"]),
        ("docs", "**", (), ["docs/a.md", "docs/b.txt", "docs/drafts/d.md", "docs/sub/c.md"]),
        ("docs", "../other/*", (), ["other/e.md"]),
        ("k", "../**/*.md", ("**/drafts/**",), ["docs/a.md", "docs/sub/c.md", "other/e.md", "top.md"]),
        ("", "**/*.md", ("docs",), ["other/e.md", "top.md"]),
        ("", "**/*.md", ("docs/*/", "top.md"), ["docs/a.md", "other/e.md"]),
        ("docs", "[ab].*", (), ["docs/a.md", "docs/b.txt"]),
        ("docs", "?.md", (), ["docs/a.md"]),
        ("docs", "a.md", (), ["docs/a.md"]),
        ("docs", "a.md/*", (), []),
        ("docs", "sub", (), []),
        ("", "nothing/*.md", (), []),
    ],
)
def test_patterns_find_files(
    docs: Tree, base: str, pattern: str, exclude: tuple[str, ...], expected: list[str]
) -> None:
    assert docs.glob(base, pattern, exclude) == expected


@pytest.mark.parametrize(
    "pattern", ["/etc/*", "../../*", "*/../a", "~/*", "a\0*", "C:/*", ".git/*", "a\\*", "http://x/*"]
)
def test_a_pattern_that_could_lead_elsewhere_is_refused(docs: Tree, pattern: str) -> None:
    with pytest.raises(PathRefused):
        docs.glob("docs", pattern)
    with pytest.raises(PathRefused):
        docs.glob("docs", "*", [pattern])


def test_a_pattern_does_not_go_into_what_is_ignored(docs: Tree) -> None:
    (docs.root / ".reconcilerignore").write_text("docs/sub\n*.txt\n")
    assert docs.glob("", "docs/**") == ["docs/a.md", "docs/drafts/d.md"]
    assert docs.glob("docs/sub", "*.md") == []


def test_a_pattern_over_a_link_is_an_error(docs: Tree) -> None:
    (docs.root / "docs/linked.md").symlink_to("/proc/self/environ")
    (docs.root / "docs/away").symlink_to("/etc")
    with pytest.raises(SymlinkRefused, match="docs/away"):
        docs.glob("docs", "**/*.md")
    with pytest.raises(SymlinkRefused, match="docs/away"):
        docs.glob("docs", "away/*")
    assert docs.glob("docs", "l*.md") == ["docs/linked.md"]
    with pytest.raises(SymlinkRefused, match=r"docs/linked\.md"):
        docs.read("docs/linked.md", 9)


# --- links within the root --------------------------------------------------------------------------------------------


@pytest.fixture
def linked(tmp_path: Path) -> Tree:
    root = tmp_path / "root"
    plant(root, "real/a.md", "real/sub/b.md", ".env")
    (tmp_path / "outside.md").write_text("secret")
    return Tree(root, follow_symlinks=True)


def test_links_within_the_root_are_followed_if_allowed(linked: Tree) -> None:
    root = linked.root
    (root / "one").symlink_to("real")
    (root / "two.md").symlink_to(root / "real/a.md")
    (root / "real/sub/up").symlink_to("../a.md")
    (root / "self").symlink_to(".")
    assert linked.read("one/sub/b.md", 99) == b"real/sub/b.md"
    assert linked.read("two.md", 99) == linked.read("one/sub/up", 99) == linked.read("self/two.md", 99) == b"real/a.md"
    assert linked.stat("two.md").st_size == 9
    (root / "self").unlink()
    assert list(linked.walk()) == [
        "one/a.md",
        "one/sub/b.md",
        "one/sub/up",
        "real/a.md",
        "real/sub/b.md",
        "real/sub/up",
        "two.md",
    ]
    assert linked.glob("", "one/**/*.md") == ["one/a.md", "one/sub/b.md"]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("../outside.md", "leaves"),
        ("real/../../outside.md", "leaves"),
        ("/proc/self/environ", "leaves"),
        ("{root}-other/x", "leaves"),
        (".env", "hidden"),
        ("link", "circle"),
    ],
)
def test_links_that_leave_the_root_or_lead_nowhere_are_refused(linked: Tree, target: str, words: str) -> None:
    (linked.root / "link").symlink_to(target.replace("{root}", str(linked.root)))
    for use in (lambda: linked.read("link", 9), lambda: linked.stat("link"), lambda: list(linked.walk())):
        with pytest.raises(SymlinkRefused, match=words):
            use()


def test_a_link_to_the_root_itself_names_no_file(linked: Tree) -> None:
    (linked.root / "top").symlink_to(linked.root)
    (linked.root / "nothing").symlink_to("missing")
    for use in (lambda: linked.read("top", 9), lambda: linked.stat("top")):
        with pytest.raises(NotRegular):
            use()
    with pytest.raises(NotThere):
        linked.read("nothing", 9)


def test_a_link_to_a_directory_above_is_refused_in_a_walk_unless_ignored(linked: Tree) -> None:
    (linked.root / "real/sub/loop").symlink_to("..")
    errors: list[TreeError] = []
    assert list(linked.walk(on_error=errors.append)) == ["real/a.md", "real/sub/b.md"]
    assert [(type(error), error.path) for error in errors] == [(SymlinkRefused, "real/sub/loop")]
    assert list(linked.walk(ignore=Ignore.parse("loop"))) == ["real/a.md", "real/sub/b.md"]
    (linked.root / "away").symlink_to("/etc")
    assert list(linked.walk(ignore=Ignore.parse("loop\naway"))) == ["real/a.md", "real/sub/b.md"]


def test_a_real_root_behind_a_link_counts_as_the_root(linked: Tree) -> None:
    alias = linked.root.parent / "alias"
    alias.symlink_to("root")
    (linked.root / "abs.md").symlink_to(linked.root / "real/a.md")
    assert Tree(alias, follow_symlinks=True).read("abs.md", 99) == b"real/a.md"
