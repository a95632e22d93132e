"""The Tool manifest: any tool of any runtime, and no resource of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.kinds.form_assistant import RUNTIMES
from reconciler.kinds.form_tool import TOOL_FORM
from tests.kinds.trees import Tree

SCHEMA = Draft202012Validator(TOOL_FORM.spec_schema())
EVERY_TOOL = [
    tool
    for kind in RUNTIMES.values()
    for field in kind.fields
    if field.source == "tools"
    for example in field.examples
    for tool in example
]


@pytest.mark.parametrize("tool", EVERY_TOOL, ids=lambda tool: str(tool["type"]))
def test_any_tool_of_any_runtime_may_have_a_name(tool: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(TOOL_FORM.spec_schema())
    SCHEMA.validate(tool)


@pytest.mark.parametrize(
    "tool",
    [{"type": "teleport"}, {"type": "mcp"}, {"type": "web_search", "modle": 1}, {"tool": "another"}],
    ids=str,
)
def test_what_no_runtime_has_is_refused(tool: dict[str, Any]) -> None:
    assert not SCHEMA.is_valid(tool)


def test_where_two_runtimes_differ_either_will_do() -> None:
    function = {"name": "f", "description": "Finds.", "parameters": {}}
    for tool in ({"function": {**function, "strict": True}}, {"function": function, "defer_loading": True}):
        SCHEMA.validate({"type": "function", **tool})
    for name in ("search_context_size", "context_size"):
        SCHEMA.validate({"type": "web_search", name: "low"})


def test_a_tool_is_no_resource(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.tool("search", type="web_search")
    assert tree.found() == []
    assert tree.lowered().address.kind == "Assistant"
