from __future__ import annotations

from typing import Any

import pytest

from reconciler.emulator.multipart import Part, parse
from tests.emulator.account import BOUNDARY, multipart

CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.mark.parametrize(
    ("parts", "form"),
    [
        ([], {}),
        ([("a", None, "1"), ("b", None, "")], {"a": "1", "b": ""}),
        ([("a", None, "1"), ("a", None, "2")], {"a": ["1", "2"]}),
        ([("a[]", None, "1")], {"a": ["1"]}),
        ([("a[0]", None, "1"), ("a[1]", None, "2")], {"a": ["1", "2"]}),
        ([("a[b]", None, "1"), ("a[c]", None, "2")], {"a": {"b": "1", "c": "2"}}),
        ([("a", "ä/b.txt", "1")], {"a": Part("ä/b.txt", b"1")}),
        ([("a", "", "")], {"a": Part("", b"")}),
        ([("[]", None, "1"), ("a]", None, "2"), ("", None, "3")], {"[]": "1", "a]": "2", "": "3"}),
    ],
)
def test_names_say_how_values_nest(parts: list[tuple[str, str | None, str]], form: dict[str, Any]) -> None:
    assert parse(CONTENT_TYPE, multipart(parts)) == form


def test_content_may_contain_all_but_the_boundary() -> None:
    content = b"\r\n--" + BOUNDARY[:-1].encode() + b"\r\n\r\n--\x00"
    assert parse(CONTENT_TYPE, multipart([("a", "f", content)])) == {"a": Part("f", content)}
