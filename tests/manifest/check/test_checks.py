"""What a schema cannot say about one document: lifecycle, chunking, JSON Schemas, tags that have to fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.address import Address
from tests.manifest.trees import assistant, desired, manifest, problems, rejected, stack


def test_lifecycle_reaches_the_resource_under_the_names_of_the_api(tmp_path: Path) -> None:
    more = """
        lifecycle:
          protect: true
          on_delete: retain
          moved_from: Assistant/old
          ignore_changes: [display_name, response_format, labels]
          adopt: skill_1
        """
    lifecycle = desired(tmp_path, {"a.yaml": assistant("a", more=more.lstrip("\n"))})["Assistant/a"].lifecycle
    assert (lifecycle.protect, lifecycle.retain, lifecycle.adopt) == (True, True, "skill_1")
    assert lifecycle.moved_from == Address("Assistant", "old")
    assert {"name", "text", "labels"} <= set(lifecycle.ignore_changes)


@pytest.mark.parametrize(
    ("lifecycle", "problem"),
    [
        ("ignore_changes: [model, modle]", "E314 a.yaml:4:37 Unknown field 'modle' in ignore_changes"),
        ("moved_from: Tool/a", "E315 a.yaml:4:25 moved_from is 'Tool/a'"),
        ("moved_from: a", "E312 a.yaml:4:25 lifecycle.moved_from is 'a'"),
        (f"moved_from: Assistant/{'a' * 41}", "E312 a.yaml:4:25 lifecycle.moved_from is"),
        ("adopt: a/b", "E312 a.yaml:4:20 lifecycle.adopt is 'a/b'"),
        ("on_delete: forget", "E310 a.yaml:4:24 lifecycle.on_delete is 'forget'"),
    ],
)
def test_what_is_wrong_with_a_lifecycle(tmp_path: Path, lifecycle: str, problem: str) -> None:
    (found,) = problems(tmp_path, {"a.yaml": assistant("a", more=f"lifecycle: {{{lifecycle}}}\n")})
    assert found.startswith(problem)


def test_an_overlap_is_at_most_half_of_the_chunk_in_the_store_and_in_entries(tmp_path: Path) -> None:
    spec = """
        chunking_strategy: {type: static, static: {max_chunk_size_tokens: 800, chunk_overlap_tokens: 401}}
        files:
          - path: a.md
            chunking_strategy: {type: static, static: {max_chunk_size_tokens: 200, chunk_overlap_tokens: 100}}
          - path: b.md
            chunking_strategy: {type: static, static: {max_chunk_size_tokens: 200, chunk_overlap_tokens: 101}}
        """
    found = rejected(tmp_path, {"a.yaml": manifest("VectorStore", "a", spec), "a.md": "x", "b.md": "x"})
    assert [(item.code, item.detail) for item in found] == [
        ("E316", "It may be at most half of max_chunk_size_tokens: 400."),
        ("E316", "It may be at most half of max_chunk_size_tokens: 100."),
    ]


def test_json_schemas_are_checked_in_tools_and_response_formats(tmp_path: Path) -> None:
    spec = """
        tools:
          - type: function
            function: {name: f, strict: true, parameters: {type: object}}
        response_format:
          type: json_schema
          json_schema: {name: a, strict: true, schema: {type: object, properties: {b: {type: 5}}}}
        """
    assert problems(tmp_path, {"a.yaml": assistant("a", spec)}) == [
        "E317 a.yaml:9:53 parameters is not in the strict subset",
        "E317 a.yaml:12:88 schema.properties.b.type is not a valid JSON Schema",
    ]


def test_a_schema_that_was_left_out_is_none(tmp_path: Path) -> None:
    spec = "tools:\n  - {type: function, function: {name: f}}"
    assert len(desired(tmp_path, {"a.yaml": assistant("a", spec)})) == 1


@pytest.mark.parametrize("kind", ["VectorStore", "Assistant"])
def test_tags_have_to_fit_into_what_the_account_gives(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reconciler.ownership import tags

    def too_long(*_: object) -> None:
        raise tags.TagTooLongError("reconciler.fields has 513 characters")

    monkeypatch.setattr(tags, "encode", too_long)
    monkeypatch.setattr(tags, "encode_line", too_long)
    text = assistant("a") if kind == "Assistant" else manifest(kind, "a")
    (found,) = rejected(tmp_path, {"a.yaml": text})
    assert (found.code, found.address, str(found.span)) == ("E318", Address(kind, "a"), "a.yaml:1:1")


def test_a_file_whose_path_does_not_fit_into_the_anchor_is_refused(tmp_path: Path) -> None:
    name = "%" * 170 + ".csv"
    text = 'runtime: assistants\ntools: [{type: code_interpreter, files: ["data/*.csv"]}]'
    files = {"reconciler.yaml": stack(), "a.yaml": assistant("helper", text), f"data/{name}": "a,b\n"}
    assert [item.code for item in rejected(tmp_path, files)] == ["E505"]
