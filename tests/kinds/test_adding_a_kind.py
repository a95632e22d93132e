"""What is said of a kind that is added: everything, without a word about it outside its own module."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from reconciler.commands.outputs import outputs
from reconciler.commands.show import show
from reconciler.emulator import Emulator
from reconciler.kinds import FORMS, KINDS
from reconciler.kinds.manifest import Manifest, Reference
from reconciler.manifest.schema import schemas
from reconciler.model.address import Address
from reconciler.render import markdown, tables, text
from reconciler.render.explain.explanation import render_explanation
from reconciler.render.graph import forms
from reconciler.render.html import page
from reconciler.review import graph
from reconciler.review.explain import Evidence, explain
from tests.acceptance.world import World
from tests.kinds import made_up
from tests.kinds.made_up import MADE_UP, Desk, registered
from tests.test_docs import generator

ROOT = Path(__file__).parents[2]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Notes about a store, written with a pen; and a pen that nothing uses."""
    with registered(*MADE_UP):
        world = World.new(tmp_path)
        world.emulator = cast("Emulator", Desk(world.emulator))
        world.stack(defaults={"color": "blue"})
        world.store("docs", {"a.md": "# A\n"})
        world.manifest("Pen", "dry", {"ink": "none"})
        world.manifest("Pen", "red", {"ink": "red"})
        world.manifest("Note", "tea", {"text": "Warm the pot.", "about": "docs", "pen": "red"})
        yield world


def explained(world: World, address: str) -> str:
    prepared = world.plan()
    return render_explanation(explain(address, Evidence(world.load(), prepared.body, prepared.found.snapshot)))


# --- graphs ---


def test_a_listing_has_its_noun_its_references_and_what_nothing_uses(world: World) -> None:
    assert forms.render_text(graph.of_tree(world.load())) == (
        "acme\n"
        "\n"
        "  Note/tea                                                       note-tea.yaml:1\n"
        "  ├─ Pen/red                                                      pen-red.yaml:1\n"
        "  └─ VectorStore/docs · 1 document                       vectorstore-docs.yaml:1\n"
        "\n"
        "Used by no manifest:\n"
        "  Pen/dry                                                         pen-dry.yaml:1\n"
        "\n"
        "1 note, 2 pens, 1 vector store with 1 document; 2 uses.\n"
    )


def test_mermaid_draws_its_shape_and_its_references(world: World) -> None:
    planned = graph.with_plan(graph.of_tree(world.load()), world.plan().body)
    assert forms.render_mermaid(planned) == (
        "%% acme\n"
        "flowchart LR\n"
        '    n0["Note/tea · + create"]\n'
        '    n1(["Pen/dry"])\n'
        '    n2(["Pen/red"])\n'
        '    n3[("VectorStore/docs · 1 document · + create")]\n'
        "    n0 --> n2\n"
        "    n0 --> n3\n"
        "    classDef create stroke:#1a7f37,stroke-width:3px\n"
        "    class n0,n3 create\n"
    )


def test_graphviz_draws_its_shape_and_its_references(world: World) -> None:
    assert forms.render_dot(graph.of_tree(world.load())).split("\n")[3:-2] == [
        '    n0 [label="Note/tea"];',
        '    n1 [label="Pen/dry", shape=hexagon];',
        '    n2 [label="Pen/red", shape=hexagon];',
        '    n3 [label="VectorStore/docs · 1 document", shape=cylinder];',
        "    n0 -> n2;",
        "    n0 -> n3;",
    ]


def test_a_picture_has_a_card_for_each(world: World) -> None:
    titles = re.findall("<title>(.*?)</title>", forms.render_svg(graph.of_tree(world.load())))
    assert titles == ["Pen/dry", "Pen/red", "VectorStore/docs · 1 document", "Note/tea"]


# --- explain ---


def test_an_explanation_says_where_each_value_is_written_and_what_it_refers_to(world: World) -> None:
    assert explained(world, "Note/tea") == (
        "+ create Note/tea                                                note-tea.yaml:1\n"
        "    The manifest asks for it, and nothing in the account stands for it yet.\n"
        "\n"
        "What it will be\n"
        '    + text: "Warm the pot."                                   note-tea.yaml:8:13\n'
        '    + color: "blue"         reconciler.yaml:9:16, from the defaults of the stack\n'
        "    + vector_store_id: (new id of VectorStore/docs, known after apply)\n"
        "        note-tea.yaml:9:14\n"
        '    + ink: "red"                                   pen-red.yaml:7:11, in Pen/red\n'
        "\n"
        "Filled in\n"
        '    color: "blue", from the defaults of the stack (reconciler.yaml:9:16)\n'
        "\n"
        "Refers to\n"
        "    Pen/red: compiled in (note-tea.yaml:10:12)\n"
        "    VectorStore/docs: its id is known after apply, because the plan creates it\n"
        "      (note-tea.yaml:9:14)\n"
        "\n"
        "Order\n"
        "    create Note/tea\n"
        "        after      create VectorStore/docs (its new id is needed)\n"
    )


def test_an_explanation_of_a_part_says_whose_it_becomes_and_what_comes_of_it(world: World) -> None:
    assert world.settled()
    world.manifest("Pen", "red", {"ink": "dark red"})
    assert explained(world, "Pen/red") == (
        "Pen/red                                                           pen-red.yaml:1\n"
        "    A Pen stands for nothing of its own in the account: it is compiled into the\n"
        "    notes that use it.\n"
        "\n"
        "Used by\n"
        "    Note/tea: the plan updates it, because of ink\n"
    )


def test_an_explanation_of_what_it_refers_to_names_it(world: World) -> None:
    assert "\nUsed by\n    Note/tea: the plan creates it\n" in explained(world, "VectorStore/docs")


# --- plan, show, outputs ---


def test_a_plan_shows_it_in_every_form_for_people(world: World) -> None:
    body = world.plan().body
    assert text.render_plan(body).split("\n\n")[1] == (
        "+ create Note/tea                                                note-tea.yaml:1\n"
        '    + text: "Warm the pot."\n'
        '    + color: "blue"\n'
        "    + vector_store_id: (new id of VectorStore/docs, known after apply)\n"
        '    + ink: "red"'
    )
    assert (
        "<details><summary><b><code>+ create Note/tea</code></b> <code>note-tea.yaml:1</code></summary>\n\n```diff\n"
        '+ text: "Warm the pot."\n+ color: "blue"\n+ vector_store_id: (new id of VectorStore/docs, known after apply)\n'
        '+ ink: "red"\n```\n'
    ) in markdown.render_plan(body)
    assert {"Note/tea", "Warm the pot."} <= set(re.findall(r"Note/tea|Warm the pot\.", page.render_plan(body)))


def test_it_is_applied_shown_and_put_out(world: World) -> None:
    assert world.settled()
    session, _ = world.session()
    rows = world.time.run(lambda: show(session))
    assert [rows[0][key] for key in ("address", "resource", "id", "state")] == ["Note/tea", "note", "note_1", "ready"]
    assert re.search(r"\bNote/tea +note +note_1\b", tables.render_show(rows, width=200))
    found = world.time.run(lambda: outputs(session))
    assert {key: found["Note/tea"][key] for key in ("id", "resource")} == {"id": "note_1", "resource": "note"}


def test_its_removal_is_planned_and_done(world: World) -> None:
    assert world.settled()
    world.remove("Note", "tea")
    assert world.steps() == ["delete Note/tea"]
    assert world.settled()
    assert cast("Any", world.emulator).notes == {}


# --- schemas and reference ---


@pytest.mark.usefixtures("world")
def test_its_schema_is_published_with_its_own_words() -> None:
    assert schemas.kinds() == ("Stack", "Assistant", "Note", "Pen", "Tool", "VectorStore")
    assert schemas.file_name("Note") == "note.schema.json"
    spec = schemas.published("Note")["properties"]["spec"]["properties"]
    assert list(spec) == ["display_name", "text", "color", "about", "pen"]
    assert spec["text"] == {"description": "What it says.", "type": "string", "minLength": 1, "maxLength": 1000}
    defaults = schemas.published("Stack")["properties"]["spec"]["properties"]["defaults"]
    assert list(defaults["properties"]) == ["runtime", "model", "color"]
    assert defaults["description"] == "For assistants and notes that do not choose for themselves."


@pytest.mark.usefixtures("world")
def test_the_reference_has_its_fields_and_its_collection() -> None:
    pages = generator().pages()
    assert (
        "## Note\n\n| Field | Value | Name in the API |\n| --- | --- | --- |\n"
        "| `display_name` | text, 1 to 64 characters | `name` |\n"
        "| `text` | text, 1 to 1,000 characters | `text` |\n"
        "| `color` | `yellow`, `blue` | `color` |\n"
        "| `about` | text, 1 to 64 characters | `vector_store_id` |\n\n"
        "## Pen\n\n| Field | Value | Meaning |\n| --- | --- | --- |\n| `ink` | text, 1 to 64 characters |  |\n"
    ) in pages["manifests.md"]
    assert "| note | in its metadata | `/notes` |\n" in pages["ownership.md"]


# --- the seam, and the example of CONTRIBUTING.md ---


def test_what_a_test_registers_goes_with_it() -> None:
    before = (dict(KINDS), dict(FORMS), schemas.published("Stack"))
    with registered(*MADE_UP):
        assert (list(KINDS), list(FORMS)) == (sorted({*before[0], "note"}), sorted({*before[1], "Note", "Pen"}))
    assert (dict(KINDS), dict(FORMS), schemas.published("Stack")) == before


def example() -> dict[str, Any]:
    """What the code of CONTRIBUTING.md defines, with the names that a module of kinds imports."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Adding a kind")[2].partition("\n## ")[0]
    kind, form, method = (textwrap.dedent(code) for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    names = dict(vars(made_up))
    exec(f"{kind}\n{form}\nclass Referring(NoteForm):\n{textwrap.indent(method, '    ')}", names)
    return names


def test_the_example_of_contributing_is_a_kind(tmp_path: Path) -> None:
    names = example()
    with registered(names["NOTE"], names["NOTE_FORM"]):
        world = World.new(tmp_path)
        world.emulator = cast("Emulator", Desk(world.emulator))
        world.manifest("Note", "tea", {"display_name": "Tea", "text": "Warm the pot.\n", "color": "blue"})
        assert world.settled()
        (note,) = cast("Any", world.emulator).notes.values()
        told = {key: note[key] for key in ("name", "text", "color")}
        assert told == {"name": "Tea", "text": "Warm the pot.\n", "color": "blue"}
        assert forms.render_text(graph.of_tree(world.load())).endswith("\n1 note; 0 uses.\n")
        spec = schemas.published("Note")["properties"]["spec"]["properties"]
        assert (spec["text"]["description"], spec["color"]["description"]) == (
            "What it says.",
            "The colour of the paper.",
        )


def test_the_example_of_contributing_has_references() -> None:
    manifest = Manifest("Note", "tea", {"text": "Warm the pot.", "about": "docs"}, "")
    found = list(example()["Referring"]().references(manifest))
    assert found == [Reference(("spec", "about"), Address("VectorStore", "docs"))]
