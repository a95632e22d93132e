"""Long lines go on below, and no row takes more columns than there are."""

import pytest
from rich.cells import cell_len

from reconciler.render.diff.words import Budget, Line
from reconciler.render.rows import Page, data


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("x" * 100, 3),
        ("漢字" * 40, 4),
        ("⚠\ufe0f" * 60, 3),
        ("e\u0301" * 60, 3),
        ("न\u092e\u0938\u094d\u0924\u0947" * 20, 3),
        ("k" + "\u093e" * 90, 3),
        ("👍🏽 " * 39 + "👍🏽", 4),
    ],
)
def test_no_row_takes_more_columns_than_there_are(text: str, rows: int) -> None:
    page = Page(44, 0, color=False, budget=Budget())
    found = list(data(Line("+", text), page, indent=0))
    assert max(cell_len(row.text) for row in found) <= 40
    assert "".join(row.text for row in found).replace(" ", "") == text.replace(" ", "")
    assert [row.gutter for row in found] == ["│", *"┊" * (rows - 1)]
