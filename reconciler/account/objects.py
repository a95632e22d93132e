"""Objects of the account by id: read, listed, told apart from what is not there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.account.bundles import BadBundle, unpack
from reconciler.account.paging import list_all
from reconciler.account.port import Account, Call, Execution, Failure, FailureKind
from reconciler.account.words import Meaning, says
from reconciler.kinds.kind import Kind, VersionedKind, document_kind_of
from reconciler.model.json import ID_PATTERN, Json
from reconciler.model.observed import Attachment
from reconciler.model.plan import MOST_SESSIONS

_VERSION = re.compile(r"\A[A-Za-z0-9_-]{1,20}\Z")


async def get_object(account: Account, kind: Kind, object_id: str) -> dict[str, Any] | None:
    """One object by id; None when it is not there."""
    if not ID_PATTERN.match(object_id):
        return None
    try:
        reply = await account.send(Call("GET", f"{kind.collection}/{object_id}", beta=kind.beta))
    except Failure as failure:
        if is_missing(failure):
            return None
        raise
    if reply.data.get("id") != object_id:
        message = f"GET {kind.collection}/{object_id} answered with another object"
        call = Call("GET", f"{kind.collection}/{object_id}")
        raise Failure(call, execution=Execution.NOT_EXECUTED, kind=FailureKind.MALFORMED, message=message)
    return dict(reply.data)


def is_id(value: Json) -> bool:
    """Whether a value out of an answer may go into a URL."""
    return isinstance(value, str) and ID_PATTERN.match(value) is not None


def is_missing(failure: Failure) -> bool:
    """Whether an answer says that there is no such object, by 404 or 410 or in words."""
    return failure.kind is FailureKind.NOT_FOUND or says(Meaning.MISSING, failure.message, status=failure.status)


async def count_sessions(account: Account, kind: Kind, object_id: str) -> int | None:
    """How many sessions use an object, at most `MOST_SESSIONS`: one request. None where the account does not say."""
    about = f"{kind.name}_id"
    query = ((about, object_id), ("limit", str(MOST_SESSIONS)))
    try:
        reply = await account.send(Call("GET", kind.sessions, query=query, beta=kind.beta))
    except Failure:
        return None
    listed = reply.data.get("data")
    if not isinstance(listed, list):
        return None
    return MOST_SESSIONS if reply.data.get("has_more") is True else min(len(listed), MOST_SESSIONS)


async def list_attachments(account: Account, kind: Kind, parent: str) -> tuple[Attachment, ...]:
    """Every file of one object, as its own list shows them."""
    document_kind = document_kind_of(kind)
    path = document_kind.collection.replace("{parent}", parent)
    items = await list_all(account, path, beta=document_kind.beta)
    return tuple(document_kind.read(item) for item in items)


def attachment_counts(raw: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """How many files an object says that it has, and how many of them are processed; None where it does not say."""
    counts = raw.get("file_counts")
    if not isinstance(counts, Mapping):
        return None, None
    total, completed = counts.get("total"), counts.get("completed")
    return total if isinstance(total, int) else None, completed if isinstance(completed, int) else None


async def read_version(account: Account, kind: VersionedKind, object_id: str, version: str) -> dict[str, Json] | None:
    """`{spec, labels, files}` of one version; None when it is not one of ours or not there."""
    if not ID_PATTERN.match(version):
        return None
    path = f"{kind.collection}/{object_id}/versions/{version}/content"
    try:
        reply = await account.send(Call("GET", path, beta=kind.beta, binary=True))
    except Failure as failure:
        if is_missing(failure):
            return None
        raise
    try:
        return kind.unbundle(unpack(reply.content))
    except BadBundle:
        return None


def version_of(raw: Mapping[str, Any], key: str = "version") -> str:
    """A version's number as text, or nothing if it is not one that may stand in a URL and in the inventory."""
    value = str(raw.get(key))
    return value if isinstance(raw.get(key), str | int) and _VERSION.match(value) else ""


def newer(version: str, other: str) -> bool:
    """Whether one version of an object was made after another."""
    return version.isdecimal() and other.isdecimal() and int(version) > int(other)
