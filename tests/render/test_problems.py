"""Diagnostics: the place, the line, the caret, the way out."""

from typing import Any

import pytest

from reconciler.render.problems import render_problems
from tests.render.plans import HOSTILE


def problem(**more: Any) -> dict[str, Any]:
    return {
        "severity": "error",
        "code": "E401",
        "summary": "Unknown vector store",
        "detail": "'product-dox' is not declared. Did you mean 'product-docs'?",
        "file": "assistants/support.yaml",
        "line": 12,
        "column": 24,
        "address": "Assistant/support",
        **more,
    }


def test_a_problem_shows_the_place_the_line_and_the_way_out() -> None:
    source = "      vector_stores: [product-dox]\n"
    assert render_problems(
        {"problems": [problem(source=source), problem(severity="warning", code="W1", source=None, detail="")]}
    ) == (
        "assistants/support.yaml:12:24: error E401: Unknown vector store\n"
        "    12 │       vector_stores: [product-dox]\n"
        "       ┊                        ^\n"
        "    'product-dox' is not declared. Did you mean 'product-docs'?\n"
        "\n"
        "assistants/support.yaml:12:24: warning W1: Unknown vector store\n"
        "\n"
        "1 error, 1 warning\n"
    )


def test_a_problem_without_a_place_names_its_address() -> None:
    assert render_problems({"problems": [problem(file=None, line=None, column=None)]}).startswith(
        "Assistant/support: error E401: "
    )


def test_a_problem_about_nothing_in_particular_is_told_too() -> None:
    nowhere = problem(file=None, line=None, column=None, address=None, source="x")
    assert render_problems({"problems": [nowhere]}).startswith("error E401: Unknown")


def test_the_caret_stands_under_its_column_when_letters_are_wide_or_escaped() -> None:
    lines = render_problems({"problems": [problem(source="漢\u202e\tx", column=4)]}).split("\n")
    assert lines[1] == r"    12 │ 漢\u{202e}⇥x"
    assert lines[2].index("^") == len("    12 │ ") + 2 + len(r"\u{202e}") + 1


def test_a_long_line_is_shown_around_the_column() -> None:
    lines = render_problems({"problems": [problem(source="a" * 500 + "B" + "c" * 500, column=501)]}).split("\n")
    assert lines[1] == "    12 │ … " + "a" * 40 + "B" + "c" * 19 + " …"
    assert lines[1].index("B") == lines[2].index("^")


@pytest.mark.parametrize("column", [None, 99])
def test_a_column_beyond_the_line_has_no_caret(column: int | None) -> None:
    assert "^" not in render_problems({"problems": [problem(source="short", column=column)]})


def test_a_detail_is_wrapped() -> None:
    assert all(len(line) <= 80 for line in render_problems({"problems": [problem(detail="word " * 100)]}).split("\n"))


def test_no_problems_are_good_news() -> None:
    assert render_problems({"problems": []}) == "No problems.\n"


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown(text: str) -> None:
    written = render_problems(
        {"problems": [problem(**dict.fromkeys(("severity", "code", "summary", "detail", "file", "source"), text))]}
    )
    assert all(char.isprintable() or char in "\n\u3000" for char in written)
    assert not any(line.lstrip().startswith("::") for line in written.split("\n"))
