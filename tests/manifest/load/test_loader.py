"""A whole tree: what it gives, what its digest covers, and in which order problems come."""

from __future__ import annotations

from pathlib import Path

from reconciler.model.diagnostics import Severity
from tests.manifest.trees import assistant, loaded, manifest, problems, stack

FILES: dict[str, str | bytes] = {
    "reconciler.yaml": stack("limits: {max_deletes: 3}"),
    "b.yaml": assistant("b", "instructions: {file: p.md}\ntools:\n  - {type: file_search, vector_stores: [docs]}"),
    "a.yaml": assistant("a"),
    "docs.yaml": manifest("VectorStore", "docs", "files:\n  - glob: d/*.md"),
    "d/one.md": "One.",
    "d/two.md": "Two.",
    "p.md": "Hello",
}


def digest(root: Path, **changes: str) -> str:
    files = FILES | {name.replace("__", "/").replace("_", "."): text for name, text in changes.items()}
    return loaded(root, files).manifests


def test_resources_come_in_order_with_their_documents(tmp_path: Path) -> None:
    tree = loaded(tmp_path, FILES)
    assert [str(item.address) for item in tree.desired] == ["Assistant/a", "Assistant/b", "VectorStore/docs"]
    assert (tree.documents, tree.warnings, tree.environment) == (2, (), None)


def test_the_digest_covers_everything_that_a_plan_is_made_from(tmp_path: Path) -> None:
    before = digest(tmp_path)
    assert before.startswith("sha256:")
    assert digest(tmp_path) == before
    for change in (
        {"p_md": "Hallo"},
        {"d__one_md": "Eins."},
        {"a_yaml": assistant("a", more="lifecycle: {protect: true}\n")},
        {"a_yaml": assistant("a", more="lifecycle: {moved_from: Assistant/c}\n")},
        {"reconciler_yaml": stack("limits: {max_deletes: 4}")},
    ):
        assert digest(tmp_path, **change) != before


def test_the_digest_does_not_cover_how_a_manifest_is_written(tmp_path: Path) -> None:
    before = digest(tmp_path)
    assert digest(tmp_path, a_yaml="# a comment\n" + assistant("a").replace("model: m", '"model": "m"')) == before


def test_problems_come_in_order_of_files_and_lines(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"b.yaml": assistant("b", "y: 1\nx: 1"), "a.yaml": assistant("a", "z: 1")}
    assert problems(tmp_path, files) == [
        "E303 a.yaml:6:3 Unknown field 'z'",
        "E303 b.yaml:6:3 Unknown field 'y'",
        "E303 b.yaml:7:3 Unknown field 'x'",
    ]


def test_warnings_stop_nothing_and_show_their_line(tmp_path: Path) -> None:
    store = manifest("VectorStore", "docs", "files:\n  - glob: d/*.md\n  - path: d/one.md")
    (warning,) = loaded(tmp_path, FILES | {"docs.yaml": store}).warnings
    assert (warning.code, warning.severity, str(warning.span)) == ("W501", Severity.WARNING, "docs.yaml:7:13")
    assert warning.source == "    - path: d/one.md"
