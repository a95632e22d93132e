"""Markdown for pull requests: all data in code, and nothing in it that could leave the code."""

import re
from pathlib import Path

import pytest

from reconciler.render.markdown import render_plan
from tests.render.plans import HOSTILE, change, everywhere, field, plan
from tests.render.test_text import COMMAND, golden

GOLDEN = Path(__file__).parent / "golden"


def outside_fences(text: str) -> list[str]:
    """The lines that a Markdown parser reads as anything but code; also checks that every fence is closed."""
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        match = re.match(r"(`{3,})", line)
        if fence and line == fence:
            fence = ""
        elif not fence and match:
            fence = match[1]
        elif not fence:
            lines.append(line)
    assert not fence
    return lines


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.md")))
def test_a_plan_reads_as_it_was_written_down(name: str) -> None:
    assert render_plan(golden(name)) == (GOLDEN / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_code(text: str) -> None:
    written = render_plan(everywhere(text))
    assert all(char.isprintable() or char in "\n\u3000" for char in written)
    assert not COMMAND.search(written)
    tag = r"</?(details|summary|b|code)( open)?>"
    for line in outside_fences(written):
        prose = re.sub(r"<code>[^<]*</code>", "", line)
        assert re.sub(tag, "", prose).strip() in {"", "### Reconciler plan"}


@pytest.mark.parametrize("text", HOSTILE)
def test_no_line_begins_with_data(text: str) -> None:
    for line in render_plan(everywhere(text)).split("\n"):
        assert re.match(
            r"$|[-+~!→?»… ] |-/\+ |@@ (line|after|before)|### Reconciler plan$|<details|</details>$|`{3,}(diff|text)?$",
            line,
        )


def test_destruction_is_open_and_the_rest_is_folded() -> None:
    written = render_plan(plan(change("A/a", "update"), change("A/b", "delete"), change("A/c", "replace")))
    assert re.findall(r"<details( open)?><summary><b><code>(\S+) ", written) == [
        (" open", "-"),
        (" open", "-/+"),
        ("", "~"),
    ]


def test_a_block_without_rows_has_no_empty_fence() -> None:
    assert "</summary>\n\n\n\n</details>" in render_plan(plan(change(action="create", cause="new", source=None)))


def test_a_comment_keeps_to_its_limit_and_counts_what_is_left_out() -> None:
    text = "\n".join(f"line {number} of a long text" for number in range(5_000))
    removed = [{"path": f"{number}.md", "bytes": 1, "sha256": "0", "reason": ""} for number in range(300)]
    one = change(fields=[field(["instructions"], before=text, after=text.replace("line", "LINE"))])
    written = render_plan(plan(one, change("VectorStore/docs", files={"removed": removed})), limit=60_000)
    assert len(written) < 60_000
    assert re.search(r"! [\d,]+ lines are left out here", written)
    assert all(f"-   {number}.md" in written for number in range(300))


def test_a_change_of_a_tool_is_never_left_out() -> None:
    text = "\n".join(f"line {number}" for number in range(5_000))
    tool = {f"key_{number}": "d" * 30 for number in range(40)}
    some = [
        field(["instructions"], before=text, after=text.upper()),
        field(["tools"], before=tool, after={**tool, "key_9": "evil"}),
    ]
    assert '+ │ key_9: "evil"' in render_plan(plan(change(fields=some)), limit=1_000)
