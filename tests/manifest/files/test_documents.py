"""Which YAML documents are manifests of ours, and what happens to the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifest.trees import HEAD, STACK, assistant, desired, loaded, manifest, problems, rejected

FOREIGN = "apiVersion: apps/v1\nkind: Deployment\nspec: {}\n"


@pytest.mark.parametrize(
    "text", [FOREIGN, "- a\n- b\n", "just text\n", "kind: Tool\n", "a: &x {b: 1}\nc:\n  <<: *x\nb: !Ref x\n"]
)
def test_documents_of_others_are_ignored_and_counted(tmp_path: Path, text: str) -> None:
    tree = loaded(tmp_path, {"a.yaml": assistant(), "other.yml": text})
    assert (tree.ignored, len(tree.desired)) == (1, 1)


def test_empty_documents_are_not_even_counted(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"a.yaml": f"---\n---\n{assistant()}---\n# nothing\n"}).ignored == 0


def test_several_documents_may_stand_in_one_file_and_beside_the_stack(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"reconciler.yaml": f"{assistant('a')}---\n{STACK}---\n{FOREIGN}"}
    files["more.yml"] = f"{assistant('b')}---\n{FOREIGN}---\n{assistant('c')}"
    tree = loaded(tmp_path, files)
    assert [str(item.address) for item in tree.desired] == ["Assistant/a", "Assistant/b", "Assistant/c"]
    assert tree.ignored == 2


@pytest.mark.parametrize(
    ("head", "problem", "detail"),
    [
        ("apiVersion: reconcilier/v1\nkind: Tool", "E301 a.yaml:1:13", "Expected 'reconciler/v1'."),
        ("apiVersion: reconciler/v2\nkind: Tool", "E301 a.yaml:1:13", "Expected 'reconciler/v1'."),
        ("apiVersion: Reconciler/V1\nkind: Else", "E301 a.yaml:1:13", "Expected 'reconciler/v1'."),
        ("apiVersion: reconcile/v\nkind: Tool", "E301 a.yaml:1:13", "Expected 'reconciler/v1'."),
        ("kind: Tool", "E301 a.yaml:1:1", "A Tool starts with `apiVersion: reconciler/v1`."),
        ("apiVersion: reconciler/v1\nkind: tool", "E302 a.yaml:2:7", "Did you mean 'Tool'?"),
        ("apiVersion: reconciler/v1\nkind: [Tool]", "E302 a.yaml:2:7", "Did you mean 'Tool'?"),
        ("apiVersion: reconciler/v1", "E302 a.yaml:1:1", "Known: Assistant, Stack, Tool, VectorStore."),
    ],
)
def test_near_misses_are_errors(tmp_path: Path, head: str, problem: str, detail: str) -> None:
    (found,) = rejected(tmp_path, {"a.yaml": head + "\nmetadata: {name: x}\nspec: {}\n"})
    assert (f"{found.code} {found.span}", found.detail) == (problem, detail)


def test_names_that_a_broken_file_may_declare_are_not_missed(tmp_path: Path) -> None:
    bot = assistant("bot", "tools:\n  - tool: a\n  - tool: b\n  - tool: c\n  - {type: file_search, vector_stores: [a]}")
    files: dict[str, str | bytes] = {
        "bot.yaml": bot,
        "a.yaml": manifest("Tool", "a", "type: web_search") + "  x: 'y\n",
        "b.yaml": manifest("Tol", "b", "type: web_search"),
    }
    assert problems(tmp_path, files) == [
        "E203 a.yaml:7:1 Not YAML",
        "E302 b.yaml:2:7 Unknown kind 'Tol'",
        "E401 bot.yaml:9:13 Unknown tool 'c'",
    ]


def test_a_broken_file_is_told_even_if_it_is_perhaps_not_ours(tmp_path: Path) -> None:
    assert problems(tmp_path, {"x.yaml": "a: [\n"}) == ["E203 x.yaml:2:1 Not YAML"]


def test_near_misses_without_a_usable_name_are_near_misses_too(tmp_path: Path) -> None:
    text = f"{HEAD}kind: Tol\nmetadata: [x]\nspec: {{}}\n"
    assert problems(tmp_path, {"x.yaml": text}) == ["E302 x.yaml:2:7 Unknown kind 'Tol'"]


def test_what_follows_from_a_fault_of_the_text_is_not_told(tmp_path: Path) -> None:
    text = assistant("a", "temperature: *warm\ntop_p: 1e999\nmax_output_tokens: !!int '5'")
    assert [line[:4] for line in problems(tmp_path, {"a.yaml": text})] == ["E210", "E209", "E208"]


def test_an_unfinished_tree_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    assert desired(tmp_path, {}) == {}
