"""Two specs of one kind → deltas, each with its cause.

Whether there is a delta is decided by desired against live alone. The tags, which say what was last applied, decide only
the cause: desired differs from the tag → manifest; live differs from the tag → drift; both → both; neither → the object
it refers to is another one (reference), or a newer reconciler lowers the same manifest differently (tool).

Values are compared in *id form* (what would be sent against what is there) and shown in *address form*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.kinds.base import IN_PLACE, DocumentKind, Keeping, Kind
from reconciler.model import (
    ABSENT,
    Address,
    Attachment,
    Cause,
    Delta,
    Desired,
    Document,
    FileChange,
    FileChanges,
    Json,
    Observed,
    Path,
    Ref,
    Unknown,
    refs,
    same,
    sha256,
    substitute,
)

FREE_FORM = frozenset({"parameters", "schema"})
"""Keys whose values are JSON Schemas of the user's own: compared leaf by leaf, their lists by position."""

LABELS = "labels"
FILES = "files"


@dataclass(frozen=True, slots=True)
class Ids:
    """Which ids stand for which addresses: `known` are those that stay, `live` also those about to be replaced."""

    known: Mapping[Address, str] = field(default_factory=dict)
    live: Mapping[str, Address] = field(default_factory=dict)

    def to_ids(self, value: Json) -> Json:
        """Refs become ids where the id is known; others stay refs."""
        return substitute(value, lambda ref: self.known.get(ref.address, ref))

    def to_refs(self, value: Json) -> Json:
        """Ids of managed objects become refs."""
        if isinstance(value, str):
            address = self.live.get(value)
            return value if address is None else Ref(address)
        if isinstance(value, Mapping):
            return {key: self.to_refs(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.to_refs(item) for item in value]
        return value

    @property
    def current(self) -> Ids:
        """Without the ids that another object has taken over the address from: they are what has to change."""
        live = {key: address for key, address in self.live.items() if self.known.get(address, key) == key}
        return Ids(self.known, live)


def field_digest(value: Json) -> str:
    """The 12 hex digits that stand for one field in the tag; `value` in address form."""
    return sha256(value)[:12]


def field_digests(kind: Kind, desired: Desired) -> dict[str, str]:
    """What the fields tag says once this spec is applied."""
    spec = _sorted_items(kind, kind.normalise(desired.spec))
    digests = {name: field_digest(spec[name]) for name in desired.spec}
    if desired.labels and kind.keeping is Keeping.METADATA:
        digests[LABELS] = labels_digest(desired.labels)
    return digests


def labels_digest(labels: Mapping[str, str]) -> str:
    """One digest, and four hex digits per key so that removed keys can be told from foreign ones."""
    return "+".join([field_digest(dict(labels)), *(label_key(key) for key in sorted(labels))])


def label_key(key: str) -> str:
    """Four hex digits that stand for a label's key in the tag."""
    return sha256(key)[:4]


def managed_labels(observed: Observed) -> frozenset[str]:
    """The live metadata keys that we put there."""
    if observed.tags is None:
        return frozenset()
    ours = observed.tags.fields.get(LABELS, "").split("+")[1:]
    return frozenset(key for key in observed.labels if label_key(key) in ours)


def diff(kind: Kind, desired: Desired, observed: Observed, ids: Ids) -> tuple[Delta, ...]:
    """Every field that differs, in the kind's own order of fields."""
    if not observed.complete:
        return ()
    return tuple([*_field_deltas(kind, desired, observed, ids), *_label_deltas(kind, desired, observed)])


def _field_deltas(kind: Kind, desired: Desired, observed: Observed, ids: Ids) -> Iterator[Delta]:
    wanted = _sorted_items(kind, kind.normalise(ids.to_ids(desired.spec)))
    shown = _sorted_items(kind, kind.normalise(desired.spec))
    live = _sorted_items(kind, kind.normalise(observed.spec))
    last = None if observed.last_applied is None else _sorted_items(kind, kind.normalise(observed.last_applied))
    digests = observed.tags.fields if observed.tags else {}
    current = ids.current
    for name in [*(f.name for f in kind.fields), "raw"]:
        want, have = wanted.get(name, ABSENT), live.get(name, ABSENT)
        if want is ABSENT and not (name in digests or kind.keeping is Keeping.VERSIONS):
            continue
        if _equal(kind, name, want, have):
            continue
        before = ids.to_refs(have) if have is not ABSENT else ABSENT
        after = mark_unknown(shown.get(name, ABSENT), ids)
        cause = _cause(digests.get(name), shown.get(name, ABSENT), before)
        if name in desired.lifecycle.ignore_changes and cause is Cause.DRIFT:
            continue
        applied = ABSENT if last is None else ids.to_refs(last.get(name, ABSENT))
        seen = current.to_refs(have) if have is not ABSENT else ABSENT
        for delta in _nested((name,), seen, after, kind, cause):
            yield delta if last is None else _with_last(delta, applied, ids)


def _with_last(delta: Delta, applied: Json, ids: Ids) -> Delta:
    """Where the account itself keeps what was last applied, the cause is known value by value."""
    value, after = _at(applied, delta.path[1:]), _known(delta.after)
    changed, drifted = not same(after, value), not same(ids.to_refs(delta.before), value)
    cause = Cause.REFERENCE if refs(after) else delta.cause
    if changed or drifted:
        cause = Cause.BOTH if changed and drifted else Cause.MANIFEST if changed else Cause.DRIFT
    return Delta(delta.path, delta.before, delta.after, cause, value)


def _at(value: Json, path: Path) -> Json:
    for step in path:
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list):
            value = next((item for item in value if item_identity(item) == step), ABSENT)
        else:
            return ABSENT
    return value


def _equal(kind: Kind, name: str, want: Json, have: Json) -> bool:
    if want is ABSENT:
        return kind.is_default(name, have)
    if have is ABSENT or have is None:
        return want is None or same(want, have) or (want in ([], {}) and kind.is_default(name, want))
    return same(want, have)


def _cause(digest: str | None, desired: Json, live: Json) -> Cause:
    """`digest` None: the field was not managed before, so the manifest asks for it now."""
    if digest is None:
        return Cause.MANIFEST
    changed = desired is ABSENT or field_digest(_known(desired)) != digest
    drifted = live is ABSENT or field_digest(live) != digest
    if changed:
        return Cause.BOTH if drifted else Cause.MANIFEST
    if drifted:
        return Cause.DRIFT
    return Cause.REFERENCE if refs(_known(desired)) else Cause.TOOL


def mark_unknown(value: Json, ids: Ids) -> Json:
    """Refs whose id only apply will know are wrapped, so that they cannot be mistaken for the live one."""
    if value is ABSENT:
        return value
    return substitute(value, lambda ref: ref if ref.address in ids.known else Unknown(ref))


def _known(value: Json) -> Json:
    if isinstance(value, Unknown):
        return value.ref
    if isinstance(value, Mapping):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_known(item) for item in value]
    return value


def _label_deltas(kind: Kind, desired: Desired, observed: Observed) -> Iterator[Delta]:
    ours = frozenset(observed.labels) if kind.keeping is Keeping.VERSIONS else managed_labels(observed)
    digest = (observed.tags.fields if observed.tags else {}).get(LABELS, "").split("+")[0]
    changed = (field_digest(dict(desired.labels)) if desired.labels else "") != digest
    for key in sorted({*desired.labels, *ours}):
        want, have = desired.labels.get(key, ABSENT), observed.labels.get(key, ABSENT)
        if not same(want, have):
            cause = Cause.MANIFEST if changed or not digest else Cause.DRIFT
            yield Delta((LABELS, key), have, want, cause)


# --- nested paths -----------------------------------------------------------------------------------------------------


def item_identity(item: Json) -> str:
    """What tells one tool from another: its type, with a name where the type has one."""
    if not isinstance(item, Mapping):
        return ""
    name = item.get("name") or item.get("server_label") or (item.get("function") or {}).get("name")
    return f"{item.get('type')}:{name}" if name else str(item.get("type", ""))


def _sorted_items(kind: Kind, spec: Mapping[str, Json]) -> dict[str, Json]:
    """Lists whose order means nothing, sorted by identity."""
    full = dict(spec)
    for declared in kind.fields:
        value = full.get(declared.name)
        if declared.item and isinstance(value, list):
            full[declared.name] = sorted(value, key=item_identity)
    return full


def _nested(path: Path, before: Json, after: Json, kind: Kind, cause: Cause) -> Iterator[Delta]:
    """The deltas inside one field: objects by key, listed items by identity, free-form values leaf by leaf."""
    if path[-1] in FREE_FORM and isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _free_form(path, before, after, cause)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            left, right = before.get(key, ABSENT), after.get(key, ABSENT)
            if not same(_plain(left), _plain(right)):
                yield from _nested((*path, key), left, right, kind, cause)
    elif len(path) == 1 and _is_identified(kind, path, before) and _is_identified(kind, path, after):
        left_items = {item_identity(item): item for item in before}
        right_items = {item_identity(item): item for item in after}
        for key in sorted({*left_items, *right_items}):
            left, right = left_items.get(key, ABSENT), right_items.get(key, ABSENT)
            if not same(_plain(left), _plain(right)):
                yield from _nested((*path, key), left, right, kind, cause)
    else:
        yield Delta(path, before, after, cause)


def _plain(value: Json) -> Json:
    """For comparison: what is known only after apply differs from everything that is known."""
    if isinstance(value, Unknown):
        return {"known_after_apply": str(value.ref)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _is_identified(kind: Kind, path: Path, value: Json) -> bool:
    declared = kind.field(str(path[0]))
    if declared is None or declared.item is None or not isinstance(value, list):
        return False
    identities = [item_identity(item) for item in value]
    return "" not in identities and len(set(identities)) == len(identities)


def _free_form(path: Path, before: Json, after: Json, cause: Cause) -> Iterator[Delta]:
    from deepdiff import DeepDiff  # noqa: PLC0415 - most plans have no changed schema, and it is slow to import

    found: dict[Path, Delta] = {}
    tree = DeepDiff(before, after, view="tree", ignore_order=False)
    for level in (level for group in tree.values() for level in group):
        inner: Path = tuple(level.path(output_format="list"))
        left, right = _at_position(before, inner), _at_position(after, inner)
        while inner and isinstance(inner[-1], int):
            inner = inner[:-1]
            left, right = _at_position(before, inner), _at_position(after, inner)
        if not same(left, right):
            found[inner] = Delta((*path, *inner), left, right, cause)
    if not found:
        yield Delta(path, before, after, cause)
    yield from (found[key] for key in sorted(found, key=lambda key: [str(part) for part in key]))


def _at_position(value: Json, path: Path) -> Json:
    for step in path:
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return ABSENT
    return value


# --- documents --------------------------------------------------------------------------------------------------------


def diff_documents(kind: DocumentKind, documents: tuple[Document, ...], live: tuple[Attachment, ...]) -> FileChanges:
    """What happens to the files of one resource. Of several live files of one path, `settled` says which counts."""
    current = settled(documents, live)
    added: list[FileChange] = []
    changed: list[FileChange] = []
    updated: list[FileChange] = []
    for document in sorted(documents, key=lambda item: item.path):
        there = current.get(document.path)
        reason = "new" if there is None else kind.difference(document, there)
        if reason is None:
            continue
        before = there.sha256 if there else None
        change = FileChange(document.path, document.bytes, document.sha256, reason, before)
        (added if there is None else updated if reason == IN_PLACE else changed).append(change)
    wanted = {document.path for document in documents}
    removed = sorted(path for path in current if path not in wanted)
    unmanaged = sorted((item for item in live if item.path is None), key=lambda item: item.file_id)
    return FileChanges(
        tuple(added),
        tuple(changed),
        tuple(updated),
        tuple(FileChange(path, None, current[path].sha256) for path in removed),
        tuple(FileChange(item.file_id, None, None, "added by somebody else") for item in unmanaged),
    )


def settled(documents: tuple[Document, ...], live: tuple[Attachment, ...]) -> dict[str, Attachment]:
    """The live file that counts for each path: a usable one, then one with the wanted content, then the oldest."""
    wanted = {document.path: document.sha256 for document in documents}
    found: dict[str, Attachment] = {}
    for item in sorted(live, key=lambda one: (one.created_at, one.file_id)):
        if item.path is None:
            continue
        rival = found.get(item.path)
        if rival is None or _rank(item, wanted) > _rank(rival, wanted):
            found[item.path] = item
    return found


def _rank(item: Attachment, wanted: Mapping[str, str]) -> tuple[bool, bool]:
    return (item.status in {"completed", "in_progress"}, item.path is not None and item.sha256 == wanted.get(item.path))
