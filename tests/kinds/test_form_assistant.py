"""The Assistant manifest: one form, three runtimes, and one table of what goes where."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.kinds.form_assistant import ASSISTANT_FORM, RUNTIMES, routes
from tests.kinds.subjects import spec_of

EDITOR = Draft202012Validator(ASSISTANT_FORM.spec_schema())


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("example", [0, 1])
def test_the_editors_schema_takes_what_a_runtime_takes(runtime: str, example: int) -> None:
    spec = {"runtime": runtime, **spec_of(RUNTIMES[runtime], example)}
    Draft202012Validator.check_schema(ASSISTANT_FORM.spec_schema(runtime))
    Draft202012Validator(ASSISTANT_FORM.spec_schema(runtime)).validate(spec)
    EDITOR.validate(spec)


@pytest.mark.parametrize(
    "spec",
    [
        {"runtime": "agents", "temperature": 1},
        {"runtime": "assistants", "truncation": "auto"},
        {"runtime": "responses", "compaction": {"async": True}},
        {"runtime": "agents", "tools": [{"type": "code_interpreter"}]},
        {"runtime": "somewhere"},
        {"modle": "x"},
    ],
    ids=str,
)
def test_the_editors_schema_narrows_by_runtime(spec: dict[str, Any]) -> None:
    assert not EDITOR.is_valid(spec)


def test_one_table_says_which_field_goes_where() -> None:
    table = {str(row["field"]): row for row in routes()}
    assert table["reasoning"] == {
        "field": "reasoning",
        "responses": "reasoning",
        "agents": "reasoning",
        "assistants": "reasoning_effort",
    }
    assert table["response_format"]["responses"] == "text"
    assert table["temperature"]["agents"] is None
    assert list(table) == sorted(table)


def test_what_a_runtime_lacks_has_advice_and_what_it_has_does_not() -> None:
    assert "set `runtime: responses`" in (ASSISTANT_FORM.unavailable("temperature", "agents") or "")
    assert ASSISTANT_FORM.unavailable("temperature", "responses") is None
    assert ASSISTANT_FORM.unavailable("modle", "agents") is None
