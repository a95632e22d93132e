"""Two specs of one kind → deltas, each with its cause.

Whether there is a delta is decided by desired against live alone. The tags, which say what was last applied, decide
only the cause: desired differs from the tag → manifest; live differs from the tag → drift; both → both; neither → the
object it refers to is another one (reference), or a newer reconciler lowers the same manifest differently (tool).

Values are compared in *id form* (what would be sent against what is there) and shown in *address form*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.kinds.field import identity
from reconciler.kinds.kind import Kind, TagPlace
from reconciler.model.address import Address, Ref, Unknown
from reconciler.model.desired import Desired
from reconciler.model.json import ABSENT, Json, Path, refs, same, substitute
from reconciler.model.observed import Observed
from reconciler.model.plan import Cause, Delta
from reconciler.ownership.digests import LABELS, comparable, field_digest, item_keys, managed_labels

FREE_FORM = frozenset({"parameters", "schema"})
"""Keys whose values are JSON Schemas of the user's own: compared leaf by leaf, their lists by position."""
RAW = "raw"
"""What a manifest passes through unseen: nobody knows which of it the server shows."""


@dataclass(frozen=True, slots=True)
class Ids:
    """Which ids stand for which addresses: `known` are those that stay, `live` also those about to be replaced.

    `noted` are those that the anchor's inventory has, by kind and address.
    """

    known: Mapping[Address, str] = field(default_factory=dict)
    live: Mapping[str, Address] = field(default_factory=dict)
    noted: Mapping[tuple[str, Address], str] = field(default_factory=dict)

    def to_ids(self, value: Json) -> Json:
        """Refs become ids where the id is known; others stay refs."""
        return substitute(value, lambda ref: self.known.get(ref.address, ref))

    def to_refs(self, value: Json, *, current: bool = False) -> Json:
        """Ids of managed objects become refs.

        `current`: not those that another object has taken over the address from: they are what has to change.
        """
        if isinstance(value, str):
            address = self.live.get(value)
            if address is None or (current and self.known.get(address, value) != value):
                return value
            return Ref(address)
        if isinstance(value, Mapping):
            return {key: self.to_refs(item, current=current) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.to_refs(item, current=current) for item in value]
        return value


def diff(kind: Kind, desired: Desired, observed: Observed, ids: Ids, *, rewritten: bool = False) -> tuple[Delta, ...]:
    """Every field that differs, in the kind's own order of fields; ignored drift only if the object is `rewritten`."""
    if not observed.complete:
        return ()
    deltas = (*_field_deltas(kind, desired, observed, ids), *_label_deltas(kind, desired, observed))
    ignored = desired.lifecycle.ignore_changes
    left = tuple(item for item in deltas if not (item.cause is Cause.DRIFT and item.field in ignored))
    return deltas if rewritten or (left and kind.tag_place is TagPlace.VERSIONS) else left  # a version has every field


def _field_deltas(kind: Kind, desired: Desired, observed: Observed, ids: Ids) -> Iterator[Delta]:
    wanted = comparable(kind, ids.to_ids(desired.spec))
    shown = comparable(kind, desired.spec)
    live = comparable(kind, observed.spec)
    last = None if observed.last_applied is None else ids.to_refs(comparable(kind, observed.last_applied))
    digests = observed.tags.fields if observed.tags else {}
    unchanged = observed.tags is not None and observed.tags.spec == desired.digest()
    for name in [*(declared.name for declared in kind.fields), RAW]:
        want, have, digest = wanted.get(name, ABSENT), live.get(name, ABSENT), digests.get(name)
        if want is ABSENT and digest is None and kind.tag_place is not TagPlace.VERSIONS:
            continue
        written = shown.get(name, ABSENT)
        applied = digest is not None and written is not ABSENT and field_digest(written) == digest
        if _equal(kind, name, want, have) and not (digest and _cleared_unseen(kind, name, want, have)):
            continue
        if applied and not kind.readable(name) and _agree(want, have):
            continue
        before = ids.to_refs(have)
        if last is not None:
            cause = _cause_against(last.get(name, ABSENT), before, written)
        elif digest is None:
            cause = Cause.MANIFEST
        else:
            drifted = field_digest(before) != digest if have is not ABSENT else kind.readable(name)
            cause = _cause(written, changed=not applied, drifted=drifted)
        for delta in _nested((name,), ids.to_refs(have, current=True), mark_unknown(written, ids), kind, cause):
            yield delta if last is None else _with_last(delta, kind, last.get(name, ABSENT), ids, unchanged=unchanged)


def _equal(kind: Kind, name: str, want: Json, have: Json) -> bool:
    return same(want, have) or (kind.is_default(name, want) and kind.is_default(name, have))


def _cleared_unseen(kind: Kind, name: str, want: Json, have: Json) -> bool:
    """Whether a value that we applied is to go, and the server shows nothing of it either way."""
    declared = kind.field(name)
    return want is have is ABSENT and declared is not None and not declared.readable


def _agree(want: Json, have: Json) -> bool:
    """Whether both sides are equal in what both of them speak of."""
    if isinstance(want, Mapping) and isinstance(have, Mapping):
        return all(same(want[key], have[key]) for key in want if key in have)
    return have is ABSENT or same(want, have)


def _cause(written: Json, *, changed: bool, drifted: bool) -> Cause:
    """Against what was last applied: the manifest changed, the account, both, or neither."""
    if changed:
        return Cause.BOTH if drifted else Cause.MANIFEST
    if drifted:
        return Cause.DRIFT
    return Cause.REFERENCE if refs(written) else Cause.TOOL


def _cause_against(last: Json, before: Json, written: Json) -> Cause:
    """The same, where the account itself keeps the value that was last applied."""
    return _cause(written, changed=not same(written, last), drifted=not same(before, last))


def _with_last(delta: Delta, kind: Kind, last: Json, ids: Ids, *, unchanged: bool) -> Delta:
    """A delta inside a field, with its own cause. `unchanged`: the tag says that the manifest is as last applied."""
    value = _at(last, delta.path[1:], kind, delta.path[0])
    cause = _cause_against(value, ids.to_refs(delta.before), _known(delta.after))
    if unchanged and cause is Cause.MANIFEST and refs(_known(delta.after)):
        cause = Cause.REFERENCE
    return replace(delta, cause=cause, last_applied=value)


def _at(value: Json, path: Path, kind: Kind, name: str | int) -> Json:
    for step in path:
        if isinstance(value, list) and isinstance(step, str):
            keys = item_keys(kind, name)
            value = next((item for item in value if identity(item, keys) == step), ABSENT)
        else:
            value = _part(value, step)
    return value


def mark_unknown(value: Json, ids: Ids) -> Json:
    """Refs whose id only apply will know are wrapped, so that they cannot be mistaken for the live one."""
    return substitute(value, lambda ref: ref if ref.address in ids.known else Unknown(ref))


def _known(value: Json) -> Json:
    if isinstance(value, Unknown):
        return value.ref
    if isinstance(value, Mapping):
        return {key: _known(item) for key, item in value.items()}
    return [_known(item) for item in value] if isinstance(value, list) else value


def _label_deltas(kind: Kind, desired: Desired, observed: Observed) -> Iterator[Delta]:
    versions = kind.tag_place is TagPlace.VERSIONS
    ours = frozenset(observed.labels) if versions else managed_labels(observed)
    last = None if observed.last_applied is None else observed.last_applied.get(LABELS, {})
    digest = (observed.tags.fields if observed.tags else {}).get(LABELS, "").split("+")[0]
    changed = digest != (field_digest(dict(desired.labels)) if desired.labels else "")
    drifted = digest != (field_digest({key: observed.labels[key] for key in ours}) if ours else "")
    whole = Cause.MANIFEST if versions or not digest else _cause(ABSENT, changed=changed, drifted=drifted)
    for key in sorted({*desired.labels, *ours}):
        want, have = desired.labels.get(key, ABSENT), observed.labels.get(key, ABSENT)
        if same(want, have):
            continue
        delta = Delta((LABELS, key), have, want, whole)
        value = ABSENT if last is None else last.get(key, ABSENT)
        yield delta if last is None else replace(delta, cause=_cause_against(value, have, want), last_applied=value)


def _nested(path: Path, before: Json, after: Json, kind: Kind, cause: Cause) -> Iterator[Delta]:
    """The deltas inside one field: objects by key, listed items by identity, free-form values leaf by leaf."""
    if path[-1] in FREE_FORM and isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _free_form(path, before, after, cause)
        return
    left, right = _parts(path, before, kind), _parts(path, after, kind)
    if left is None or right is None:
        yield Delta(path, before, after, cause)
        return
    for key in sorted({*left, *right}):
        one, other = left.get(key, ABSENT), right.get(key, ABSENT)
        if not same(one, other):
            yield from _nested((*path, key), one, other, kind, cause)


def _parts(path: Path, value: Json, kind: Kind) -> Mapping[str, Json] | None:
    """The parts of a value by their names, or None for what is compared as a whole."""
    if isinstance(value, Mapping):
        return value
    keys = item_keys(kind, path[0])
    if len(path) > 1 or not keys or not isinstance(value, list):
        return None
    items = {identity(item, keys): item for item in value}
    return None if "" in items or len(items) < len(value) else items


def _free_form(path: Path, before: Json, after: Json, cause: Cause) -> Iterator[Delta]:
    """The deltas inside a schema: objects by key, lists of as many objects as before by position, others as a whole.

    No delta lies inside another one. (A library that looks for the shortest way from one list to another needs minutes
    for 12,000 values; what a reviewer is shown of a list is decided in render/lists.py.)
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            one, other = before.get(key, ABSENT), after.get(key, ABSENT)
            if not same(one, other):
                yield from _free_form((*path, key), one, other, cause)
    elif _are_objects(before, after):
        for position, (one, other) in enumerate(zip(before, after, strict=True)):
            if not same(one, other):
                yield from _free_form((*path, position), one, other, cause)
    else:
        yield Delta(path, before, after, cause)


def _are_objects(before: Json, after: Json) -> bool:
    """Whether two lists are equally long and hold nothing but objects."""
    if not (isinstance(before, list) and isinstance(after, list) and len(before) == len(after)):
        return False
    return all(isinstance(item, Mapping) for item in (*before, *after))


def _part(value: Json, step: str | int) -> Json:
    if isinstance(value, Mapping):
        return value.get(step, ABSENT)
    found = isinstance(value, list) and isinstance(step, int) and step < len(value)
    return value[step] if found else ABSENT
