"""Where a wanted value was written: every detour that lowering takes is taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.manifest.load.loader import load
from reconciler.model.address import Address
from reconciler.review.origins import Origins
from tests.manifest.trees import loaded, manifest, stack

TOOLS = """\
tools:
- type: function
  function:
    name: look_up
    description: Finds.
    parameters:
      type: object
      properties:
        n: {type: string}
- tool: searching
- type: web_search
"""
SEARCHING = manifest("Tool", "searching", "type: file_search\nvector_stores:\n- docs\nmax_num_results: 5")


def origins(tmp_path: Path, spec: str, *, more: str = "", stack_spec: str = "", **files: str) -> Origins:
    text = manifest("Assistant", "bot", spec, more=more)
    tree = loaded(
        tmp_path,
        {
            "reconciler.yaml": stack(stack_spec or "defaults: {model: m}"),
            "bot.yaml": text,
            "docs.yaml": manifest("VectorStore", "docs"),
            "searching.yaml": SEARCHING,
            **{name.replace("__", "."): content for name, content in files.items()},
        },
    )
    address = Address("Assistant", "bot")
    desired = next(item for item in tree.desired if item.address == address)
    return Origins(tree, next(item for item in tree.written if item.address == address), desired)


def text_at(origin: dict[str, Any], root: Path) -> str:
    """What stands at a position."""
    source = origin["source"]
    line = (root / source["file"]).read_text(encoding="utf-8").split("\n")[source["line"] - 1]
    return f"{source['file']}: {line[source['column'] - 1 :]}"


@pytest.mark.parametrize(
    ("path", "there"),
    [
        (("temperature",), "bot.yaml: 0.2"),
        (("name",), "bot.yaml: Bot"),
        (("reasoning", "effort"), "bot.yaml: low}"),
        (("text", "verbosity"), "bot.yaml: low}"),
        (("text", "format", "name"), "bot.yaml: answer"),
        (("text", "format", "schema", "type"), "bot.yaml: object}"),
        (("labels", "team"), "bot.yaml: support}}"),
        (("tools", "function:look_up", "description"), "bot.yaml: Finds."),
        (("tools", "function:look_up", "parameters", "properties", "n", "type"), "bot.yaml: string}"),
        (("tools", "function:look_up", "parameters", "properties", "gone", "type"), "bot.yaml: n: {type: string}"),
        (("tools", "file_search", "max_num_results"), "searching.yaml: 5"),
        (("tools", "file_search", "vector_store_ids"), "searching.yaml: - docs"),
        (("tools", "web_search"), "bot.yaml: type: web_search"),
        (("raw", "new_field"), "bot.yaml: 1}"),
    ],
)
def test_a_path_of_the_api_leads_to_the_manifest(tmp_path: Path, path: tuple[str, ...], there: str) -> None:
    spec = (
        "temperature: 0.2\ndisplay_name: Bot\nreasoning: {effort: low}\ntext: {verbosity: low}\nraw: {new_field: 1}\n"
        "response_format:\n  type: json_schema\n  json_schema:\n    name: answer\n    schema: {type: object}\n" + TOOLS
    )
    found = origins(tmp_path, spec)
    source = manifest("Assistant", "bot", spec).replace("name: bot}", "name: bot, labels: {team: support}}")
    (tmp_path / "bot.yaml").write_text(source, encoding="utf-8")
    tree = load(tmp_path)
    written = next(item for item in tree.written if item.address == found.manifest.address)
    desired = next(item for item in tree.desired if item.address == found.manifest.address)
    assert text_at(Origins(tree, written, desired).of(path), tmp_path) == there


def test_resources_of_a_v2_assistant_are_those_of_its_tools(tmp_path: Path) -> None:
    found = origins(tmp_path, "runtime: assistants\ntools:\n- type: file_search\n  vector_stores: [docs]\n")
    place = found.of(("tool_resources", "file_search", "vector_store_ids"))
    assert text_at(place, tmp_path) == "bot.yaml: [docs]"


def test_a_default_of_the_stack_stands_in_the_stack(tmp_path: Path) -> None:
    found = origins(tmp_path, "temperature: 0.2").of(("model",))
    assert (found["by"], text_at(found, tmp_path)) == ("stack", "reconciler.yaml: m}")
    own = origins(tmp_path, "model: x").of(("model",))
    assert (own["by"], text_at(own, tmp_path)) == ("manifest", "bot.yaml: x")


def test_a_manifest_in_the_stacks_own_file_is_not_taken_for_a_default(tmp_path: Path) -> None:
    both = stack("defaults: {model: m}") + "---\n" + manifest("Assistant", "near", "model: m")
    tree = loaded(tmp_path, {"reconciler.yaml": both})
    [near], [desired] = tree.written, tree.desired
    assert Origins(tree, near, desired).of(("model",))["by"] == "manifest"


def test_an_included_text_names_its_file(tmp_path: Path) -> None:
    found = origins(tmp_path, "instructions: {file: prompt.md}", prompt__md="Be brief.\n").of(("instructions",))
    assert (found["file"], text_at(found, tmp_path)) == ("prompt.md", "bot.yaml: prompt.md}")


def test_references_stand_where_they_are_written(tmp_path: Path) -> None:
    found = origins(tmp_path, TOOLS).references()
    assert [item["address"] for item in found] == ["Tool/searching", "VectorStore/docs"]
    assert text_at(found[0], tmp_path) == "bot.yaml: tool: searching"
    assert text_at(found[1], tmp_path) == "searching.yaml: docs"


def test_what_nobody_wrote_has_no_author(tmp_path: Path) -> None:
    assert origins(tmp_path, "model: m").of(("temperature",))["by"] is None


def test_a_name_that_nobody_wrote_is_that_of_the_manifest(tmp_path: Path) -> None:
    found = origins(tmp_path, "runtime: agents\nmodel: m").of(("name",))
    assert found["by"] == "name"
