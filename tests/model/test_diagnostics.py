"""Problems are collected, sorted, and say what was meant."""

from __future__ import annotations

import pytest

from reconciler.model.address import Address, Span
from reconciler.model.diagnostics import Diagnostic, Problems, Rejected, Severity, did_you_mean, nearest

HELPER = Address("Assistant", "helper")


def test_a_code_says_how_severe_it_is() -> None:
    problems = Problems()
    problems.add("E303", "Unknown field 'modle'", "Did you mean 'model'?", Span("a.yaml", 3, 5), address=HELPER)
    problems.add("W101", "Model retires soon")
    assert [item.code for item in problems.errors] == ["E303"]
    assert [item.severity for item in problems.warnings] == [Severity.WARNING]


def test_problems_come_once_by_place_and_those_without_one_come_last() -> None:
    problems = Problems()
    for code, span in (("E1", None), ("E2", Span("b.yaml")), ("E3", Span("a.yaml", 9)), ("E4", Span("a.yaml", 2))):
        problems.add(code, "x", span=span)
        problems.add(code, "x", span=span)
    assert [item.code for item in problems.sorted()] == ["E4", "E3", "E2", "E1"]


def test_json_has_every_key_with_or_without_a_place() -> None:
    bare = Diagnostic("E300", "No stack").to_json()
    full = Diagnostic("E303", "Unknown field", "Known: a.", Span("a.yaml", 3, 5), HELPER).to_json()
    assert list(bare) == list(full)
    assert (bare["file"], bare["line"], bare["address"]) == (None, None, None)
    assert (full["file"], full["line"], full["column"], full["address"]) == ("a.yaml", 3, 5, "Assistant/helper")
    assert full["severity"] == "error"


def test_a_rejection_is_all_of_its_reasons() -> None:
    rejected = Rejected([Diagnostic("E1", "one", span=Span("a.yaml")), Diagnostic("E2", "two", address=HELPER)])
    assert str(rejected) == "a.yaml:1:1 one; Assistant/helper two"
    assert [item.code for item in rejected.diagnostics] == ["E1", "E2"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("modle", "model"),
        ("top-p", "top_p"),
        ("toolResources", "tool_resources"),
        ("instruction", "instructions"),
        ("zzz", None),
    ],
)
def test_the_nearest_name_is_what_was_meant(name: str, meant: str | None) -> None:
    assert nearest(name, {"model", "top_p", "tool_resources", "instructions"}) == meant


def test_without_a_near_name_all_are_listed_up_to_twelve() -> None:
    assert did_you_mean("modle", ["model"]) == "Did you mean 'model'?"
    assert did_you_mean("zzz", ["b", "a"]) == "Known: a, b."
    assert did_you_mean("zzz", []) == ""
    many = did_you_mean("zzz", [f"name-{number:02}" for number in range(15)])
    assert many.endswith("name-11 and 3 more.")
