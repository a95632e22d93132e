"""What `reconciler init` writes: small, commented, and sound under whatever name it gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import reconciler.cli
from reconciler.manifest.load.loader import load
from reconciler.manifest.schema import schemas
from reconciler.manifest.text.source import parse
from reconciler.model.diagnostics import Problems

STARTER = Path(reconciler.cli.__file__).parent / "starter"
FILES = sorted(path for path in STARTER.rglob("*") if path.is_file())


def test_it_is_a_stack_an_assistant_with_its_prompt_and_a_store_with_a_document() -> None:
    assert [path.relative_to(STARTER).as_posix() for path in FILES] == [
        ".gitignore",
        "assistants/helper.yaml",
        "assistants/prompts/helper.md",
        "knowledge/handbook/welcome.md",
        "knowledge/handbook.yaml",
        "reconciler.yaml",
    ]
    assert ".reconciler/\n" in (STARTER / ".gitignore").read_text()


@pytest.mark.parametrize("name", ["my-stack", "123", "true", "1e5"])
def test_it_loads_without_a_problem_under_any_name(tmp_path: Path, name: str) -> None:
    for path in FILES:
        target = tmp_path / path.relative_to(STARTER)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text().replace("@NAME@", name))
    loaded = load(tmp_path)
    assert (loaded.stack.name, loaded.warnings, loaded.ignored) == (name, (), 0)
    assert [str(item.address) for item in loaded.desired] == ["Assistant/helper", "VectorStore/handbook"]
    assert "${" not in loaded.desired[0].spec["instructions"]


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".yaml"], ids=lambda path: path.name)
def test_editors_are_told_where_the_schema_is_and_find_nothing_wrong(path: Path) -> None:
    text = path.read_text().replace("@NAME@", "my-stack")
    (parsed,) = parse(text.encode(), path.name, Problems())
    up = "../" * (len(path.relative_to(STARTER).parts) - 1)
    file = schemas.file_name(parsed.value["kind"])
    assert text.splitlines()[0] == f"# yaml-language-server: $schema={up}schema/{file}"
    assert not list(Draft202012Validator(schemas.published(parsed.value["kind"])).iter_errors(parsed.value))
