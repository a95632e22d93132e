"""What manifests say about each other."""

from __future__ import annotations

from pathlib import Path

from tests.manifest.trees import assistant, desired, manifest, problems, rejected


def test_one_address_has_one_manifest_and_both_are_checked(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"a.yaml": assistant("a", "x: 1"), "b.yaml": assistant("a", "y: 1")}
    assert problems(tmp_path, files) == [
        "E303 a.yaml:6:3 Unknown field 'x'",
        "E404 b.yaml:3:18 Assistant/a is declared twice",
        "E303 b.yaml:6:3 Unknown field 'y'",
    ]
    (twice,) = [item for item in rejected(tmp_path, files) if item.code == "E404"]
    assert twice.detail == "The other one is at a.yaml:3:18. Give one of them another name."


def test_two_sound_manifests_of_one_address_are_one_problem(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"a.yaml": assistant("a"), "b.yaml": assistant("a")}
    assert problems(tmp_path, files) == ["E404 b.yaml:3:18 Assistant/a is declared twice"]


def test_two_kinds_may_share_a_name(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"a.yaml": assistant("a"), "b.yaml": manifest("VectorStore", "a")}
    assert list(desired(tmp_path, files)) == ["Assistant/a", "VectorStore/a"]


def test_a_rename_needs_a_free_address_that_nobody_else_wants(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.yaml": assistant("a", more="lifecycle: {moved_from: Assistant/b}\n"),
        "b.yaml": assistant("b", "x: 1"),
        "c.yaml": assistant("c", more="lifecycle: {moved_from: Assistant/gone}\n"),
        "d.yaml": assistant("d", more="lifecycle: {moved_from: Assistant/gone}\n"),
    }
    assert problems(tmp_path, files) == [
        "E406 a.yaml:4:25 Assistant/b cannot be moved",
        "E303 b.yaml:6:3 Unknown field 'x'",
        "E406 d.yaml:4:25 Assistant/gone is moved twice",
    ]


def test_one_object_is_adopted_once(tmp_path: Path) -> None:
    text = "lifecycle: {adopt: skill_1}\n"
    files: dict[str, str | bytes] = {"a.yaml": assistant("a", more=text), "b.yaml": assistant("b", more=text)}
    assert problems(tmp_path, files) == ["E407 b.yaml:4:20 skill_1 is adopted twice"]
