"""How many objects a plan may delete."""

from __future__ import annotations

import pytest

from reconciler.model.desired import Desired
from reconciler.model.rules import Rules
from tests.planning.test_plan import expired, live, plan_for, rule_of, store


def many(count: int) -> list[Desired]:
    return [store(f"s-{number:02}") for number in range(count)]


@pytest.mark.parametrize(
    ("there", "gone", "rules", "rule"),
    [
        (9, 5, Rules(), None),
        (9, 6, Rules(), "delete_budget"),
        (9, 6, Rules(allow_deletes=6), None),
        (9, 2, Rules(allow_deletes=1), "delete_budget"),
        (10, 2, Rules(), None),
        (10, 3, Rules(), "delete_budget"),
        (10, 3, Rules(max_delete_percent=30), None),
        (10, 3, Rules(allow_deletes=3), None),
        (3, 1, Rules(max_deletes=0), "delete_budget"),
        (9, 9, Rules(destroy=True, max_deletes=0), None),
    ],
)
def test_more_deletions_than_allowed_are_refused_all_together(
    there: int, gone: int, rules: Rules, rule: str | None
) -> None:
    everything = many(there)
    plan = plan_for(everything[gone:], [live(item) for item in everything], rules)
    assert rule_of(plan) == rule
    assert len(plan.steps) == (0 if rule else gone)
    assert len(plan.blocked) == (gone if rule else 0)


def test_a_replacement_counts_as_a_deletion() -> None:
    plan = plan_for([store("docs")], [expired(live(store("docs")))], Rules(max_deletes=0))
    assert rule_of(plan) == "delete_budget"
