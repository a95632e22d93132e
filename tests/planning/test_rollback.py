"""A rollback: which release it goes back to, and a plan that moves one pointer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.errors import Exit, Stop
from reconciler.planning.rollback import as_released, make_rollback, release_to
from reconciler.review.judge import judged_rollback
from tests.planning.test_plan import STACK, change_of, helper, live, said, steps, store


@pytest.mark.parametrize(
    ("releases", "current", "asked", "found"),
    [
        (["4", "3", "2"], "4", None, "3"),
        (["4", "3", "2"], "3", None, "2"),
        (["4", "2"], "3", None, "2"),
        (["11", "9"], "11", None, "9"),
        (["4", "3", "2"], "2", "4", "4"),
    ],
)
def test_it_goes_to_the_release_that_is_asked_for_or_to_the_one_before(
    releases: list[str], current: str, asked: str | None, found: str
) -> None:
    assert release_to(releases, current, asked) == found


@pytest.mark.parametrize(
    ("current", "asked", "says"),
    [
        ("3", "9", "There is no release 9."),
        ("3", "3", "Release 3 is the current one already."),
        ("2", None, "There is no release before the current one."),
        (None, None, "There is no release before the current one."),
    ],
)
def test_a_release_that_there_is_not_is_refused(current: str | None, asked: str | None, says: str) -> None:
    with pytest.raises(Stop) as stopped:
        release_to(["3", "2"], current, asked)
    assert (stopped.value.code, stopped.value.summary) == (Exit.INVALID, says)


def test_its_plan_moves_one_pointer_and_says_what_comes_back() -> None:
    wanted = helper(kind="release", model="m-2")
    current = replace(live(wanted, rev="0123456789ab"), version="2")
    there = replace(STACK, objects=(current, live(store("docs")), live(helper(name="gone"))))
    back = as_released(wanted, {"spec": {"model": "m-1"}, "labels": {}})
    plan = make_rollback(wanted, back, current, "1", there, as_of="2026-11-22", manifests="sha256:0")
    plan = judged_rollback(plan, back, [wanted], there)
    assert (steps(plan), plan.rollback) == (["update Assistant/helper"], True)
    assert (plan.steps[0].version, plan.steps[0].desired) == ("1", wanted)
    change = change_of(plan)
    assert [(delta.path, delta.before, delta.after) for delta in change.fields] == [(("model",), "m-2", "m-1")]
    assert change.reason == ("A person rolls it back from version 2. It is held there until its manifest changes.")
    assert (change.version, change.revision, change.cause) == ("1", "0123456789ab", None)
    assert said(plan.risks) == ["R201"]
    assert (plan.stack, plan.serial, plan.warnings, plan.requests) == ("acme", 3, (), 7)
