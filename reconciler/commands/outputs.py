"""`outputs`: ids and releases for applications."""

from __future__ import annotations

from reconciler.account.failures import stop_for
from reconciler.account.port import Call, Failure
from reconciler.apply.session import Session
from reconciler.commands.show import address_of
from reconciler.kinds import KINDS
from reconciler.kinds.kind import VersionedKind
from reconciler.model.errors import Exit, Stop
from reconciler.model.json import Json
from reconciler.model.observed import created_at
from reconciler.observing.observer import observe


async def outputs(session: Session) -> dict[str, dict[str, Json]]:
    """Id, resource, version and spec digest by address; only confirmed objects."""
    found = await observe(session.account, session.scope())
    ready = [item for item in found.snapshot.objects if item.tags and item.tags.current]
    return {
        address_of(item): {
            "id": item.id,
            "resource": item.kind,
            "version": item.version,
            "spec": item.tags.spec if item.tags else None,
        }
        for item in sorted(ready, key=lambda item: (address_of(item), -created_at(item.raw)))
    }


async def bundles(session: Session) -> dict[str, dict[str, bytes]]:
    """The files of each live release, by the assistant's name."""
    from reconciler.account.bundles import BadBundle, unpack  # noqa: PLC0415 - only this command unpacks whole bundles

    found = await observe(session.account, session.scope())
    packed: dict[str, dict[str, bytes]] = {}
    for item in found.snapshot.objects:
        kind = KINDS[item.kind]
        if item.tags is None or not item.tags.confirmed or not isinstance(kind, VersionedKind):
            continue
        if not item.version:
            raise Stop(Exit.UNAVAILABLE, f"{item.id} does not say which of its versions is the current one.")
        path = f"{kind.collection}/{item.id}/versions/{item.version}/content"
        try:
            reply = await session.account.send(Call("GET", path, beta=kind.beta, binary=True))
            packed[item.tags.address.name] = unpack(reply.content)
        except Failure as failure:
            raise stop_for(failure) from failure
        except BadBundle as error:
            raise Stop(Exit.UNAVAILABLE, f"Version {item.version} of {item.id}: {error}") from error
    return packed
