"""Why a step is in the plan: eight situations as they read, documents, addresses that are not there, saved plans."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.errors import Exit, Stop
from reconciler.render.explain.explanation import render_explanation
from reconciler.review import approvals, planfile
from reconciler.review.explain import Evidence, explain
from tests.acceptance.test_drift import edit, post_version
from tests.acceptance.world import World

GOLDEN = Path(__file__).parents[1] / "render" / "golden" / "explain"
DAY = 86_400
PROMPT = "# Support\n\nYou answer customers.\nYou are brief.\n\n## Refunds\n\nWithin 14 days of the delivery.\n"
SEARCH = {"type": "file_search", "vector_stores": ["docs"]}


def evidence(world: World) -> Evidence:
    """What `explain` knows without --plan."""
    prepared = world.plan()
    return Evidence(world.load(), prepared.body, prepared.found.snapshot)


def saved(world: World) -> Evidence:
    """What it knows with --plan."""
    body = approvals.load(planfile.dumps(world.plan().body).encode(), "plan.json").body
    return Evidence(world.load(), body)


def told(world: World, address: str) -> str:
    """The text, with ids counted in the order in which they appear."""
    text = render_explanation(explain(address, evidence(world)))
    ids = dict.fromkeys(re.findall(r"\b(?:skill|vs|agt|file|asst)[_-][0-9a-f]{16,}", text))
    for number, item in enumerate(ids, 1):
        text = text.replace(item, f"{item.partition('_')[0].partition('-')[0]}_{number}")
    return text


def flat(world: World, address: str) -> str:
    """The text on one line."""
    return " ".join(told(world, address).split())


def stopped(address: str, known: Evidence) -> Stop:
    with pytest.raises(Stop) as caught:
        explain(address, known)
    assert caught.value.code is Exit.INVALID
    return caught.value


# --- eight situations -------------------------------------------------------------------------------------------------


def support(tmp_path: Path) -> World:
    """An assistant with a prompt in a file, a tool and a store, most of it chosen by somebody else."""
    world = World.new(tmp_path)
    world.stack(defaults={"runtime": "responses", "model": "gpt-6.1-terra"})
    world.write("prompts/support.md", PROMPT)
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"})
    world.manifest("Tool", "look-up", {"type": "function", "function": {"description": "Finds an order."}})
    world.manifest(
        "Assistant",
        "support",
        {"instructions": {"file": "prompts/support.md"}, "tools": [{"tool": "look-up"}, SEARCH], "temperature": 0.2},
    )
    return world


def create(tmp_path: Path) -> tuple[World, str]:
    return support(tmp_path), "Assistant/support"


def one_word(tmp_path: Path) -> tuple[World, str]:
    world = support(tmp_path)
    assert world.settled()
    world.write("prompts/support.md", PROMPT.replace("14 days", "30 days"))
    return world, "Assistant/support"


def drift(tmp_path: Path) -> tuple[World, str]:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="Be brief.\n", service_tier="flex")
    assert world.settled()
    edit(world, "agents", instructions="Be rude.\n")
    return world, "Assistant/helper"


def both(tmp_path: Path) -> tuple[World, str]:
    world = World.new(tmp_path)
    world.assistant("helper", model="gpt-6.1-terra", temperature=0.2)
    assert world.settled()
    skill = "---\nname: helper\ndescription: mine\n---\nx"
    request = json.dumps({"format": 1, "request": {"model": "gpt-6-luna", "temperature": 0.9}})
    post_version(world, world.id_of("Assistant/helper"), {"SKILL.md": skill, "assistant.json": request})
    world.assistant("helper", model="gpt-6.1-terra", temperature=0.5)
    return world, "Assistant/helper"


def expired(tmp_path: Path) -> World:
    """A store that nobody used for a day, and its user."""
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n"}, expires_after={"anchor": "last_active_at", "days": 1})
    world.assistant("helper", model="gpt-6.1-terra", tools=[SEARCH])
    assert world.settled()
    world.time.base += 3 * DAY
    return world


def replacement(tmp_path: Path) -> tuple[World, str]:
    return expired(tmp_path), "VectorStore/docs"


def reference(tmp_path: Path) -> tuple[World, str]:
    return expired(tmp_path), "Assistant/helper"


def blocked(tmp_path: Path) -> tuple[World, str]:
    world = World.new(tmp_path)
    world.assistant("helper", model="gpt-6.1-terra", lifecycle={"protect": True})
    world.assistant("other", model="gpt-6.1-terra")
    assert world.settled()
    world.remove("Assistant", "helper")
    return world, "Assistant/helper"


def nothing(tmp_path: Path) -> tuple[World, str]:
    world = support(tmp_path)
    assert world.settled()
    return world, "VectorStore/docs"


SITUATIONS = (create, one_word, drift, both, replacement, reference, blocked, nothing)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: str(one.__name__))
def test_a_situation_reads_as_it_was_written_down(
    situation: Callable[[Path], tuple[World, str]], tmp_path: Path
) -> None:
    text = told(*situation(tmp_path))
    assert text == (GOLDEN / f"{situation.__name__}.txt").read_text(encoding="utf-8")
    assert all(len(line) <= 80 for line in text.split("\n"))


# --- where a value comes from -----------------------------------------------------------------------------------------


def field_of(known: Evidence, address: str, *path: str) -> dict[str, Any]:
    fields = [field for change in explain(address, known)["changes"] for field in change["fields"]]
    return next(field for field in fields if tuple(field["path"]) == path)


def test_a_member_of_a_tools_schema_is_found_in_the_tools_own_file(tmp_path: Path) -> None:
    world = support(tmp_path)
    function = {"description": "Finds.", "parameters": {"type": "object", "properties": {"n": {"type": "string"}}}}
    world.manifest("Tool", "look-up", {"type": "function", "function": function})
    assert world.settled()
    function["parameters"] = {"type": "object", "properties": {"n": {"type": "integer"}}}
    world.manifest("Tool", "look-up", {"type": "function", "function": function})
    known = evidence(world)
    field = field_of(known, "Assistant/support", "tools", "function:look_up", "parameters", "properties", "n", "type")
    source = field["manifest"]["source"]
    line = (world.root / source["file"]).read_text(encoding="utf-8").split("\n")[source["line"] - 1]
    assert source["file"] == "tool-look-up.yaml"
    assert line[source["column"] - 1 :] == '"integer"'
    assert field["manifest"]["tool"] == "Tool/look-up"
    [user] = explain("Tool/look-up", known)["used_by"]
    assert (user["address"], user["action"]) == ("Assistant/support", "update")
    assert user["because"] == [field["path"]]


def test_an_included_schema_has_positions_of_its_own(tmp_path: Path) -> None:
    world = World.new(tmp_path)

    def write(kind: str) -> None:
        world.write("n.json", json.dumps({"type": "object", "properties": {"n": {"type": kind}}}, indent=1))

    write("string")
    function = {"name": "look_up", "description": "Finds.", "parameters": {"file": "n.json"}}
    world.assistant("helper", "agents", model="m", tools=[{"type": "function", "function": function}])
    assert world.settled()
    write("integer")
    path = ("tools", "function:look_up", "parameters", "properties", "n", "type")
    found = field_of(evidence(world), "Assistant/helper", *path)["manifest"]
    assert (found["source"]["file"], found["source"]["line"], found["file"]) == ("n.json", 5, "n.json")


def test_a_removed_field_has_the_position_of_what_is_around_it(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", model="m", temperature=0.2)
    assert world.settled()
    world.assistant("helper", model="m")
    found = field_of(evidence(world), "Assistant/helper", "temperature")
    assert "value" not in found["manifest"]
    assert found["manifest"]["by"] is None
    assert found["live"] == found["last_applied"] == {"value": 0.2}
    assert "The manifest does not speak of it any more" in told(world, "Assistant/helper")


def test_a_field_that_no_apply_has_set_is_not_said_to_be_as_the_last_apply_left_it(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="m")
    assert world.settled()
    edit(world, "agents", service_tier="flex")
    world.assistant("helper", "agents", model="m", service_tier="fast")
    found = field_of(evidence(world), "Assistant/helper", "service_tier")
    assert (found["cause"], found["live"], found["last_applied"]) == ("manifest", {"value": "flex"}, {})
    assert "No apply has set it before" in told(world, "Assistant/helper")


def test_what_no_release_has_had_was_not_there_at_the_last_apply(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", model="m")
    assert world.settled()
    world.assistant("helper", model="m", temperature=0.5)
    found = field_of(evidence(world), "Assistant/helper", "temperature")
    assert (found["cause"], found["live"], found["last_applied"]) == ("manifest", {}, {})


def test_a_saved_plan_does_not_know_what_was_last_applied_to_an_agent(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="m", instructions="Be brief.\n")
    assert world.settled()
    world.assistant("helper", "agents", model="m", instructions="Be kind.\n")
    assert field_of(saved(world), "Assistant/helper", "instructions")["last_applied"] is None


def test_who_uses_a_store_by_way_of_a_tool_is_named_with_the_tool(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    world.manifest("Tool", "searching", SEARCH)
    world.assistant("helper", model="m", tools=[{"tool": "searching"}])
    found = explain("VectorStore/docs", evidence(world))["used_by"]
    assert [(item["address"], item["via"]) for item in found] == [
        ("Assistant/helper", "Tool/searching"),
        ("Tool/searching", None),
    ]


def test_a_patch_of_the_environment_is_named(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.stack(environments={"production": {"patches": ["production.yaml"]}})
    world.assistant("helper", "agents", model="m", reasoning={"effort": "low"})
    world.manifest("Assistant", "helper", {"reasoning": {"effort": "high"}}, file="production.yaml")
    world.environment = "production"
    found = explain("Assistant/helper", evidence(world))
    [filled] = [item for item in found["filled"] if item["by"] == "environment"]
    assert (filled["path"], filled["value"], filled["source"]["file"]) == (
        ["reasoning", "effort"],
        "high",
        "production.yaml",
    )
    assert "from a patch of the environment (production.yaml:" in flat(world, "Assistant/helper")


def test_defaults_are_told_apart_by_who_filled_them_in(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.manifest("Assistant", "helper", {})
    world.assistant("writer", "agents")
    found = {
        address: {
            (".".join(map(str, item["path"])), item["by"]) for item in explain(address, evidence(world))["filled"]
        }
        for address in ("Assistant/helper", "Assistant/writer")
    }
    assert found["Assistant/helper"] == {("model", "stack"), ("runtime", "reconciler")}
    assert {("model", "stack"), ("service_tier", "api"), ("text", "api")} <= found["Assistant/writer"]


# --- replacements and renames -----------------------------------------------------------------------------------------


def test_a_move_to_another_runtime_says_which_field_makes_it_a_replacement(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="m")
    assert world.settled()
    world.assistant("helper", "responses", model="m")
    text = told(world, "Assistant/helper")
    assert "It has to be replaced: it moves from agent to release." in text
    assert "becomes    release" in text
    assert (
        '    ~ runtime\n        manifest   "responses" (assistant-helper.yaml:8:16)\n        live       "agents"'
        in text
    )


def test_a_replacement_under_a_new_name_does_not_claim_that_the_object_stays(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("old", "agents", model="m")
    assert world.settled()
    world.remove("Assistant", "old")
    world.assistant("new", "responses", model="m", lifecycle={"moved_from": "Assistant/old"})
    assert "was        Assistant/old\n" in told(world, "Assistant/new")


def test_the_old_address_of_a_rename_leads_to_the_new_one(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("old", model="m")
    assert world.settled()
    world.remove("Assistant", "old")
    world.assistant("new", model="m", lifecycle={"moved_from": "Assistant/old"})
    found = explain("Assistant/old", evidence(world))
    assert found["address"] == "Assistant/new"
    assert "was        Assistant/old; the live object stays the same" in told(world, "Assistant/old")


def test_an_object_that_is_gone_is_created_again_and_says_so(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", "agents", model="m")
    assert world.settled()
    world.api("DELETE", f"/agents/{world.id_of('Assistant/helper')}", beta="agents=v1")
    assert "It is in the manifests, but it is gone. The object agt_1 is gone" in flat(world, "Assistant/helper")


# --- documents --------------------------------------------------------------------------------------------------------


def library(tmp_path: Path) -> World:
    world = World.new(tmp_path)
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"})
    assert world.settled()
    return world


def why_of(world: World, path: str, **options: Any) -> str:
    prepared = world.plan(**options)
    known = Evidence(world.load(), prepared.body, prepared.found.snapshot)
    return " ".join(render_explanation(explain(f"VectorStore/docs:{path}", known)).split())


def entry(**more: Any) -> dict[str, Any]:
    return {"files": [{"glob": "docs/**/*.md", **more}]}


def test_a_document_with_other_bytes_is_uploaded_again(tmp_path: Path) -> None:
    world = library(tmp_path)
    world.write("docs/a.md", "# Another\n")
    text = why_of(world, "docs/a.md")
    assert text.startswith("~ upload again VectorStore/docs:docs/a.md")
    assert "Its bytes are not those that were uploaded." in text
    assert re.search(r"content [0-9a-f]{12}… → [0-9a-f]{12}…", text)
    assert "taken by vectorstore-docs.yaml:10:17" in text
    assert "nothing to do for" in why_of(world, "docs/b.md")


def test_a_document_without_a_file_is_removed(tmp_path: Path) -> None:
    world = library(tmp_path)
    (world.root / "docs/a.md").unlink()
    text = why_of(world, "docs/a.md")
    assert text.startswith("- remove VectorStore/docs:docs/a.md")
    assert "No entry of the manifest takes it in any more, or its file is gone." in text


def test_a_new_document_says_who_takes_it_in(tmp_path: Path) -> None:
    world = library(tmp_path)
    world.write("docs/c.md", "# C\n")
    text = why_of(world, "docs/c.md")
    assert text.startswith("+ add VectorStore/docs:docs/c.md")
    assert "the store has no document of this path yet" in text


def test_attributes_chunking_and_names_say_what_differs(tmp_path: Path) -> None:
    world = library(tmp_path)
    world.store("docs", {}, **entry(attributes={"audience": "staff"}))
    text = why_of(world, "docs/a.md")
    assert "Only its attributes differ. They are changed in place; nothing is uploaded." in text
    assert 'attributes {} → {"audience": "staff"}' in text
    static = {"type": "static", "static": {"max_chunk_size_tokens": 400, "chunk_overlap_tokens": 100}}
    world.store("docs", {}, **entry(chunking_strategy=static))
    text = why_of(world, "docs/a.md")
    assert "That cannot be changed in place, so it is uploaded anew." in text
    assert re.search(r'chunking [^→]*"max_chunk_size_tokens": 800.* → .*"max_chunk_size_tokens": 400', text)
    world.store("docs", {}, files=[{"path": "docs/a.md", "name": "All of A.md"}, {"path": "docs/b.md"}])
    text = why_of(world, "docs/a.md")
    assert 'name "a.md" → "All of A.md"' in text


def test_a_document_of_a_store_that_its_tag_vouches_for_was_not_compared(tmp_path: Path) -> None:
    world = library(tmp_path)
    assert "so they were not compared one by one" in why_of(world, "docs/a.md")
    assert "It is in the account as the manifest wants it." in why_of(world, "docs/a.md", refresh="full")


def test_a_document_that_somebody_else_added_stays(tmp_path: Path) -> None:
    world = library(tmp_path)
    world.write("docs/a.md", "# Another\n")
    store = world.id_of("VectorStore/docs")
    theirs = world.api("GET", f"/vector_stores/{store}/files")["data"][0]["id"]
    world.api("POST", f"/vector_stores/{store}/files/{theirs}", {"attributes": {}})
    assert "It carries no tag of ours: somebody else added it. It stays." in why_of(world, theirs)


def test_a_document_of_a_new_store_is_uploaded_because_the_store_is_new(tmp_path: Path) -> None:
    text = told(support(tmp_path), "VectorStore/docs:docs/a.md")
    assert "Its store is new, so every document of it is uploaded." in text
    assert "create VectorStore/docs" in text


def test_a_document_of_a_store_that_goes_goes_with_it(tmp_path: Path) -> None:
    world = library(tmp_path)
    world.assistant("helper", model="m")
    world.remove("VectorStore", "docs")
    text = why_of(world, "docs/a.md", refresh="full")
    assert text.startswith("- goes with its store: VectorStore/docs:docs/a.md")


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("Assistant/suport", "Did you mean 'Assistant/support'?"),
        ("support", "Did you mean 'Assistant/support'?"),
        ("Tool/lookup", "Did you mean 'Tool/look-up'?"),
        ("VectorStore/docs:a.md", "Did you mean 'docs/a.md'?"),
        ("VectorStore/docs:docs/aa.md", "Did you mean 'docs/a.md'?"),
        ("Assistant/support:x", "It has no documents that are known here."),
        ("zzz", "Known: Assistant/support, Tool/look-up, VectorStore/docs."),
    ],
)
def test_an_address_that_is_not_there_gets_the_nearest_name(tmp_path: Path, address: str, hint: str) -> None:
    world = support(tmp_path)
    assert stopped(address, evidence(world)).detail == hint
    assert stopped(address, saved(world)).detail == hint


# --- saved plans ------------------------------------------------------------------------------------------------------


def test_a_saved_plan_tells_the_same_reasons(tmp_path: Path) -> None:
    world, address = both(tmp_path)
    fresh, kept = explain(address, evidence(world)), explain(address, saved(world))
    assert kept["saved"] is True
    assert kept["changes"] == fresh["changes"]
    assert kept["object"]["id"] == fresh["object"]["id"]


def test_what_a_saved_plan_does_not_mention_had_nothing_to_do(tmp_path: Path) -> None:
    world = library(tmp_path)
    known = saved(world)
    text = " ".join(render_explanation(explain("VectorStore/docs", known)).split())
    assert "The plan does not mention it: when it was made, there was nothing to do here." in text
    world.write("docs/a.md", "# Another\n")
    stale = explain("VectorStore/docs", Evidence(world.load(), known.plan))
    assert stale["stale"] is True
    assert "The manifests changed since this plan was made." in render_explanation(stale)
