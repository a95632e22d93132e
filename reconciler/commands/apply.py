"""`apply`: carry out a plan, or a saved one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from reconciler.apply import Conclusion, Options, apply
from reconciler.apply.session import Session
from reconciler.commands.plan import Prepared, prepare
from reconciler.model.errors import Exit, Stop
from reconciler.model.events import Event
from reconciler.review import approvals


async def carry_out(
    session: Session,
    prepared: Prepared,
    conclusion: Conclusion,
    *,
    destroy: bool = False,
    digest: str | None = None,
    interrupt: asyncio.Event | None = None,
) -> AsyncIterator[Event]:
    """Apply a plan; `digest` is the approved one where it is not the plan's own. Raises Stop before any write."""
    if prepared.plan.blocked:
        raise Stop(Exit.REFUSED, "A safety rule forbids this plan; nothing was changed.")

    async def check(full: frozenset[str], anchor: str) -> Prepared:
        return await prepare(session, destroy=destroy, full=full, anchor=anchor, reviewed=False)

    async def again(anchor: str) -> Prepared:
        fresh = await check(frozenset(), anchor)
        if fresh.plan.blocked:
            raise Stop(Exit.REFUSED, "A safety rule forbids what is left to do; nothing was changed.", "Plan again.")
        approvals.check_approved(approvals.Approval(prepared.body), fresh.body, resuming=True)
        return fresh

    options = Options(
        run_id=session.hex(8),
        lineage=session.hex(12),
        open=lambda document: session.loaded.tree.open(document.file),
        check=check,
        again=None if prepared.plan.rollback else again,
        timing=session.timing,
        liveness=session.liveness,
        revision=session.revision,
        settle=session.settle,
        file_deadline=session.file_deadline,
        destroy=destroy,
        partial=bool(session.rules.only),
        deadline=session.deadline,
    )
    async for event in apply(
        prepared.plan,
        prepared.found,
        session.account,
        clock=session.clock,
        options=options,
        digest=digest or prepared.digest,
        conclusion=conclusion,
        interrupt=interrupt,
    ):
        yield event


def check_approval(prepared: Prepared, approval: approvals.Approval) -> None:
    """Raise Stop (exit 5) unless a saved plan approves what would be done now."""
    anchor = prepared.found.anchor
    resuming = anchor is not None and anchor.busy and anchor.plan == approval.digest.removeprefix("sha256:")[:16]
    approvals.check_approved(approval, prepared.body, resuming=resuming)
