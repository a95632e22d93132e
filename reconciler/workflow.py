"""What a command does, without a command line: the stages of DESIGN put together for one account and one tree.

Pure stages come from the core, requests go through one throttled account, and time and chance are arguments.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from reconciler import planfile
from reconciler.account.paging import list_all
from reconciler.account.port import Account, Call, Clock, Failure
from reconciler.apply import Conclusion, Options, apply
from reconciler.apply.keeper import SERVICE, Lease
from reconciler.apply.liveness import Liveness, Unknown
from reconciler.diff import Ids, diff
from reconciler.errors import Exit, Stop, stop_for
from reconciler.kinds import KINDS
from reconciler.kinds.base import VersionedKind
from reconciler.manifest.loader import Loaded
from reconciler.model import (
    AccountInfo,
    Action,
    Address,
    Cause,
    Change,
    Desired,
    Event,
    Json,
    Observed,
    Plan,
    Step,
    Verb,
)
from reconciler.observe import Found, Refresh, Scope, count_sessions, is_missing, observe, read_version
from reconciler.ownership import tags as tagging
from reconciler.plan import Rules, facts, make_plan, observed_digest
from reconciler.risks import find_risks


@dataclass(frozen=True, slots=True)
class Session:
    """A tree, an account, and how to treat it. `settle` and `file_deadline` are in seconds, `as_of` is an ISO date."""

    loaded: Loaded
    account: Account
    info: AccountInfo
    clock: Clock
    random: Random
    as_of: str
    rules: Rules
    refresh: Refresh = "auto"
    revision: str = ""
    settle: float = 60.0
    file_deadline: float = 600.0
    deadline: float | None = None
    """When an apply winds down, on the clock's monotonic scale; the account has to bear with it for a while longer."""
    lease: Lease = SERVICE
    liveness: Liveness = field(default_factory=Unknown)

    def scope(
        self,
        *,
        destroy: bool = False,
        refresh: Refresh | None = None,
        full: frozenset[str] = frozenset(),
        anchor: str | None = None,
        reviewed: bool = False,
    ) -> Scope:
        """What to observe; `anchor` is the anchor's id where that is known from elsewhere than the stack."""
        stack = self.loaded.stack
        return Scope(
            self.info,
            stack.name,
            self.loaded.environment,
            () if destroy else self.loaded.desired,
            stack.anchor or anchor,
            refresh or self.refresh,
            full,
            reviewed,
            destroy,
        )

    def hex(self, digits: int) -> str:
        """Random hex digits."""
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"


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
        planfile.check_approved(planfile.Approval(prepared.body), fresh.body, resuming=True)
        return fresh

    options = Options(
        run_id=session.hex(8),
        lineage=session.hex(12),
        open=lambda document: session.loaded.tree.open(document.file),
        check=check,
        again=None if prepared.plan.rollback else again,
        lease=session.lease,
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


def check_approval(prepared: Prepared, approval: planfile.Approval) -> None:
    """Raise Stop (exit 5) unless a saved plan approves what would be done now."""
    anchor = prepared.found.anchor
    resuming = anchor is not None and anchor.busy and anchor.plan == approval.digest.removeprefix("sha256:")[:16]
    planfile.check_approved(approval, prepared.body, resuming=resuming)


# --- reading ----------------------------------------------------------------------------------------------------------


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


async def show(session: Session) -> list[dict[str, Json]]:
    """One flat row for each live object of the stack."""
    found = await observe(session.account, session.scope())
    rows = []
    for item in sorted(found.snapshot.objects, key=lambda one: (_address(one), one.kind)):
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
    item = _again(full, address.owner, item)
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


async def outputs(session: Session) -> dict[str, dict[str, Json]]:
    """Id, resource, version and spec digest by address; only confirmed objects."""
    found = await observe(session.account, session.scope())
    ready = [
        item for item in found.snapshot.objects if item.tags and item.tags.state == "ready" and not item.tags.retiring
    ]
    return {
        _address(item): {
            "id": item.id,
            "resource": item.kind,
            "version": item.version,
            "spec": item.tags.spec if item.tags else None,
        }
        for item in sorted(ready, key=lambda item: (_address(item), -_created(item)))
    }


async def bundles(session: Session) -> dict[str, dict[str, bytes]]:
    """The files of each live release, by the assistant's name."""
    from reconciler.account.bundles import BadBundle, unpack  # noqa: PLC0415 - only this command unpacks whole bundles

    found = await observe(session.account, session.scope())
    packed: dict[str, dict[str, bytes]] = {}
    for item in found.snapshot.objects:
        kind = KINDS[item.kind]
        if item.tags is None or item.tags.state != "ready" or not isinstance(kind, VersionedKind):
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


# --- releases ---------------------------------------------------------------------------------------------------------


async def history(session: Session, address: Address) -> list[dict[str, Json]]:
    """The releases of an assistant, newest first. Raises Stop for what has no versions."""
    item, kind = await _release(session, address)
    rows: list[dict[str, Json]] = []
    for raw in await _versions(session, kind, item.id):
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


async def prepare_rollback(session: Session, address: Address, version: str | None) -> Prepared:
    """A plan that moves the pointer back: to a version, or to the release before the current one."""
    item, kind = await _release(session, address)
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
    item = _again(found, address, item)
    ids = {one.id: one.tags.address for one in found.snapshot.objects if one.tags}
    known = {place: object_id for object_id, place in ids.items()}
    back = replace(desired, spec=content["spec"], labels=content["labels"], documents=())
    deltas = diff(kind, back, item, Ids(known, ids))
    change = Change(
        address,
        item.kind,
        Action.UPDATE,
        None,
        item.id,
        desired.span,
        fields=deltas,
        observed=observed_digest(item),
        reason=f"A person rolls it back from version {item.version}. It is held there until its manifest changes.",
        version=target,
        revision=item.tags.rev if item.tags else "",
    )
    step = Step(Verb.UPDATE, address, item.kind, 0, desired=desired, observed=item, fields=deltas, version=target)
    base = make_plan(
        (), found.snapshot, replace(session.rules, prune=False), as_of=session.as_of, manifests=session.loaded.manifests
    )
    judged = replace(step, desired=replace(back, lifecycle=desired.lifecycle), version=None)
    risks = find_risks((change,), (judged,), facts(session.loaded.desired, found.snapshot, session.as_of))
    plan = replace(base, changes=(change,), steps=(step,), risks=risks, warnings=(), requests=7)
    return Prepared(found, plan, planfile.to_json(plan))


async def _release(session: Session, address: Address) -> tuple[Observed, VersionedKind]:
    found = await observe(session.account, session.scope())
    here = [item for item in found.snapshot.of(address) if item.tags and item.tags.state == "ready"]
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


def _desired(session: Session, address: Address) -> Desired:
    found = next((item for item in session.loaded.desired if item.address == address), None)
    if found is None:
        raise Stop(
            Exit.INVALID, f"{address} has no manifest.", "The next apply would delete it; put the manifest back first."
        )
    return found


async def _versions(session: Session, kind: VersionedKind, object_id: str) -> list[dict[str, Any]]:
    try:
        found = await list_all(session.account, f"{kind.collection}/{object_id}/versions", beta=kind.beta)
    except Failure as failure:
        raise stop_for(failure) from failure
    return sorted(found, key=lambda raw: _number(raw.get("version")), reverse=True)


async def _target(session: Session, kind: VersionedKind, item: Observed, version: str | None) -> str:
    releases = []
    for raw in await _versions(session, kind, item.id):
        tags = tagging.decode_line(raw.get("description"))
        if tags is not None and tags.state == "ready" and item.tags is not None and tags.lineage == item.tags.lineage:
            releases.append(str(raw.get("version")))
    if version is not None:
        if version not in releases:
            known = ", ".join(releases)
            raise Stop(Exit.INVALID, f"There is no release {version}.", f"There are: {known}.")
        if version == item.version:
            raise Stop(Exit.INVALID, f"Release {version} is the current one already.")
        return version
    older = [one for one in releases if _number(one) < _number(item.version)]
    if not older:
        raise Stop(Exit.INVALID, "There is no release before the current one.", "`reconciler history` lists them.")
    return older[0]


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


# --- small things -----------------------------------------------------------------------------------------------------


def _address(item: Observed) -> str:
    return str(item.tags.address) if item.tags else ""


def _created(item: Observed) -> int:
    """When it was created, as far as that is known: of two that claim one address the older one is the output."""
    created = item.raw.get("created_at")
    return created if isinstance(created, int) else 0


def _again(found: Found, address: Address, item: Observed) -> Observed:
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


def _date(value: Json) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**33:
        return None
    return dt.datetime.fromtimestamp(value, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _a(noun: str) -> str:
    """The noun with its article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _number(value: Json) -> int:
    return int(value) if isinstance(value, str) and value.isdecimal() else -1
