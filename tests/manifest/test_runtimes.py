"""A field, a tool or an amount that a runtime lacks: told by name, with the runtime, the place and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from reconciler.kinds.form_assistant import RUNTIMES, routes
from reconciler.manifest.schema.schemas import spec_schema
from reconciler.model.json import Json
from tests.manifest.trees import assistant, brief, desired, manifest, rejected

LACKING = [(row["field"], runtime) for row in routes() for runtime in RUNTIMES if row[runtime] is None]
TOOLS = sorted({tool for kind in RUNTIMES.values() for tool in kind.tools})
LACKING_TOOLS = [(tool, runtime) for tool in TOOLS for runtime, kind in RUNTIMES.items() if tool not in kind.tools]


@pytest.mark.parametrize(("field", "runtime"), LACKING)
def test_a_field_that_a_runtime_lacks(tmp_path: Path, field: str, runtime: str) -> None:
    text = assistant("a", f"runtime: {runtime}\n{field}: 1")
    (found,) = rejected(tmp_path, {"a.yaml": text})
    assert brief((found,)) == [f"E304 a.yaml:7:3 {field!r} is not available on the {runtime} runtime"]
    assert found.detail


@pytest.mark.parametrize(("tool", "runtime"), LACKING_TOOLS)
def test_a_tool_that_a_runtime_lacks(tmp_path: Path, tool: str, runtime: str) -> None:
    text = assistant("a", f"runtime: {runtime}\ntools:\n  - type: {tool}")
    (found,) = rejected(tmp_path, {"a.yaml": text})
    assert brief((found,)) == [f"E304 a.yaml:8:13 {tool!r} is not available on the {runtime} runtime"]
    assert found.detail


GOOD_TOOLS = {
    "file_search": "vector_stores: [docs]",
    "mcp": "server_label: x\nserver_url: https://x.example.com",
}


@pytest.mark.parametrize(("tool", "runtime"), LACKING_TOOLS)
def test_a_tool_with_a_manifest_is_told_there_with_the_runtime_that_uses_it(
    tmp_path: Path, tool: str, runtime: str
) -> None:
    users = [assistant(name, f"runtime: {runtime}\ntools:\n  - tool: shared") for name in ("a", "b")]
    files: dict[str, str | bytes] = {
        "a.yaml": "---\n".join(users),
        "t.yaml": manifest("Tool", "shared", f"type: {tool}\n{GOOD_TOOLS.get(tool, '')}"),
        "docs.yaml": manifest("VectorStore", "docs"),
    }
    (found,) = rejected(tmp_path, files)
    assert brief((found,)) == [f"E304 t.yaml:5:9 {tool!r} is not available on the {runtime} runtime"]


# --- inside of tools and formats --------------------------------------------------------------------------------------


def members(schema: Mapping[str, Json], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every property inside a schema, with the `type` of what it is a property of."""
    for branch in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from members(branch, path)
    if isinstance(schema.get("items"), Mapping):
        yield from members(schema["items"], path)
    properties = schema.get("properties", {})
    kind = properties.get("type", {}).get("const")
    for name, inner in properties.items():
        place = (*path, *([kind] if kind else []), name)
        yield place
        yield from members(inner, place)


INSIDE = {runtime: set(members(spec_schema("Assistant", runtime))) for runtime in RUNTIMES}


def gaps() -> Iterator[tuple[str, tuple[str, ...]]]:
    """What another runtime has inside something that this one has as well."""
    for runtime, own in INSIDE.items():
        others = set().union(*(paths for other, paths in INSIDE.items() if other != runtime))
        for path in sorted(others - own):
            above = path[:-1] if path[:-1] in others or len(path) < 3 else path[:-2]
            is_other_shape = path[-2:-1] == ("allowed_tools",)  # a list there, a mapping here: told as that
            if len(path) > 1 and above in own and path[-1] != "type" and not is_other_shape:
                yield runtime, path


@pytest.mark.parametrize(
    ("runtime", "path"), list(gaps()), ids=lambda item: item if isinstance(item, str) else ".".join(item)
)
def test_what_only_another_runtime_has_inside_a_field_has_advice(runtime: str, path: tuple[str, ...]) -> None:
    lacks = RUNTIMES[runtime].lacks
    is_in_lacking_tool = path[0] == "tools" and path[1] not in RUNTIMES[runtime].tools
    assert is_in_lacking_tool or lacks.get(".".join(path[-2:])) or lacks.get(path[-1])


@pytest.mark.parametrize(
    ("runtime", "spec", "problem"),
    [
        (
            "agents",
            "tools:\n  - {type: web_search, search_context_size: low}",
            "E304 a.yaml:8:26 'search_context_size'",
        ),
        ("responses", "tools:\n  - {type: web_search, mode: live}", "E304 a.yaml:8:26 'mode'"),
        ("agents", "response_format: {type: json_object}", "E304 a.yaml:7:27 'json_object'"),
        (
            "agents",
            "response_format: {type: json_schema, json_schema: {name: x, schema: {type: object}}}",
            "E304 a.yaml:7:54 'name'",
        ),
        ("assistants", "reasoning: {effort: low, summary: auto}", "E304 a.yaml:7:28 'summary'"),
        (
            "assistants",
            "tools:\n  - {type: file_search, vector_stores: [{id: vs_1}, {id: vs_2}]}",
            "E304 a.yaml:8:42 spec.tools[0].vector_stores is a list of 2",
        ),
    ],
)
def test_what_a_runtime_lacks_inside_a_field_stands_at_its_key(
    tmp_path: Path, runtime: str, spec: str, problem: str
) -> None:
    (found,) = rejected(tmp_path, {"a.yaml": assistant("a", f"runtime: {runtime}\n{spec}")})
    assert brief((found,))[0].startswith(problem)
    assert found.detail


def test_a_member_of_a_shared_function_that_a_runtime_lacks_stands_in_the_tool(tmp_path: Path) -> None:
    function = """
        type: function
        function: {description: d, strict: false, parameters: {type: object}}
        """
    files: dict[str, str | bytes] = {
        "a.yaml": assistant("a", "runtime: agents\ntools:\n  - tool: f"),
        "b.yaml": assistant("b", "tools:\n  - tool: f"),
        "f.yaml": manifest("Tool", "f", function),
    }
    assert brief(rejected(tmp_path, files)) == ["E304 f.yaml:6:30 'strict' is not available on the agents runtime"]


def test_without_a_runtime_the_first_one_counts(tmp_path: Path) -> None:
    assert desired(tmp_path, {"a.yaml": assistant()})["Assistant/bot"].kind == "release"
    found = brief(rejected(tmp_path / "b", {"a.yaml": assistant("a", "runtime: [x]\nmulti_agent: {}")}))
    assert found == [
        "E307 a.yaml:6:12 spec.runtime is a list",
        "E304 a.yaml:7:3 'multi_agent' is not available on the responses runtime",
    ]
