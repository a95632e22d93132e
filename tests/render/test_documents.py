"""Texts of changed documents, compared on request."""

from typing import Any

import pytest

from reconciler.render import documents, text
from reconciler.render.diff.words import Budget
from reconciler.render.markdown import render_plan as as_markdown
from reconciler.render.rows import Page
from tests.render.plans import HOSTILE, change, plan

ADDRESS = "VectorStore/docs"


def changing(*paths: str, revision: str | None = "0123456789ab") -> dict[str, Any]:
    files = {"changed": [{"path": path, "bytes": 9, "sha256": "0", "reason": "changed"} for path in paths]}
    return change(ADDRESS, files=files, applied={"revision": revision} if revision else None)


def written(some: dict[str, Any], texts: Any) -> list[str]:
    page = Page(80, 3, color=False, budget=Budget())
    found = documents.blocks(plan(some), texts, page)
    return [line for block in found for line in (f"{block.sign} {block.title}", *text.lines(block.rows, color=False))]


def test_nobody_asked_and_nothing_is_said() -> None:
    assert written(changing("a.md"), None) == []


def test_a_document_is_compared_with_what_was_last_applied() -> None:
    assert written(changing("a.md"), {f"{ADDRESS}:a.md": ("# A\n\nold words\n", "# A\n\nnew words\n")}) == [
        "~ document VectorStore/docs:a.md",
        "    against  commit 0123456789ab",
        "    changed  1 of 3 lines changed",
        '    @@ line 3, under "A" @@',
        "    │ # A",
        "    │",
        "  - │ [-old-] words",
        "  + │ {+new+} words",
    ]


def test_a_version_that_cannot_be_had_is_said_not_to_be_there() -> None:
    assert written(changing("a.md", revision=None), {f"{ADDRESS}:a.md": (None, "new")}) == [
        "~ document VectorStore/docs:a.md",
        "    The last applied version is not in this clone.",
    ]


def test_documents_that_are_not_compared_are_counted_and_named() -> None:
    assert written(changing("a.pdf"), {}) == [
        "~ 1 changed document is not compared",
        "    No text, too large, or one too many: VectorStore/docs:a.pdf",
    ]
    found = written(changing(*(f"{number}.pdf" for number in range(30))), {})
    assert found[0] == "~ 30 changed documents are not compared"
    assert found[-1].endswith("and 10 more")


def test_the_text_and_the_markdown_form_have_them_on_request() -> None:
    texts = {f"{ADDRESS}:a.md": ("old words", "new words")}
    for render in (text.render_plan, as_markdown):
        assert "{+new+} words" in render(plan(changing("a.md")), documents=texts)
        assert "{+new+} words" not in render(plan(changing("a.md")))


def test_markdown_gives_them_up_before_anything_else() -> None:
    names = [f"{number}.md" for number in range(300)]
    texts = {f"{ADDRESS}:{name}": ("old words " * 9, "new words " * 9) for name in names}
    found = as_markdown(plan(changing(*names)), limit=20_000, documents=texts)
    assert "texts of changed documents: 300 left out here" in found
    assert len(found) < 20_000


@pytest.mark.sampled(5)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_texts_and_names_stay_what_they_are(hostile: str) -> None:
    some = changing(hostile, revision=hostile)
    for texts in ({f"{ADDRESS}:{hostile}": (hostile, f"{hostile}\nx")}, {f"{ADDRESS}:{hostile}": (None, "x")}, {}):
        found = text.render_plan(plan(some), documents=texts)
        assert all(char.isprintable() or char in "\n\u3000" for char in found)
