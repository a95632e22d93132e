"""`plan`: read the account, make the plan, judge it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.account.objects import count_sessions
from reconciler.account.port import Account
from reconciler.apply.session import Session
from reconciler.kinds import KINDS
from reconciler.manifest.load.loader import Loaded
from reconciler.model.plan import Action, Change, Plan
from reconciler.model.rules import Rules
from reconciler.observing.observer import observe
from reconciler.observing.scope import Found, Refresh
from reconciler.planning.plan import make_plan
from reconciler.review import planfile
from reconciler.review.judge import judged


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, what it was made from, and its JSON form."""

    found: Found
    plan: Plan
    body: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """What an approval names."""
        return str(self.body["digest"])


def rules_for(loaded: Loaded, base: Rules) -> Rules:
    """The rules of a run with the stack's own limits."""
    stack = loaded.stack
    return replace(
        base,
        max_deletes=stack.max_deletes,
        max_delete_percent=stack.max_delete_percent,
        max_upload_bytes=stack.max_upload_bytes,
    )


async def prepare(
    session: Session,
    *,
    destroy: bool = False,
    refresh: Refresh | None = None,
    full: frozenset[str] = frozenset(),
    anchor: str | None = None,
    reviewed: bool = True,
) -> Prepared:
    """Read the account and plan. Raises Stop.

    `reviewed`: somebody decides on the plan, so the account is also asked what only they need: when models are shut
    down, and how many sessions use what changes.
    """
    scope = session.scope(destroy=destroy, refresh=refresh, full=full, anchor=anchor, reviewed=reviewed)
    began = session.clock.monotonic()
    found = replace(await observe(session.account, scope), began=began)
    loaded = session.loaded
    plan = make_plan(
        loaded.desired,
        found.snapshot,
        replace(session.rules, destroy=destroy),
        as_of=session.as_of,
        manifests=loaded.manifests,
    )
    plan = judged(plan, () if destroy else loaded.desired, found.snapshot)
    if reviewed:
        plan = await _with_sessions(session.account, plan)
    return Prepared(found, plan, planfile.to_json(plan))


_TOUCHED = frozenset({Action.UPDATE, Action.REPLACE, Action.DELETE})


async def _with_sessions(account: Account, plan: Plan) -> Plan:
    """The plan, saying of every agent that changes how many sessions use it."""

    async def counted(change: Change) -> Change:
        kind = KINDS[change.replaces_kind or change.kind]
        if change.action not in _TOUCHED or not kind.sessions or change.id is None:
            return change
        return replace(change, sessions=await count_sessions(account, kind, change.id))

    return replace(plan, changes=tuple(await asyncio.gather(*map(counted, plan.changes))))
