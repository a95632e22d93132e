"""Desired and observed → a plan: ordered steps with their edges, replacements, and the safety rules.

Everything is decided here; apply only walks the edges. The same inputs give the same plan, byte for byte.

Edges come from references alone: a step that needs the id of an object waits for the step that creates it, and an object
is deleted only after everything that used it has been moved or deleted. A replacement is "create the new" and "delete
the old", so "create, move the users, delete" falls out of the edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.diff import Ids, diff, diff_documents, field_digests, mark_unknown
from reconciler.kinds import KINDS
from reconciler.kinds.base import DocumentKind, Keeping, Kind
from reconciler.model import (
    ABSENT,
    AccountInfo,
    Action,
    Address,
    Blocked,
    Cause,
    Change,
    Delta,
    Desired,
    FileChanges,
    Json,
    Notice,
    Observed,
    Plan,
    Step,
    Verb,
    documents_digest,
    refs,
    sha256,
)

PERCENT_FROM = 10
"""The percentage rule counts from this many managed objects on: of three, one is always more than 20 %."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a run allows. `allow_deletes` overrides both delete limits; `only` restricts to addresses and never deletes."""

    max_deletes: int = 5
    max_delete_percent: int = 20
    max_upload_bytes: int = 2 * 1024**3
    allow_deletes: int | None = None
    prune: bool = True
    only: frozenset[Address] = frozenset()
    destroy: bool = False
    roll_forward: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What observe found. `objects` are ours by their evidence; `adoptable` the live objects that manifests name by id.

    `lineage` is empty on a first apply. `unclean`: the last run did not end. `verified` says by object id how its
    documents were checked: `tag` or `full`. `inventory` is what the anchor says: (kind, address, id).
    """

    account: AccountInfo
    stack: str
    environment: str | None = None
    lineage: str = ""
    serial: int = 0
    first_apply: bool = False
    unclean: bool = False
    objects: tuple[Observed, ...] = ()
    adoptable: Mapping[str, Observed] = field(default_factory=dict)
    verified: Mapping[str, str] = field(default_factory=dict)
    holds: Mapping[Address, str] = field(default_factory=dict)
    inventory: tuple[tuple[str, Address, str], ...] = ()
    warnings: tuple[Notice, ...] = ()

    def of(self, address: Address) -> tuple[Observed, ...]:
        """Our live objects at an address, oldest first."""
        found = [item for item in self.objects if item.tags is not None and item.tags.address == address]
        return tuple(sorted(found, key=_age))


def _age(item: Observed) -> tuple[int, str]:
    created = item.raw.get("created_at")
    return (created if isinstance(created, int) else 0, item.id)


@dataclass(frozen=True, slots=True)
class _Match:
    """One desired resource and the live objects at its address, by their part in the plan."""

    desired: Desired
    current: Observed | None = None
    pending: tuple[Observed, ...] = ()
    old: tuple[Observed, ...] = ()
    rivals: tuple[Observed, ...] = ()
    adopt: Observed | None = None
    why_replace: str = ""

    @property
    def stays(self) -> bool:
        """Whether the live object keeps its id."""
        return self.current is not None and not self.why_replace


@dataclass(frozen=True, slots=True)
class _Draft:
    """A change and its steps before edges and numbers are known."""

    change: Change
    steps: tuple[Step, ...] = ()


def make_plan(desired: Sequence[Desired], snapshot: Snapshot, rules: Rules, *, as_of: str, manifests: str) -> Plan:
    """The plan that makes the account equal to `desired`. `as_of` is today's date (ISO), `manifests` their digest."""
    wanted = [] if rules.destroy else sorted(desired, key=lambda item: item.address)
    matches = [_match(item, snapshot) for item in wanted]
    ids = _ids(matches, snapshot)
    matches = [_decide_replacement(match, ids) for match in matches]
    ids = _ids(matches, snapshot)
    users = _users(wanted)
    warnings = list(snapshot.warnings)
    drafts = [_draft(match, ids, snapshot, rules, users, warnings) for match in matches]
    drafts += _leftovers(matches, snapshot, rules, warnings)
    drafts = _restrict(drafts, wanted, rules, warnings)
    drafts = _budget(drafts, wanted, snapshot, rules)
    drafts = _upload_limit(drafts, rules)
    drafts.sort(key=lambda draft: (draft.change.address, draft.change.kind))
    changes = tuple(draft.change for draft in drafts)
    steps = _order(_edges(drafts))
    return Plan(
        stack=snapshot.stack,
        environment=snapshot.environment,
        lineage=snapshot.lineage,
        serial=snapshot.serial,
        first_apply=snapshot.first_apply,
        account=snapshot.account,
        manifests=manifests,
        as_of=as_of,
        changes=changes,
        steps=steps,
        risks=tuple(_risks(changes)),
        warnings=tuple(dict.fromkeys(warnings)),
        requests=_requests(steps),
    )


# --- matching ---------------------------------------------------------------------------------------------------------


def _match(desired: Desired, snapshot: Snapshot) -> _Match:
    here = snapshot.of(desired.address)
    moved = desired.lifecycle.moved_from
    if moved is not None and not any(item.kind == desired.kind for item in here):
        here = (*here, *snapshot.of(moved))
    same_kind = [item for item in here if item.kind == desired.kind]
    ready = [item for item in same_kind if _is_ready(item)]
    pending = tuple(item for item in same_kind if item.tags is not None and item.tags.state == "pending")
    retiring = [
        item for item in same_kind if item.tags is not None and item.tags.state == "ready" and item.tags.retiring
    ]
    old = tuple([*retiring, *(item for item in here if item.kind != desired.kind)])
    adopt = snapshot.adoptable.get(desired.lifecycle.adopt or "") if not ready and not pending else None
    return _Match(desired, ready[0] if ready else None, pending, old, tuple(ready[1:]), adopt)


def _is_ready(item: Observed) -> bool:
    return item.tags is not None and item.tags.state == "ready" and not item.tags.retiring


def _decide_replacement(match: _Match, ids: Ids) -> _Match:
    if match.current is None:
        return match
    if not match.current.usable:
        return replace(match, why_replace=match.current.why_unusable)
    kind = KINDS[match.desired.kind]
    for delta in diff(kind, match.desired, match.current, ids):
        declared = kind.field(delta.field)
        if declared is not None and declared.replaces:
            return replace(match, why_replace=f"{declared.source} cannot be changed in place")
    return match


def _ids(matches: Iterable[_Match], snapshot: Snapshot) -> Ids:
    known: dict[Address, str] = {}
    live: dict[str, Address] = {}
    for item in snapshot.objects:
        if item.tags is None:
            continue
        live[item.id] = item.tags.address
        for file in item.documents or ():
            if file.path is not None:
                live[file.file_id] = Address(item.tags.address.kind, item.tags.address.name, file.path)
    for match in matches:
        there = match.current if match.stays else None
        if there is None:
            continue
        address = match.desired.address
        known[address] = there.id
        live[there.id] = address
        for file in there.documents or ():
            if file.path is not None:
                path = Address(address.kind, address.name, file.path)
                known[path] = file.file_id
                live[file.file_id] = path
    return Ids(known, live)


def _users(desired: Sequence[Desired]) -> dict[Address, list[str]]:
    users: dict[Address, list[str]] = {}
    for item in desired:
        for ref in refs(item.spec):
            if ref.address.owner != item.address:
                users.setdefault(ref.address, []).append(str(item.address))
    return users


# --- one resource -----------------------------------------------------------------------------------------------------


def _draft(
    match: _Match,
    ids: Ids,
    snapshot: Snapshot,
    rules: Rules,
    users: Mapping[Address, list[str]],
    warnings: list[Notice],
) -> _Draft:
    desired = match.desired
    held = snapshot.holds.get(desired.address)
    affects = tuple(users.get(desired.address, ()))
    blank = Change(desired.address, desired.kind, Action.NONE, span=desired.span, affects=affects)
    if match.rivals and match.current is not None:
        named = ", ".join(item.id for item in (match.current, *match.rivals))
        summary = (
            f"Several live objects say that they are this one: {named}. Keep one and remove our tags from the others."
        )
        return _Draft(replace(blank, blocked=Blocked("collision", summary), id=match.current.id))
    if held is not None and held == desired.digest() and not rules.roll_forward:
        summary = "Rolled back and held: left alone until the manifest changes, or with --roll-forward."
        warnings.append(Notice("W401", summary, desired.address, desired.span))
        return _Draft(replace(blank, id=match.current.id if match.current else None, reason="held after a rollback"))
    if match.current is None:
        return _create_or_adopt(match, ids, snapshot, blank)
    if match.why_replace:
        return _replace(match, ids, blank)
    return _update(match, ids, snapshot, blank)


def _create_or_adopt(match: _Match, ids: Ids, snapshot: Snapshot, blank: Change) -> _Draft:
    desired, kind = match.desired, KINDS[match.desired.kind]
    if desired.lifecycle.adopt and not match.pending:
        if match.adopt is None:
            summary = f"{desired.lifecycle.adopt} is not there to adopt. Correct the id, or remove `adopt`."
            return _Draft(replace(blank, action=Action.ADOPT, blocked=Blocked("adopt", summary)))
        if match.adopt.tags is not None:
            owner = f"{match.adopt.tags.stack}, {match.adopt.tags.address}"
            summary = f"{match.adopt.id} belongs to {owner}. Nothing is taken from another stack."
            return _Draft(replace(blank, action=Action.ADOPT, id=match.adopt.id, blocked=Blocked("collision", summary)))
        files = _files(kind, desired, match.adopt)
        deltas = diff(kind, desired, match.adopt, ids)
        change = replace(
            blank,
            action=Action.ADOPT,
            cause=Cause.NEW,
            id=match.adopt.id,
            fields=deltas,
            files=files,
            observed=observed_digest(match.adopt),
            reason="the manifest takes over this live object",
        )
        step = Step(
            Verb.ADOPT,
            desired.address,
            desired.kind,
            0,
            desired=desired,
            observed=match.adopt,
            files=files,
            fields=deltas,
        )
        return _Draft(change, (step,))
    resumed = match.pending[0] if match.pending else None
    gone = [entry for entry in snapshot.inventory if entry[0] == desired.kind and entry[1] == desired.address]
    reason = ""
    cause = Cause.NEW
    if match.old and match.old[0].kind != desired.kind:
        return _replace(match, ids, blank)
    if match.old:
        reason = "an interrupted replacement is completed"
        return _replace(replace(match, why_replace=reason), ids, blank)
    if resumed is not None:
        reason = f"an interrupted run left {resumed.id} unconfirmed; it is completed"
    elif gone:
        cause, reason = Cause.DRIFT, f"{gone[0][2]} is no longer in the account"
    files = _files(kind, desired, resumed)
    deltas = _all_fields(desired, ids)
    change = replace(
        blank,
        action=Action.CREATE,
        cause=cause,
        id=resumed.id if resumed else None,
        fields=deltas,
        files=files,
        reason=reason,
        moved_from=None,
    )
    step = Step(
        Verb.CREATE,
        desired.address,
        desired.kind,
        0,
        desired=desired,
        observed=resumed,
        files=files,
        fields=deltas,
        surplus=match.pending[1:],
    )
    return _Draft(change, (step,))


def _replace(match: _Match, ids: Ids, blank: Change) -> _Draft:
    desired, kind = match.desired, KINDS[match.desired.kind]
    olds = (match.current, *match.old) if match.current else match.old
    first = olds[0]
    moved_runtime = first.kind != desired.kind
    deltas: tuple[Delta, ...] = ()
    if moved_runtime:
        deltas = (Delta(("runtime",), _runtime(first.kind), _runtime(desired.kind), Cause.MANIFEST),)
    else:
        deltas = diff(kind, desired, first, ids)
    resumed = match.pending[0] if match.pending else None
    files = _files(kind, desired, resumed)
    reason = match.why_replace or f"it moves from {KINDS[first.kind].title} to {kind.title}"
    change = replace(
        blank,
        action=Action.REPLACE,
        cause=Cause.MANIFEST if moved_runtime or deltas else Cause.DRIFT,
        id=first.id,
        fields=deltas,
        files=files,
        observed=observed_digest(first),
        reason=reason,
        replaces_kind=first.kind if moved_runtime else None,
    )
    protected = (first.tags is not None and first.tags.protect) or desired.lifecycle.protect
    if protected:
        summary = (
            f"It is protected and could only be replaced ({reason}). Remove `protect: true`, apply, and try again."
        )
        return _Draft(replace(change, blocked=Blocked("protect", summary)))
    create = Step(
        Verb.CREATE,
        desired.address,
        desired.kind,
        0,
        desired=desired,
        observed=resumed,
        files=files,
        fields=_all_fields(desired, ids),
        surplus=match.pending[1:],
        replaces=first,
    )
    delete = Step(
        Verb.DELETE, desired.address, first.kind, 0, needs=(str(create),), observed=first, surplus=tuple(olds[1:])
    )
    return _Draft(change, (create, delete))


def _runtime(kind: str) -> str:
    return str(getattr(KINDS[kind], "runtime", kind))


def _update(match: _Match, ids: Ids, snapshot: Snapshot, blank: Change) -> _Draft:
    desired, kind, current = match.desired, KINDS[match.desired.kind], match.current
    if current is None or current.tags is None:
        raise ValueError("only an object of ours can be updated")
    deltas = diff(kind, desired, current, ids)
    files = _files(kind, desired, current)
    tags = stale_tags(kind, desired, current)
    missing = not current.complete and any(
        ref.address not in ids.known for ref in refs(desired.spec) if not ref.address.path
    )
    change = replace(
        blank,
        id=current.id,
        fields=deltas,
        files=files,
        observed=observed_digest(current),
        verified=snapshot.verified.get(current.id),
        version=current.version,
    )
    if not (deltas or files or tags or missing or match.pending or match.old):
        return _Draft(change)
    moved = current.tags.address if current.tags.address != desired.address else None
    reason = ""
    if moved is not None:
        reason = f"renamed from {moved}"
    elif missing and not deltas:
        reason = "it refers to an object that is created or replaced"
    elif match.old:
        reason = "an interrupted replacement is completed"
    elif not (deltas or files):
        reason = f"only our tags change ({', '.join(tags)})" if tags else "an unconfirmed double is removed"
    change = replace(
        change,
        action=Action.UPDATE,
        cause=_overall(deltas, files, current, desired, reference=missing),
        moved_from=moved,
        reason=reason,
    )
    update = Step(
        Verb.UPDATE,
        desired.address,
        desired.kind,
        0,
        desired=desired,
        observed=current,
        files=files,
        fields=deltas,
        surplus=match.pending,
    )
    if not match.old:
        return _Draft(change, (update,))
    delete = Step(
        Verb.DELETE,
        desired.address,
        match.old[0].kind,
        0,
        needs=(str(update),),
        observed=match.old[0],
        surplus=tuple(match.old[1:]),
    )
    return _Draft(replace(change, action=Action.REPLACE), (update, delete))


def _overall(
    deltas: tuple[Delta, ...], files: FileChanges | None, current: Observed, desired: Desired, *, reference: bool
) -> Cause:
    causes = {delta.cause for delta in deltas}
    if files:
        expected = current.tags.files.split(":")[1:2] if current.tags else []
        stale = expected != [documents_digest(desired.documents)]
        causes.add(Cause.MANIFEST if stale else Cause.DRIFT)
    if Cause.BOTH in causes or {Cause.MANIFEST, Cause.DRIFT} <= causes:
        return Cause.BOTH
    for cause in (Cause.MANIFEST, Cause.DRIFT, Cause.REFERENCE, Cause.TOOL):
        if cause in causes:
            return cause
    return Cause.REFERENCE if reference else Cause.MANIFEST


def _files(kind: Kind, desired: Desired, current: Observed | None) -> FileChanges | None:
    """None when nothing is known to differ: no documents, or a tag that vouches for them."""
    if kind.documents is None or (current is not None and current.documents is None):
        return None
    live = () if current is None else current.documents or ()
    if not desired.documents and not live:
        return None
    document_kind = KINDS[kind.documents]
    if not isinstance(document_kind, DocumentKind):
        raise TypeError(f"{document_kind.name} is not a kind of document")
    return diff_documents(document_kind, desired.documents, live)


def _all_fields(desired: Desired, ids: Ids) -> tuple[Delta, ...]:
    found = [Delta((name,), ABSENT, mark_unknown(desired.spec[name], ids), Cause.NEW) for name in desired.spec]
    return tuple(
        found + [Delta(("labels", key), ABSENT, desired.labels[key], Cause.NEW) for key in sorted(desired.labels)]
    )


def stale_tags(kind: Kind, desired: Desired, current: Observed) -> list[str]:
    """Which of our tags on the live object no longer say what is so, by name; the revision is never compared."""
    tags = current.tags
    if tags is None:
        return ["tags"]
    stale = []
    if tags.address != desired.address:
        stale.append("address")
    if tags.spec != desired.digest():
        stale.append("spec")
    if tags.protect != desired.lifecycle.protect:
        stale.append("protect")
    if tags.retain != desired.lifecycle.retain:
        stale.append("retain")
    if kind.keeping is Keeping.METADATA:
        if dict(tags.fields) != field_digests(kind, desired):
            stale.append("fields")
        if tags.files.split(":")[:2] != files_tag(desired).split(":")[:2]:
            stale.append("files")
    return stale


def files_tag(desired: Desired, usage: int | None = None) -> str:
    """`<count>:<32 hex>[:<usage_bytes>]` for the settled set of documents; empty when there are none."""
    if not desired.documents:
        return ""
    counted = f"{len(desired.documents)}:{documents_digest(desired.documents)}"
    return counted if usage is None else f"{counted}:{usage}"


def observed_digest(item: Observed) -> str:
    """What a saved plan binds of a live object: its readable fields and our tags, never times, sizes or counts."""
    tags: Json = None
    if item.tags is not None:
        t = item.tags
        tags = [
            t.stack,
            t.lineage,
            str(t.address),
            t.state,
            t.spec,
            t.protect,
            t.retain,
            t.retiring,
            ":".join(t.files.split(":")[:2]),
        ]
    documents = None if item.documents is None else sorted([d.path or d.file_id, d.sha256] for d in item.documents)
    return "sha256:" + sha256(
        {"spec": item.spec, "labels": dict(item.labels), "tags": tags, "documents": documents, "version": item.version}
    )


# --- what no manifest speaks of ---------------------------------------------------------------------------------------


def _leftovers(matches: Sequence[_Match], snapshot: Snapshot, rules: Rules, warnings: list[Notice]) -> list[_Draft]:
    used = {
        id(item) for match in matches for item in (match.current, *match.pending, *match.old, *match.rivals) if item
    }
    groups: dict[tuple[Address, str], list[Observed]] = {}
    for item in sorted(snapshot.objects, key=_age):
        if id(item) not in used and item.tags is not None:
            groups.setdefault((item.tags.address, item.kind), []).append(item)
    drafts = []
    for (address, kind), items in sorted(groups.items()):
        ready = [item for item in items if item.tags is not None and item.tags.state == "ready"]
        first = (ready or items)[0]
        rest = tuple(item for item in items if item is not first)
        drafts.append(_leftover(address, kind, first, rest, rules, warnings))
    return [draft for draft in drafts if draft is not None]


def _leftover(
    address: Address, kind: str, first: Observed, rest: tuple[Observed, ...], rules: Rules, warnings: list[Notice]
) -> _Draft:
    tags = first.tags
    if tags is None:
        raise ValueError("only an object of ours can be left over")
    change = Change(address, kind, Action.DELETE, Cause.REMOVED, first.id, observed=observed_digest(first))
    if tags.protect:
        summary = "It is protected. Put its manifest back, or set `protect: false` there, apply, and remove it then."
        return _Draft(replace(change, blocked=Blocked("protect", summary)))
    if not rules.prune and not rules.destroy:
        warnings.append(
            Notice("W402", f"{first.id} has no manifest any more; left alone because of --no-prune.", address)
        )
        return _Draft(replace(change, action=Action.NONE, cause=None, reason="left alone because of --no-prune"))
    if tags.retain:
        change = replace(change, action=Action.FORGET, reason="`on_delete: retain`: our tags go, the object stays")
        return _Draft(change, (Step(Verb.FORGET, address, kind, 0, observed=first, surplus=rest),))
    reason = "destroy" if rules.destroy else "no manifest speaks of it any more"
    return _Draft(replace(change, reason=reason), (Step(Verb.DELETE, address, kind, 0, observed=first, surplus=rest),))


# --- rules ------------------------------------------------------------------------------------------------------------


def _restrict(drafts: list[_Draft], wanted: Sequence[Desired], rules: Rules, warnings: list[Notice]) -> list[_Draft]:
    """`--only`: these addresses and what they need to exist; nothing is deleted."""
    if not rules.only:
        return drafts
    needed = set(rules.only)
    by_address = {item.address: item for item in wanted}
    queue = list(rules.only)
    while queue:
        item = by_address.get(queue.pop())
        for ref in refs(item.spec) if item else ():
            if ref.address.owner not in needed:
                needed.add(ref.address.owner)
                queue.append(ref.address.owner)
    kept = []
    for draft in drafts:
        change = draft.change
        chosen = change.address in rules.only or (change.address in needed and change.action is Action.CREATE)
        if not chosen or change.action in {Action.DELETE, Action.FORGET}:
            continue
        if change.action is Action.REPLACE:
            warnings.append(
                Notice("W403", "Needs to be replaced, which --only never does: it deletes nothing.", change.address)
            )
            continue
        kept.append(draft)
    return kept


def _budget(drafts: list[_Draft], wanted: Sequence[Desired], snapshot: Snapshot, rules: Rules) -> list[_Draft]:
    deletes = [draft for draft in drafts if any(step.verb is Verb.DELETE for step in draft.steps)]
    if rules.destroy or not deletes:
        return drafts
    managed = len({(item.kind, item.id) for item in snapshot.objects})
    blocked: Blocked | None = None
    if not wanted and rules.allow_deletes is None:
        blocked = Blocked(
            "empty_set",
            "There is no manifest at all, so everything would go. Use `reconciler destroy` if that is meant.",
        )
    elif rules.allow_deletes is not None:
        if len(deletes) > rules.allow_deletes:
            blocked = Blocked(
                "delete_budget", f"{len(deletes)} objects would be deleted; --allow-deletes says {rules.allow_deletes}."
            )
    elif len(deletes) > rules.max_deletes:
        blocked = Blocked(
            "delete_budget",
            f"{len(deletes)} objects would be deleted; limits.max_deletes is {rules.max_deletes}. "
            f"If that is meant: --allow-deletes {len(deletes)}.",
        )
    elif managed >= PERCENT_FROM and len(deletes) * 100 > managed * rules.max_delete_percent:
        blocked = Blocked(
            "delete_budget",
            f"{len(deletes)} of {managed} objects would be deleted; limits.max_delete_percent is "
            f"{rules.max_delete_percent}. If that is meant: --allow-deletes {len(deletes)}.",
        )
    if blocked is None:
        return drafts
    chosen = {id(draft) for draft in deletes}
    return [_Draft(replace(d.change, blocked=blocked)) if id(d) in chosen else d for d in drafts]


def _upload_limit(drafts: list[_Draft], rules: Rules) -> list[_Draft]:
    total = sum(draft.change.files.upload_bytes for draft in drafts if draft.change.files and draft.steps)
    if total <= rules.max_upload_bytes:
        return drafts
    blocked = Blocked(
        "upload_limit",
        f"{total:,} bytes would be uploaded; limits.max_upload_bytes is {rules.max_upload_bytes:,}. "
        "Raise it in reconciler.yaml if that is meant.",
    )
    uploads = {id(draft) for draft in drafts if draft.change.files and draft.change.files.upload_bytes and draft.steps}
    return [_Draft(replace(d.change, blocked=blocked)) if id(d) in uploads else d for d in drafts]


def _risks(changes: Sequence[Change]) -> Iterable[Notice]:
    for change in changes:
        if change.blocked:
            continue
        if change.action is Action.DELETE:
            yield Notice("R101", f"deletes {change.id}", change.address, change.span)
        elif change.action is Action.REPLACE:
            yield Notice("R102", f"replaces {change.id}: its id changes", change.address, change.span)
        elif change.action is Action.ADOPT:
            yield Notice("R103", f"takes over {change.id}", change.address, change.span)
        for delta in change.fields:
            if delta.field == "model" and change.action is Action.UPDATE:
                yield Notice(
                    "R201", f"changes the model from {delta.before} to {delta.after}", change.address, change.span
                )


# --- edges and order --------------------------------------------------------------------------------------------------


def _edges(drafts: Sequence[_Draft]) -> list[Step]:
    steps = [replace(step, change=number) for number, draft in enumerate(drafts) for step in draft.steps]
    creators = {step.address: str(step) for step in steps if step.verb is Verb.CREATE}
    edged = []
    for step in steps:
        needs = set(step.needs)
        if step.desired is not None:
            needs |= {
                creators[ref.address]
                for ref in refs(step.desired.spec)
                if ref.address in creators and ref.address != step.address
            }
        if step.verb in {Verb.DELETE, Verb.FORGET}:
            needs |= {str(other) for other in steps if other is not step and _lets_go(other, step)}
        edged.append(replace(step, needs=tuple(sorted(needs - {str(step)}))))
    return edged


def _lets_go(user: Step, step: Step) -> bool:
    """Whether `user` ends a use of the object that `step` deletes."""
    if user.observed is None or step.observed is None or user.observed.id == step.observed.id:
        return False
    if user.verb is Verb.CREATE:
        return False
    if not user.observed.complete:
        return user.desired is not None and any(ref.address == step.address for ref in refs(user.desired.spec))
    return _mentions(user.observed.spec, step.observed.id)


def _mentions(value: Json, text: str) -> bool:
    if isinstance(value, str):
        return value == text
    if isinstance(value, Mapping):
        return any(_mentions(item, text) for item in value.values())
    return isinstance(value, list | tuple) and any(_mentions(item, text) for item in value)


_VERBS = {Verb.ADOPT: 0, Verb.CREATE: 1, Verb.UPDATE: 2, Verb.FORGET: 3, Verb.DELETE: 4}


def _order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Topological, and among the free ones by verb and address: deletions come last."""
    waiting = sorted(steps, key=lambda step: (_VERBS[step.verb], step.address, step.kind))
    done: set[str] = set()
    ordered: list[Step] = []
    while waiting:
        free = next((step for step in waiting if done.issuperset(step.needs)), None)
        if free is None:
            raise ValueError(f"the steps need one another in a circle: {', '.join(str(step) for step in waiting)}")
        waiting.remove(free)
        done.add(str(free))
        ordered.append(free)
    return tuple(ordered)


def _requests(steps: Sequence[Step]) -> int:
    """About how many requests apply will send: the steps' own, their documents, and the anchor's."""
    total = 0
    for step in steps:
        total += 3
        if step.files:
            sends = len(step.files.added) + len(step.files.changed)
            total += (
                sends
                + (sends + 499) // 500
                + 2 * (len(step.files.changed) + len(step.files.removed))
                + len(step.files.updated)
                + 2
            )
    return total + 3 if total else 0
