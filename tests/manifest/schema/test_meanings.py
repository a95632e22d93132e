"""What editors show beside a field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.manifest.schema import schemas
from reconciler.manifest.schema.meanings import described


def undescribed(schema: Any, path: str = "") -> Iterator[str]:
    if isinstance(schema, list):
        for item in schema:
            yield from undescribed(item, path)
    elif isinstance(schema, dict):
        for name, item in (schema.get("properties") or {}).items():
            if "description" not in item and "const" not in item:
                yield f"{path}.{name}"
            yield from undescribed(item, f"{path}.{name}")
        for key, item in schema.items():
            if key not in {"properties", "if"}:
                yield from undescribed(item, path)


@pytest.mark.parametrize("kind", schemas.kinds())
def test_every_field_of_a_published_schema_is_described(kind: str) -> None:
    spec = schemas.published(kind)["properties"]["spec"]
    assert sorted(set(undescribed(spec))) == []


def test_the_longest_end_of_a_path_counts_and_what_is_described_stays() -> None:
    inner = {"properties": {"name": {"type": "string"}}}
    schema = {"properties": {"function": inner, "name": {"description": "Mine."}, "no_such": {}, "odd": True}}
    found = described(schema, {"function.name": "Its name.", "name": "Some name.", "function": "A function."})[
        "properties"
    ]
    assert found["function"]["properties"]["name"]["description"] == "Its name."
    assert found["name"] == {"description": "Mine."}
    assert found["no_such"] == {}
    assert found["odd"] is True
