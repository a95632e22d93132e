"""What is shown of a plan, whatever the format."""

import pytest

from reconciler.render import view
from reconciler.render.diff.words import Budget
from reconciler.render.rows import Kind, Page
from reconciler.render.view import Notice
from tests.render.plans import change, field, plan

PAGE = Page(100, 3, color=False, budget=Budget(), wrap=False)


def test_a_notice_sets_its_address_in_front_unless_the_summary_names_it() -> None:
    risks = [
        {"code": "R101", "summary": "deletes vs_1", "address": "VectorStore/old"},
        {"code": "R202", "summary": "the model of Assistant/a ends", "address": "Assistant/a"},
        {"code": "R301", "summary": "reaches a new host", "address": None},
    ]
    assert view.of_plan(plan(risks=risks), PAGE).risks == (
        Notice("RISK R101", "", "VectorStore/old", "deletes vs_1"),
        Notice("RISK R202", "", "", "the model of Assistant/a ends"),
        Notice("RISK R301", "", "", "reaches a new host"),
    )


def test_a_warning_says_where_it_is_written() -> None:
    warning = {"code": "W401", "summary": "is held", "address": "A/a", "source": {"file": "a.yaml", "line": 3}}
    (notice,) = view.of_plan(plan(warnings=[warning]), PAGE).warnings
    assert (notice.label, notice.sentence) == ("Warning W401", "A/a: is held (a.yaml:3)")


def test_what_is_blocked_stands_before_the_risks_and_the_last_says_what_follows() -> None:
    blocked = {"rule": "protect", "summary": "x"}
    shown = view.of_plan(plan(change("A/a", "delete", blocked=blocked), change("A/b", "none", blocked=blocked)), PAGE)
    assert [notice.sentence for notice in shown.risks] == [
        "delete A/a: forbidden by protect.",
        "A/b: forbidden by protect. Apply refuses the whole plan (exit code 4).",
    ]


def test_a_block_knows_its_verb_and_its_address() -> None:
    blocked = {"rule": "protect", "summary": "x"}
    first, second = view.of_plan(plan(change("A/a b"), change("A/c", "delete", blocked=blocked)), PAGE).changes
    assert (first.sign, first.verb, first.address) == ("!", "blocked: delete", "A/c")
    assert (second.sign, second.verb, second.address, second.title) == ("~", "update", "A/a b", "update A/a b")
    (drifted,) = view.of_drift(plan(change("A/a", cause="drift")), PAGE).changes
    assert (drifted.verb, drifted.address, drifted.title) == ("", "A/a", "A/a")


@pytest.mark.parametrize(
    ("sides", "kinds"),
    [
        ({"before": 1, "after": 2}, [Kind.FIELD]),
        ({"before": ["a", "b"], "after": ["b"]}, [Kind.FIELD]),
        ({"before": {"k": "v" * 60}, "after": {"k": "w" * 60}}, [Kind.HEAD, Kind.VALUE, Kind.VALUE]),
        ({"before": "a\nb\n", "after": "a\nc\n"}, [Kind.HEAD, Kind.PLACE, Kind.LINE, Kind.LINE, Kind.LINE]),
        ({"after": "a\n" * 9}, [Kind.HEAD, Kind.LINE, Kind.REMARK]),
        ({"before": 1, "after": 2, "cause": "drift"}, [Kind.FIELD, Kind.NOTE]),
        ({}, [Kind.HEAD]),
    ],
)
def test_every_row_says_what_it_is(sides: dict[str, object], kinds: list[Kind]) -> None:
    one = change(fields=[field(["a"], **sides)])
    (block,) = view.of_plan(plan(one), PAGE).changes
    assert [row.kind for row in block.rows if row.kind is not Kind.FACT] == kinds


def test_a_name_may_hold_what_separates_a_name_from_its_value() -> None:
    (block,) = view.of_plan(plan(change(fields=[field(["a: b"], after="x\ny")])), PAGE).changes
    assert block.rows[-3].cells == ('["a: b"]:', "2 lines, 3 B")
