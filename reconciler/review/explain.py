"""Why a step is in the plan, or why nothing is: one address, seen from the manifests, the plan, and the account.

`explain` gives plain JSON; the sentences about it are made in reconciler.render.explain. What is not known is
null: a saved plan has no live object to look at, and a tag that vouches for an object spares reading it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.kinds import KINDS, compiled_into
from reconciler.kinds.kind import TagPlace
from reconciler.manifest.load.loader import Loaded
from reconciler.model.address import Address, position
from reconciler.model.desired import Desired
from reconciler.model.diagnostics import did_you_mean
from reconciler.model.errors import Exit, Stop
from reconciler.model.json import Json
from reconciler.model.observed import Observed
from reconciler.model.snapshot import Snapshot
from reconciler.review.explain_document import explain_document
from reconciler.review.graph import uses
from reconciler.review.origins import Origins

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known: the tree, a plan in its JSON form, and what was read for it (None: the plan was saved before).

    `only` are the addresses that the plan was restricted to; empty: it was not.
    """

    loaded: Loaded
    plan: Body
    snapshot: Snapshot | None = None
    only: frozenset[Address] = frozenset()


def explain(text: str, evidence: Evidence) -> dict[str, Json]:
    """Everything about one address in JSON form. Raises Stop (exit 7), with the nearest name, where there is none."""
    address = _resolved(text, evidence)
    owner = address.owner
    loaded = evidence.loaded
    changes = [change for change in evidence.plan["changes"] if str(owner) in {change["address"], change["moved_from"]}]
    if changes and changes[0]["address"] != str(owner):
        owner = Address.parse(changes[0]["address"])
        address = Address(owner.kind, owner.name, address.path)
    manifest = next((item for item in loaded.written if item.address == owner), None)
    desired = next((item for item in loaded.desired if item.address == owner), None)
    live = _live(owner, changes, evidence)
    origins = Origins(loaded, manifest, desired) if manifest is not None else None
    return {
        "address": str(address),
        "stack": evidence.plan["stack"],
        "environment": evidence.plan["environment"],
        "digest": evidence.plan["digest"],
        "saved": evidence.snapshot is None,
        "stale": evidence.plan["manifests"] != loaded.manifests,
        "left_out": bool(evidence.only) and owner not in evidence.only and not changes,
        "source": position(manifest.spans.get(())) if manifest is not None else None,
        "object": _object(live, desired, changes, evidence),
        "changes": [
            _change(change, number, origins, live, evidence) for number, change in _numbered(changes, evidence)
        ],
        "document": explain_document(address, desired, changes, live) if address.path is not None else None,
        "filled": origins.filled() if origins is not None else [],
        "references": [_reference(item, evidence) for item in origins.references()] if origins is not None else [],
        "used_by": _used_by(owner, changes, evidence),
        "risks": [item for item in evidence.plan["risks"] if item["address"] == str(owner)],
        "warnings": [item for item in evidence.plan["warnings"] if item["address"] == str(owner)],
    }


# --- which address ----------------------------------------------------------------------------------------------------


def _resolved(text: str, evidence: Evidence) -> Address:
    """The address that a text names; the kind may be left out where a name is clear without it."""
    known = _known(evidence)
    try:
        address = Address.parse(text)
    except ValueError as error:
        named = [item for item in known if item.partition("/")[2] == text]
        hint = f"Did you mean {' or '.join(map(repr, named))}?" if named else did_you_mean(text, known)
        raise Stop(Exit.INVALID, f"{error}.", hint) from error
    if str(address.owner) not in known:
        detail = _near(str(address.owner), known)
        summary = f"{address.owner} is neither in the manifests nor in the plan."
        if evidence.snapshot is not None:
            summary = f"{address.owner} is neither in the manifests nor in the account."
        raise Stop(Exit.INVALID, summary, detail)
    if address.path is not None:
        paths = _paths(address.owner, evidence)
        if address.path not in paths:
            detail = _near(address.path, paths) or "It has no documents that are known here."
            raise Stop(Exit.INVALID, f"{address.owner} has no document {address.path!r}.", detail)
    return address


def _near(name: str, known: Sequence[str]) -> str:
    """The nearest name; of a name without its directories or its kind, the whole of it."""
    tail = [item for item in known if item.rpartition("/")[2] == name.rpartition("/")[2]]
    return f"Did you mean {tail[0]!r}?" if len(tail) == 1 else did_you_mean(name, known)


def _known(evidence: Evidence) -> list[str]:
    found = {str(item.address) for item in evidence.loaded.written}
    for change in evidence.plan["changes"]:
        found |= {text for text in (change["address"], change["moved_from"]) if text}
    for item in evidence.snapshot.objects if evidence.snapshot is not None else ():
        found |= {str(item.tags.address)} if item.tags is not None else set()
    return sorted(found)


def _paths(owner: Address, evidence: Evidence) -> list[str]:
    """The documents that the manifest, the plan or the account knows of."""
    found = {document.path for item in evidence.loaded.desired if item.address == owner for document in item.documents}
    for change in evidence.plan["changes"]:
        if change["address"] == str(owner):
            found |= {entry["path"] for entries in (change.get("files") or {}).values() for entry in entries}
    for item in evidence.snapshot.of(owner) if evidence.snapshot is not None else ():
        found |= {file.path or file.file_id for file in item.documents or ()}
    return sorted(found)


# --- the live object --------------------------------------------------------------------------------------------------


def _live(owner: Address, changes: Sequence[Body], evidence: Evidence) -> Observed | None:
    """The object that people know under the address: the one that the change names, or the only one."""
    if evidence.snapshot is None:
        return None
    named = {change["id"] for change in changes if change["id"]}
    found = next((item for item in evidence.snapshot.objects if item.id in named), None)
    return found or next(iter(evidence.snapshot.of(owner)), None)


def _object(
    live: Observed | None, desired: Desired | None, changes: Sequence[Body], evidence: Evidence
) -> dict[str, Json] | None:
    """`{resource, id, version, applied, checked}`; `checked`: tag, full, or null where that is not known."""
    first: Body = changes[0] if changes else {}
    applied = next((change["applied"] for change in changes if change.get("applied")), None)
    if live is None:
        resource = (
            first.get("replaces_kind") or first.get("resource") or (desired.kind if desired is not None else None)
        )
        if first.get("id") is None:
            return None
        return {"resource": resource, "id": first["id"], "version": None, "applied": applied, "checked": None}
    if applied is None and live.tags is not None and live.tags.rev:
        applied = {"revision": live.tags.rev}
    checked = evidence.snapshot.verified.get(live.id) if evidence.snapshot is not None else None
    return {
        "resource": live.kind,
        "id": live.id,
        "version": live.version,
        "applied": applied,
        "checked": checked or ("full" if live.complete else "tag"),
    }


# --- changes ----------------------------------------------------------------------------------------------------------


def _numbered(changes: Sequence[Body], evidence: Evidence) -> Iterator[tuple[int, Body]]:
    for number, change in enumerate(evidence.plan["changes"]):
        if any(change is one for one in changes):
            yield number, change


def _change(
    change: Body, number: int, origins: Origins | None, live: Observed | None, evidence: Evidence
) -> dict[str, Json]:
    kind = KINDS.get(change["resource"])
    fields = [_field(field, change, origins, live) for field in change["fields"]]
    replacing = [item["path"] for item in fields if kind is not None and _replaces(kind.name, item["path"])]
    return {
        "action": change["action"],
        "cause": change["cause"],
        "reason": change["reason"],
        "reasons": change.get("reasons", []),
        "blocked": change["blocked"],
        "resource": change["resource"],
        "replaces_kind": change.get("replaces_kind"),
        "id": change["id"],
        "moved_from": change["moved_from"],
        "version": change.get("version"),
        "fields": fields,
        "files": change.get("files"),
        "replacing": replacing if change["action"] == "replace" else [],
        "steps": list(_steps(number, evidence.plan)),
    }


def _replaces(kind: str, path: Sequence[str | int]) -> bool:
    declared = KINDS[kind].field(str(path[0]))
    return declared is not None and declared.replaces


def _field(field: Body, change: Body, origins: Origins | None, live: Observed | None) -> dict[str, Json]:
    """One differing field: `manifest`, `live` and `last_applied` are `{value}`, `{}` (nothing), or null (not known)."""
    origin = origins.of(tuple(field["path"])) if origins is not None else None
    manifest = {**_side(field, "after"), **(origin or {})}
    return {
        "path": field["path"],
        "manifest": manifest,
        "live": None if change["action"] == "create" else _side(field, "before"),
        "last_applied": _last_applied(field, change, live),
        "cause": field["cause"],
    }


def _side(field: Body, name: str) -> dict[str, Json]:
    return {"value": field[name]} if name in field else {}


def _last_applied(field: Body, change: Body, live: Observed | None) -> dict[str, Json] | None:
    """What the last apply set: what the plan says, or what follows from who changed it."""
    if field["last_applied"] is not None:
        return {"value": field["last_applied"]}
    kind = KINDS.get(change.get("replaces_kind") or change["resource"])
    if field["cause"] == "drift":
        return _side(field, "after")
    if field["cause"] != "manifest" or kind is None or change["action"] == "adopt":
        return None
    if kind.tag_place is TagPlace.VERSIONS:
        return _side(field, "before")
    if live is None or live.tags is None:
        return None
    return _side(field, "before") if str(field["path"][0]) in live.tags.fields else {}


def _steps(number: int, plan: Body) -> Iterator[dict[str, Json]]:
    """The steps of a change: what each waits for, and what waits for it."""
    for step in plan["steps"]:
        if step["change"] == number:
            after = [other["step"] for other in plan["steps"] if step["step"] in other["needs"]]
            yield {"step": step["step"], "needs": list(step["needs"]), "needed_by": after}


# --- who uses whom ----------------------------------------------------------------------------------------------------


def _action(address: str, evidence: Evidence) -> str | None:
    """What the plan does at an address; null: nothing."""
    found = (change for change in evidence.plan["changes"] if change["address"] == address)
    return next((change["action"] for change in found if change["action"] != "none"), None)


def _reference(item: Body, evidence: Evidence) -> dict[str, Json]:
    """`{address, source, id, old, action}`; `old` is the id that the plan takes away.

    `id` is null where only apply will know it, where the account was not read, and for a Tool, which has none.
    """
    address = str(item["address"])
    action = _action(address, evidence)
    replaced = (change["id"] for change in evidence.plan["changes"] if change["address"] == address)
    old = next(replaced, None) if action == "replace" else None
    known = None
    if action not in {"create", "replace"} and evidence.snapshot is not None:
        known = next((one.id for one in evidence.snapshot.of(Address.parse(address))), None)
    return {"address": address, "source": item["source"], "id": known, "old": old, "action": action}


def _used_by(owner: Address, changes: Sequence[Body], evidence: Evidence) -> list[dict[str, Json]]:
    """`{address, via, action, because}` of who uses it, directly or by way of a Tool; a plan alone knows fewer."""
    found: dict[str, str | None] = {}
    written = evidence.loaded.written
    for manifest in written:
        if str(owner) in set(uses(manifest)):
            found[str(manifest.address)] = None
    for tool in sorted(address for address in found if compiled_into(address)):
        for manifest in written:
            if tool in set(uses(manifest)):
                found.setdefault(str(manifest.address), tool)
    for change in changes:
        for address in change["affects"]:
            found.setdefault(address, None)
    return [
        {
            "address": item,
            "via": found[item],
            "action": _action(item, evidence),
            "because": _because(item, owner, evidence),
        }
        for item in sorted(found)
    ]


def _because(user: str, owner: Address, evidence: Evidence) -> list[Json]:
    """The differing fields of a user that are written in a Tool."""
    manifest = next((item for item in evidence.loaded.written if str(item.address) == user), None)
    desired = next((item for item in evidence.loaded.desired if str(item.address) == user), None)
    if manifest is None or desired is None or not compiled_into(str(owner)):
        return []
    origins = Origins(evidence.loaded, manifest, desired)
    paths = [
        field["path"] for change in evidence.plan["changes"] if change["address"] == user for field in change["fields"]
    ]
    return [path for path in paths if origins.of(tuple(path))["tool"] == str(owner)]
