"""From documents to values: defaults, variables, and files that stand in for texts and JSON Schemas."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.manifest.text.limits import Limits
from tests.manifest.trees import assistant, desired, manifest, plant, problems, rejected, stack

VARS = stack("vars: {brand: Acme, lang: en}")
TOOL = """
    type: function
    function:
      name: f
      parameters: {file: f.json}
    """


def tool_tree(schema: str) -> dict[str, str | bytes]:
    bot = assistant("bot", "tools:\n  - tool: f")
    return {"reconciler.yaml": VARS, "bot.yaml": bot, "f.yaml": manifest("Tool", "f", TOOL), "f.json": schema}


# --- defaults ---------------------------------------------------------------------------------------------------------


def test_defaults_are_for_those_that_do_not_choose(tmp_path: Path) -> None:
    root = stack("defaults: {runtime: agents, model: usual}")
    files: dict[str, str | bytes] = {
        "reconciler.yaml": root,
        "a.yaml": manifest("Assistant", "a"),
        "b.yaml": manifest("Assistant", "b", "model: own\nruntime: responses"),
        "c.yaml": manifest("VectorStore", "c"),
    }
    found = desired(tmp_path, files)
    assert [(item.kind, item.spec.get("model")) for item in found.values()] == [
        ("agent", "usual"),
        ("release", "own"),
        ("vector_store", None),
    ]


def test_a_default_that_a_manifest_cannot_have_is_told_where_it_was_given(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "reconciler.yaml": stack("defaults: {runtime: agents, model: m}"),
        "a.yaml": assistant("a", "top_p: 1"),
    }
    assert problems(tmp_path, files) == ["E304 a.yaml:6:3 'top_p' is not available on the agents runtime"]


def test_a_faulty_stack_does_not_hide_or_cause_other_problems(tmp_path: Path) -> None:
    root = stack("""
        sources: [., 5]
        defaults: {runtime: [x], model: 7}
        vars: {brand: 1}
        environments: {}
        colour: red
        """)
    files: dict[str, str | bytes] = {
        "reconciler.yaml": root,
        "a.yaml": manifest("Assistant", "a", "instructions: ${var.brand} ${var.other}"),
    }
    assert problems(tmp_path, files) == [
        "E405 a.yaml:5:17 Undefined variable 'other'",
        "E307 reconciler.yaml:5:16 spec.sources[1] is 5",
        "E307 reconciler.yaml:6:23 spec.defaults.runtime is a list",
        "E307 reconciler.yaml:6:35 spec.defaults.model is 7",
        "E307 reconciler.yaml:7:17 spec.vars.brand is 1",
        "E303 reconciler.yaml:9:3 Unknown field 'colour'",
    ]


# --- variables --------------------------------------------------------------------------------------------------------


def test_variables_work_in_every_value_but_what_a_document_is(tmp_path: Path) -> None:
    spec = "display_name: ${var.brand}\ninstructions: {file: 'prompts/${var.lang}.md'}\nfallback: ['${var.lang}']"
    files: dict[str, str | bytes] = {
        "reconciler.yaml": VARS,
        "a.yaml": assistant("a", spec),
        "prompts/en.md": "Hello from ${var.brand}",
    }
    bot = desired(tmp_path, files)["Assistant/a"]
    assert bot.spec == {
        "model": "m",
        "name": "Acme",
        "instructions": "Hello from ${var.brand}",
        "fallback": ["en"],
    }
    named = {
        "reconciler.yaml": VARS,
        "a.yaml": assistant("${var.lang}").replace("{name: ${", "{name: '${").replace("}}", "}'}"),
    }
    assert problems(tmp_path / "b", named)[0].startswith("E312 a.yaml:3:18 metadata.name is '${var.lang}'")


def test_undefined_variables_in_a_file_stand_in_that_file(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "reconciler.yaml": VARS,
        "a.yaml": assistant("a", "instructions: {file: p.md, interpolate: true}"),
        "p.md": "Hello\nfrom ${var.brant}\n",
    }
    (found,) = rejected(tmp_path, files)
    assert (found.code, str(found.span), found.source) == ("E405", "p.md:2:6", "from ${var.brant}")
    assert found.detail == "Did you mean 'brand'?"


def test_a_stack_without_variables_says_so(tmp_path: Path) -> None:
    (found,) = rejected(tmp_path, {"a.yaml": assistant("a", "instructions: ${var.x}")})
    assert found.detail == "The stack declares no variables (spec.vars)."


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_is_taken_as_it_stands_unless_asked(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "reconciler.yaml": VARS,
        "a/a.yaml": assistant("a", "instructions: {file: ../p.md}"),
        "b/b.yaml": assistant("b", "instructions: {file: ../p.md, interpolate: true}"),
        "p.md": "${var.brand} $${var.brand}\r\n",
    }
    found = desired(tmp_path, files)
    assert found["Assistant/a"].spec["instructions"] == "${var.brand} $${var.brand}\n"
    assert found["Assistant/b"].spec["instructions"] == "Acme ${var.brand}\n"


@pytest.mark.parametrize(
    ("include", "problem"),
    [
        ("{file: q.md}", "E503 a.yaml:6:24 File not found"),
        ("{file: dir}", "E503 a.yaml:6:24 File unusable"),
        ("{file: /etc/passwd}", "E601 a.yaml:6:24 Path refused"),
        ("{file: 5}", "E307 a.yaml:6:24 spec.instructions.file is 5"),
        ("{file: p.md, interpolate: maybe}", "E307 a.yaml:6:43 spec.instructions.interpolate is 'maybe'"),
        ("{file: p.md, interpolat: true}", "E303 a.yaml:6:30 Unknown field 'interpolat'"),
        ("{files: p.md}", "E307 a.yaml:6:17 spec.instructions is a mapping"),
        ("{file: latin.md}", "E201 a.yaml:6:24 Not UTF-8"),
        ("{file: huge.md}", "E211 a.yaml:6:24 File too large"),
        ("{file: odd.md}", "E603 odd.md:2:1 Invisible or reordering character U+202E"),
    ],
)
def test_what_is_wrong_with_an_included_file(tmp_path: Path, include: str, problem: str) -> None:
    files: dict[str, str | bytes] = {
        "a.yaml": assistant("a", f"instructions: {include}"),
        "p.md": "x",
        "latin.md": b"\xe9",
        "huge.md": "x" * (Limits().included + 1),
        "odd.md": "x\n\u202ey",
        "dir/x.md": "x",
    }
    assert problems(tmp_path, files) == [problem]


def test_a_file_that_several_include_is_wrong_once(tmp_path: Path) -> None:
    text = "instructions: {file: p.md}"
    files: dict[str, str | bytes] = {"a.yaml": assistant("a", text), "b.yaml": assistant("b", text), "p.md": "\u202e"}
    assert len(problems(tmp_path, files)) == 1


def test_a_json_schema_comes_from_a_file_and_is_final(tmp_path: Path) -> None:
    schema = '{"type": "object", "properties": {"schema": {"file": "x.md"}, "b": {"const": "${var.brand}"}}}'
    bot = desired(tmp_path, tool_tree(schema))["Assistant/bot"]
    properties = bot.spec["tools"][0]["parameters"]["properties"]
    assert properties == {"schema": {"file": "x.md"}, "b": {"const": "${var.brand}"}}


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (
            '{"type": "object",\n "properties": {"a": {"type": "strin"}}}',
            "E317 f.json:2:31 parameters.properties.a.type is not",
        ),
        ('{"type": "object", "type": "object"}', "E205 f.json:1:20 Duplicate key"),
        ('{"type": object}', "E214 f.json:1:10 Not JSON"),
        ('{"maximum": 1e999}', "E214 f.json:1:1 Not JSON"),
        ('{"maximum": NaN}', "E214 f.json:1:1 Not JSON"),
        ("", "E214 f.json:1:1 Not JSON"),
        ("[" * 100_000, "E211 f.json:1:33 Nested too deeply"),
        ('{"description": "\\u202e", "type": "object"}', "E603 f.json:1:17 Invisible or reordering"),
        ("[]", "E307 f.json:1:1 spec.function.parameters is a list"),
    ],
)
def test_what_is_wrong_in_an_included_json_schema_stands_there(tmp_path: Path, schema: str, problem: str) -> None:
    (found,) = problems(tmp_path, tool_tree(schema))
    assert found.startswith(problem)


def test_json_that_yaml_reads_otherwise_is_still_json(tmp_path: Path) -> None:
    schema = '{"type": "object", "description": "\\ud83d\\ude00", "properties": {"a": {"const": 1E2}}, "x": "\\/"}'
    bot = desired(tmp_path, tool_tree(schema))["Assistant/bot"]
    assert bot.spec["tools"][0]["parameters"]["description"] == "\U0001f600"
    assert bot.spec["tools"][0]["parameters"]["properties"]["a"]["const"] == 100


def test_a_short_tree_does_not_stand_for_an_endless_one(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "reconciler.yaml": stack("vars: {x: " + "y" * 900_000 + "}"),
        "a.yaml": assistant("a", "instructions: " + "${var.x}" * 1000),
        "b.yaml": assistant("b", "nonsense: 1"),
    }
    (found,) = rejected(tmp_path, files)
    assert (found.code, found.summary) == ("E211", "Too much text")
    assert "64,000,000" in found.detail


def test_all_manifests_together_have_a_limit(tmp_path: Path) -> None:
    plant(tmp_path, {f"{number}.yaml": "# " + "x" * 990_000 for number in range(33)})
    (found,) = rejected(tmp_path, {})
    assert (found.code, found.summary) == ("E211", "Too much text")


def test_a_manifest_has_a_limit(tmp_path: Path) -> None:
    assert problems(tmp_path, {"a.yaml": "# " + "x" * 1_000_000}) == ["E211 a.yaml:1:1 File too large"]
