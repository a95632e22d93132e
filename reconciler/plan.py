"""Desired and observed → a plan: ordered steps with their edges, replacements, and the safety rules.

Everything is decided here; apply only walks the edges. The same inputs give the same plan, byte for byte.

Edges come from references alone: a step that needs the id of an object waits for the step that creates it, and an
object is deleted only after everything that used it has been moved or deleted. A replacement is "create the new" and
"delete the old", so "create, move the users, delete" falls out of the edges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler import cost
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
    Tags,
    Verb,
    refs,
    sha256,
)
from reconciler.ownership import anchor as anchors
from reconciler.risks import Facts, find_risks

PERCENT_FROM = 10
"""The percentage rule counts from this many managed objects on: of three, one is always more than 20 %."""
_COMPLETED = "an interrupted replacement is completed"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a run allows. `allow_deletes` overrides both delete limits; `only` restricts to addresses, never deletes."""

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
    documents were checked: `tag` or `full`. `inventory` is what the anchor says: (kind, address, id). `models` says
    when models are shut down (ISO date, or None), as far as the account tells.
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
    models: Mapping[str, str | None] = field(default_factory=dict)

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
    here = _by_address(snapshot)
    matches = [_match(item, here, snapshot.adoptable) for item in wanted]
    ids = _ids(matches, snapshot, rules)
    matches = [_decide_replacement(match, ids) for match in matches]
    ids = _ids(matches, snapshot, rules)
    users = _users(wanted)
    warnings = list(snapshot.warnings)
    drafts = [draft for match in matches for draft in _drafts(match, ids, snapshot, rules, users, warnings)]
    drafts += _leftovers(matches, snapshot, rules, _needed(matches, ids, snapshot, rules), warnings)
    drafts = _restrict(drafts, wanted, rules, warnings)
    drafts = _budget(drafts, wanted, snapshot, rules)
    drafts = _upload_limit(drafts, rules)
    drafts = _with_users(drafts, wanted, snapshot)
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
        risks=find_risks(changes, steps, facts(wanted, snapshot, as_of)),
        warnings=tuple(dict.fromkeys(warnings)),
        known=ids.known,
        requests=cost.requests(steps, first_apply=snapshot.first_apply),
        usage=cost.usage(snapshot.objects),
    )


def facts(wanted: Iterable[Desired], snapshot: Snapshot, as_of: str) -> Facts:
    """What the risks of a plan are judged by."""
    return Facts(as_of, {item.address: item for item in wanted}, snapshot.objects, snapshot.models)


# --- matching ---------------------------------------------------------------------------------------------------------


def _by_address(snapshot: Snapshot) -> dict[Address, list[Observed]]:
    """Our live objects by address, oldest first."""
    found: dict[Address, list[Observed]] = {}
    for item in sorted(snapshot.objects, key=_age):
        found.setdefault(_ours(item).address, []).append(item)
    return found


def _ours(item: Observed) -> Tags:
    """The tags of an object of ours."""
    assert item.tags is not None
    return item.tags


def _match(desired: Desired, live: Mapping[Address, Sequence[Observed]], adoptable: Mapping[str, Observed]) -> _Match:
    here = tuple(live.get(desired.address, ()))
    moved = desired.lifecycle.moved_from
    if moved is not None:
        taken = any(item.kind == desired.kind for item in here)
        published = (item for item in live.get(moved, ()) if _state(item) == "ready")
        here = (*here, *(item for item in published if not taken or item.kind != desired.kind or _ours(item).retiring))
    same_kind = [item for item in here if item.kind == desired.kind]
    ready = [item for item in same_kind if _is_ready(item)]
    pending = tuple(sorted((item for item in same_kind if _state(item) == "pending"), key=lambda item: not item.usable))
    retiring = [item for item in same_kind if _state(item) == "ready" and not _is_ready(item)]
    old = sorted((*retiring, *(item for item in here if item.kind != desired.kind)), key=_confirmed_first)
    adopt = adoptable.get(desired.lifecycle.adopt or "") if not ready and not pending else None
    return _Match(desired, ready[0] if ready else None, pending, tuple(old), tuple(ready[1:]), adopt)


def _confirmed_first(item: Observed) -> tuple[bool, bool]:
    """What people know as the object, then what a replacement is about to end, then what is half-made."""
    return not _is_ready(item), _state(item) != "ready"


def _state(item: Observed) -> str:
    return _ours(item).state


def _is_ready(item: Observed) -> bool:
    return _state(item) == "ready" and not _ours(item).retiring


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


def _ids(matches: Iterable[_Match], snapshot: Snapshot, rules: Rules) -> Ids:
    """An id is known where the live object stays: so does what would be replaced, in a run that replaces nothing."""
    known: dict[Address, str] = {}
    live: dict[str, Address] = {}
    for item in snapshot.objects:
        live |= {object_id: address for address, object_id in _names(item, _ours(item).address)}
    for match in matches:
        there = match.current if match.stays or rules.only else None
        if match.current is None and match.adopt is not None and match.adopt.tags is None:
            there = match.adopt
        if there is not None:
            names = dict(_names(there, match.desired.address))
            known |= names
            live |= {object_id: address for address, object_id in names.items()}
    return Ids(known, live)


def _names(item: Observed, address: Address) -> Iterator[tuple[Address, str]]:
    """What a live object and its documents stand for, and their ids."""
    yield address, item.id
    for file in item.documents or ():
        if file.path is not None:
            yield replace(address, path=file.path), file.file_id


def _users(desired: Sequence[Desired]) -> dict[Address, list[str]]:
    users: dict[Address, list[str]] = {}
    for item in desired:
        for ref in refs(item.spec):
            if ref.address.owner != item.address:
                users.setdefault(ref.address, []).append(str(item.address))
    return users


# --- one resource -----------------------------------------------------------------------------------------------------


def _drafts(
    match: _Match,
    ids: Ids,
    snapshot: Snapshot,
    rules: Rules,
    users: Mapping[Address, list[str]],
    warnings: list[Notice],
) -> list[_Draft]:
    """What happens to one resource; a second draft ends a replacement that an earlier run began."""
    desired, current = match.desired, match.current
    affects = tuple(users.get(desired.address, ()))
    blank = Change(desired.address, desired.kind, Action.NONE, span=desired.span, affects=affects)
    twins = _twins(match)
    if twins:
        named = ", ".join(item.id for item in twins)
        summary = (
            f"Several live objects say that they are this one: {named}. Keep one and remove our tags from the others."
        )
        return [_Draft(replace(blank, blocked=Blocked("collision", summary), id=twins[0].id))]
    if _is_held(match, snapshot, rules) and current is not None:
        summary = "Rolled back and held: left alone until the manifest changes, or with --roll-forward."
        warnings.append(Notice("W401", summary, desired.address, desired.span))
        return [_held(desired, current, blank), *_doubles_ended(match, blank), *_old_ended(match, blank)]
    if current is not None and match.why_replace:
        return _replace(replace(match, old=(current, *match.old)), ids, blank)
    if current is not None:
        return _with_old_ended(_update(match, current, ids, snapshot, blank), match, blank)
    if desired.lifecycle.adopt and not match.pending and not any(item.kind == desired.kind for item in match.old):
        return _adopt_instead(match, ids, blank)
    if match.old:
        same_kind = match.old[0].kind == desired.kind
        why = _COMPLETED if same_kind else ""
        return _replace(replace(match, why_replace=why), ids, blank)
    return [_create(match, ids, snapshot, blank)]


def _doubles_ended(match: _Match, blank: Change) -> list[_Draft]:
    """Unconfirmed doubles go also where the content of the confirmed one is left alone."""
    if not match.pending:
        return []
    first = match.pending[0]
    reason = "; ".join(_doubles(match.pending))
    change = replace(blank, action=Action.DELETE, cause=Cause.TOOL, id=first.id, reason=reason)
    return [_Draft(replace(change, observed=observed_digest(first)), _deletions(match.pending))]


def _is_held(match: _Match, snapshot: Snapshot, rules: Rules) -> bool:
    """Whether a rollback is to be left as it is."""
    same = snapshot.holds.get(match.desired.address) == match.desired.digest()
    return same and match.stays and not rules.roll_forward


def _twins(match: _Match) -> Sequence[Observed]:
    """Confirmed objects of one kind that claim one address, also of the kind that the manifest moves away from."""
    if match.rivals and match.current is not None:
        return (match.current, *match.rivals)
    groups: dict[tuple[Address, str], list[Observed]] = {}
    for item in match.old:
        if _is_ready(item):
            groups.setdefault((_ours(item).address, item.kind), []).append(item)
    return next((group for group in groups.values() if len(group) > 1), ())


def _adopt(match: _Match, ids: Ids, blank: Change) -> _Draft:
    desired, kind, found = match.desired, KINDS[match.desired.kind], match.adopt
    change = replace(blank, action=Action.ADOPT, cause=Cause.NEW)
    mine = ids.live.get(desired.lifecycle.adopt or "")
    if found is None and mine is not None:
        summary = f"{desired.lifecycle.adopt} already is {mine} of this stack. To rename it: `moved_from: {mine}`."
        return _Draft(replace(change, id=desired.lifecycle.adopt, blocked=Blocked("adopt", summary)))
    if found is None:
        summary = f"{desired.lifecycle.adopt} is not there to adopt. Correct the id, or remove `adopt`."
        return _Draft(replace(change, blocked=Blocked("adopt", summary)))
    record = anchors.part_of(found.raw.get("metadata"))
    if record is not None:
        summary = f"{found.id} is the anchor of {record[0]}, which holds its record. Correct the id, or remove `adopt`."
        return _Draft(replace(change, id=found.id, blocked=Blocked("collision", summary)))
    if found.tags is not None:
        owner = f"{found.tags.stack}, {found.tags.address}"
        summary = f"{found.id} belongs to {owner}. Nothing is taken from another stack."
        return _Draft(replace(change, id=found.id, blocked=Blocked("collision", summary)))
    if not found.usable:
        summary = f"{found.id} is of no use any more: {found.why_unusable}. Correct the id, or remove `adopt`."
        return _Draft(replace(change, id=found.id, blocked=Blocked("adopt", summary)))
    files = _files(kind, desired, found)
    deltas = diff(kind, desired, found, ids)
    change = replace(
        change,
        id=found.id,
        fields=deltas,
        files=files,
        observed=observed_digest(found),
        reason="the manifest takes over this live object",
    )
    return _Draft(change, (_step(Verb.ADOPT, change, desired=desired, observed=found),))


def _adopt_instead(match: _Match, ids: Ids, blank: Change) -> list[_Draft]:
    """Adopt, and end what stands there in another runtime: a replacement, which protection forbids."""
    published = next((item for item in match.old if _state(item) == "ready"), None)
    if published is None or not match.desired.lifecycle.protect:
        return _with_old_ended(_adopt(match, ids, blank), match, blank)
    blocked = _protected_by(_moves(published, match.desired))
    return [_Draft(replace(_change_of_old(blank, published), blocked=blocked))]


def _moves(old: Observed, desired: Desired) -> str:
    return f"it moves from {KINDS[old.kind].title} to {KINDS[desired.kind].title}"


def _create(match: _Match, ids: Ids, snapshot: Snapshot, blank: Change) -> _Draft:
    desired, kind = match.desired, KINDS[match.desired.kind]
    resumed, surplus = _resumed(match)
    reasons: list[str] = []
    gone = [entry for entry in snapshot.inventory if entry[0] == desired.kind and entry[1] == desired.address]
    cause = Cause.NEW
    if resumed is not None:
        reasons.append(f"an interrupted run left {resumed.id} unconfirmed; it is completed")
    elif gone:
        cause = Cause.DRIFT
        reasons.append(f"the object {gone[0][2]} is gone, or no longer carries our tags")
    reasons += _doubles(surplus)
    change = replace(
        blank,
        action=Action.CREATE,
        cause=cause,
        id=resumed.id if resumed else None,
        fields=_all_fields(desired, ids),
        files=_files(kind, desired, resumed),
        reason="; ".join(reasons),
    )
    return _Draft(change, (_step(Verb.CREATE, change, desired=desired, observed=resumed, surplus=surplus),))


def _doubles(surplus: Sequence[Observed]) -> list[str]:
    """What is said of the unconfirmed objects that a step deletes: nobody ever got their ids."""
    if not surplus:
        return []
    what = "an unconfirmed double is" if len(surplus) == 1 else f"{len(surplus)} unconfirmed doubles are"
    return [f"{what} removed: {', '.join(item.id for item in surplus)}"]


def _resumed(match: _Match) -> tuple[Observed | None, tuple[Observed, ...]]:
    """The unconfirmed object that is completed, and those that are deleted: one that expired is good for nothing."""
    first = match.pending[0] if match.pending and match.pending[0].usable else None
    return first, match.pending[1:] if first else match.pending


def _replace(match: _Match, ids: Ids, blank: Change) -> list[_Draft]:
    """Create the new one, and delete the old ones: the first of them is what people know as the object."""
    desired, kind, first = match.desired, KINDS[match.desired.kind], match.old[0]
    moved_runtime = first.kind != desired.kind
    if moved_runtime:
        deltas: tuple[Delta, ...] = (Delta(("runtime",), _runtime(first.kind), _runtime(desired.kind), Cause.MANIFEST),)
    else:
        deltas = diff(kind, desired, first, ids)
    resumed, surplus = _resumed(match)
    reason = match.why_replace or _moves(first, desired)
    change = replace(
        _change_of_old(blank, first),
        cause=Cause.MANIFEST if deltas else Cause.DRIFT,
        fields=deltas,
        files=_files(kind, desired, resumed),
        reason="; ".join([reason, *_doubles(surplus)]),
    )
    published = any(_state(item) == "ready" for item in match.old)
    blocked = _protected_by(reason) if desired.lifecycle.protect and published else _kept(match, reason)
    if blocked is not None:
        return [_Draft(replace(change, blocked=blocked))]
    create = _step(
        Verb.CREATE,
        replace(change, fields=_all_fields(desired, ids)),
        desired=desired,
        observed=resumed,
        surplus=surplus,
        replaces=first,
    )
    same, *others = _endings(match, blank, needs=(str(create),))
    return [_Draft(change, (create, *same.steps)), *others]


def _with_old_ended(main: _Draft, match: _Match, blank: Change) -> list[_Draft]:
    """The new object is there; what is left of a replacement is to delete the old ones."""
    if not match.old or main.change.blocked:
        return [main]
    ended = _old_ended(match, blank, needs=tuple(str(step) for step in main.steps))
    told = main.change.action is not Action.NONE or any(draft.change.blocked for draft in ended)
    return [main, *ended] if told else ended


def _old_ended(match: _Match, blank: Change, *, needs: tuple[str, ...] = ()) -> list[_Draft]:
    """The deletions of what is left of a replacement."""
    blocked = _kept(match, _COMPLETED) if match.old else None
    if blocked is not None:
        return [_Draft(replace(_change_of_old(blank, match.old[0]), reason=_COMPLETED, blocked=blocked))]
    return _endings(match, blank, needs=needs)


def _endings(match: _Match, blank: Change, *, needs: tuple[str, ...]) -> list[_Draft]:
    """One change for each address and kind that goes: every object that people may know is named in the plan."""
    return [
        _Draft(replace(_change_of_old(blank, step.observed), reason=_COMPLETED), (step,))
        for step in _deletions(match.old, needs=needs)
        if step.observed is not None
    ]


def _change_of_old(blank: Change, first: Observed) -> Change:
    address = _ours(first).address
    return replace(
        blank,
        action=Action.REPLACE,
        cause=Cause.MANIFEST,
        id=first.id,
        moved_from=address if address != blank.address else None,
        observed=observed_digest(first),
        revision=_ours(first).rev,
        replaces_kind=first.kind if first.kind != blank.kind else None,
    )


def _kept(match: _Match, reason: str) -> Blocked | None:
    """Whether a flag keeps the old objects. One on what expired could never be taken off, and keeps nothing."""
    return _protected((item for item in match.old if item.usable), reason)


def _protected(items: Iterable[Observed], reason: str) -> Blocked | None:
    """An unconfirmed object is not protected: nobody ever got its id."""
    held = any(_ours(item).protect and _state(item) == "ready" for item in items)
    return _protected_by(reason) if held else None


def _protected_by(reason: str) -> Blocked:
    summary = f"It is protected and could only be replaced ({reason}). Remove `protect: true`, apply, and try again."
    return Blocked("protect", summary)


def _deletions(items: Sequence[Observed], needs: tuple[str, ...] = ()) -> tuple[Step, ...]:
    """One step for each address and kind among some objects of ours, and for each that was being replaced."""
    groups: dict[tuple[Address, str, str], list[Observed]] = {}
    for item in items:
        apart = item.id if _ours(item).retiring else ""
        groups.setdefault((_ours(item).address, item.kind, apart), []).append(item)
    return tuple(
        Step(Verb.DELETE, address, kind, 0, needs=needs, observed=group[0], surplus=tuple(group[1:]))
        for (address, kind, _), group in groups.items()
    )


def _step(
    verb: Verb,
    change: Change,
    *,
    desired: Desired,
    observed: Observed | None,
    surplus: tuple[Observed, ...] = (),
    replaces: Observed | None = None,
) -> Step:
    return Step(
        verb,
        change.address,
        change.kind,
        0,
        desired=desired,
        observed=observed,
        files=change.files,
        fields=change.fields,
        surplus=surplus,
        replaces=replaces,
    )


def _runtime(kind: str) -> str:
    return str(getattr(KINDS[kind], "runtime", kind))


def _held(desired: Desired, current: Observed, blank: Change) -> _Draft:
    """The content is left alone; what the lifecycle says counts all the same."""
    flags = [name for name in stale_tags(KINDS[desired.kind], desired, current) if name in {"protect", "retain"}]
    if not flags:
        return _Draft(replace(blank, id=current.id, reason="held after a rollback", revision=_ours(current).rev))
    change = replace(
        blank,
        revision=_ours(current).rev,
        action=Action.UPDATE,
        cause=Cause.MANIFEST,
        id=current.id,
        observed=observed_digest(current),
        reason=f"only its lifecycle changes ({', '.join(flags)}); the rollback stays",
    )
    step = _step(Verb.UPDATE, change, desired=desired, observed=current)
    return _Draft(change, (replace(step, version=current.version),))


def _update(match: _Match, current: Observed, ids: Ids, snapshot: Snapshot, blank: Change) -> _Draft:
    desired, kind = match.desired, KINDS[match.desired.kind]
    files = _files(kind, desired, current)
    ignored = _is_ignored(kind, desired, current, files)
    if files and ignored:
        files = FileChanges(unmanaged=files.unmanaged)
    tags = stale_tags(kind, desired, current)
    if {desired.address, _ours(current).address} & snapshot.holds.keys():
        tags.append("hold")
    missing = not current.complete and any(
        ref.address not in ids.known for ref in refs(desired.spec) if not ref.address.path
    )
    posted = kind.keeping is Keeping.VERSIONS and (bool(files) or missing or bool({"address", "spec"} & set(tags)))
    deltas = diff(kind, desired, current, ids, rewritten=posted)
    change = replace(
        blank,
        id=current.id,
        fields=deltas,
        files=files,
        observed=observed_digest(current),
        verified=snapshot.verified.get(current.id),
        revision=_ours(current).rev,
    )
    if not (deltas or files or tags or missing or match.pending):
        return _Draft(change)
    moved = _ours(current).address if _ours(current).address != desired.address else None
    reasons = [
        *_why(moved, tags, missing=missing and not deltas, content=bool(deltas or files)),
        *_doubles(match.pending),
    ]
    only_doubles = not (deltas or files or tags or missing)
    causes = {delta.cause for delta in deltas}
    if files:
        causes.add(_cause_of_files(kind, desired, current))
    change = replace(
        change,
        action=Action.UPDATE,
        cause=_overall(causes, otherwise=_otherwise(missing=missing, only_doubles=only_doubles)),
        moved_from=moved,
        reason="; ".join(reasons),
    )
    step = _step(Verb.UPDATE, change, desired=desired, observed=current, surplus=match.pending)
    return _Draft(change, (replace(step, files=None) if ignored else step,))


def _why(moved: Address | None, tags: Sequence[str], *, missing: bool, content: bool) -> Iterator[str]:
    """What an update is for, where its fields and documents do not tell."""
    if moved is not None:
        yield f"renamed from {moved}"
    elif missing:
        yield "it refers to an object that is created or replaced"
    elif tags == ["hold"] and not content:
        yield "the hold of a rollback ends; nothing else changes"
    elif tags and not content:
        yield f"only our tags change ({', '.join(tags)})"
    if "hold" in tags and (content or moved is not None):
        yield "the hold of a rollback ends"


def _is_ignored(kind: Kind, desired: Desired, current: Observed, files: FileChanges | None) -> bool:
    """Whether documents differ only by what somebody else did, and that is to be left alone."""
    left = "files" in desired.lifecycle.ignore_changes
    return bool(files) and left and _cause_of_files(kind, desired, current) is Cause.DRIFT


def _otherwise(*, missing: bool, only_doubles: bool) -> Cause:
    """The cause where no field and no document differs. A double was made by no person: a request arrived twice."""
    if only_doubles:
        return Cause.TOOL
    return Cause.REFERENCE if missing else Cause.MANIFEST


def _cause_of_files(kind: Kind, desired: Desired, current: Observed) -> Cause:
    """Which side changed, by the tag that speaks for the set of documents."""
    tags = _ours(current)
    if kind.keeping is Keeping.VERSIONS:
        settled = tags.spec == desired.digest()
    else:
        settled = tags.files.split(":")[:2] == files_tag(desired).split(":")[:2]
    return Cause.DRIFT if settled else Cause.MANIFEST


def _overall(causes: set[Cause], *, otherwise: Cause) -> Cause:
    if Cause.BOTH in causes or {Cause.MANIFEST, Cause.DRIFT} <= causes:
        return Cause.BOTH
    return next((c for c in (Cause.MANIFEST, Cause.DRIFT, Cause.REFERENCE, Cause.TOOL) if c in causes), otherwise)


def _files(kind: Kind, desired: Desired, current: Observed | None) -> FileChanges | None:
    """None when nothing is known to differ: no documents, or a tag that vouches for them."""
    if kind.documents is None or (current is not None and current.documents is None):
        return None
    live = () if current is None else current.documents or ()
    if not desired.documents and not live:
        return None
    document_kind = KINDS[kind.documents]
    assert isinstance(document_kind, DocumentKind)
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
    counted = f"{len(desired.documents)}:{desired.documents_digest()}"
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


def _needed(matches: Iterable[_Match], ids: Ids, snapshot: Snapshot, rules: Rules) -> dict[Address, Address]:
    """What is used by objects that are held after a rollback, and by which."""
    held = [match for match in matches if match.current is not None and _is_held(match, snapshot, rules)]
    return {
        ref.address.owner: match.desired.address
        for match in held
        if match.current is not None
        for ref in refs(ids.to_refs(match.current.spec))
    }


def _leftovers(
    matches: Sequence[_Match],
    snapshot: Snapshot,
    rules: Rules,
    needed: Mapping[Address, Address],
    warnings: list[Notice],
) -> list[_Draft]:
    used = {
        id(item) for match in matches for item in (match.current, *match.pending, *match.old, *match.rivals) if item
    }
    left = sorted((item for item in snapshot.objects if id(item) not in used), key=_age)
    return [_leftover(step, rules, needed, warnings) for step in _deletions(left)]


def _leftover(step: Step, rules: Rules, needed: Mapping[Address, Address], warnings: list[Notice]) -> _Draft:
    first = min(step.objects, key=_confirmed_first)
    step = replace(step, observed=first, surplus=tuple(item for item in step.objects if item is not first))
    change = Change(
        step.address,
        step.kind,
        Action.DELETE,
        Cause.REMOVED,
        first.id,
        observed=observed_digest(first),
        revision=_ours(first).rev,
    )
    if not rules.prune and not rules.destroy:
        summary = f"{first.id} has no manifest any more; left alone because of --no-prune."
        warnings.append(Notice("W402", summary, step.address))
        return _Draft(replace(change, action=Action.NONE, cause=None, reason="left alone because of --no-prune"))
    if step.address in needed:
        summary = (
            f"{first.id} has no manifest any more; left alone because {needed[step.address]}, rolled back, uses it."
        )
        warnings.append(Notice("W405", summary, step.address))
        return _Draft(replace(change, action=Action.NONE, cause=None, reason="a release that is held uses it"))
    confirmed = [item.id for item in step.objects if _is_ready(item)]
    if len(confirmed) > 1:
        named = ", ".join(confirmed)
        summary = f"Several live objects say that they are this one: {named}. Remove our tags from all but one."
        return _Draft(replace(change, blocked=Blocked("collision", summary)))
    if _protected(step.objects, ""):
        summary = (
            "It is protected. Set `protect: false` in its manifest (put it back if it is gone), apply, then delete."
        )
        return _Draft(replace(change, blocked=Blocked("protect", summary)))
    if _ours(first).retain and _state(first) == "ready":  # nobody ever got the id of another one
        reasons = ("`on_delete: retain`: our tags go, the object stays", *_doubles(step.surplus))
        change = replace(change, action=Action.FORGET, reason="; ".join(reasons))
        return _Draft(change, (replace(step, verb=Verb.FORGET),))
    reason = "destroy deletes everything of this stack" if rules.destroy else "no manifest speaks of it any more"
    count = len([item for item in first.documents or () if item.path is not None])
    if count:
        reason += f"; its {count} document{'s go' if count > 1 else ' goes'} with it"
    return _Draft(replace(change, reason=reason), (step,))


def _with_users(drafts: list[_Draft], wanted: Sequence[Desired], snapshot: Snapshot) -> list[_Draft]:
    """What is deleted, with those who use it now or would go on to: no manifest speaks of it, but values may."""
    going = {draft.change.address: draft.change.id for draft in drafts if draft.change.action is Action.DELETE}
    if not going:
        return drafts
    ids = {object_id for object_id in going.values() if object_id is not None}
    values = [(_ours(item).address, item.spec) for item in snapshot.objects if _is_ready(item)]
    values += [(item.address, item.spec) for item in wanted]
    users: dict[str, set[Address]] = {}
    for address, spec in values:
        for object_id in ids.intersection(_strings(spec)):
            if address not in going:
                users.setdefault(object_id, set()).add(address)
    return [
        replace(draft, change=replace(draft.change, affects=tuple(map(str, sorted(users[draft.change.id])))))
        if draft.change.action is Action.DELETE and draft.change.id in users
        else draft
        for draft in drafts
    ]


# --- rules ------------------------------------------------------------------------------------------------------------


def _restrict(drafts: list[_Draft], wanted: Sequence[Desired], rules: Rules, warnings: list[Notice]) -> list[_Draft]:
    """`--only`: these addresses and what they need to exist; deletes nothing, and leaves out nothing that it names."""
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
        if change.action is Action.REPLACE and change.address in needed:
            summary = "Needs to be replaced, which --only never does: it deletes nothing."
            if change.address in rules.only:
                kept.append(_Draft(replace(change, blocked=Blocked("only", f"{summary} Leave --only out."))))
            else:
                warnings.append(Notice("W403", summary, change.address))
            continue
        chosen = change.address in rules.only and change.action not in {Action.DELETE, Action.FORGET}
        if chosen or (change.address in needed and change.action in {Action.CREATE, Action.ADOPT}):
            kept.append(draft)
    return kept


def _budget(drafts: list[_Draft], wanted: Sequence[Desired], snapshot: Snapshot, rules: Rules) -> list[_Draft]:
    deletes = [draft for draft in drafts if any(step.verb is Verb.DELETE for step in draft.steps)]
    going = [draft for draft in drafts if draft.change.action in {Action.DELETE, Action.FORGET} and draft.steps]
    if rules.destroy or not (deletes or going):
        return drafts
    managed = len({(item.kind, item.id) for item in snapshot.objects})
    blocked: Blocked | None = None
    if not wanted:
        deletes = going
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


# --- edges and order --------------------------------------------------------------------------------------------------


def _edges(drafts: Sequence[_Draft]) -> list[Step]:
    steps = _distinct([replace(step, change=number) for number, draft in enumerate(drafts) for step in draft.steps])
    creators = {step.address: str(step) for step in steps if step.verb is Verb.CREATE}
    uses = [_Uses.of(step) for step in steps]
    edged = []
    for step, own in zip(steps, uses, strict=True):
        needs = set(step.needs)
        needs |= {creators[address] for address in own.wanted if address in creators and address != step.address}
        if step.verb in {Verb.DELETE, Verb.FORGET}:
            needs |= {str(other) for other, use in zip(steps, uses, strict=True) if use.lets_go(own)}
        edged.append(replace(step, needs=tuple(sorted(needs - {str(step)}))))
    return edged


def _distinct(steps: Sequence[Step]) -> list[Step]:
    """Each with a name of its own: several deletions at one address are counted."""
    seen: Counter[str] = Counter()
    found = []
    for step in steps:
        seen[str(step)] += 1
        found.append(replace(step, ordinal=seen[str(step)]))
    return found


@dataclass(frozen=True, slots=True)
class _Uses:
    """What a step means for other objects: the ids it is about, the strings their values hold, the addresses it wants.

    `unread`: the live value was not read (its tag vouched for it), so it may hold any of our ids.
    """

    ids: frozenset[str]
    mentions: frozenset[str]
    wanted: frozenset[Address]
    about: Address
    creates: bool
    leaves: bool
    unread: bool

    @classmethod
    def of(cls, step: Step) -> _Uses:
        return cls(
            frozenset(item.id for item in step.objects),
            frozenset(text for item in step.objects for text in _strings(item.spec)),
            frozenset(ref.address for ref in refs(step.desired.spec)) if step.desired else frozenset(),
            step.address,
            creates=step.verb is Verb.CREATE,
            leaves=step.desired is None,
            unread=any(not item.complete for item in step.objects),
        )

    def lets_go(self, other: _Uses) -> bool:
        """Whether this step ends a use of an object that another step is about."""
        if self.creates or not self.ids or self.ids & other.ids:
            return False
        if self.unread and self.leaves:
            return not other.unread and not self.ids & other.mentions
        return bool(self.mentions & other.ids) or (self.unread and other.about in self.wanted)


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


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
