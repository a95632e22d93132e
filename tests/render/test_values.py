"""Values, paths and sizes as people read them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.render import values


@pytest.mark.parametrize(
    ("path", "written"),
    [
        (["model"], "model"),
        (
            ["tools", "function:lookup_order", "parameters", "order_id"],
            "tools[function:lookup_order].parameters.order_id",
        ),
        (["tools", 0], "tools[0]"),
        (["raw", "a b", "x.y"], 'raw["a b"][x.y]'),
        (["raw", "\u202e"], r'raw["\u202e"]'),
        ([], ""),
    ],
)
def test_a_path_reads_like_one(path: Any, written: str) -> None:
    assert values.path(path) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a", '"a"'),
        (None, "null"),
        (True, "true"),
        ([], "[]"),
        ({"known_after_apply": "VectorStore/docs"}, "(new id of VectorStore/docs, known after apply)"),
        ([1, {"known_after_apply": "A/b"}], "[1, (new id of A/b, known after apply)]"),
        ({"a": {"known_after_apply": "A/b"}, "c": 1}, '{"a": (new id of A/b, known after apply), "c": 1}'),
        ({"known_after_apply": 1}, '{"known_after_apply": 1}'),
    ],
)
def test_a_value_on_one_line_is_json_but_for_what_is_not_known_yet(value: Any, written: str) -> None:
    assert values.inline(value) == written


def test_a_value_that_is_nested_too_deeply_does_not_end_the_run() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert values.inline(deep) == "(nested too deeply to be shown)"
    assert values.lines(deep)


def test_an_outline_reads_like_yaml() -> None:
    value = {
        "type": "function",
        "a key": {"nested": ["x" * 40, "y" * 40], "one": {"two": "z" * 60}},
        "text": "one\ntwo\n",
        "more": ["one\ntwo", "one\ntwo\n\n", {"a": "x" * 60, "b": 1}],
        "empty": {},
        "later": {"known_after_apply": "VectorStore/docs"},
    }
    assert values.lines(value) == [
        'type: "function"',
        '"a key":',
        "  nested:",
        f'    - "{"x" * 40}"',
        f'    - "{"y" * 40}"',
        "  one:",
        f'    two: "{"z" * 60}"',
        "text: |",
        "  one",
        "  two",
        "more:",
        "  - |-",
        "    one",
        "    two",
        "  - |+",
        "    one",
        "    two",
        "    ",
        f'  - a: "{"x" * 60}"',
        "    b: 1",
        "empty: {}",
        "later: (new id of VectorStore/docs, known after apply)",
    ]


@pytest.mark.parametrize(
    ("count", "written"),
    [(0, "0 B"), (812, "812 B"), (999, "999 B"), (1_000, "1.0 kB"), (9_960, "10 kB"), (4_100_000, "4.1 MB"),
     (20_000_000, "20 MB"), (999_600, "1.0 MB"), (3_000_000_000, "3.0 GB"), (5_000_000_000_000, "5000 GB")],
)  # fmt: skip
def test_sizes_have_two_digits(count: int, written: str) -> None:
    assert values.size(count) == written


def test_one_is_not_many() -> None:
    assert values.plural(1, "line") == "1 line"
    assert values.plural(1_200, "line") == "1,200 lines"


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
@settings(deadline=None)
def test_every_value_has_lines(value: Any) -> None:
    assert values.lines(value)
    assert "\n" not in values.inline(value)
