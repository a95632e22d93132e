"""`show`: the live objects of a stack."""

from __future__ import annotations

from reconciler.apply.session import Session
from reconciler.model.address import Address
from reconciler.model.errors import Exit, Stop
from reconciler.model.json import Json
from reconciler.model.observed import Observed
from reconciler.observing.observer import observe
from reconciler.observing.scope import Found


async def show(session: Session) -> list[dict[str, Json]]:
    """One flat row for each live object of the stack."""
    found = await observe(session.account, session.scope())
    rows = []
    for item in sorted(found.snapshot.objects, key=lambda one: (address_of(one), one.kind)):
        if item.tags is None:
            continue
        rows.append(
            {
                "address": str(item.tags.address),
                "resource": item.kind,
                "id": item.id,
                "version": item.version,
                "state": _state(item),
                "documents": _count(item),
                "applied": item.tags.rev or None,
            }
        )
    return rows


async def show_one(session: Session, address: Address) -> dict[str, Json]:
    """Everything about the live object at an address. Raises Stop when there is none."""
    found = await observe(session.account, session.scope())
    item = next((one for one in found.snapshot.of(address.owner)), None)
    if item is None:
        raise Stop(
            Exit.INVALID, f"Nothing in the account stands for {address}.", "`reconciler show` lists what there is."
        )
    full = await observe(session.account, session.scope(full=frozenset({item.id})))
    item = again(full, address.owner, item)
    body: dict[str, Json] = {
        "address": str(address.owner),
        "resource": item.kind,
        "id": item.id,
        "version": item.version,
        "state": _state(item),
        "spec": dict(item.spec),
        "labels": dict(item.labels),
    }
    if item.documents:
        body["documents"] = [
            {"path": one.path, "file_id": one.file_id, "name": one.name, "sha256": one.sha256, "status": one.status}
            for one in sorted(item.documents, key=lambda one: (one.path or "", one.file_id))
        ]
    return body | {"live": dict(item.raw)}


def address_of(item: Observed) -> str:
    """The address of an object of ours as text."""
    return str(item.tags.address) if item.tags else ""


def again(found: Found, address: Address, item: Observed) -> Observed:
    """The same object in a second look; raises Stop when it went away meanwhile."""
    for one in found.snapshot.of(address):
        if one.id == item.id:
            return one
    raise Stop(Exit.STALE, f"{item.id} went away while it was being looked at.", "Run the same command again.")


def _state(item: Observed) -> str:
    if item.tags is None:
        return "foreign"
    return "retiring" if item.tags.retiring else item.tags.state


def _count(item: Observed) -> int | None:
    if item.documents is not None:
        return len([one for one in item.documents if one.path is not None]) or None
    counted = item.tags.files.split(":")[0] if item.tags else ""
    return int(counted) if counted.isdigit() else None
