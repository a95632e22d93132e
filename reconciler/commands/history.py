"""`history`: the releases of an assistant."""

from __future__ import annotations

import datetime as dt
from typing import Any

from reconciler.account.failures import stop_for
from reconciler.account.paging import list_all
from reconciler.account.port import Failure
from reconciler.apply.session import Session
from reconciler.kinds import KINDS
from reconciler.kinds.kind import VersionedKind
from reconciler.model.address import Address
from reconciler.model.errors import Exit, Stop
from reconciler.model.json import Json
from reconciler.model.observed import Observed
from reconciler.observing.observer import observe
from reconciler.ownership import tags as tagging
from reconciler.planning.rollback import number_of


async def history(session: Session, address: Address) -> list[dict[str, Json]]:
    """The releases of an assistant, newest first. Raises Stop for what has no versions."""
    item, kind = await release_at(session, address)
    rows: list[dict[str, Json]] = []
    for raw in await versions_of(session, kind, item.id):
        tags = tagging.decode_line(raw.get("description"))
        mine = tags is not None and item.tags is not None and tags.lineage == item.tags.lineage
        rows.append(
            {
                "version": str(raw.get("version")),
                "current": str(raw.get("version")) == item.version,
                "created": _date(raw.get("created_at")),
                "rev": tags.rev or None if mine and tags else None,
                "spec": tags.spec or None if mine and tags else None,
                "note": _note(tags.state if mine and tags else None),
            }
        )
    return rows


def _note(state: str | None) -> str | None:
    if state is None:
        return "posted by somebody else"
    return "first step of creation" if state == "pending" else None


async def release_at(session: Session, address: Address) -> tuple[Observed, VersionedKind]:
    """The live release at an address and its kind. Raises Stop for what has no versions."""
    found = await observe(session.account, session.scope())
    here = [item for item in found.snapshot.of(address) if item.tags and item.tags.confirmed]
    if not here:
        raise Stop(
            Exit.INVALID, f"Nothing in the account stands for {address}.", "`reconciler show` lists what there is."
        )
    kind = KINDS[here[0].kind]
    if not isinstance(kind, VersionedKind):
        raise Stop(
            Exit.INVALID,
            f"{address} has no versions in the account: it is realised as {_a(kind.title)}.",
            "Its history is in Git: revert the commit there and apply.",
        )
    return here[0], kind


async def versions_of(session: Session, kind: VersionedKind, object_id: str) -> list[dict[str, Any]]:
    """All versions of an object as the account lists them, newest first."""
    try:
        found = await list_all(session.account, f"{kind.collection}/{object_id}/versions", beta=kind.beta)
    except Failure as failure:
        raise stop_for(failure) from failure
    return sorted(found, key=lambda raw: number_of(raw.get("version")), reverse=True)


def _date(value: Json) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**33:
        return None
    return dt.datetime.fromtimestamp(value, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _a(noun: str) -> str:
    """The noun with its article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
