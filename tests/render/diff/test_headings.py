"""The section that a line is in, as a reader of Markdown sees it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.diff.headings import headings


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x", [()]),
        ("# A|x", [("A",), ("A",)]),
        ("# A|## B|x", [("A",), ("B",), ("B",)]),
        ("# A|## B|### C|x|## D", [("A",), ("B",), ("B", "C"), ("B", "C"), ("D",)]),
        ("# A|# B|## C", [("A",), ("B",), ("B", "C")]),
        ("## B|# A|## C", [("B",), ("A",), ("A", "C")]),
        ("### C|## B", [("C",), ("B",)]),
        ("## B ##|## C#|## # ", [("B",), ("C#",), ("#",)]),
        ("#x|####### y|    # z|#", [(), (), (), ()]),
        ("## A|```|# b|``|# c|````|## D", [("A",), ("A",), ("A",), ("A",), ("A",), ("A",), ("D",)]),
        ("~~~|```|~~~|## A", [(), (), (), ("A",)]),
        ("``` a`b|## A", [(), ("A",)]),
        ("```|~~~ x|``` x|## A", [(), (), (), ()]),
    ],
)
def test_every_line_has_its_section(text: str, found: list[tuple[str, ...]]) -> None:
    assert headings(text.split("|")) == found


@given(st.lists(st.text("# `~ab", max_size=8), max_size=12))
def test_there_is_one_for_every_line(lines: list[str]) -> None:
    assert len(headings(lines)) == len(lines)
