"""The graph in four languages: what a reader sees, and that no name gets out of its label."""

from __future__ import annotations

import html
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from rich.cells import cell_len

from reconciler.render.graph.forms import label, render_dot, render_mermaid, render_svg, render_text
from reconciler.review.graph import with_plan
from tests.render.plans import HOSTILE, change, plan


def node(address: str, **more: Any) -> dict[str, Any]:
    kind, slash, _ = address.partition("/")
    usual = {"resource": None, "documents": None, "source": None, "action": None, "blocked": False}
    return {"address": address, "kind": kind if slash else "id", "managed": bool(slash), **usual, **more}


def graph(nodes: list[dict[str, Any]], *edges: tuple[str, str], planned: bool = False) -> dict[str, Any]:
    return {
        "stack": "acme",
        "environment": None,
        "planned": planned,
        "nodes": sorted(nodes, key=lambda one: str(one["address"])),
        "edges": [{"from": user, "to": used} for user, used in sorted(edges)],
    }


SMALL = graph(
    [
        node("Assistant/helper", source={"file": "helper.yaml", "line": 6, "column": 1}),
        node("Assistant/writer", documents=1),
        node("Tool/search"),
        node("VectorStore/docs", documents=27, source={"file": "docs.yaml", "line": 1, "column": 1}),
        node("VectorStore/idle", documents=0),
        node("vs_theirs"),
    ],
    ("Assistant/helper", "Tool/search"),
    ("Tool/search", "VectorStore/docs"),
    ("Tool/search", "vs_theirs"),
    ("Assistant/writer", "Tool/search"),
)


def everywhere(text: str) -> dict[str, Any]:
    """A graph that has the text wherever there is data, twice as a name."""
    source = {"file": text, "line": 1, "column": 1}
    one, two = node(text, source=source, action=text, kind=text), node(f"{text}/2", action="delete", kind=text)
    return graph([one, two], (text, f"{text}/2"), planned=True) | {"stack": text, "environment": text}


# --- the listing ------------------------------------------------------------------------------------------------------


def test_the_listing_reads_like_a_tree() -> None:
    assert render_text(SMALL) == (
        "acme\n"
        "\n"
        "  Assistant/helper                                                 helper.yaml:6\n"
        "  └─ Tool/search\n"
        "     ├─ VectorStore/docs · 27 documents                              docs.yaml:1\n"
        "     └─ vs_theirs · of somebody else\n"
        "  Assistant/writer · 1 file\n"
        "  └─ Tool/search (unfolded elsewhere)\n"
        "\n"
        "Used by no manifest:\n"
        "  VectorStore/idle · 0 documents\n"
        "\n"
        "2 assistants, 1 tool, 2 vector stores with 27 documents, 1 object of somebody else; 4 uses.\n"
    )


def test_the_signs_of_a_plan_stand_in_front() -> None:
    changes = [change("VectorStore/docs", "replace"), change("Assistant/gone", "delete", blocked={"rule": "protect"})]
    text = render_text(with_plan(SMALL, plan(*changes)))
    assert "\n-/+    ├─ VectorStore/docs · 27 documents" in text
    assert "\n  ! Assistant/gone" in text
    assert "\n    Assistant/writer · 1 file\n" in text
    assert text.endswith("The plan: ! 1 blocked: delete, -/+ 1 to replace.\n")


def test_a_plan_that_changes_nothing_says_so() -> None:
    assert render_text(with_plan(SMALL, plan())).endswith("The plan changes nothing.\n")


def test_an_empty_tree_has_a_graph() -> None:
    assert render_text(graph([])) == "acme\n\nNo resources; 0 uses.\n"
    assert render_mermaid(graph([])) == "%% acme\nflowchart LR\n"
    assert render_dot(graph([])).startswith('digraph "acme" {')
    assert ET.fromstring(render_svg(graph([]))).tag.endswith("svg")


def test_circles_and_deep_chains_end(tmp_path: Any) -> None:
    """No manifest has them, but a plan may come from anywhere."""
    names = [f"Assistant/a{number:05}" for number in range(3_000)]
    chain = list(zip(names, names[1:] + names[:1], strict=True))
    text = render_text(graph([node(name) for name in names], *chain))
    assert all(text.count(name) <= 3 for name in names[:50])
    assert all(name in text for name in names)
    assert all(len(line) < 120 for line in text.split("\n"))


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_the_listing_neither_escapes_nor_commands(text: str) -> None:
    written = render_text(everywhere(text))
    assert all(char.isprintable() or char in "\n\u3000" for char in written)
    assert not re.search(r"^\s*::|##\[?[A-Za-z.]*\[[a-z]", written, re.MULTILINE)


def test_colour_changes_no_word() -> None:
    marked = with_plan(SMALL, plan(change("VectorStore/docs", "create")))
    assert re.sub(r"\x1b\[[0-9;]*m", "", render_text(marked, color=True)) == render_text(marked)


# --- Mermaid ----------------------------------------------------------------------------------------------------------


def test_mermaid_has_counted_names_and_quoted_labels() -> None:
    text = render_mermaid(with_plan(SMALL, plan(change("VectorStore/docs", "create"))))
    assert text.split("\n")[:4] == [
        "%% acme",
        "flowchart LR",
        '    n0["Assistant/helper"]',
        '    n1["Assistant/writer · 1 file"]',
    ]
    assert '    n2(["Tool/search"])\n' in text
    assert '    n3[("VectorStore/docs · 27 documents · + create")]\n' in text
    assert "    n0 --> n2\n" in text
    assert "    classDef create stroke:#1a7f37,stroke-width:3px\n    class n3 create\n" in text


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_gets_out_of_a_mermaid_label(text: str) -> None:
    """Lines are ours, and inside the quotes there is nothing that Mermaid, Markdown or HTML would take for its own."""
    written = render_mermaid(everywhere(text))
    for line in written.removesuffix("\n").split("\n"):
        found = re.fullmatch(
            r'%% (?P<title>.*)|flowchart LR|    n\d+\["(?P<label>.*)"\]|    n\d+ --> n\d+'
            r"|    classDef \w+ stroke[\w:#,-]+|    class n\d+(,n\d+)* \w+",
            line,
        )
        assert found, line
        for inner in (found["title"], found["label"]):
            assert not re.search(r'["`<>\[\](){}|\\@*_&%;]', re.sub(r"#\d+;", "", (inner or "").replace("_", ""))), line


def test_a_mermaid_label_says_what_the_name_is() -> None:
    name = 'a "b" <i> `c` [d] #35; %% {e}'
    line = next(line for line in render_mermaid(graph([node(name)])).split("\n") if line.startswith("    n0"))
    shown = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), line[line.index('"') + 1 : -2])
    assert shown == label(node(name))


# --- Graphviz ---------------------------------------------------------------------------------------------------------


def strings(text: str) -> list[str]:
    """The quoted strings of a DOT file, as Graphviz reads them in labels."""
    return [html.unescape(re.sub(r"\\(.)", r"\1", found)) for found in re.findall(r'"((?:[^"\\]|\\.)*)"', text)]


def test_dot_has_counted_names_and_quoted_labels() -> None:
    text = render_dot(with_plan(SMALL, plan(change("VectorStore/docs", "create"))))
    assert text.startswith('digraph "acme" {\n    rankdir=LR;\n')
    assert '    n0 [label="Assistant/helper"];\n' in text
    assert (
        '    n3 [label="VectorStore/docs · 27 documents · + create", shape=cylinder, color="#1a7f37", penwidth=3];\n'
        in text
    )
    assert text.endswith("    n2 -> n5;\n}\n")


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_gets_out_of_a_dot_string(text: str) -> None:
    written = render_dot(everywhere(text))
    assert all(char.isprintable() or char in "\n\u3000" for char in written)
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', written)
    for line in bare.removesuffix("\n").split("\n"):
        assert re.fullmatch(
            r'digraph "" \{|\}|    rankdir=LR;|    node \[[\w=, "]*\];|    n\d+ \[[\w=, "]*\];|    n\d+ -> n\d+;', line
        ), line


def test_a_dot_label_says_what_the_name_is() -> None:
    name = 'a "b" \\N <i> &lt; \\'
    assert strings(render_dot(graph([node(name)])))[2] == label(node(name))


# --- SVG --------------------------------------------------------------------------------------------------------------


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_picture_is_well_formed_and_holds_no_script(text: str) -> None:
    root = ET.fromstring(render_svg(everywhere(text)))
    tags = {item.tag.rpartition("}")[2] for item in root.iter()}
    assert not tags & {"script", "image", "a", "foreignObject", "use"}
    assert not [name for item in root.iter() for name in item.attrib if name.startswith("on") or name.endswith("href")]


def test_a_picture_shows_what_the_plan_does() -> None:
    text = render_svg(with_plan(SMALL, plan(change("VectorStore/docs", "create"))))
    assert "docs · 27 documents" in text
    assert "prefers-color-scheme" in text


def test_positions_never_make_a_line_too_wide() -> None:
    source = {"file": "a/very/long/path/" * 4, "line": 1, "column": 1}
    text = render_text(graph([node("Assistant/helper", source=source), node("Assistant/other" * 3, source=source)]))
    assert max(map(cell_len, text.split("\n"))) <= 80


def test_several_objects_of_somebody_else_are_counted() -> None:
    both = graph([node("Assistant/a"), node("vs_1"), node("vs_2")], ("Assistant/a", "vs_1"), ("Assistant/a", "vs_2"))
    assert "2 objects of somebody else" in render_text(both)
