"""What the models in use have before them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from reconciler.account.port import Account, Call, Failure
from reconciler.kinds import KINDS
from reconciler.model.json import Json
from reconciler.model.observed import Observed
from reconciler.observing.scope import Scope

_DAY = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


async def shutdowns(account: Account, scope: Scope, objects: Sequence[Observed]) -> dict[str, str | None]:
    """When each model is shut down: one list. Whoever may not read it, or runs none, does not know."""
    in_use = [*((item.kind, item.spec) for item in scope.desired), *((item.kind, item.spec) for item in objects)]
    if not scope.reviewed or not any(KINDS[kind].models(spec) for kind, spec in in_use):
        return {}
    try:
        reply = await account.send(Call("GET", "/models"))
    except Failure:
        return {}
    listed = reply.data.get("data")
    return {
        item["id"]: _day(item.get("shutdown_date"))
        for item in (listed if isinstance(listed, list) else ())
        if isinstance(item, Mapping) and isinstance(item.get("id"), str)
    }


def _day(value: Json) -> str | None:
    """A date as the API writes it, YYYY-MM-DD; None for anything else."""
    return value if isinstance(value, str) and _DAY.match(value) else None
