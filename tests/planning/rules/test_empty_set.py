"""A tree without manifests deletes nothing."""

from __future__ import annotations

import pytest

from reconciler.model.rules import Rules
from tests.planning.test_plan import helper, live, plan_for, rule_of, store


def test_an_empty_tree_does_not_forget_everything_either() -> None:
    plan = plan_for([], [live(helper(retain=True))])
    assert rule_of(plan) == "empty_set"


@pytest.mark.parametrize(
    ("rules", "rule"), [(Rules(), "empty_set"), (Rules(allow_deletes=3), "empty_set"), (Rules(destroy=True), None)]
)
def test_an_empty_tree_deletes_nothing_however_many_deletions_are_allowed(rules: Rules, rule: str | None) -> None:
    plan = plan_for([], [live(store(name)) for name in "abc"], rules)
    assert rule_of(plan) == rule
    assert (len(plan.steps), len(plan.blocked)) == ((0, 3) if rule else (3, 0))


def test_a_tree_of_one_manifest_is_not_empty() -> None:
    assert rule_of(plan_for([store("a")], [live(store(name)) for name in "abc"])) is None
