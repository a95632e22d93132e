"""graph and explain from the command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.acceptance.world import World
from tests.cli.conftest import Command


def test_graph_lists_who_uses_whom(reconciler: Command) -> None:
    result = reconciler("graph")
    assert result.code == 0
    assert result.out == (
        "acme\n"
        "\n"
        "  Assistant/helper                                       assistant-helper.yaml:1\n"
        "  └─ VectorStore/docs · 2 documents                      vectorstore-docs.yaml:1\n"
        "  Assistant/writer                                       assistant-writer.yaml:1\n"
        "\n"
        "2 assistants, 1 vector store with 2 documents; 1 use.\n"
    )


def test_graph_marks_what_a_saved_plan_does(reconciler: Command, tree: World) -> None:
    assert reconciler("plan", "--local", "-o", "plan.json").code == 0
    result = reconciler("graph", "--plan", "plan.json")
    assert "  + └─ VectorStore/docs" in result.out
    assert result.out.endswith("The plan: + 3 to create.\n")
    tree.write("docs/a.md", "# Another\n")
    result = reconciler("graph", "--plan", "plan.json")
    assert "changed since plan.json was made" in result.err
    assert result.code == 0


def test_graph_in_other_languages(reconciler: Command) -> None:
    assert "    n0 --> n2\n" in reconciler("graph", "--format", "mermaid").out
    assert "    n0 -> n2;\n" in reconciler("graph", "--format", "dot").out
    assert ET.fromstring(reconciler("graph", "--format", "svg").out).tag == "{http://www.w3.org/2000/svg}svg"


def test_graph_writes_a_file(reconciler: Command, tree: World) -> None:
    result = reconciler("graph", "--format", "svg", "--out", "graph.svg")
    assert (result.code, result.out) == (0, "")
    assert (tree.root / "graph.svg").read_text(encoding="utf-8").startswith("<svg")
    assert reconciler("graph", "--out", "no/such/directory/graph.txt").code == 7


def test_graph_respects_the_environment(reconciler: Command, tree: World) -> None:
    tree.stack(environments={"test": {}, "production": {}})
    assert reconciler("graph", "--env", "test").out.startswith("acme/test\n")
    assert reconciler("graph").code == 7
    assert reconciler("plan", "--local", "--env", "test", "-o", "plan.json").code == 0
    result = reconciler("graph", "--env", "production", "--plan", "plan.json")
    assert result.code == 5
    assert "plan.json is a plan for acme/test, and this is acme/production." in result.err


def test_graph_reports_problems_of_the_tree(reconciler: Command, tree: World) -> None:
    tree.assistant("helper", modle="x")
    result = reconciler("graph")
    assert (result.code, result.out) == (7, "")
    assert "Did you mean 'model'?" in result.err


def test_graph_needs_no_account_and_no_openai(tree: World) -> None:
    code = (
        "import sys\nfrom reconciler import cli\ncli._register()\n"
        "for format in ('text', 'mermaid', 'dot', 'svg'):\n"
        "    assert cli.run(['graph', '--format', format]) == 0, format\n"
        "    heavy = {'openai', 'httpx2', 'pydantic', 'starlette', 'uvicorn', 'rich.console', 'deepdiff', 'jinja2'}\n"
        "    assert not heavy & set(sys.modules), (format, heavy & set(sys.modules))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tree.root, check=True, capture_output=True, timeout=60)


def test_explain_reads_the_account(applied: Command, tree: World) -> None:
    assert "nothing to do for Assistant/writer" in applied("explain", "Assistant/writer", "--local").out
    tree.assistant("writer", "agents", model="gpt-6.1-terra", instructions="Write well.\n")
    result = applied("explain", "Assistant/writer", "--local")
    assert result.code == 0
    assert result.out.startswith("~ update Assistant/writer")
    assert re.search(
        r'manifest   "Write well.\\n" \(assistant-writer.yaml:10:21\)\n +live       "Write.\\n"', result.out
    )
    body = applied("explain", "Assistant/writer", "--local", "--format", "json").json
    assert body["changes"][0]["fields"][0]["last_applied"] == {"value": "Write.\n"}
    assert applied("plan", "--local").code == 0, "explain writes nothing"


def test_explain_takes_a_saved_plan_at_its_word(reconciler: Command) -> None:
    assert reconciler("plan", "--local", "-o", "plan.json").code == 0
    result = reconciler("explain", "VectorStore/docs:docs/a.md", "--plan", "plan.json")
    assert result.code == 0
    assert "Its store is new" in result.out


def test_explain_refuses_what_is_no_plan(reconciler: Command, tree: World) -> None:
    assert reconciler("explain", "Assistant/helper", "--plan", "none.json").code == 7
    tree.write("plan.json", "{}")
    assert reconciler("explain", "Assistant/helper", "--plan", "plan.json").code == 7
    assert reconciler("plan", "--local", "-o", "plan.json").code == 0
    body = json.loads((tree.root / "plan.json").read_text(encoding="utf-8"))
    tree.write("plan.json", json.dumps(body | {"stack": "other"}))
    assert reconciler("explain", "Assistant/helper", "--plan", "plan.json").code == 5


def test_explain_suggests_the_nearest_name(reconciler: Command) -> None:
    result = reconciler("explain", "Assistant/helpr", "--local")
    assert (result.code, result.out) == (7, "")
    assert "Did you mean 'Assistant/helper'?" in result.err


def test_explain_with_a_plan_needs_no_account(tree: World, reconciler: Command, tmp_path: Path) -> None:
    """No key, no `--local`: what is asked for stands in the file."""
    plan = tmp_path / "plan.json"
    assert reconciler("plan", "--local", "-o", str(plan)).code == 0
    assert reconciler("explain", "Assistant/helper", "--plan", str(plan)).code == 0
    assert reconciler("explain", "Assistant/helper").code == 8


def test_explain_says_what_only_leaves_out(reconciler: Command) -> None:
    result = reconciler("explain", "Assistant/writer", "--local", "--only", "Assistant/helper")
    assert "It is left out: --only restricts the plan to other addresses." in result.out
    assert (
        "+ create VectorStore/docs"
        in reconciler("explain", "VectorStore/docs", "--local", "--only", "Assistant/helper").out
    )


def test_a_picture_that_nobody_could_read_says_so(reconciler: Command, tree: World) -> None:
    for number in range(61):
        tree.assistant(f"a{number}", model="m")
    result = reconciler("graph", "--format", "svg")
    assert "too many for a picture" in result.err
    assert "--format dot has them all." in result.err
    assert result.code == 0
