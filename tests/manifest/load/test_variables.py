"""`${var.NAME}`: what is filled in, and what is left alone."""

from __future__ import annotations

import pytest

from reconciler.manifest.load.variables import Undefined, growth, interpolate


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hello ${var.brand}!", "Hello Acme!"),
        ("${var.brand}${var.brand}", "AcmeAcme"),
        ("$${var.brand}", "${var.brand}"),
        ("$$${var.brand}", "$${var.brand}"),
        ("${brand} ${env.HOME} $brand {{ brand }} ${var.brand", "${brand} ${env.HOME} $brand {{ brand }} ${var.brand"),
        ("${var.nested}", "${var.brand}"),
    ],
)
def test_variables_are_filled_in_once_and_all_else_is_plain_text(text: str, filled: str) -> None:
    assert interpolate(text, {"brand": "Acme", "nested": "${var.brand}"}) == (filled, [])


def test_undefined_names_are_told_with_their_place_and_left_as_they_are() -> None:
    assert interpolate("a ${var.x} ${var.}", {}) == ("a ${var.x} ${var.}", [Undefined("x", 2), Undefined("", 11)])


def test_the_growth_is_known_before_anything_is_built() -> None:
    assert growth("${var.a} ${var.a} $${var.a} ${var.b}", {"a": "x" * 1000}) == 3000
