"""`rollback`: a plan that moves the pointer of a release back."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.account.failures import stop_for
from reconciler.account.objects import is_missing, read_version
from reconciler.account.port import Call, Failure
from reconciler.apply.session import Session
from reconciler.commands.history import release_at, versions_of
from reconciler.commands.plan import Prepared
from reconciler.commands.show import again
from reconciler.kinds.kind import VersionedKind
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.errors import Exit, Stop
from reconciler.model.json import Json
from reconciler.model.observed import Observed
from reconciler.observing.observer import observe
from reconciler.ownership import tags as tagging
from reconciler.planning.rollback import as_released, make_rollback, release_to
from reconciler.review import planfile
from reconciler.review.judge import judged_rollback


async def prepare_rollback(session: Session, address: Address, version: str | None) -> Prepared:
    """A plan that moves the pointer back: to a version, or to the release before the current one."""
    item, kind = await release_at(session, address)
    target = await _target(session, kind, item, version)
    try:
        content = await read_version(session.account, kind, item.id, target)
    except Failure as failure:
        raise stop_for(failure) from failure
    if content is None:
        raise Stop(Exit.REFUSED, f"Version {target} of {address} cannot be read.", "Revert in Git instead.")
    await _still_there(session, kind, content, address, target)
    desired = _desired(session, address)
    found = await observe(session.account, session.scope(full=frozenset({item.id}), reviewed=True))
    item = again(found, address, item)
    back = as_released(desired, content)
    manifests, snapshot = session.loaded.manifests, found.snapshot
    plan = make_rollback(desired, back, item, target, snapshot, as_of=session.as_of, manifests=manifests)
    plan = judged_rollback(plan, back, session.loaded.desired, snapshot)
    return Prepared(found, plan, planfile.to_json(plan))


def _desired(session: Session, address: Address) -> Desired:
    found = next((item for item in session.loaded.desired if item.address == address), None)
    if found is None:
        raise Stop(
            Exit.INVALID, f"{address} has no manifest.", "The next apply would delete it; put the manifest back first."
        )
    return found


async def _target(session: Session, kind: VersionedKind, item: Observed, version: str | None) -> str:
    releases = []
    for raw in await versions_of(session, kind, item.id):
        tags = tagging.decode_line(raw.get("description"))
        if tags is not None and tags.confirmed and item.tags is not None and tags.lineage == item.tags.lineage:
            releases.append(str(raw.get("version")))
    return release_to(releases, item.version, version)


async def _still_there(
    session: Session, kind: VersionedKind, content: Mapping[str, Json], address: Address, version: str
) -> None:
    """Every id that an old release names has to exist still; else it would be released broken."""
    for path in kind.names(content["spec"], content["files"]):
        try:
            await session.account.send(Call("GET", path, beta="assistants=v2"))
        except Failure as failure:
            if is_missing(failure):
                raise Stop(
                    Exit.REFUSED,
                    f"Release {version} of {address} uses {path}, which is gone.",
                    "Revert in Git and apply: that makes a new release with what there is now.",
                ) from failure
            raise stop_for(failure) from failure
