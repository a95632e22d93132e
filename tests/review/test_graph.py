"""Nodes and edges: from the manifests, from a plan, and both together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reconciler.review import graph
from tests.acceptance.world import World


def tree(tmp_path: Path) -> World:
    """Two assistants, one Tool that searches two stores (one of somebody else), and a store that nobody uses."""
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"})
    world.manifest("VectorStore", "idle", {})
    stores: list[Any] = ["docs", {"id": "vs_theirs"}]
    world.manifest("Tool", "search", {"type": "file_search", "vector_stores": stores})
    world.assistant("helper", tools=[{"tool": "search"}])
    world.write("data/prices.csv", "a,b\n")
    search = {"type": "file_search", "vector_stores": ["docs"]}
    world.assistant("writer", tools=[search, {"type": "code_interpreter", "files": ["data/*.csv"]}])
    return world


def edges(found: graph.Graph) -> set[tuple[str, str]]:
    return {(edge["from"], edge["to"]) for edge in found["edges"]}


def nodes(found: graph.Graph) -> dict[str, Any]:
    return {node["address"]: node for node in found["nodes"]}


def test_the_manifests_say_who_uses_whom(tmp_path: Path) -> None:
    found = graph.of_tree(tree(tmp_path).load())
    assert edges(found) == {
        ("Assistant/helper", "Tool/search"),
        ("Tool/search", "VectorStore/docs"),
        ("Tool/search", "vs_theirs"),
        ("Assistant/writer", "VectorStore/docs"),
    }
    assert list(nodes(found)) == sorted(nodes(found))


def test_documents_are_counted_where_they_belong(tmp_path: Path) -> None:
    found = nodes(graph.of_tree(tree(tmp_path).load()))
    assert {address: node["documents"] for address, node in found.items()} == {
        "Assistant/helper": None,
        "Assistant/writer": 1,
        "Tool/search": None,
        "VectorStore/docs": 2,
        "VectorStore/idle": 0,
        "vs_theirs": None,
    }
    assert [address for address, node in found.items() if not node["managed"]] == ["vs_theirs"]


def test_an_environment_is_respected(tmp_path: Path) -> None:
    world = tree(tmp_path)
    world.stack(environments={"test": {"patches": ["test.yaml"]}})
    world.manifest("Assistant", "helper", {"tools": []}, file="test.yaml")
    world.environment = "test"
    found = graph.of_tree(world.load())
    assert found["environment"] == "test"
    assert "Assistant/helper" not in {user for user, _ in edges(found)}


def test_a_plan_marks_what_it_changes_and_adds_what_only_it_knows(tmp_path: Path) -> None:
    world = tree(tmp_path)
    world.assistant("old", model="m", lifecycle={"protect": True})
    assert world.settled()
    world.remove("Assistant", "old")
    world.write("docs/a.md", "# Another\n")
    world.assistant("third", tools=[{"tool": "search"}])
    before = graph.of_tree(world.load())
    found = graph.with_plan(before, world.plan().body)
    marked = {address: node["action"] for address, node in nodes(found).items() if node["action"]}
    assert marked == {"Assistant/old": "delete", "Assistant/third": "create", "VectorStore/docs": "update"}
    assert nodes(found)["Assistant/old"]["blocked"] is True
    assert edges(found) == edges(before)
    assert (before["planned"], found["planned"]) == (False, True)


def test_a_plan_alone_knows_what_it_changes_and_whom_that_affects(tmp_path: Path) -> None:
    found = graph.of_plan(tree(tmp_path).plan().body)
    assert edges(found) == {("Assistant/helper", "VectorStore/docs"), ("Assistant/writer", "VectorStore/docs")}
    assert nodes(found)["VectorStore/docs"]["documents"] == 2
    assert {node["action"] for node in found["nodes"]} == {"create"}


def test_the_same_tree_gives_the_same_graph(tmp_path: Path) -> None:
    loaded = tree(tmp_path).load()
    assert graph.of_tree(loaded) == graph.of_tree(loaded)
