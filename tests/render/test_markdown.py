"""Markdown for pull requests: all data in code, and nothing in it that could leave the code."""

import re

import pytest

from reconciler.render import escape
from reconciler.render.markdown import LIMIT, marker, render_plan
from tests.render.plans import HOSTILE, Plan, change, everywhere, field, plan
from tests.render.test_text import COMMAND

MARKER = re.compile(r"<!-- reconciler plan: [A-Za-z0-9._~%/-]* -->")
LEFT_OUT = re.compile(r"! [\d,]+ lines are left out here; `reconciler plan` prints all of it")


def documents(*names: str, reason: str = "") -> list[Plan]:
    return [{"path": name, "bytes": 1_200, "sha256": "0", "reason": reason} for name in names]


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


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_code(text: str) -> None:
    written = render_plan(everywhere(text))
    assert all(char.isprintable() or char in "\n\u3000" for char in written)
    assert not COMMAND.search(written)
    tag = r"</?(details|summary|b|code)( open)?>"
    for line in outside_fences(written):
        prose = re.sub(r"<code>[^<]*</code>", "", line)
        assert re.sub(tag, "", prose).strip() in {"", "### Reconciler plan"} or MARKER.fullmatch(line)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_line_begins_with_data(text: str) -> None:
    for line in render_plan(everywhere(text)).split("\n"):
        assert re.match(
            r"$|[-+~!→?»… ] |-/\+ |@@ (line|after|before)|<!-- reconciler plan: |### Reconciler plan$|<details|</details>$|`{3,}(diff|text)?$",
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


def test_the_first_line_names_the_stack_for_programs_and_nobody_else() -> None:
    assert render_plan(plan(stack="acme", environment="prod")).startswith(
        "<!-- reconciler plan: acme/prod -->\n### Reconciler plan\n"
    )
    assert marker(plan(stack="acme-support")) == "<!-- reconciler plan: acme-support -->"


@pytest.mark.parametrize("text", [*HOSTILE, "--> <b>", "a--b", "--!>", "->", "-", "x" * 90 + "-->"])
def test_no_name_ends_the_hidden_comment(text: str) -> None:
    first = render_plan(plan(stack=text, environment=text)).split("\n")[0]
    assert MARKER.fullmatch(first)
    assert "--" not in first.removeprefix("<!--").removesuffix("-->")
    assert len(first) < 400


def test_different_stacks_have_different_markers() -> None:
    stacks = [
        ("a/b", None),
        ("a", "b"),
        ("a%2Fb", None),
        ("x" * 200, None),
        ("x" * 201, None),
        ("a--b", None),
        ("a%2Db", None),
    ]
    assert len({marker(plan(stack=stack, environment=environment)) for stack, environment in stacks}) == len(stacks)


# --- what a plan loses where there is no room -------------------------------------------------------------------------


def test_a_comment_keeps_to_its_limit_and_counts_what_is_left_out() -> None:
    text = "\n".join(f"line {number} of a long text" for number in range(5_000))
    one = change(fields=[field(["instructions"], before=text, after=text.replace("line", "LINE"))])
    removed = documents(*(f"{number}.md" for number in range(300)))
    written = render_plan(plan(one, change("VectorStore/docs", files={"removed": removed})))
    assert len(written) < LIMIT
    assert LEFT_OUT.search(written)
    assert all(f"-   {number}.md" in written for number in range(300))


def test_a_long_text_does_not_crowd_out_a_short_one() -> None:
    text = "\n".join(f"line {number} of a long text" for number in range(5_000))
    some = [
        change(f"Assistant/{name}", fields=[field(["instructions"], before=old, after=old.replace("line", "LINE"))])
        for name, old in (("a-long", text), ("b-short", "one line\ntwo lines\nthree lines\n"))
    ]
    written = render_plan(plan(*some))
    assert len(written) < LIMIT
    assert len(LEFT_OUT.findall(written)) == 1
    assert "+ │ three {+LINEs+}" in written
    assert "+ │ {+LINE+} 0 of a long text" in written


def test_a_change_of_a_tool_is_never_left_out() -> None:
    text = "\n".join(f"line {number}" for number in range(5_000))
    tool = {f"key_{number}": "d" * 30 for number in range(40)}
    some = [
        field(["instructions"], before=text, after=text.upper()),
        field(["tools"], before=tool, after={**tool, "key_9": "evil"}),
    ]
    assert '+ │ key_9: "evil"' in render_plan(plan(change(fields=some)), limit=2_000)


@pytest.mark.parametrize("count", [200, 2_000])
def test_changed_documents_do_not_hide_removed_ones_and_risks(count: int) -> None:
    names = [f"guides/chapter-{number % 40}/section-{number}.md" for number in range(2_000)]
    removed = documents(*names[:count], reason="its manifest entry is gone")
    files = {"removed": removed, "changed": documents(*names[count:]), "added": documents("new.md")}
    risks = [{"code": "R301", "summary": f"reaches host-{n}.example", "address": f"Assistant/a{n}"} for n in range(60)]
    written = render_plan(plan(change("VectorStore/docs", files=files), risks=risks))
    assert len(written) < LIMIT
    assert "left out" not in written
    told = set(re.findall(r"[ :](?:guides/chapter-\d+/)?(section-\d+\.md)(?:,|$|  )", written, re.MULTILINE))
    assert told >= {name.rpartition("/")[2] for name in names[:count]}
    assert all(f"reaches host-{n}.example" in written for n in range(60))


def test_many_removed_documents_are_put_together_by_directory() -> None:
    names = [f"guides/{number}.md" for number in range(2_000)] + ["top.md", "odd/a, b.md"]
    written = render_plan(plan(change("VectorStore/docs", files={"removed": documents(*names, reason="x" * 40)})))
    assert "-   guides/: 0.md, 1.md, 10.md," in written
    assert "-   top.md" in written
    assert '-   odd/: "a, b.md"' in written


def test_a_change_too_large_to_show_leaves_the_others_whole() -> None:
    tool = {f"key_{number}": "d" * 60 for number in range(2_000)}
    large = change("Assistant/a", fields=[field(["tools"], before=tool, after=dict.fromkeys(tool, "e" * 60))])
    small = change("Assistant/b", fields=[field(["model"], before="m-1", after="m-2")])
    gone = change("Assistant/c", "delete")
    written = render_plan(plan(large, small, gone))
    assert len(written) < LIMIT
    assert '~ model: "m-1" → "m-2"' in written
    assert LEFT_OUT.search(written)
    assert len(written) > LIMIT // 2


def test_where_names_alone_fit_there_are_names() -> None:
    creates = [change(f"Assistant/new-{number}", "create") for number in range(1_500)]
    deletes = [change(f"Assistant/old-{number}", "delete") for number in range(300)]
    store = change("VectorStore/docs", files={"removed": documents(*(f"d/{number}.md" for number in range(30)))})
    risks = [{"code": "R101", "summary": "deletes", "address": one["address"]} for one in deletes]
    risks += [{"code": "R201", "summary": "changes the model", "address": "Assistant/x"}]
    warned = [
        {"code": "W402", "summary": "left alone", "address": f"Assistant/w{n}", "source": None} for n in range(30)
    ]
    written = render_plan(plan(*creates, *deletes, store, risks=risks, warnings=warned))
    assert len(written) < LIMIT
    assert "left out" not in written
    assert "- delete (300): Assistant/old-0, Assistant/old-1," in written
    assert "! RISK R201  Assistant/x: changes the model" in written
    assert "RISK R101" not in written
    assert "- update VectorStore/docs, removed documents (30):\n-   d/: 0.md," in written
    assert "+ create (1,500): Assistant/new-0," in written
    assert "! Warning W402 (30): Assistant/w0," in written
    positions = [
        written.index(word) for word in ("RISK", "- delete (", "removed doc", "~ update (", "+ create (", "! Warn")
    ]
    assert positions == sorted(positions)


def test_where_not_even_names_fit_the_most_severe_come_first_and_the_rest_is_counted() -> None:
    blocked = {"rule": "protect", "summary": "protected"}
    some = [change(f"Assistant/blocked-{number}", "delete", blocked=blocked) for number in range(10)]
    some.append(change("Assistant/twins", "none", blocked={"rule": "collision", "summary": "two of one name"}))
    some += [change(f"Assistant/deleted-{number}", "delete") for number in range(900)]
    some += [change(f"Assistant/created-{number}", "create") for number in range(900)]
    risks = [{"code": "R301", "summary": "new host", "address": f"Assistant/r{number}"} for number in range(50)]
    written = render_plan(plan(*some, risks=risks), limit=6_000)
    assert len(written) < 6_000
    assert "! BLOCKED by protect, to delete (10): Assistant/blocked-0, Assistant/blocked-1," in written
    assert "! BLOCKED by collision (1): Assistant/twins" in written
    assert all(f"Assistant/blocked-{number}" in written for number in range(10))
    assert "! RISK R301 (50): Assistant/r0," in written
    assert "Assistant/deleted-0," in written
    assert "Assistant/created-0" not in written
    left = re.search(
        r"! left out here for want of room: to delete (\d+), to create 900; `reconciler plan` prints", written
    )
    assert left
    assert int(left[1]) + len(re.findall(r"deleted-", written)) == 900


@pytest.mark.sampled(5)
@pytest.mark.parametrize("limit", [4_000, 20_000])
@pytest.mark.parametrize("text", [*HOSTILE, "`" * 3_000, "`" * 350, "a b, c: " * 400])
def test_no_input_makes_a_comment_longer_than_its_limit(text: str, limit: int) -> None:
    written = render_plan(everywhere(text), limit=limit)
    assert len(written) < limit
    assert not COMMAND.search(written)
    tag = r"</?(details|summary|b|code)( open)?>"
    for line in outside_fences(written):
        prose = re.sub(r"<code>[^<]*</code>", "", line)
        assert re.sub(tag, "", prose).strip() in {"", "### Reconciler plan"} or MARKER.fullmatch(line)


def test_a_file_name_cannot_imitate_two() -> None:
    names = ["d/x.md", "d/y, z.md", *(f"d/{number}.md" for number in range(3_000))]
    written = render_plan(plan(change("VectorStore/docs", files={"removed": documents(*names, reason="r" * 50)})))
    assert f'"{escape.line("y, z.md")}"' in written


def test_removed_documents_outlive_the_long_text_above_them() -> None:
    text = "\n".join(f"line {number} of a long text" for number in range(5_000))
    some = [field(["instructions"], before=text, after=text.replace("line", "LINE"))]
    written = render_plan(plan(change("VectorStore/docs", fields=some, files={"removed": documents("gone.md")})))
    assert LEFT_OUT.search(written)
    assert "-   gone.md" in written


def test_removed_documents_outlive_what_other_blocks_would_say() -> None:
    tool = {f"key_{number}": "d" * 60 for number in range(2_000)}
    large = change("Assistant/a", fields=[field(["tools"], before=tool, after=dict.fromkeys(tool, "e" * 60))])
    names = [f"{number}-of-the-guide.md" for number in range(1_900)]
    written = render_plan(plan(large, change("VectorStore/docs", files={"removed": documents(*names)})))
    assert len(written) < LIMIT
    assert LEFT_OUT.search(written)
    assert all(name in written for name in names)


def test_only_many_removed_documents_are_put_together() -> None:
    few = change("VectorStore/few", files={"removed": documents("a/1.md", "a/2.md", reason="the manifest is gone")})
    many = change(
        "VectorStore/many", files={"removed": documents(*(f"b/{number}.md" for number in range(2_500)), reason="r")}
    )
    written = render_plan(plan(few, many))
    assert "-   a/1.md  1.2 kB  the manifest is gone" in written
    assert "-   b/: 0.md, 1.md," in written


def test_long_fences_count(exhaustive: bool) -> None:
    text = "`" * 90 + "\n"
    some = [
        change(f"Assistant/{number}", fields=[field(["instructions"], before="a\nb\n", after=text * 4)])
        for number in range(60)
    ]
    whole = render_plan(plan(*some), limit=10**6)
    for less in range(0, 2_000, 100 if exhaustive else 700):
        limit = len(whole) - less
        assert len(render_plan(plan(*some), limit=limit)) < limit


def test_names_say_more_than_the_first_lines_of_everything() -> None:
    tool = {f"key_{number}": "d" * 60 for number in range(30)}
    some = [field(["tools"], before=tool, after=dict.fromkeys(tool, "e" * 60))]
    written = render_plan(plan(*(change(f"Assistant/{number}", fields=some) for number in range(150))))
    assert "~ update (150): Assistant/0, Assistant/1," in written
    assert "<details" not in written


def test_notices_about_nothing_in_particular_are_told_by_what_they_say() -> None:
    risks = [{"code": "R301", "summary": f"host {number}", "address": None} for number in range(30)]
    some = (change(f"Assistant/{number}", "create") for number in range(2_000))
    assert '! RISK R301 (30): "host 0", "host 1",' in render_plan(plan(*some, risks=risks))
