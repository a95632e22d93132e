"""`drift`: what differs from what was last applied."""

from __future__ import annotations

from dataclasses import replace

from reconciler.apply.session import Session
from reconciler.commands.plan import prepare
from reconciler.model.json import Json
from reconciler.model.plan import Cause
from reconciler.review import planfile


async def drift(session: Session) -> dict[str, Json]:
    """A report in the form of a plan, restricted to what differs from what was last applied. Everything is read."""
    prepared = await prepare(session, refresh="full", reviewed=False)
    changes = [
        change
        for change in prepared.plan.changes
        if change.cause in {Cause.DRIFT, Cause.BOTH}
        or any(delta.cause in {Cause.DRIFT, Cause.BOTH} for delta in change.fields)
        or (change.files is not None and change.files.unmanaged)
    ]
    only = replace(prepared.plan, changes=tuple(changes), steps=(), risks=())
    return planfile.to_json(only)
