"""File entries to documents: which, named how, with which content, and what is refused."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.kinds.manifest import FileEntry
from reconciler.manifest.files import knowledge
from reconciler.manifest.files.hashcache import Content, HashCache
from reconciler.manifest.files.knowledge import collect
from reconciler.manifest.files.tree import Tree
from reconciler.model.address import Span
from reconciler.model.desired import Document
from reconciler.model.diagnostics import Problems

SPAN = Span("k/store.yaml", 7, 7)
KEY = "sk-" + "q7Zt2LmXv9Rk4BwYc8NsJd3HpGf6TaUe5QiWoMxKzVbCnEhD"


def plant(root: Path, files: dict[str, str]) -> Tree:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Tree(root)


def gather(
    tree: Tree, entries: Sequence[FileEntry], *, retrieval: bool = True, cache: HashCache | None = None
) -> tuple[tuple[Document, ...], list[str]]:
    problems = Problems()
    documents = collect(tree, "k", entries, problems, retrieval=retrieval, cache=cache)
    assert all(item.span == SPAN for item in problems.found)
    return documents, [f"{item.code} {item.summary}: {item.detail}" for item in problems.found]


def glob(pattern: str, /, **more: Any) -> FileEntry:
    return FileEntry(pattern, glob=True, span=SPAN, **more)


def path(name: str, /, **more: Any) -> FileEntry:
    return FileEntry(name, glob=False, span=SPAN, **more)


def complaint(tree: Tree, *entries: FileEntry, retrieval: bool = True) -> str:
    documents, problems = gather(tree, entries, retrieval=retrieval)
    assert documents == ()
    (problem,) = problems
    return problem


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return plant(
        tmp_path,
        {
            "k/docs/a.md": "alpha",
            "k/docs/billing/index.md": "billing",
            "k/docs/orders/index.md": "orders",
            "k/docs/drafts/x.md": "draft",
            "k/docs/.hidden.md": "hidden",
            "k/prices.csv": "a,b",
            "k/warranty.pdf": "pdf",
            "shared/s.md": "shared",
        },
    )


# --- which files ------------------------------------------------------------------------------------------------------


def test_entries_become_documents(tree: Tree) -> None:
    chunking = {"type": "auto"}
    documents, problems = gather(
        tree,
        [
            glob("docs/**/*.md", exclude=("**/drafts/**",), attributes={"audience": "public"}, chunking=chunking),
            path("prices.csv", as_name="prices.csv.txt"),
            path("warranty.pdf", name="Warranty terms.pdf"),
            path("../shared/s.md"),
        ],
    )
    assert problems == []
    assert [(doc.path, doc.file, doc.name, doc.bytes) for doc in documents] == [
        ("../shared/s.md", "shared/s.md", "s.md", 6),
        ("docs/a.md", "k/docs/a.md", "a.md", 5),
        ("docs/billing/index.md", "k/docs/billing/index.md", "billing-index.md", 7),
        ("docs/orders/index.md", "k/docs/orders/index.md", "orders-index.md", 6),
        ("prices.csv", "k/prices.csv", "prices.csv.txt", 3),
        ("warranty.pdf", "k/warranty.pdf", "Warranty terms.pdf", 3),
    ]
    assert documents[1].sha256 == hashlib.sha256(b"alpha").hexdigest()
    assert documents[1].attributes == {"audience": "public"}
    assert documents[1].chunking == chunking
    assert documents[1].span == SPAN


def test_the_first_matching_entry_wins_and_a_useless_one_is_a_warning(tree: Tree) -> None:
    documents, problems = gather(
        tree, [glob("docs/*.md", attributes={"n": 1}), glob("docs/**/a.md", attributes={"n": 2})]
    )
    assert [doc.attributes for doc in documents] == [{"n": 1}]
    assert [problem[:4] for problem in problems] == ["W501"]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("docs/*.txt", "In k/docs there are: 1 .md"),
        ("docs/**/*.txt", "In k/docs there are: 1 .md"),
        ("dosc/*.md", "Did you mean 'docs'?"),
        ("docs/aa.md", "Did you mean 'a.md'?"),
        ("../shard/*.md", "Did you mean 'shared'?"),
        ("../*.md", "In the root there are no files"),
        ("*.md", "In k there are: 1 .csv, 1 .pdf"),
        ("docs/.hidden.md/x*", "hidden files are never read"),
    ],
)
def test_a_pattern_that_matches_nothing_says_what_is_near(tree: Tree, pattern: str, words: str) -> None:
    assert words in complaint(tree, glob(pattern))


def test_nothing_near_is_said_as_that(tmp_path: Path) -> None:
    (tmp_path / "k").mkdir()
    assert complaint(Tree(tmp_path), path("a.md")).endswith("k/a.md does not exist.")


def test_a_missing_or_ignored_path_is_an_error(tree: Tree) -> None:
    assert "E503 File not found" in complaint(tree, path("warrenty.pdf"))
    assert "a pattern is written as `glob`." in complaint(tree, path("*.pdf"))
    assert "Did you mean 'warranty.pdf'?" in complaint(tree, path("warrenty.pdf"))
    (tree.root / ".reconcilerignore").write_text("prices.csv\n")
    assert "excluded by .reconcilerignore" in complaint(Tree(tree.root), path("prices.csv", as_name="p.txt"))


@pytest.mark.parametrize("name", ["/etc/passwd", "../../x.md", "~/x.md", "a\0.md", "..\\x.md", ".env", "C:/x.md"])
def test_paths_that_lead_elsewhere_are_refused(tree: Tree, name: str) -> None:
    assert complaint(tree, path(name)).startswith("E601")
    assert complaint(tree, glob(name)).startswith("E601")


def test_links_and_pipes_are_refused(tree: Tree) -> None:
    (tree.root / "k/x.md").symlink_to("/proc/self/environ")
    os.mkfifo(tree.root / "k/pipe.md")
    (tree.root / "k/away").symlink_to("/etc")
    assert complaint(tree, path("x.md")).startswith("E601 Path refused: k/x.md is a symbolic link")
    assert complaint(tree, glob("x*.md")).startswith("E601 Path refused: k/x.md is a symbolic link")
    assert complaint(tree, glob("away/*.md")).startswith("E601 Path refused: k/away is a symbolic link")
    assert complaint(tree, path("pipe.md")).startswith("E503 File unusable: k/pipe.md is a named pipe")
    assert complaint(tree, glob("p*.md")).startswith("E503 File unusable: k/pipe.md is a named pipe")
    assert complaint(tree, path("docs")).startswith("E503 File unusable: k/docs is a directory")


# --- names ------------------------------------------------------------------------------------------------------------


def test_equal_explicit_names_are_an_error_that_names_both(tree: Tree) -> None:
    _, problems = gather(tree, [path("warranty.pdf", name="x.md"), path("docs/a.md", name="x.md")])
    assert problems == [
        "E504 Equal names: k/docs/a.md and k/warranty.pdf would both be called 'x.md'. Give one of them another `name`."
    ]


def test_a_default_name_gives_way_to_an_explicit_one(tree: Tree) -> None:
    documents, problems = gather(tree, [path("warranty.pdf", name="a.md"), path("docs/a.md")])
    assert (problems, [doc.name for doc in documents]) == ([], ["docs-a.md", "a.md"])


def test_default_names_that_stay_equal_are_an_error(tmp_path: Path) -> None:
    tree = plant(tmp_path, {"k-a.md": "1", "k/a.md": "2", "a.md": "3"})
    _, problems = gather(tree, [glob("../**/*.md")])
    assert "k-a.md and k/a.md would both be called 'k-a.md'" in problems[0]


def test_name_and_as_are_one_thing(tree: Tree) -> None:
    assert gather(tree, [path("prices.csv", name="p.txt", as_name="p.txt")])[1] == []
    assert gather(tree, [path("prices.csv", name="p.txt", as_name="q.txt")])[1][0].startswith("E504 Two names")


@pytest.mark.parametrize("name", ["a/b.md", "a\\b.md", "  "])
def test_a_name_is_a_file_name(tree: Tree, name: str) -> None:
    assert any("E504 Not a file name" in item for item in gather(tree, [path("docs/a.md", name=name)])[1])


def test_unsafe_characters_and_long_names_are_refused(tmp_path: Path) -> None:
    tree = plant(tmp_path, {"s.md": "x", "k/a\u202edm.txt": "x", "k/" + "d" * 200 + "/" + "e" * 60 + ".md": "x"})
    problem = complaint(tree, path("a\u202edm.txt", name="b.txt"))
    assert problem.startswith("E603")
    assert "\u202e" not in problem
    assert "RIGHT-TO-LEFT OVERRIDE" in problem
    assert complaint(tree, glob("ddd*/*.md")).startswith("E505 The path is too long")
    assert complaint(tree, path("../s.md", name="f" * 300 + ".md")).startswith("E505 The name is too long")


# --- types and sizes ---------------------------------------------------------------------------------------------------


def test_retrieval_is_particular_about_extensions_and_code_interpreter_is_not(tree: Tree) -> None:
    assert "`as: prices.csv.txt`" in complaint(tree, path("prices.csv"))
    documents, problems = gather(tree, [path("prices.csv")], retrieval=False)
    assert (len(documents), problems) == (1, [])


def test_empty_and_huge_files_are_refused_unread(tree: Tree) -> None:
    (tree.root / "k/empty.md").write_text("")
    with (tree.root / "k/huge.md").open("wb") as file:
        file.truncate(512 * 1024 * 1024 + 1)
    assert "is empty" in complaint(tree, path("empty.md"))
    assert "512 MB" in complaint(tree, path("huge.md"))


# --- content ----------------------------------------------------------------------------------------------------------


def test_a_credential_in_a_file_is_an_error_that_does_not_repeat_it(tree: Tree) -> None:
    (tree.root / "k/notes.md").write_text(f"the key is {KEY}\n")
    (tree.root / "k/photo.pdf").write_text(KEY)
    _, problems = gather(tree, [path("notes.md"), path("photo.pdf")])
    assert len(problems) == 1
    assert problems[0].startswith("E602 Credential in a file: k/notes.md contains one (OpenAI API key, 51 characters)")
    assert KEY[5:] not in problems[0]


def test_large_files_are_read_in_chunks(tree: Tree) -> None:
    data = b"0123456789abcdef" * 200_000
    (tree.root / "k/big.md").write_bytes(data)
    documents, _ = gather(tree, [path("big.md")])
    assert documents[0].sha256 == hashlib.sha256(data).hexdigest()


class Meddling(Tree):
    """A tree in which somebody appends to each file while it is open."""

    def open(self, relpath: str) -> Any:
        with (self.root / relpath).open("ab") as file:
            file.write(b"more")
        return super().open(relpath)


def test_a_file_that_changes_meanwhile_is_an_error(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "changed while it was read" in complaint(Meddling(tree.root), path("docs/a.md"))
    monkeypatch.setattr(knowledge, "MAX_BYTES", 10)
    assert "grew beyond 10 bytes" in complaint(Meddling(tree.root), path("docs/billing/index.md"))


class Counting(Tree):
    """A tree that counts how many files are opened."""

    opened = 0

    def open(self, relpath: str) -> Any:
        self.opened += 1
        return super().open(relpath)


def test_what_the_cache_knows_is_not_read_again(tree: Tree, tmp_path: Path) -> None:
    later = 2**62
    counting = Counting(tree.root)
    (tree.root / "k/notes.md").write_text(KEY)
    entries = [path("docs/a.md"), path("notes.md")]
    with HashCache(tmp_path / ".reconciler/cache.db", later) as cache:
        first = gather(counting, entries, cache=cache)
    assert counting.opened == 2
    with HashCache(tmp_path / ".reconciler/cache.db", later) as cache:
        assert gather(counting, entries, cache=cache) == first
    assert counting.opened == 2
    assert first[1][0].startswith("E602")


def test_hashing_can_be_used_by_itself(tree: Tree) -> None:
    content, after = knowledge.hash_file(tree, "k/docs/a.md", scan=False)
    assert content == Content(hashlib.sha256(b"alpha").hexdigest())
    assert after.st_size == 5
