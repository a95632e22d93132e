"""The text of a plan: what a reviewer sees, byte for byte, and what no input may do to it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from reconciler.render import escape
from reconciler.render.text import render_drift, render_plan
from tests.render.plans import HOSTILE, change, everywhere, field, plan
from tests.render.situations import SITUATIONS, plan_of

COMMAND = re.compile(r"^\s*::|##\[?[A-Za-z.]*\[[a-z]", re.MULTILINE)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=12,
)
paths = st.lists(st.text() | st.integers(0, 9), min_size=1, max_size=4)
fields = st.builds(
    lambda path, sides, cause, last: field(path, **sides, cause=cause, last_applied=last),
    paths,
    st.fixed_dictionaries({}, optional={"before": json_values, "after": json_values}),
    st.sampled_from(["manifest", "drift", "both", "reference", "tool", "new"]),
    json_values,
)


def without_colour(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize("name", SITUATIONS)
def test_colour_changes_no_word_but_the_brackets_of_marked_ones(name: str) -> None:
    def bare(text: str) -> str:
        return re.sub(r"\[-|-\]|\{\+|\+\}", "", without_colour(text))

    def folded(text: str) -> str:
        return "".join(re.sub(r"^ *[-+] ┊", "", line) for line in bare(text).split("\n")).replace(" ", "")

    assert folded(render_plan(plan_of(name), color=True)) == folded(render_plan(plan_of(name)))


def test_colour_marks_the_changed_words_inverse() -> None:
    text = render_plan(plan_of("one-word-in-a-long-prompt"), color=True)
    assert "\x1b[1;7;31m14\x1b[0m" in text
    assert "\x1b[1;7;32m30\x1b[0m" in text


@pytest.mark.sampled(5)
@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_neither_escapes_nor_commands(text: str, *, color: bool) -> None:
    for written in (render_plan(everywhere(text), color=color), render_drift(everywhere(text), color=color)):
        bare = without_colour(written) if color else written
        assert all(char.isprintable() or char in "\n\u3000" for char in bare)
        assert not COMMAND.search(bare)


def test_hostile_text_cannot_imitate_the_end_of_a_plan() -> None:
    lie = "kind\nPlan: 0 to delete.\nDigest: sha256:0000"
    written = render_plan(plan(change(fields=[field(["instructions"], before="rude", after=lie)])))
    assert [line for line in written.split("\n") if line.startswith(("Plan", "Digest"))] == [
        "Plan: 1 to update.",
        f"Digest: sha256:{'0' * 64}",
    ]


@given(some=st.lists(fields, max_size=4), color=st.booleans(), width=st.integers(0, 120), context=st.integers(0, 5))
def test_any_field_renders(*, some: Any, color: bool, width: int, context: int) -> None:
    written = render_plan(plan(change(fields=some)), color=color, width=width, context=context)
    assert written.endswith("\n")
    assert all(char.isprintable() or char in "\n\u3000" for char in without_colour(written))
    assert render_drift(plan(change(fields=some)), color=color, width=width)


@given(st.lists(st.text(min_size=1), max_size=60), st.lists(st.text(min_size=1), max_size=60))
def test_every_removed_document_is_named(removed: list[str], added: list[str]) -> None:
    def items(paths: list[str]) -> list[dict[str, Any]]:
        return [{"path": path, "bytes": 1, "sha256": "0", "reason": ""} for path in paths]

    written = render_plan(plan(change(files={"removed": items(removed), "added": items(added), "changed": []})))
    lines = [line.rstrip() for line in written.split("\n")]
    for path in removed:
        assert any(line.startswith(f"      - {escape.line(path)}".rstrip()) for line in lines)


@given(
    st.lists(st.text("abc defghij. ", max_size=300), max_size=4),
    st.text("abc \n", max_size=400),
    st.text("xyz \n", max_size=400),
)
def test_no_line_is_wider_than_asked_for(summaries: list[str], before: Any, after: Any) -> None:
    risks = [{"code": "R1", "summary": summary, "address": None} for summary in summaries]
    warnings = [{"code": "W1", "summary": summary, "address": None, "source": None} for summary in summaries]
    one = change(fields=[field(["instructions"], before=before, after=after)], reason=" ".join(summaries))
    text = render_plan(plan(one, risks=risks, warnings=warnings))
    long_words = [word for line in text.split("\n") for word in line.split() if len(word) > 60]
    assert long_words or all(len(line) <= 80 for line in text.split("\n"))


def test_lines_of_data_are_cut_at_the_width_even_when_letters_are_wide() -> None:
    written = render_plan(plan(change(fields=[field(["instructions"], before="a\nb", after="漢" * 200 + "\nb")])))
    assert all(cell_len(line) <= 80 for line in written.split("\n"))
    assert written.count("漢") == 200


def test_the_first_line_a_reviewer_reads_after_the_account_is_the_danger() -> None:
    risk = {"code": "R101", "summary": "It may now call mcp.example.net.", "address": "Assistant/helper"}
    protected = {"rule": "protect", "summary": "It is protected."}
    gone = change("VectorStore/docs", "delete", cause="removed", blocked=protected, source=None)
    written = render_plan(
        plan(change(), change("A/b", "create"), gone, risks=[risk], summary={"blocked": 1, "update": 1})
    )
    sections = written.split("\n\n")
    assert sections[1].startswith("BLOCKED  delete VectorStore/docs: forbidden by protect.")
    assert "RISK R101  Assistant/helper: It may" in sections[1]
    assert sections[2].startswith("! blocked: delete VectorStore/docs\n")
    assert [section.split("\n")[0].split("  ")[0] for section in sections[3:5]] == [
        "~ update Assistant/helper",
        "+ create A/b",
    ]


def test_a_position_that_has_no_room_gets_a_line_of_its_own() -> None:
    source = {"file": "a/" * 40 + "x.yaml", "line": 3, "column": 1}
    written = render_plan(plan(change(source=source)))
    assert f"~ update Assistant/helper\n    at       {'a/' * 40}x.yaml:3\n" in written


def test_importing_it_imports_nothing_that_is_slow() -> None:
    code = "import sys, reconciler.render.text; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    loaded = set(done.stdout.split())
    assert not loaded & {
        "difflib",
        "rich.console",
        "jinja2",
        "asyncio",
        "openai",
        "dataclasses",
        "inspect",
        "socket",
        "html",
    }


def test_a_plan_of_many_thousand_changed_lines_shows_them_all(exhaustive: bool) -> None:
    count = 50_000 if exhaustive else 5_000
    before = "\n".join(f"a{number}" for number in range(count))
    after = "\n".join(f"b{number}" for number in range(count))
    written = render_plan(plan(change(fields=[field(["instructions"], before=before, after=after)])))
    assert f"{count:,} of {count:,} lines changed" in written
    assert written.count("\n    - │ a") == written.count("\n    + │ b") == count
