"""Tables that never cut an id."""

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.render.tables import render_history, render_object, render_outputs, render_show, table
from tests.render.plans import HOSTILE


def test_rows_are_aligned_and_empty_columns_left_out() -> None:
    outputs: dict[str, dict[str, Any]] = {
        "Assistant/a": {"resource": "release", "id": "skill_1", "version": "3", "spec": None},
        "VectorStore/docs": {"resource": "vector_store", "id": "vs_1"},
    }
    assert render_outputs(outputs) == (
        "ADDRESS           RESOURCE      ID       VERSION\n"
        "Assistant/a       release       skill_1  3\n"
        "VectorStore/docs  vector_store  vs_1\n"
    )


def test_rows_that_do_not_fit_become_paragraphs() -> None:
    rows: list[dict[str, Any]] = [
        {"address": "Assistant/a", "id": "x" * 70},
        {"address": "Assistant/b", "id": "y" * 70, "documents": 40},
    ]
    assert render_show(rows) == (
        f"ADDRESS    Assistant/a\nID         {'x' * 70}\n\n"
        f"ADDRESS    Assistant/b\nID         {'y' * 70}\nDOCUMENTS  40\n"
    )


def test_the_current_release_is_marked() -> None:
    rows = [{"version": "2", "current": True}, {"version": "1", "current": False}]
    assert render_history(rows) == "VERSION  CURRENT\n2        yes\n1\n"


@pytest.mark.parametrize(("render", "body"), [(render_show, []), (render_outputs, {}), (render_history, [])])
def test_nothing_is_a_sentence(render: Callable[[Any], str], body: Any) -> None:
    assert render(body).endswith(".\n")


def test_a_table_of_nothing_is_a_line() -> None:
    assert table([], [("a", "A")]) == "\n"


def test_an_object_stands_beside_a_gutter() -> None:
    assert render_object({"model": "m", "tools": ["x" * 40, "y" * 40]}) == (
        f'│ model: "m"\n│ tools:\n│   - "{"x" * 40}"\n│   - "{"y" * 40}"\n'
    )


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("width", [80, 10_000])
def test_hostile_text_stays_in_its_cell(text: str, width: int) -> None:
    for written in (
        render_show([{"address": text, "id": text}], width=width),
        render_object({text: text, "b": [text]}),
    ):
        assert all(char.isprintable() or char in "\n\u3000" for char in written)
        assert not any(line.lstrip().startswith("::") for line in written.split("\n"))
