"""One apply: what it is to do, for whom, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.account.port import Account, Clock
from reconciler.apply.limits import Limits
from reconciler.apply.options import Options
from reconciler.apply.reporting import Report
from reconciler.model.plan import Plan
from reconciler.observing.scope import Found


@dataclass(slots=True)
class Job:
    """`plan` and `found`, what it was made from, are replaced when an unclean run had to be waited for."""

    plan: Plan
    found: Found
    digest: str
    account: Account
    clock: Clock
    options: Options
    report: Report
    limits: Limits
    unsettled: bool = False
    """Whether something that this run asked for may still happen when it has ended."""
