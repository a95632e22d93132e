"""How many bytes a plan may upload."""

from __future__ import annotations

import pytest

from reconciler.model.rules import Rules
from tests.planning.test_plan import live, plan_for, rule_of, steps, store


@pytest.mark.parametrize(("limit", "rule"), [(19, "upload_limit"), (20, None)])
def test_more_bytes_than_allowed_are_not_uploaded(limit: int, rule: str | None) -> None:
    plan = plan_for([store("docs", "a.md", "b.md"), store("empty")], rules=Rules(max_upload_bytes=limit))
    assert rule_of(plan) == rule
    assert ("create VectorStore/empty" in steps(plan)) is True


def test_what_was_to_follow_an_upload_is_forbidden_with_it() -> None:
    """An old store goes after its successor has its documents; without them it would be deleted too early."""
    there = [live(store("docs"), "vs_2", files=""), live(store("docs"), "vs_1", retiring="run.1")]
    plan = plan_for([store("docs", "a.md")], there, Rules(max_upload_bytes=9))
    assert (steps(plan), rule_of(plan)) == ([], "upload_limit")
    assert [change.id for change in plan.blocked] == ["vs_2", "vs_1"]
