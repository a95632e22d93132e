"""A tree with many different mistakes: each is told once, at its place, with the way out, and all of them at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.manifest.load.loader import load
from reconciler.model.diagnostics import Diagnostic, Rejected
from tests.manifest.trees import assistant, manifest, plant, stack

KEY = "sk-" + "q7Zt2LmXv9Rk4BwYc8NsJd3HpGf6TaUe5QiWoMxKzVbCnEhD"
PROFILES = [sys.executable, "-X", "importtime", "-c", "from reconciler.cli import main; main()"]

FILES: dict[str, str | bytes] = {
    "reconciler.yaml": stack("""
        vars: {brand: Acme}
        limits: {max_deletes: many}
        """),
    "a/typo.yaml": assistant("typo", "temprature: 0.5"),
    "a/kind.yaml": manifest("Asistant", "kind"),
    "a/version.yaml": "apiVersion: reconcilier/v1\nkind: Tool\nmetadata: {name: version}\nspec: {type: web_search}\n",
    "a/missing.yaml": manifest("Assistant", "missing", "description: No model."),
    "a/type.yaml": assistant("type", "temperature: warm"),
    "a/range.yaml": assistant("range", "top_p: 1.5"),
    "a/word.yaml": assistant("word", "truncation: automatic"),
    "a/tool.yaml": assistant("tool", "tools:\n  - tool: lokup-order"),
    "a/store.yaml": assistant("store", "tools:\n  - {type: file_search, vector_stores: [product-doc]}"),
    "a/duplicate.yaml": assistant("duplicate", "top_p: 0.5\ntop_p: 0.6"),
    "a/tab.yaml": assistant("tab") + "\ttop_p: 1\n",
    "a/syntax.yaml": assistant("syntax", "description: Yes: no"),
    "a/twice.yaml": assistant("typo"),
    "a/prompt.md": "Hello.\n",
    "a/include.yaml": assistant("include", "instructions: {file: promt.md}"),
    "a/variable.yaml": assistant("variable", "instructions: Hello from ${var.brnad}"),
    "a/secret.yaml": assistant("secret", f"instructions: Use {KEY} to call."),
    "a/dots.yaml": assistant("dots", "instructions: {file: ../../passwd}"),
    "a/hidden.yaml": assistant("hidden", 'description: "admin\\u202e only"'),
    "a/schema.yaml": manifest("Tool", "schema", "type: function\nfunction:\n  parameters: {type: objekt}"),
    "a/strict.yaml": manifest(
        "Tool",
        "strict",
        """
        type: function
        function:
          strict: true
          parameters: {type: object, properties: {a: {type: string}}, required: [a]}
        """,
    ),
    "a/cold-agent.yaml": assistant("cold-agent", "runtime: agents\ntemperature: 0"),
    "a/search-agent.yaml": assistant(
        "search-agent", "runtime: agents\ntools:\n  - {type: file_search, vector_stores: [docs]}"
    ),
    "a/two-stores.yaml": assistant(
        "two-stores", "runtime: assistants\ntools:\n  - {type: file_search, vector_stores: [docs, more]}"
    ),
    "a/mcp-assistant.yaml": assistant("mcp-assistant", "runtime: assistants\ntools:\n  - tool: crm"),
    "a/url.yaml": manifest("Tool", "url", "type: mcp\nserver_label: x\nserver_url: http://mcp.example.com"),
    "a/crm.yaml": manifest("Tool", "crm", "type: mcp\nserver_label: crm\nserver_url: https://mcp.example.com"),
    "a/shape.yaml": assistant("shape", "tools:\n  - {type: functoin}"),
    "a/name.yaml": assistant("Not_A_Name"),
    "a/moved.yaml": assistant("moved", more="lifecycle: {moved_from: Assistant/type}\n"),
    "a/ignore.yaml": assistant("ignore", more="lifecycle: {ignore_changes: [temperture]}\n"),
    "a/link.yaml": "",  # replaced by a symbolic link
    "k/docs.yaml": manifest("VectorStore", "docs", 'files:\n  - glob: "docs/*.txt"'),
    "k/docs/one.md": "One.\n",
    "k/docs/PRICES.MD": "Two.\n",
    "k/docs/prices.csv": "a,b\n",
    "k/more.yaml": manifest("VectorStore", "more", "files:\n  - path: docs/prices.csv"),
    "k/upper.yaml": manifest("VectorStore", "upper", "files:\n  - path: docs/PRICES.MD"),
    "k/overlap.yaml": manifest(
        "VectorStore",
        "overlap",
        """
        chunking_strategy:
          type: static
          static: {max_chunk_size_tokens: 800, chunk_overlap_tokens: 500}
        """,
    ),
    "k/label.yaml": manifest("VectorStore", "label").replace("name: label}", "name: label, labels: {reconciler.x: y}}"),
}

EXPECTED = """
E404 a/typo.yaml:3:18 Assistant/typo is declared twice
E302 a/kind.yaml:2:7 Unknown kind 'Asistant'
E301 a/version.yaml:1:13 Unknown apiVersion 'reconcilier/v1'
E303 a/typo.yaml:6:3 Unknown field 'temprature'
E306 a/missing.yaml:4:1 Missing field 'model'
E307 a/type.yaml:6:16 spec.temperature is 'warm'
E311 a/range.yaml:6:10 spec.top_p is 1.5
E310 a/word.yaml:6:15 spec.truncation is 'automatic'
E401 a/tool.yaml:7:13 Unknown tool 'lokup-order'
E402 a/store.yaml:7:43 Unknown vector store 'product-doc'
E205 a/duplicate.yaml:7:3 Duplicate key
E204 a/tab.yaml:6:1 Tab in indentation
E203 a/syntax.yaml:6:19 Not YAML
E503 a/include.yaml:6:24 File not found
E405 a/variable.yaml:6:17 Undefined variable 'brnad'
E602 a/secret.yaml:6:17 This looks like a secret: OpenAI API key
E601 a/dots.yaml:6:24 Path refused
E603 a/hidden.yaml:6:16 Invisible or reordering character U+202E
E317 a/schema.yaml:7:24 parameters.type is not a valid JSON Schema
E317 a/strict.yaml:8:17 parameters is not in the strict subset
E304 a/cold-agent.yaml:7:3 'temperature' is not available on the agents runtime
E304 a/search-agent.yaml:8:14 'file_search' is not available on the agents runtime
E304 a/two-stores.yaml:8:42 spec.tools[0].vector_stores is a list of 2
E304 a/crm.yaml:5:9 'mcp' is not available on the assistants runtime
E604 a/url.yaml:7:15 server_url is 'http://mcp.example.com'
E310 a/shape.yaml:7:14 Unknown type 'functoin'
E312 a/name.yaml:3:18 metadata.name is 'Not_A_Name'
E406 a/moved.yaml:4:25 Assistant/type cannot be moved
E314 a/ignore.yaml:4:30 Unknown field 'temperture' in ignore_changes
E601 a/link.yaml:1:1 Path refused
E501 k/docs.yaml:6:13 Pattern matches nothing
E507 k/more.yaml:6:13 File type not supported
E507 k/upper.yaml:6:13 File type not supported
E316 k/overlap.yaml:7:64 chunk_overlap_tokens is 500
E303 k/label.yaml:3:34 Key 'reconciler.x' is not allowed
E307 reconciler.yaml:6:25 spec.limits.max_deletes is 'many'
"""

HINTS = {
    "typo.yaml:6": "Did you mean 'temperature'?",
    "kind.yaml": "Did you mean 'Assistant'?",
    "tool.yaml": "No Tool manifest has this name.",
    "store.yaml": "No VectorStore manifest has this name.",
    "version.yaml": "Expected 'reconciler/v1'.",
    "variable.yaml": "Did you mean 'brand'?",
    "missing.yaml": "spec needs it.",
    "type.yaml": "Expected a number.",
    "range.yaml": "At most 1.",
    "word.yaml": "Known: auto, disabled.",
    "schema.yaml": "'type' has to be",
    "include.yaml": "Did you mean 'prompt.md'?",
    "shape.yaml": "Did you mean 'function'?",
    "name.yaml": "a-z, 0-9 and single hyphens",
    "more.yaml": "`as: prices.csv.txt`",
    "upper.yaml": "`as: PRICES.md`",
    "overlap.yaml": "at most half of max_chunk_size_tokens: 400.",
    "two-stores.yaml": "At most 1.",
    "url.yaml": "https://",
    "link.yaml": "symbolic link",
    "ignore.yaml": "Did you mean 'temperature'?",
    "docs.yaml": "In k/docs there are: 1 .MD, 1 .csv, 1 .md",
}


def plant_mistakes(root: Path) -> Path:
    plant(root, FILES)
    (root / "a/link.yaml").unlink()
    (root / "a/link.yaml").symlink_to("../../elsewhere.yaml")
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant_mistakes(tmp_path_factory.mktemp("mistakes"))


@pytest.fixture(scope="module")
def found(root: Path) -> tuple[Diagnostic, ...]:
    with pytest.raises(Rejected) as error:
        load(root)
    return error.value.diagnostics


def test_each_mistake_is_told_once_and_at_its_place(found: tuple[Diagnostic, ...]) -> None:
    told = sorted(f"{item.code} {item.span} {item.summary}" for item in found)
    assert told == sorted(EXPECTED.strip().splitlines())


def test_there_are_far_more_than_twenty_sorts_of_them() -> None:
    assert len({line[:4] for line in EXPECTED.strip().splitlines()}) > 20


def test_each_says_what_was_expected_or_what_to_do(found: tuple[Diagnostic, ...]) -> None:
    assert all(item.detail for item in found)
    for place, hint in HINTS.items():
        about = [item.detail for item in found if f"/{place}" in str(item.span)]
        assert any(hint in detail for detail in about), (place, about)


def test_each_shows_its_line_and_no_credential(found: tuple[Diagnostic, ...]) -> None:
    assert [str(item.span) for item in found if item.source is None] == ["a/link.yaml:1:1"]
    assert KEY[5:] not in repr(found)


def test_validate_prints_them_all_and_exits_7_without_importing_openai(root: Path) -> None:
    run = subprocess.run([*PROFILES, "validate", str(root)], capture_output=True, text=True, check=False)
    assert run.returncode == 7
    told = {" ".join(line.split()[:1]) for line in run.stderr.splitlines() if ": error E" in line}
    assert len(told) == len(EXPECTED.strip().splitlines())
    imported = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines() if line.startswith("import time")}
    assert "reconciler.manifest.load.loader" in imported
    assert not {"openai", "httpx2", "deepdiff", "reconciler.emulator"} & imported


def test_as_json_they_are_data_on_stdout(root: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from reconciler.cli import main; main()", "validate", str(root), "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    body = json.loads(run.stdout)
    assert (run.returncode, body["valid"]) == (7, False)
    assert len(body["problems"]) == len(EXPECTED.strip().splitlines())
    assert all(item["line"] and item["column"] for item in body["problems"])
