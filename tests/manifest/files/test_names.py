"""Names of documents in the account."""

from __future__ import annotations

import pytest

from reconciler.manifest.files.names import default_names, extension, retrieval_problem


@pytest.mark.parametrize(
    ("files", "taken", "expected"),
    [
        (["a/x.md", "b/y.md"], {}, ["x.md", "y.md"]),
        (["docs/billing/index.md", "docs/orders/index.md"], {}, ["billing-index.md", "orders-index.md"]),
        (["index.md", "a/index.md"], {}, ["index.md", "a-index.md"]),
        (["a/x/i.md", "b/x/i.md", "i.md"], {}, ["a-x-i.md", "b-x-i.md", "i.md"]),
        (["a/i.md"], {"i.md": "z.md"}, ["a-i.md"]),
        (["i.md"], {"i.md": "z.md"}, ["i.md"]),
        (["a-i.md", "a/i.md", "i.md"], {}, ["a-i.md", "a-i.md", "i.md"]),
        ([], {}, []),
    ],
)
def test_equal_names_get_parent_folders_in_front(files: list[str], taken: dict[str, str], expected: list[str]) -> None:
    assert list(default_names(files, taken).values()) == expected


def test_extensions_are_what_stands_after_the_last_dot() -> None:
    assert [extension(name) for name in ("a.tar.gz", "README", "a.PDF")] == ["gz", "", "PDF"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("report.PDF", "`as: report.pdf`"),
        ("prices.csv", "`as: prices.csv.txt`"),
        ("README", "`as: README.txt`"),
        ("table.xlsx", "Export the document"),
        ("photo.PNG", "Export the document"),
    ],
)
def test_what_retrieval_does_not_read_comes_with_a_way_out(name: str, words: str) -> None:
    assert words in (retrieval_problem(name, f"data/{name}") or "")
    assert retrieval_problem("a.md", "a.md") is None
