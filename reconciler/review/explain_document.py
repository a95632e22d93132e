"""One document of a resource: what is wanted, what is attached, and in what they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.kinds import KINDS
from reconciler.model.address import Address, position
from reconciler.model.desired import Desired, Document
from reconciler.model.json import Json
from reconciler.model.observed import Attachment, Observed
from reconciler.planning.documents import settled

Body = Mapping[str, Any]


def explain_document(
    address: Address, desired: Desired | None, changes: Sequence[Body], live: Observed | None
) -> dict[str, Json]:
    """`{path, actions, wanted, live}`; `live` is null where it was not listed.

    `actions` are `{action, reason, code, sha256}`; a plan of an older version, and what is only removed, have no code.
    """
    path = str(address.path)
    wanted = next((item for item in desired.documents if item.path == path), None) if desired is not None else None
    attached = None if live is None or live.documents is None else live.documents
    return {
        "path": path,
        "actions": [
            {
                "action": name,
                "reason": entry.get("reason", ""),
                "code": entry.get("code"),
                "sha256": entry["sha256"],
            }
            for change in changes
            for name, entries in (change.get("files") or {}).items()
            for entry in entries
            if entry["path"] == path
        ],
        "wanted": _wanted(wanted) if wanted is not None else None,
        "live": None
        if attached is None
        else [_attached(item) for item in attached if path in {item.path, item.file_id}],
        "differs": list(_differences(wanted, attached, live)),
    }


def _wanted(document: Document) -> dict[str, Json]:
    return {
        "file": document.file,
        "name": document.name,
        "bytes": document.bytes,
        "sha256": document.sha256,
        "attributes": _sorted(document.attributes),
        "chunking": dict(document.chunking) if document.chunking is not None else None,
        "source": position(document.span),
    }


def _attached(item: Attachment) -> dict[str, Json]:
    return {
        "file_id": item.file_id,
        "name": item.name,
        "sha256": item.sha256,
        "attributes": _sorted(item.attributes),
        "chunking": dict(item.chunking) if item.chunking is not None else None,
        "status": item.status,
        "error": item.error,
        "ours": item.path is not None,
    }


_ASPECTS = {"content": "sha256", "name": "name", "chunking": "chunking", "attributes": "attributes"}


def _differences(
    wanted: Document | None, attached: Sequence[Attachment] | None, live: Observed | None
) -> Iterator[dict[str, Json]]:
    """`{what, wanted, live}` for everything in which the live file that counts is not the document.

    A kind says only the first difference, so it is asked about documents that differ in one thing each.
    """
    if wanted is None or not attached or live is None:
        return
    current = settled((wanted,), tuple(attached)).get(wanted.path)
    kind = KINDS[live.kind].documents
    if current is None or kind is None:
        return
    there = replace(current, status="completed")
    like = replace(
        wanted,
        sha256=current.sha256 or "",
        name=current.name or wanted.name,
        chunking=current.chunking,
        attributes={key: value for key, value in current.attributes.items() if isinstance(value, str | int | float)},
    )
    for what, name in list(_ASPECTS.items())[: None if current.sha256 else 1]:  # without a digest it is another file
        if kind.difference(replace(like, **{name: getattr(wanted, name)}), there) is not None:
            yield {"what": what, "wanted": _plain(getattr(wanted, name)), "live": _plain(getattr(current, name))}
    if current.status not in {"completed", "in_progress"}:
        yield {"what": "processing", "wanted": "completed", "live": current.error or current.status}


def _plain(value: Json) -> Json:
    return _sorted(value) if isinstance(value, Mapping) else value


def _sorted(value: Mapping[str, Json]) -> dict[str, Json]:
    return {key: value[key] for key in sorted(value)}
