"""Uploaded Files that an object names by their bare ids: what they are stands elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reconciler.account.objects import is_missing
from reconciler.account.port import Call, Failure
from reconciler.kinds.kind import DocumentKind, Kind
from reconciler.model.address import Address
from reconciler.model.observed import Attachment
from reconciler.observing.look import Look


async def recorded_files(
    look: Look, kind: Kind, address: Address, object_id: str, files: Sequence[str]
) -> tuple[Attachment, ...]:
    """The files of an object: the record knows what they are, unless it says that they are another one's."""
    names = look.all_names(kind, address, object_id)
    found = []
    for file_id in files:
        entry = look.recorded[file_id][-1] if file_id in look.recorded else None
        mine = entry is not None and entry.address.owner in names
        found.append(
            Attachment(file_id, entry.address.path, entry.version, None)
            if entry and mine
            else Attachment(file_id, None, None, None)
        )
    look.verified[object_id] = "full" if look.reads_fully(object_id) else "tag"
    return await checked(look, object_id, found)


async def checked(look: Look, object_id: str, files: Iterable[Attachment]) -> tuple[Attachment, ...]:
    """The files of an object; where it is read fully, those that the account does not have any more say so."""
    if not look.reads_fully(object_id):
        return tuple(files)
    return tuple([await _with_status(look, item) for item in files])


async def _with_status(look: Look, item: Attachment) -> Attachment:
    try:
        await look.account.send(Call("GET", f"{DocumentKind.uploads}/{item.file_id}"))
    except Failure as failure:
        if is_missing(failure):
            return replace(item, status="missing")
        raise
    return item
