"""Apply, then plan: no changes, three times; whatever was changed, for every runtime."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import Switches
from tests.acceptance.world import World

PARAMETERS = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
FUNCTION = {"type": "function", "function": {"name": "look_up", "description": "Finds.", "parameters": PARAMETERS}}
SEARCH = {"type": "file_search", "vector_stores": ["docs"], "max_num_results": 3}
CODE = {"type": "code_interpreter", "files": ["data/x.csv"]}
NAMED = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}

EVERY_FIELD: dict[str, dict[str, Any]] = {
    "responses": {
        "display_name": "Helper",
        "description": "Answers.",
        "model": "gpt-6.1-terra",
        "instructions": "Be brief.\n",
        "tools": [
            SEARCH,
            FUNCTION,
            CODE,
            {"type": "web_search"},
            {
                "type": "mcp",
                "server_label": "tickets",
                "server_url": "https://mcp.example.com/x",
                "allowed_tools": ["a"],
            },
        ],
        "response_format": NAMED,
        "temperature": 1,
        "top_p": 0.5,
        "reasoning": {"effort": "low", "summary": "auto"},
        "max_output_tokens": 100,
        "max_tool_calls": 3,
        "tool_choice": "auto",
        "truncation": "auto",
        "parallel_tool_calls": True,
        "fallback": ["gpt-6-luna"],
        "text": {"verbosity": "low"},
        "service_tier": "flex",
        "raw": {"prompt_cache_key": "x"},
    },
    "agents": {
        "display_name": "Helper",
        "model": "gpt-6.1-terra",
        "instructions": "Be brief.\n",
        "tools": [
            FUNCTION,
            {"type": "web_search"},
            {
                "type": "mcp",
                "server_label": "t",
                "transport": {"type": "http", "server_url": "https://mcp.example.com/x"},
            },
        ],
        "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}},
        "reasoning": {"effort": "low"},
        "text": {"verbosity": "low"},
        "multi_agent": {"enabled": True},
        "compaction": {"async": True},
        "experimental": {"time_awareness": True},
        "service_tier": "flex",
    },
    "assistants": {
        "display_name": "Helper",
        "description": "Answers.",
        "model": "gpt-6.1-terra",
        "instructions": "Be brief.\n",
        "tools": [SEARCH, FUNCTION, CODE],
        "response_format": {"type": "json_object"},
        "temperature": 1,
        "top_p": 0.5,
        "reasoning": {"effort": "low"},
    },
}
RUNTIMES = sorted(EVERY_FIELD)


def world_with(tmp_path: Path, runtime: str, *, switches: Switches | None = None) -> World:
    world = World.new(tmp_path, profile="compatible" if runtime == "assistants" else "openai", switches=switches)
    world.write("data/x.csv", "a,b\n1,2\n")
    world.store(
        "docs", {"a.md": "# A\ntext\n", "b.md": "# B\ntext\n"}, expires_after={"anchor": "last_active_at", "days": 30}
    )
    world.assistant("helper", runtime, **EVERY_FIELD[runtime])
    return world


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_optional_field_set_converges(tmp_path: Path, runtime: str) -> None:
    assert world_with(tmp_path, runtime).settled()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_removing_each_field_again_converges(tmp_path: Path, runtime: str) -> None:
    world = world_with(tmp_path, runtime)
    assert world.settled()
    spec = dict(EVERY_FIELD[runtime])
    for name in [key for key in spec if key != "model"]:
        del spec[name]
        world.assistant("helper", runtime, **spec)
        assert world.changes() != {}, name
        assert world.settled(), name


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_rename_with_moved_from_keeps_the_id(tmp_path: Path, runtime: str) -> None:
    world = world_with(tmp_path, runtime)
    assert world.settled()
    before = world.id_of("Assistant/helper")
    world.remove("Assistant", "helper")
    world.assistant("aide", runtime, lifecycle={"moved_from": "Assistant/helper"}, **EVERY_FIELD[runtime])
    assert world.steps() == ["update Assistant/aide"]
    assert world.changes()["Assistant/aide"]["moved_from"] == "Assistant/helper"
    assert world.settled()
    assert world.id_of("Assistant/aide") == before


def test_a_store_is_renamed_with_its_documents(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    assert world.settled()
    before = world.everything()
    world.remove("VectorStore", "docs")
    world.manifest(
        "VectorStore", "guides", {"files": [{"glob": "docs/*.md"}]}, lifecycle={"moved_from": "VectorStore/docs"}
    )
    assert world.settled()
    files = {key for key, item in before.items() if item["object"] == "file"}
    assert files == {key for key, item in world.everything().items() if item["object"] == "file"}


def test_moving_from_assistants_to_responses_creates_there_and_deletes_here(tmp_path: Path) -> None:
    world = world_with(tmp_path, "assistants")
    assert world.settled()
    old = world.id_of("Assistant/helper")
    world.assistant("helper", "responses", **EVERY_FIELD["responses"])
    assert world.steps() == ["create Assistant/helper", "delete Assistant/helper"]
    change = world.changes()["Assistant/helper"]
    assert (change["action"], change["replaces_kind"]) == ("replace", "assistant")
    assert world.settled()
    assert world.id_of("Assistant/helper").startswith("skill_")
    assert world.api("GET", f"/assistants/{old}")["error"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "switches", [Switches(merge_metadata=True), Switches(numbers_as_floats=True), Switches(list_lag=20)]
)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_facts_that_nobody_could_verify_make_no_difference(tmp_path: Path, runtime: str, switches: Switches) -> None:
    world = world_with(tmp_path, runtime, switches=switches)
    assert world.apply().exit == 0 or switches.list_lag
    world.time.base += 120
    assert world.settled()
    changed = copy.deepcopy(EVERY_FIELD[runtime])
    changed["instructions"] = "Be thorough.\n"
    world.assistant("helper", runtime, **changed)
    world.time.base += 120
    assert world.settled()


def test_documents_that_take_minutes_are_waited_for(tmp_path: Path) -> None:
    world = World.new(tmp_path, switches=Switches(processing_seconds=200))
    world.store("docs", {f"{number}.md": f"# {number}\n" for number in range(12)})
    assert world.settled()


def test_an_environment_is_a_stack_of_its_own(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    environments = {
        "staging": {"vars": {"brand": "Acme (staging)"}},
        "production": {"patches": ["overlays/production.yaml"]},
    }
    world.stack("acme", vars={"brand": "Acme"}, environments=environments)
    world.assistant("helper", model="gpt-6-luna", instructions="You are ${var.brand}.\n", temperature=1)
    world.manifest("Assistant", "helper", {"model": "gpt-6-sol", "temperature": None}, file="overlays/production.yaml")
    world.environment = "staging"
    assert world.settled()
    staging = world.everything()
    world.environment = "production"
    assert world.settled()
    skills = {item["id"]: item for item in world.everything().values() if item["object"] == "skill"}
    assert len(skills) == 2
    assert {key: item for key, item in world.everything().items() if key in staging} == staging
    assert world.apply(destroy=True).exit == 0
    assert world.everything() == staging


def test_each_environment_pins_its_own_anchor(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.stack("acme", environments={"staging": {}, "production": {}})
    world.assistant("helper", model="gpt-6-luna")
    anchors = {}
    for name in ("staging", "production"):
        world.environment = name
        anchors[name] = next(event["id"] for event in world.apply().events if event["event"] == "anchor")
    accounts = {name: {"account": {"anchor": anchor, "project": "proj_x"}} for name, anchor in anchors.items()}
    world.stack("acme", environments=accounts)
    for name in ("staging", "production"):
        world.environment = name
        session, _ = world.session()
        assert (session.loaded.stack.anchor, session.loaded.stack.project) == (anchors[name], "proj_x")
        assert world.steps() == []
