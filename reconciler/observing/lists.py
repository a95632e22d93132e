"""The collections of the account, each read once a look in each order."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal

from reconciler.account.outcomes import OTHER_API
from reconciler.account.paging import list_all
from reconciler.account.port import Account, Failure, FailureKind
from reconciler.kinds import FORMS
from reconciler.kinds.kind import Kind
from reconciler.model.desired import Desired
from reconciler.model.errors import Exit, Stop

Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class Lists:
    """Reads collections for a look; `desired` says who needs one that is not there."""

    account: Account
    desired: Collection[Desired] = ()
    _begun: dict[tuple[str, Order], asyncio.Task[list[dict[str, Any]]]] = field(default_factory=dict)

    async def read(self, kind: Kind, order: Order = "desc") -> list[dict[str, Any]]:
        """All objects of a kind; raises Failure, and Stop where the account does not serve the collection."""
        key = (kind.collection, order)
        if key not in self._begun:
            self._begun[key] = asyncio.ensure_future(self._read(kind, order))
        return await self._begun[key]

    async def _read(self, kind: Kind, order: Order) -> list[dict[str, Any]]:
        try:
            return await list_all(self.account, kind.collection, order=order, beta=kind.beta)
        except Failure as failure:
            if failure.kind is FailureKind.NOT_FOUND or failure.code == OTHER_API:
                raise self._gone(kind, failure) from failure
            raise

    def _gone(self, kind: Kind, failure: Failure) -> Stop:
        """A collection that is not there, or is something else; and who needs it."""
        what = "has another API" if failure.code == OTHER_API else f"answers {failure.status}"
        first, *others = [str(item.address) for item in self.desired if item.kind == kind.name] or [""]
        runtime = f" (`{FORMS[kind.form].selector}: {kind.chosen_by}`)" if kind.chosen_by else ""
        more = f" and {len(others)} more need it" if others else " needs it"
        needed = f", and {first}{runtime}{more}" if first else ""
        return Stop(Exit.UNAVAILABLE, f"{kind.collection} {what}{needed}. {kind.gone}".strip())
