"""What the runtimes of an assistant share: tools by name, references, files, and what cannot stand together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from reconciler.kinds import KINDS
from reconciler.kinds.runtime import Runtime
from reconciler.model.address import Address, Ref
from reconciler.model.json import refs
from tests.kinds.trees import Tree
from tests.model.test_model import JSON

RUNTIMES = {kind.chosen_by: kind for kind in KINDS.values() if isinstance(kind, Runtime)}
every_runtime = pytest.mark.parametrize("runtime", RUNTIMES)
FUNCTION: dict[str, Any] = {"description": "Finds.", "parameters": {"type": "object"}}
SEARCH: dict[str, Any] = {"type": "file_search", "vector_stores": ["docs"]}


@every_runtime
def test_a_named_tool_is_compiled_into_its_users_and_called_like_its_manifest(tmp_path: Path, runtime: str) -> None:
    tree = Tree(tmp_path, runtime)
    tree.tool("look-up", type="function", function=FUNCTION)
    (tool,) = tree.lowered({"tool": "look-up"}).spec["tools"]
    assert (tool.get("function") or tool)["name"] == "look_up"


def test_a_tool_keeps_the_name_that_it_has(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.tool("look-up", type="function", function={**FUNCTION, "name": "find"})
    (tool,) = tree.lowered({"tool": "look-up"}).spec["tools"]
    assert tool["name"] == "find"


def test_a_function_without_a_name_needs_a_manifest_to_be_called_like(tmp_path: Path) -> None:
    assert Tree(tmp_path).problems({"type": "function", "function": FUNCTION}) == ["E306 Missing field 'name'"]


def test_an_unknown_tool_is_reported_with_the_nearest_name(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.tool("look-up", type="function", function=FUNCTION)
    assert tree.problems({"tool": "lookup"}) == ["E401 Unknown tool 'lookup'"]
    assert "Did you mean 'look-up'?" in tree.details({"tool": "lookup"})


def test_a_tool_with_problems_is_reported_once(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.tool("look-up", type="function", function={"parameterz": {}})
    (problem,) = tree.problems({"tool": "look-up"})
    assert "parameterz" in problem


@pytest.mark.parametrize("runtime", ["agents", "assistants"])
def test_a_named_tool_has_to_fit_the_runtime_that_uses_it(tmp_path: Path, runtime: str) -> None:
    tree = Tree(tmp_path, runtime)
    tree.tool("pictures", type="image_generation")
    (problem,) = tree.problems({"tool": "pictures"})
    assert problem.startswith("E304 'image_generation' is not available")


@every_runtime
def test_two_tools_that_nobody_could_tell_apart_are_refused(tmp_path: Path, runtime: str) -> None:
    tree = Tree(tmp_path, runtime)
    tree.tool("look-up", type="function", function=FUNCTION)
    again = {"type": "function", "function": {**FUNCTION, "name": "look_up"}}
    assert tree.problems({"tool": "look-up"}, again) == ["E308 Tool function 'look_up' stands twice"]


def test_two_tools_without_names_are_refused(tmp_path: Path) -> None:
    assert Tree(tmp_path).problems({"type": "web_search"}, {"type": "web_search"}) == [
        "E308 Tool web_search stands twice"
    ]


@pytest.mark.parametrize("runtime", ["responses", "assistants"])
def test_vector_stores_are_references_by_name_or_foreign_ids(tmp_path: Path, runtime: str) -> None:
    tree = Tree(tmp_path, runtime)
    tree.world.store("docs", {"a.md": "# A\n"})
    spec = tree.lowered(SEARCH).spec
    found = spec["tools"][0].get("vector_store_ids") or spec["tool_resources"]["file_search"]["vector_store_ids"]
    assert found == [Ref(Address("VectorStore", "docs"))]
    foreign = tree.lowered({**SEARCH, "vector_stores": [{"id": "vs_9"}]}).spec
    assert "vs_9" in str(foreign)


def test_an_unknown_vector_store_is_reported_with_the_nearest_name(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.world.store("docs", {"a.md": "# A\n"})
    assert tree.problems({**SEARCH, "vector_stores": ["dosc"]}) == ["E402 Unknown vector store 'dosc'"]


@pytest.mark.parametrize("runtime", ["responses", "assistants"])
@pytest.mark.parametrize("entry", ["data/a.csv", "data/*.csv", {"path": "data/a.csv"}, {"glob": "data/*"}], ids=str)
def test_files_of_the_sandbox_are_documents_and_references(tmp_path: Path, runtime: str, entry: Any) -> None:
    tree = Tree(tmp_path, runtime)
    tree.world.write("data/a.csv", "a,b\n")
    lowered = tree.lowered({"type": "code_interpreter", "files": [entry]})
    assert [item.path for item in lowered.documents] == ["data/a.csv"]
    assert Ref(Address("Assistant", "helper", "data/a.csv")) in refs(lowered.spec)


def test_a_file_may_be_called_something_else(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.world.write("data/a.csv", "a,b\n")
    lowered = tree.lowered({"type": "code_interpreter", "files": [{"path": "data/a.csv", "name": "prices.csv"}]})
    assert [item.name for item in lowered.documents] == ["prices.csv"]


def test_a_glob_that_finds_more_files_than_a_runtime_takes_is_refused(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "assistants")
    for number in range(21):
        tree.world.write(f"data/{number}.csv", f"{number}\n")
    assert tree.problems({"type": "code_interpreter", "files": ["data/*.csv"]}) == ["E309 21 files"]


def test_more_tools_than_a_runtime_takes_are_refused(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": f"f{number}"}} for number in range(129)]
    assert Tree(tmp_path, "assistants").problems(*tools) == ["E309 129 tools"]


def test_without_tools_nothing_is_said_of_tools(tmp_path: Path) -> None:
    assert Tree(tmp_path).lowered().spec == {"model": "gpt-6.1-terra"}


@every_runtime
def test_new_fields_pass_through_and_known_ones_do_not(tmp_path: Path, runtime: str) -> None:
    tree = Tree(tmp_path, runtime)
    assert tree.lowered(raw={"brand_new": 1}).spec["raw"] == {"brand_new": 1}
    for name in ("model", "tools", "metadata", "instructions"):
        (problem,) = tree.problems(raw={name: "x"})
        assert problem.startswith("E303"), name


def test_new_members_of_a_tool_pass_through_and_credentials_do_not(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    mcp = {"type": "mcp", "server_label": "wiki", "server_url": "https://mcp.example.com"}
    (tool,) = tree.lowered({**mcp, "raw": {"brand_new": 1}}).spec["tools"]
    assert tool["brand_new"] == 1
    for name in ("server_url", "authorization", "headers", "type"):
        (problem,) = tree.problems({**mcp, "raw": {name: "x"}})
        assert problem.startswith("E303"), name


@every_runtime
def test_what_only_other_runtimes_have_is_explained(runtime: str) -> None:
    others = {name for kind in RUNTIMES.values() for name in (*kind.sources, *kind.tools)}
    kind = RUNTIMES[runtime]
    own = {*kind.sources, *kind.tools}
    assert not own & set(kind.lacks)
    assert others - own <= set(kind.lacks)


@every_runtime
@given(raw=JSON, like=JSON)
def test_whatever_the_server_answers_is_read(runtime: str, raw: Any, like: Any) -> None:
    kind = RUNTIMES[runtime]
    answer = {declared.name: raw for declared in kind.fields}
    spec = kind.normalise(kind.decode(answer, {"tools": like} if isinstance(like, list) else {}))
    assert kind.normalise(spec) == spec


@every_runtime
@given(tools=JSON)
def test_whatever_stands_among_the_tools_is_read(runtime: str, tools: Any) -> None:
    kind = RUNTIMES[runtime]
    strange = [{"type": name, name: tools, "function": tools, "transport": tools} for name in kind.tools]
    spec = kind.normalise(kind.decode({"tools": [*strange, tools], "tool_resources": {"x": tools}}, {}))
    assert len(spec["tools"]) == len(strange) + 1
    assert kind.file_ids({"tool_resources": {"code_interpreter": tools}}) in (None, [], kind.file_ids({}))


@pytest.mark.parametrize("runtime", ["agents", "assistants"])
def test_members_that_a_server_adds_to_a_tool_are_no_difference(runtime: str) -> None:
    kind = RUNTIMES[runtime]
    tool = {"type": "function", "name": "f", "function": {"name": "f", "extra": 1}, "brand_new": "x"}
    (seen,) = kind.decode({"tools": [tool]}, {})["tools"]
    assert "brand_new" not in seen
    assert "extra" not in seen.get("function", {})
    asked = {"type": "function", "name": "f", "function": {"name": "f", "extra": 1}, "brand_new": "y"}
    (wanted,) = kind.decode({"tools": [tool]}, {"tools": [asked]})["tools"]
    assert wanted["brand_new"] == "x"
    (unknown,) = kind.decode({"tools": [{"type": "brand_new", "a": 1}]}, {})["tools"]
    assert unknown == {"type": "brand_new", "a": 1}
