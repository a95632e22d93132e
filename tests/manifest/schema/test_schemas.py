"""The published schemas: generated, valid, useful to an editor, and true to what is accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.manifest.schema import schemas
from reconciler.manifest.text.source import parse
from reconciler.model.diagnostics import Problems
from reconciler.review import plan_schema
from tests.manifest.trees import assistant, manifest, stack

ROOT = Path(__file__).parents[3]
PUBLISHED = {schemas.file_name(kind): schemas.published(kind) for kind in schemas.kinds()}
EXAMPLES = [
    path
    for folder in ("", "assistants", "assistants/tools", "knowledge")
    for path in sorted((ROOT / folder).glob("[!.]*.yaml"))
]


def errors(text: str) -> list[str]:
    """What an editor would underline: the paths of the errors of a document in its published schema."""
    problems = Problems()
    (parsed,) = parse(text.encode(), "f", problems)
    assert not problems.found
    schema = schemas.published(parsed.value["kind"])
    found = Draft202012Validator(schema).iter_errors(parsed.value)
    return [".".join(map(str, error.absolute_path)) for error in found]


def test_the_files_are_what_the_code_generates() -> None:
    generated = {**PUBLISHED, "plan.schema.json": plan_schema.schema()}
    on_disk = {path.name: json.loads(path.read_text()) for path in (ROOT / "schema").glob("*.json")}
    assert on_disk == generated, "run `reconciler schema --write schema`"


@pytest.mark.parametrize("name", [*PUBLISHED, "plan.schema.json"])
def test_each_is_a_valid_schema(name: str) -> None:
    schema = json.loads((ROOT / "schema" / name).read_text())
    assert schema["$schema"] == schemas.DRAFT
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_fits_as_it_is_written(path: Path) -> None:
    assert errors(path.read_text()) == []


def test_there_are_examples_of_every_kind() -> None:
    kinds = {line.split()[1] for path in EXAMPLES for line in path.read_text().splitlines() if line.startswith("kind:")}
    assert kinds == set(schemas.kinds())


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (assistant("a", "temprature: 1"), "spec"),
        (assistant("a", "temperature: 3"), "spec.temperature"),
        (assistant("a", "runtime: agents\ntemperature: 1"), "spec"),
        (assistant("a", "tools:\n  - type: functoin"), "spec.tools"),
        (assistant("a", "instructions: {file: 5}"), "spec.instructions"),
        (assistant("Not A Name"), "metadata.name"),
        (assistant("a") + "lifecycle: {protect: 5}\n", "lifecycle.protect"),
        (manifest("Tool", "a", "type: functoin"), "spec"),
        (manifest("VectorStore", "a", "files:\n  - glob: 5"), "spec.files.0"),
        (stack("limits: {max_deletes: many}"), "spec.limits.max_deletes"),
        (stack("environments: {Prod: {}}"), "spec.environments"),
    ],
)
def test_typical_mistakes_do_not_fit(text: str, place: str) -> None:
    assert place in errors(text)


@pytest.mark.parametrize(
    "text",
    [
        assistant("a", "instructions: {file: p.md, interpolate: true}"),
        manifest("Tool", "a", "type: function\nfunction: {parameters: {file: f.json}}"),
        manifest("Assistant", "a", "display_name: The Stack says the model"),
    ],
)
def test_what_editors_must_not_underline(text: str) -> None:
    assert errors(text) == []


def described(schema: Any, path: str = "") -> Iterator[tuple[str, bool]]:
    for name, inner in schema.get("properties", {}).items():
        place = f"{path}.{name}"
        yield place, bool(inner.get("description"))
        yield from described(inner, place)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from described(schema["additionalProperties"], f"{path}.*")


@pytest.mark.parametrize("kind", schemas.kinds())
def test_editors_find_a_description_of_everything_around_a_spec(kind: str) -> None:
    schema = schemas.published(kind)
    if kind != "Stack":
        del schema["properties"]["spec"]
    assert [place for place, has in described(schema) if not has and place != ".spec"] == []


def test_the_title_names_the_kind() -> None:
    assert all(
        schema["title"].startswith(kind) for kind, schema in zip(schemas.kinds(), PUBLISHED.values(), strict=True)
    )
    assert list(PUBLISHED) == [
        "stack.schema.json",
        "assistant.schema.json",
        "tool.schema.json",
        "vector-store.schema.json",
    ]
