"""What people are told of a plan beside what it does: risks, requests, storage. It changes nothing that is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from reconciler.model.desired import Desired
from reconciler.model.plan import Plan
from reconciler.model.snapshot import Snapshot
from reconciler.review import cost
from reconciler.review.risks.facts import Facts
from reconciler.review.risks.find import find_risks

_ROLLBACK_REQUESTS = 7
"""About as many as one pointer takes, with the lease and the look afterwards."""


def judged(plan: Plan, wanted: Iterable[Desired], snapshot: Snapshot) -> Plan:
    """The plan with its risks, its estimate of requests, and the storage in use. `wanted`: what it was made for."""
    return replace(
        plan,
        risks=find_risks(plan.changes, plan.steps, facts(wanted, snapshot, plan.as_of)),
        requests=cost.requests(plan.steps, first_apply=plan.first_apply),
        usage=cost.usage(snapshot.objects),
    )


def judged_rollback(plan: Plan, back: Desired, wanted: Iterable[Desired], snapshot: Snapshot) -> Plan:
    """A rollback with its risks. What comes about is what the old release says (`back`), not what the manifest says."""
    steps = tuple(replace(step, desired=back, version=None) for step in plan.steps)
    return replace(
        plan, risks=find_risks(plan.changes, steps, facts(wanted, snapshot, plan.as_of)), requests=_ROLLBACK_REQUESTS
    )


def facts(wanted: Iterable[Desired], snapshot: Snapshot, as_of: str) -> Facts:
    """What the risks of a plan are judged by."""
    return Facts(as_of, {item.address: item for item in wanted}, snapshot.objects, snapshot.models)
