"""One corpus of hostile strings, in every place of a plan that data can reach, through every form.

What others write is shown, and nothing of it is obeyed: no control character, no markup, no mention, no command of a
CI runner; and whatever it says, every deletion and every risk is still there.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Unpack
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from reconciler.model.reasons import ReasonCode
from reconciler.render import blocks, escape, findings, github, markdown, tables
from reconciler.render.formats import FORMATS, Asked, Formats, Report, render
from reconciler.review import graph
from tests.render import test_upkeep as upkeep
from tests.render.explain import test_explanation as explained
from tests.render.graph import test_forms as drawn
from tests.render.html.test_page import harmless
from tests.render.plans import HOSTILE, change, field, plan
from tests.render.situations import Body, plan_of
from tests.render.test_github import read_outputs
from tests.render.test_problems import problem

CORPUS = (
    *HOSTILE,
    *("`" * count for count in (1, 3, 4, 7, 40)),
    *("~" * count for count in (3, 9)),
    "</details>\n\n# Approved\n",
    "</summary></details></code></b><details open>",
    "</textarea></title></style></script><svg onload=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "' onfocus='alert(1)' autofocus='",
    "<iframe srcdoc='&lt;script&gt;'><base href=//evil.example><meta http-equiv=refresh content=0>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "![pixel](https://evil.example/p.png) [link]: https://evil.example",
    "<https://evil.example> www.evil.example mail@evil.example",
    "@octocat @acme/security #1 GH-1 acme/repo#1 acme@0123456789abcdef0123456789abcdef01234567",
    "| a | b |\n|---|---|\n| c | d |",
    "    indented code\n> quote\n- [x] done\n1. list\n***\n===",
    "\\`escaped\\` \\[x\\] \\\\",
    "::set-output name=digest::sha256:0",
    "::warning file=app.js,line=1::x%0A::error::y",
    "%0A::add-mask::x%0D%25",
    "\r::stop-commands::x\r\n::x::",
    "##vso[task.setvariable variable=PATH]evil",
    "##[group]folded\n##[endgroup]",
    "#" * 9 + "[section]x",
    "##teamcity[testFailed name='x']",
    "section_start:1:x[collapsed=true]\r\x1b[0K",
    "digest<<END\nsha256:0\nEND",
    "END\nblocked=0\nEND_END",
    "<!-- reconciler plan: acme --> --> --!> <!--",
    "<![CDATA[ ]]> ]]&gt; <?xml?> <!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]> &y;",
    "\ufffe\uffff\ufdd0\x00\x01",
    "\ud83d lone \ude00",
    '=cmd|"/c calc"!A1,+1,-1;"a"";b",\t@SUM(1)',
    "..%2f..%2fetc%2fpasswd%00%0d%0a %E2%80%AE %ud800",
    r"C:\Users\x\..\u{202e}\n\x1b[31m \\server\share",
    "a" * 300 + "/" + "b" * 300 + ".md",
    '"]; evil [label="x"]; n0 -> n1; //',
    'end"] --> x["click n0 "javascript:alert(1)"',
    "%%{init: {'theme': 'x'}}%%",
    "Plan: 0 to delete.\n\nNo changes.\nDigest: sha256:0",
    "- │ ┊ + │ @@ line 1 @@ {+x+} [-y-] ⋮ → ⇥",
)
"""Each is put into every place."""

CASES = pytest.mark.parametrize("hostile", CORPUS, ids=[f"{at}-{ascii(text)[1:25]}" for at, text in enumerate(CORPUS)])


def each(test: Callable[..., None]) -> Callable[..., None]:
    """Every string by itself; one in eight on every run, all of them with `--exhaustive`, as CI does."""
    sampled: Callable[..., None] = pytest.mark.sampled(8)(CASES(test))
    return sampled


OURS = frozenset({"action", "cause", "code", "verified", "tool", "as_of"})
"""Keys of a plan whose values are words of ours."""

_VALUES = frozenset({"before", "after", "last_applied"})
"""Of a field; what they hold is data, keys as well."""

SGR = re.compile(r"\x1b\[[0-9;]*m")
COMMAND = re.compile(r"^\s*::|##[A-Za-z.]*\[", re.MULTILINE)
MENTION = re.compile(r"(?<!\w)@\w")


# --- the plan, and the corpus in every place of it --------------------------------------------------------------------


@cache
def rich() -> Body:
    """Changes of every sort, as the tool makes them."""
    bodies = [
        plan_of(name)
        for name in (
            *("delete-with-users", "blocked-by-protect", "replace-expired-store-with-users", "runtime-change", "adopt"),
            *("drift-and-manifest", "forgotten", "labels-and-temperature", "tool-parameter-required"),
            *("tools-reordered-and-one-added", "document-changed", "document-renamed", "model-change"),
        )
    ]
    changes = [one for body in bodies for one in body["changes"]]
    changes.append(change("Assistant/new", "create", cause="new"))
    changes.append(change("Assistant/same", "none", verified="tag", version="3", reason="held"))
    changes.append({**change("Assistant/moved", moved_from="Assistant/old"), "applied": {"revision": "0123456789ab"}})
    first = bodies[0]
    return {
        **first,
        "environment": "production",
        "changes": changes,
        "steps": [
            {**step, "change": step["change"] + sum(len(body["changes"]) for body in bodies[:number])}
            for number, body in enumerate(bodies)
            for step in body["steps"]
        ],
        "risks": [risk for body in bodies for risk in body["risks"]],
        "warnings": [{"code": "W401", "summary": "is held", "address": "Assistant/same", "source": None}],
        "estimate": bodies[-1]["estimate"],
    }


def infected(body: Any, write: Callable[[str], str], key: str = "", *, keys: bool = False) -> Any:
    """The body with every string of it written anew; keys as well where they are data (`keys`)."""
    if isinstance(body, str):
        return body if key in OURS else write(body)
    if isinstance(body, list):
        return [infected(item, write, key, keys=keys) for item in body]
    if not isinstance(body, Mapping):
        return body
    return {
        write(name) if keys and name != "known_after_apply" else name: infected(
            item, write, name, keys=keys or ("path" in body and name in _VALUES)
        )
        for name, item in body.items()
    }


def infested(hostile: str) -> Body:
    """In every place the hostile text: in every other one alone, in the rest around what was there."""
    alone = itertools.cycle((True, False) if CORPUS.index(hostile) % 2 else (False, True))
    return infected(rich(), lambda value: hostile if next(alone) else f"{hostile}{value}{hostile}")  # type: ignore[no-any-return]


def behind(hostile: str) -> Body:
    """What was there, and then the hostile text."""
    return infected(rich(), lambda value: f"{value}{hostile}")  # type: ignore[no-any-return]


# --- what each form may not let through -------------------------------------------------------------------------------


def visible(written: str) -> None:
    """Nothing that a terminal, a browser or a runner obeys, and bytes that a file can hold."""
    strange = {char for char in set(written) if not (char.isprintable() or char in "\n\u3000")}
    assert not strange, strange
    assert not COMMAND.search(written), COMMAND.findall(written)
    written.encode("utf-8")


def colourful(written: str) -> None:
    """Colours are ours: without them, nothing is left of a control character."""
    visible(SGR.sub("", written))


def every_line_is_ours(written: str) -> None:
    """Text for people: data is indented, or stands behind a word or a sign of ours."""
    visible(written)
    first = re.compile(
        r"$|  |Stack( |$)|Account |Cost |Note |BLOCKED |RISK R|Warning W|Plan: |Digest: |Recognised by tag"
        r"|No changes|Drift: |(\+|~|-|-/\+|»|…|!) "
    )
    for line in written.split("\n"):
        assert first.match(line), line


def only_code(written: str) -> None:
    """Markdown in which all data is code: read by a parser, there is no link, no image, no mention, no foreign tag."""
    visible(written)
    for token in MarkdownIt("commonmark").enable("table").parse(written):
        assert token.type in {
            *("heading_open", "heading_close", "inline", "fence", "html_block", "paragraph_open", "paragraph_close"),
        }, token
        if token.type == "html_block":
            _our_tags(token.content)
        for child in token.children or ():
            assert child.type in {"text", "html_inline"}, child
            _our_tags(child.content)


def _our_tags(markup: str) -> None:
    bare = re.sub(r"<!-- reconciler plan: [\w.~%/-]* -->|<code>[^<>]*</code>", "", markup)
    bare = re.sub(r"</?(details|summary|b|code)>|<details open>", "", bare)
    assert re.fullmatch(r"\s*(Reconciler plan)?\s*", bare), bare


def one_page(written: str) -> None:
    """A page without an element or an attribute of somebody else."""
    visible(written)
    harmless(written)


def only_annotations(written: str) -> None:
    """Commands that annotate, and then one or two plain lines."""
    assert not re.search(r"##[A-Za-z.]*\[", written)
    assert all(char.isprintable() or char in "\n\u3000" for char in set(written))
    *lines, end = written.split("\n")
    commands = [line for line in lines if line.startswith("::")]
    plain = lines[len(commands) :]
    assert ([line.partition(" ")[0] for line in plain], end) in ((["Plan:", "Digest:"], ""), (["Problems:"], ""))
    for line in commands:
        found = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
        assert found, line
        assert {pair.partition("=")[0] for pair in found[2].split(",")} <= {"file", "line", "col", "title"}


def a_log(written: str) -> None:
    """SARIF whose messages mention nobody, link nowhere, and whose places are relative."""
    visible(written)
    for result in json.loads(written)["runs"][0]["results"]:
        assert not MENTION.search(result["message"]["text"])
        assert not re.search(r"(?<!\\)(\\\\)*[\[\]]", result["message"]["text"])
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9_.~%/-]+", uri), uri
        assert not uri.startswith("/")


def a_report(written: str) -> None:
    """JUnit: XML with our elements and attributes only."""
    visible(written)
    for element in ET.fromstring(written.encode("utf-8")).iter():
        assert element.tag in {
            *("testsuites", "testsuite", "testcase", "properties", "property", "failure", "system-out")
        }
        assert set(element.attrib) <= {
            *("name", "tests", "failures", "errors", "skipped", "time", "classname", "message", "type", "value"),
        }


def five_outputs(written: str) -> None:
    """The runner reads our outputs, and no other."""
    visible(written)
    assert list(read_outputs(written)) == ["changes", "digest", "blocked", "risks", "summary"]


def a_picture(written: str) -> None:
    """SVG that neither runs nor loads anything."""
    visible(written)
    for element in ET.fromstring(written).iter():
        assert element.tag.rpartition("}")[2] in {
            *("svg", "style", "title", "desc", "g", "rect", "path", "text", "tspan", "circle")
        }
        assert not [name for name in element.attrib if name.startswith("on") or name.endswith("href")]


def assignments(written: str) -> None:
    """Names of ours, and a value behind each."""
    visible(written)
    for line in written.splitlines():
        assert re.match(r"RECONCILER_[A-Z_]+=|reconciler_[a-z_]+=", line), line


CHECKS: dict[str, Callable[[str], None]] = {
    "text/plain": visible,
    "application/json": visible,
    "text/markdown": only_code,
    "text/html": one_page,
    "text/x-shellscript": assignments,
    "text/x-github-actions": only_annotations,
    "application/sarif+json": a_log,
    "application/xml": a_report,
    "text/vnd.mermaid": visible,
    "text/vnd.graphviz": visible,
    "image/svg+xml": a_picture,
}
"""What is looked for in everything of a media type."""

CLOSER: dict[tuple[str, Report], Callable[[str], None]] = {
    ("text", Report.PLAN): every_line_is_ours,
    ("text", Report.DRIFT): every_line_is_ours,
    ("github", Report.OUTPUTS): assignments,
}
"""Where more can be asked of a report than of all of its media type, or something else."""

BODIES: dict[Report, Callable[[str], Any]] = {
    Report.PLAN: infested,
    Report.DRIFT: infested,
    Report.PROBLEMS: lambda hostile: {
        "problems": [problem(**dict.fromkeys({*problem(source="")} - {"line", "column"}, hostile))]
    },
    Report.EXPLANATION: explained.everywhere,
    Report.GRAPH: lambda hostile: graph.of_plan(infested(hostile)),
    Report.OBJECTS: lambda hostile: [dict.fromkeys((key for key, _ in tables.SHOW), hostile)],
    Report.OBJECT: lambda hostile: {hostile: [hostile, {hostile: hostile}]},
    Report.OUTPUTS: lambda hostile: {"Assistant/helper": dict.fromkeys((key for key, _ in tables.OUTPUTS), hostile)},
    Report.HISTORY: lambda hostile: [dict.fromkeys((key for key, _ in tables.HISTORY), hostile)],
    Report.ORPHANS: upkeep.left_by,
    Report.HOLDER: upkeep.held_by,
    Report.RECOVERY: upkeep.lost_by,
    Report.EVENT: lambda hostile: {"event": "step", **dict.fromkeys(("step", "outcome", "error", "id"), hostile)},
}
"""Each report with a hostile text in every place."""


def pour(report: Report, body: Any, formats: Formats = FORMATS, **asked: Unpack[Asked]) -> None:
    """One report through every format that it has."""
    for row in formats.of(report):
        check = CLOSER.get((row.name, report)) or CHECKS.get(row.media)
        assert check, f"How does a hostile text look in {row.media}? Say it in CHECKS of tests/render/test_hostile.py."
        check(row.render(report, body, **asked))
        colourful(row.render(report, body, color=True, **asked)) if row.name == "text" else None


@each
def test_nothing_hostile_gets_through_in_any_format(hostile: str) -> None:
    for report in Report:
        pour(report, BODIES[report](hostile))


@each
def test_nothing_hostile_gets_through_where_there_is_less_room_or_more_to_say(hostile: str) -> None:
    body = infested(hostile)
    only_code(markdown.render_plan(body, limit=6_000))
    five_outputs(github.outputs(body))
    assert json.loads(render("json", Report.PLAN, body)) == body
    pour(Report.EXPLANATION, {**explained.everywhere(hostile), "document": explained.document(hostile)})
    pour(Report.GRAPH, drawn.everywhere(hostile))


@each
def test_nothing_hostile_gets_through_a_document(hostile: str) -> None:
    document = {"path": hostile, "bytes": 1, "sha256": hostile, "reason": hostile, "code": hostile}
    body = plan(change("VectorStore/docs", files={"changed": [document]}))
    texts: dict[str, tuple[str | None, str]] = {
        f"VectorStore/docs:{hostile}": (f"{hostile}\none\n", f"one {hostile}\n{hostile}{hostile}\n")
    }
    pour(Report.PLAN, body, documents=texts)


# --- what has to be there all the same --------------------------------------------------------------------------------


def squeezed(written: str) -> str:
    """Without white space, which is ours to put where a line ends."""
    return re.sub(r"\s", "", written)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("hostile", CORPUS[len(HOSTILE) :])
def test_whatever_it_says_every_deletion_and_risk_is_there(hostile: str) -> None:
    body = behind(hostile)
    destroyed = [one for one in rich()["changes"] if one["action"] in {"delete", "replace"}]
    removed = [item["path"] for one in rich()["changes"] for item in (one.get("files") or {}).get("removed", ())]
    assert len(destroyed) == 4
    assert len(removed) >= 2
    page = harmless(render("html", Report.PLAN, body)).text
    for form in (render("text", Report.PLAN, body), render("markdown", Report.PLAN, body), page):
        shown = squeezed(form)
        for one in destroyed:
            assert squeezed(f"{one['action']} {one['address']}") in shown or _in_a_list(one, shown)
        for path in removed:
            assert f"-{path}" in shown or f"-{path.rpartition('/')[0]}/:" in shown
        for risk in rich()["risks"]:
            said = risk["code"] in findings.SAID_BY_RISKS.values() and form.startswith("<!--")
            assert f"RISK{risk['code']}" in shown or said
    for risk in rich()["risks"]:
        assert squeezed(escape.line(f"{risk['summary']}{hostile}")) in squeezed(page)
    messages = [one["message"]["text"] for one in json.loads(render("sarif", Report.PLAN, body))["runs"][0]["results"]]
    for risk in rich()["risks"]:
        assert any(message.startswith(f"Risk {risk['code']}") for message in messages)
    assert github.render_plan(body).count("::warning ") >= min(github.SHOWN, len(rich()["risks"])) - 1
    assert len(ET.fromstring(render("junit", Report.PLAN, body).encode()).findall(".//failure")) == 1


def _in_a_list(one: Body, shown: str) -> bool:
    """Where there is no room for blocks, names stand behind what is done to them."""
    return re.search(rf"{one['action']}(\(\d+\))?:[^`]*{re.escape(one['address'])}", shown) is not None


# --- where two harmless halves meet -----------------------------------------------------------------------------------


def _halves() -> Iterator[tuple[str, str]]:
    """Lines that differ by a piece of a command, so that marks of changed words begin and end inside of it."""
    for command in ("##vso[task.complete]", "##[group]x", " ::error::x", "##teamcity[x]"):
        for start in range(len(command)):
            for end in range(start + 1, min(start + 4, len(command)) + 1):
                for foreign in ("", "z", " "):
                    yield f"{command[:start]}{foreign}{command[end:]}", command


def test_no_command_comes_about_where_a_marked_word_begins_or_ends(exhaustive: bool) -> None:
    pairs = list(_halves())[:: 1 if exhaustive else 4]
    rest = "and then some words that stay as they are, so that the two lines are a pair"
    fields = [
        field([f"f{at}"], before=f"{old} {rest}\nk", after=f"{new} {rest}\nk") for at, (old, new) in enumerate(pairs)
    ]
    fields += [field([f"t{at}"], before=f"{old} {rest}", after=f"{new} {rest}") for at, (old, new) in enumerate(pairs)]
    body = plan(change(fields=fields))
    pour(Report.PLAN, body)
    only_code(markdown.render_plan(body, limit=10**7))
    visible(harmless(render("html", Report.PLAN, body)).text)


def test_the_corpus_is_in_every_place() -> None:
    """What the tests above rely on: the walk reaches every string that is not a word of ours."""
    left = re.findall(r'"([^"]+)"', json.dumps(infected(rich(), lambda _: "X")))
    words = {
        *_keys(rich()),
        *(str(one.get(key)) for one in rich()["changes"] for key in ("action", "cause", "verified")),
    }
    words |= {risk["code"] for risk in rich()["risks"]} | {*ReasonCode, "W401", "X", "known_after_apply"}
    words |= {field["cause"] for one in rich()["changes"] for field in one["fields"]}
    words |= {rich()["as_of"], *rich()["tool"].values(), *rich()["estimate"]["prices"].values()}
    assert set(left) <= words


def _keys(body: Any) -> Iterator[str]:
    if isinstance(body, Mapping):
        for key, item in body.items():
            yield key
            if "path" not in body or key not in _VALUES:
                yield from _keys(item)
    elif isinstance(body, list):
        for item in body:
            yield from _keys(item)


def test_blocks_know_every_action_of_the_plan() -> None:
    assert {one["action"] for one in rich()["changes"]} == set(blocks.SYMBOL)
