"""The HTML page: one file without a script or an address, in which all data is text."""

import hashlib
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from reconciler.render import drift, view
from reconciler.render.diff.words import Budget
from reconciler.render.html import page as page_module
from reconciler.render.html.page import render_drift, render_plan
from reconciler.render.rows import Page, Row
from reconciler.render.text import render_plan as as_text
from tests.browser.showcase import showcase
from tests.render.plans import HOSTILE, change, everywhere, field, plan
from tests.render.situations import SITUATIONS, plan_of
from tests.render.test_text import COMMAND

PLANS = list(SITUATIONS)
SHEET = Path(page_module.__file__).with_name("page.css").read_text(encoding="utf-8")
LIGHT, DARK = (dict(re.findall(r"--([a-z-]+):(#[0-9a-f]{6});", part)) for part in SHEET.split("@media", 2)[:2])

READ_ON: tuple[tuple[str, str], ...] = (
    *(("text", ground) for ground in ("page", "card", "sunken", "add-soft", "add-word", "remove-soft", "remove-word")),
    *(("text", ground) for ground in ("change-soft", "alarm-soft", "take-soft", "replace-soft")),
    *(("quiet", ground) for ground in ("page", "card", "sunken")),
    *(("link", ground) for ground in ("page", "card", "sunken", "alarm-soft", "change-soft")),
    *((style, "card") for style in ("add", "remove", "change", "replace", "take", "alarm")),
    *((style, f"{style}-soft") for style in ("add", "remove", "change", "replace", "take", "alarm")),
)
"""Which colour text has on which ground."""

VOID = {"meta"}
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "div", "p", "span"),
    *("h1", "h2", "h3", "ul", "li", "dl", "dt", "dd", "details", "summary", "code", "ins", "del", "bdi", "b", "i", "a"),
    *("svg", "g", "path", "rect", "circle", "text", "tspan"),
}


class Tree(HTMLParser):
    """What a browser would make of the page: elements with their attributes, text without the style sheet."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def tags(self) -> Counter[str]:
        return Counter(tag for tag, _ in self.elements)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def squeezed(text: str) -> str:
    return "".join(text.split())


def same_page() -> Page:
    return Page(100, 3, color=True, budget=Budget(), wrap=False, names=1_000_000)


def without_address(rows: list[Row]) -> list[str]:
    """What of the rows has to stand in the page one after the other; labels stand apart."""
    parts = [part for row in rows if row.text for part in row.cells or (row.text,)]
    return [squeezed(part) for part in parts if part != "Stack"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", PLANS)
def test_the_page_says_every_sentence_that_the_text_form_says(name: str) -> None:
    body, page = plan_of(name), same_page()
    said = squeezed(Tree(render_plan(body)).text)
    shown = view.of_plan(body, page)
    rows = [*shown.heading(page), *(row for block in shown.changes for row in block.rows)]
    for part in (*without_address(rows), shown.summary, shown.recognised, *shown.cost):
        assert squeezed(part) in said
    for notice in (*shown.risks, *shown.warnings):
        assert squeezed(notice.label + notice.sentence) in said
    for block in shown.changes:
        assert squeezed(block.sign + block.title) in said
        assert squeezed(block.position) in said
    assert str(body["digest"]) in said


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", [name for name in PLANS if name != "hostile-strings"])
def test_no_word_of_the_text_form_is_missing(name: str) -> None:
    def words(text: str) -> set[str]:
        bare = re.sub(r"\x1b\[[0-9;]*m|[│┊⋮]|@@", " ", text)
        return {word for word in re.split(r"[^A-Za-z0-9_./-]+", bare) if word and word not in {"and", "more", "Stack"}}

    text = re.sub(r"and [0-9,]+ more (added|changed).*", "", as_text(plan_of(name), color=True, width=400))
    assert words(text) <= words(" ".join(Tree(render_plan(plan_of(name))).texts)) | words(
        Tree(render_plan(plan_of(name))).text
    )


def with_documents(paths: Iterable[str]) -> dict[str, Any]:
    """A plan in which documents of one store change."""
    changed = [{"path": path, "bytes": 20, "sha256": "0" * 64, "reason": "content changed"} for path in paths]
    files = {"added": [], "changed": changed, "updated": [], "removed": [], "unmanaged": []}
    return plan(change("VectorStore/docs", files=files))


def test_texts_of_documents_are_compared_on_request() -> None:
    texts = {
        "VectorStore/docs:guides/a.md": ("# A\nPay within 14 days.\n", "# A\nPay within 30 days.\n"),
        "VectorStore/docs:guides/b.md": (None, "# B\nNew.\n"),
    }
    page = render_plan(with_documents(["guides/a.md", "guides/b.md", "guides/c.pdf"]), documents=texts)
    assert "VectorStore/docs:guides/a.md" in page
    assert "+ Pay within <ins>30</ins> days." in page
    assert "The last applied version is not in this clone." in page
    assert "guides/c.pdf" in page.partition("Documents</h2>")[2]
    hostile = {f"VectorStore/docs:{text}": (text, f"{text}\n{text}") for text in HOSTILE}
    assert "<script>" not in harmless(render_plan(with_documents(HOSTILE), documents=hostile)).tags


# --- nothing but text -------------------------------------------------------------------------------------------------


def harmless(page: str) -> Tree:
    """The page as a tree, with no element or attribute that could run, load or send anything."""
    tree = Tree(page)
    assert not tree.open
    assert set(tree.tags) <= ALLOWED
    for tag, attributes in tree.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), name
            assert name not in {"style", "src", "srcset", "action", "data", "xlink:href", "srcdoc"}
            assert name != "href" or (tag == "a" and re.fullmatch(r"#change-[0-9]+", value or ""))
    return tree


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    page = render_plan(everywhere(text))
    quiet = harmless(render_plan(everywhere("harmless"))).tags
    found = harmless(page).tags
    assert set(found) <= set(quiet) | {"a", "bdi", "i", "ins", "del", "tspan"}
    assert found["main"] == found["h1"] == found["style"] == 1
    assert found["h3"] == quiet["h3"]
    assert found["title"] == quiet["title"]
    assert all(char.isprintable() or char in "\n\u3000" for char in page)
    assert not COMMAND.search(page)
    assert not COMMAND.search("\n".join(Tree(page).texts))


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_drift_report_stays_text(text: str) -> None:
    page = render_drift(everywhere(text))
    assert harmless(page).tags["h1"] == 1
    assert all(char.isprintable() or char in "\n\u3000" for char in page)


@pytest.mark.parametrize("text", ["</style><script>x</script>", "<!--", '"onload="x', "'><base href=//evil.example>"])
def test_markup_of_every_kind_is_shown_as_it_is_written(text: str) -> None:
    tree = harmless(render_plan(everywhere(text)))
    assert text in tree.text


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_line_of_the_file_begins_with_data(text: str) -> None:
    for line in (
        render_plan(everywhere(text)).removeprefix("<!doctype html>").split(f"<style>{SHEET}</style>")[1].split("\n")
    ):
        assert line == "" or line.startswith("<")


def test_the_policy_forbids_everything_but_this_style_sheet() -> None:
    page = render_plan(showcase())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert policy
    assert style
    allowed = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy[1].split("; ")[:2] == ["default-src 'none'", f"style-src 'sha256-{allowed}'"]
    assert page.index("Content-Security-Policy") < page.index("<style>")
    assert "url(" not in style[1]
    assert "@import" not in style[1]


# --- what a reviewer must see -----------------------------------------------------------------------------------------


def test_what_is_blocked_or_destroyed_is_open_and_stands_first() -> None:
    text = "\n".join(f"line {number}" for number in range(3_000))
    long = change("A/long", fields=[field(["instructions"], before=text, after=text.upper())])
    blocked = change("A/kept", "delete", blocked={"rule": "protect", "summary": "The live object is protected."})
    page = render_plan(plan(long, change("A/gone", "delete"), change("A/new-id", "replace"), blocked))
    found = re.findall(r'<details class="change[^"]*" id="change-\d"( open)?>.*?<code>(A/[a-z-]+)</code>', page)
    assert found == [(" open", "A/kept"), (" open", "A/gone"), (" open", "A/new-id"), ("", "A/long")]


def test_every_deletion_and_risk_is_there_however_large_the_plan() -> None:
    changes = [change(f"Assistant/gone-{number}", "delete") for number in range(150)]
    changes += [change(f"Assistant/same-{number}", fields=[field(["a"], before=1, after=2)]) for number in range(2_000)]
    removed = [{"path": f"{number}.md", "bytes": 1, "sha256": "0", "reason": ""} for number in range(3_000)]
    changes.append(change("VectorStore/docs", files={"removed": removed}))
    risks = [
        {"code": "R101", "summary": f"deletes {number}", "address": f"Assistant/gone-{number}"} for number in range(150)
    ]
    page = render_plan(plan(*changes, risks=risks))
    text = Tree(page).text
    assert set(re.findall(r"Assistant/gone-(\d+)", text)) == set(re.findall(r"deletes (\d+)", text)) == numbers(150)
    assert page.count('s-remove" id="change-') == 150
    assert page.count('" open><summary><h3><span class="sign s-remove">') == 150
    shown = page[: page.index('class="long"')] if 'class="long"' in page else page
    assert set(re.findall(r">(\d+)\.md<", shown)) == numbers(3_000)


def numbers(below: int) -> set[str]:
    return {str(number) for number in range(below)}


def test_a_risk_leads_to_its_resource() -> None:
    risk = {"code": "R101", "summary": "deletes skill_1", "address": "Assistant/helper"}
    page = render_plan(plan(change(action="delete"), risks=[risk]))
    assert '<span class="pill">RISK R101</span><a href="#change-1">Assistant/helper</a>: deletes skill_1' in page
    assert 'id="change-1"' in page


def test_a_blocked_deletion_leads_to_its_resource_too() -> None:
    page = render_plan(plan(change("A/b", "delete", blocked={"rule": "protect", "summary": "x"})))
    assert '<span class="pill">BLOCKED</span>delete <a href="#change-1">A/b</a>: forbidden by protect.' in page


def test_changed_words_are_marked_up_and_the_line_has_its_sign() -> None:
    one = field(["instructions"], before="a\nRefunds within 14 days.\n", after="a\nRefunds within 30 days.\n")
    page = render_plan(plan(change(fields=[one])))
    assert '<div class="remove">- Refunds within <del>14</del> days.</div>' in page
    assert '<div class="add">+ Refunds within <ins>30</ins> days.</div>' in page


def test_a_short_field_is_before_and_after() -> None:
    page = render_plan(plan(change(fields=[field(["temperature"], before=0.9, after=0.2)])))
    assert "<code>temperature:</code>" in page
    assert '<del>0.9</del><span class="arrow"> → </span><ins>0.2</ins>' in page


def test_new_gone_and_reordered_values_have_their_marks() -> None:
    some = [field(["a"], after=1), field(["b"], before=2), field(["c"], before=["x", "y"], after=["y", "z"])]
    page = render_plan(plan(change(fields=some)))
    assert "<ins>1</ins>" in page
    assert "<del>2</del>" in page
    assert "<bdi>- " in page


def test_a_long_diff_folds_under_the_line_that_names_it() -> None:
    text = "".join(f"line {number}\n" for number in range(200))
    page = render_plan(
        plan(change(fields=[field(["a"], before=1, after=2), field(["t"], before=text, after=text.upper())]))
    )
    assert re.search(
        r'<details class="long"><summary><p class="field">.*<code>t: <i>200 of 200 lines changed</i></code>', page
    )
    assert "+ LINE 199" in page


def test_many_added_documents_fold_and_every_name_is_there() -> None:
    files = {
        "added": [{"path": f"{number:04}.md", "bytes": 10, "sha256": "0", "reason": "new"} for number in range(2_000)],
        "removed": [{"path": "gone.md", "bytes": 5, "sha256": "1", "reason": "no file matches any more; it was large"}],
    }
    page = render_plan(plan(change("VectorStore/docs", files=files)))
    assert "<summary>1,980 more documents</summary>" in page
    assert all(f">{number:04}.md<" in page for number in range(2_000))
    assert page.index("gone.md") < page.index("<summary>1,980")
    one_more = render_plan(plan(change("VectorStore/docs", files={"added": files["added"][:21]})))
    assert "<summary>1 more document</summary>" in one_more


def test_a_resource_without_details_does_not_fold() -> None:
    page = render_plan(plan(change(action="create", cause="new", source=None)))
    assert '<div class="change s-add bare" id="change-1">' in page
    assert "<details" not in page


def test_drift_is_marked_and_a_strange_sign_or_label_is_only_text() -> None:
    one = change("A/a", "strange", cause="both", fields=[field(["m"], before=1, after=2, cause="both", last_applied=3)])
    page = render_plan(plan(one, warnings=[{"code": "odd", "summary": "x", "address": None, "source": None}]))
    assert '<p class="note drift"><b>conflict</b>: the last apply set 3;' in page
    assert '<div class="change"' in page or '<details class="change"' in page
    assert '<li><span class="pill">Warning odd</span>x</li>' in page


def test_no_changes_are_said_in_one_sentence() -> None:
    page = render_plan(plan(summary={"unchanged": 3}))
    assert "No changes. The account is as the manifests say (3 resources)." in page
    assert '<ul class="chips" aria-label="Counts"><li><b>3</b> unchanged</li></ul>' in page
    assert "Changes</h2>" not in page
    assert "chips" not in render_plan(plan(summary={})).split("</style>")[1]


def test_where_and_when_the_plan_was_made_is_on_the_page() -> None:
    text = Tree(render_plan(showcase())).text
    for fact in ("2026-11-22", "reconciler 0.1.0", "api.openai.com", "org-acme", "proj_support", "sha256:308258ec"):
        assert fact in text


def test_what_it_costs_stands_in_a_section_of_its_own() -> None:
    page = render_plan(showcase())
    assert 'aria-labelledby="cost"' in page
    assert "$0.22 → $0.38" in page


def test_a_drift_report_has_the_sentences_of_its_text_form() -> None:
    report = plan_of("drift-and-manifest")
    tree = harmless(render_drift(report))
    found = drift.drifted(report, same_page())
    for row in (row for block in found for row in block.rows):
        for part in row.cells or (row.text,):
            assert squeezed(part) in squeezed(tree.text)
    assert drift.conclusion(len(found)) in tree.text
    assert "No drift" in render_drift(plan())


# --- the picture ------------------------------------------------------------------------------------------------------


def test_the_picture_shows_who_needs_what() -> None:
    page = render_plan(showcase())
    assert 'aria-label="5 resources, 4 dependencies"' in page
    assert "xmlns" not in page
    assert "<svg" not in render_plan(plan(change()))


def test_deletions_turn_the_order_of_steps_round() -> None:
    gone = change("VectorStore/docs", "delete")
    steps = [{"step": "delete VectorStore/docs", "change": 0, "needs": ["update Assistant/helper"]}]
    page = render_plan(plan(gone, change(), steps=steps))
    assert page.index("<title>- VectorStore/docs</title>") < page.index("<title>~ Assistant/helper</title>")


def test_too_many_resources_for_a_picture_are_counted() -> None:
    users = [f"Assistant/a-{number}" for number in range(70)]
    page = render_plan(plan(change("VectorStore/docs", affects=users)))
    assert "71 resources are connected here: too many for a picture" in page
    assert "<svg" not in page


# --- reading it -------------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("pair", READ_ON, ids="-on-".join)
def test_text_stands_out_from_its_ground(scheme: Any, pair: tuple[str, str]) -> None:
    assert contrast(scheme[pair[0]], scheme[pair[1]]) >= 4.5


def test_labels_are_readable_on_their_own_colour() -> None:
    for scheme in (LIGHT, DARK):
        assert contrast(scheme["card"], scheme["alarm"]) >= 4.5
        assert contrast(scheme["card"], scheme["change"]) >= 4.5
        assert contrast(scheme["wire"], scheme["card"]) >= 3


def test_both_schemes_define_every_colour_that_the_rules_use() -> None:
    used = set(re.findall(r"var\(--([a-z-]+)", SHEET)) - {"ink", "soft"}
    assert used <= set(LIGHT)
    assert set(LIGHT) == set(DARK)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", PLANS)
def test_the_page_can_be_read_aloud(name: str) -> None:
    page = render_plan(plan_of(name))
    tree = harmless(page)
    assert ("html", {"lang": "en"}) in tree.elements
    levels = [int(tag[1]) for tag, _ in tree.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(lower <= upper + 1 for upper, lower in pairwise(levels))
    identities = [attributes["id"] for _, attributes in tree.elements if "id" in attributes]
    assert len(identities) == len(set(identities))
    for _, attributes in tree.elements:
        assert attributes.get("aria-labelledby", identities[0] if identities else None) in {*identities, None}
    assert tree.tags["details"] == tree.tags["summary"]
    assert "<summary></summary>" not in page


def test_many_thousand_changed_lines_are_all_on_the_page(exhaustive: bool) -> None:
    count = 50_000 if exhaustive else 5_000
    old = "\n".join(f"line {number} of a text that is long" for number in range(count))
    page = render_plan(plan(change(fields=[field(["instructions"], before=old, after=old.replace("long", "short"))])))
    assert page.count('<div class="add">') == count
