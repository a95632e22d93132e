"""Reads a list to its end, or says that it cannot be read.

Lists are evidence: an address that is missing from one may be created, an object that is in one may be deleted. So a
page that contradicts itself or an earlier one is never taken for the end of the list (openai 3.54 does), nor asked for
until the end of time. A list that changed under the reader is read again, at most three times in all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from reconciler.account.outcomes import UNEXPECTED, failure
from reconciler.account.port import Account, Call, Execution, Failure, FailureKind
from reconciler.model.json import ID_PATTERN

RESTARTS = 3
"""How often an inconsistent list is read anew."""

OBJECT_LIMIT = 200_000
"""The longest list that is read: twenty stores of 10,000 documents; about 200 MB of memory."""

PAGE_LIMIT = 10_000
"""The most pages of one list, for servers that answer one object a page."""


class _Inconsistent(Exception):  # noqa: N818 - a reason to read the list again
    """A page that contradicts itself or an earlier one."""


async def list_all(
    account: Account,
    path: str,
    *,
    query: Iterable[tuple[str, str]] = (),
    limit: int = 100,
    order: Literal["asc", "desc"] | None = None,
    most: int | None = None,
    beta: str | None = None,
    timeout: float = 60.0,  # noqa: ASYNC109 - of each request, as Call has it
) -> list[dict[str, Any]]:
    """Every object of a list, in the server's order; each has an id that may stand in a URL.

    `limit` is the page size, `timeout` in seconds per page; `most` ends the reading once so many objects were seen, for
    who looks for something among the first. Raises Failure; MALFORMED if the list cannot be trusted.
    """
    fixed = (*query, ("limit", str(limit)), *((("order", order),) if order else ()))
    first = Call("GET", path, query=fixed, beta=beta, timeout=timeout)
    reason = ""
    for _ in range(1 + RESTARTS):
        try:
            return await _read(account, first, most)
        except _Inconsistent as error:
            reason = str(error)
    raise _malformed(first, f"the list {path} cannot be read to its end: {reason} (tried {1 + RESTARTS} times)")


async def _read(account: Account, first: Call, most: int | None) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    call = first
    for _ in range(PAGE_LIMIT):
        page, more = _page(call, await _send(account, call))
        for item in page:
            identity = _identity(call, item)
            if identity in found:
                raise _Inconsistent(f"the server gave {identity} twice; it may not understand `after`")
            found[identity] = item
        if not more or (most is not None and len(found) >= most):
            return list(found.values())
        if not page:
            raise _Inconsistent("an empty page says that there is more")
        if len(found) > OBJECT_LIMIT:
            break
        call = Call(
            "GET", first.path, (*first.query, ("after", next(reversed(found)))), beta=first.beta, timeout=first.timeout
        )
    raise _malformed(
        first, f"the list {first.path} has no end within {OBJECT_LIMIT:,} objects and {PAGE_LIMIT:,} pages"
    )


async def _send(account: Account, call: Call) -> Mapping[str, Any]:
    try:
        return (await account.send(call)).data
    except Failure as error:
        if error.kind in (FailureKind.REFUSED, FailureKind.NOT_FOUND) and call.query[-1][0] == "after":
            raise _Inconsistent(f"the object at a page's end went away meanwhile ({error.message})") from error
        raise


def _page(call: Call, data: Mapping[str, Any]) -> tuple[list[Any], bool]:
    """The objects of a page, and whether it says that there are more."""
    kind, items, more = data.get("object"), data.get("data"), data.get("has_more")
    if kind != "list":
        raise _malformed(call, f"the answer of {call.path} is no list: `object` is {_shown(kind)}")
    if not isinstance(items, list):
        raise _malformed(call, f"the answer of {call.path} is no list: `data` is {_shown(items)}")
    if not isinstance(more, bool):
        message = f"the list {call.path} does not say whether it is complete: `has_more` is {_shown(more)}"
        raise _malformed(call, message)
    return items, more


def _identity(call: Call, item: object) -> str:
    identity = item.get("id") if isinstance(item, dict) else None
    if not isinstance(identity, str) or not ID_PATTERN.fullmatch(identity):
        raise _malformed(call, f"the list {call.path} holds an object without a usable id: {_shown(identity)}")
    return identity


def _shown(value: object) -> str:
    """A value in a message: short, and only what is sure to be harmless."""
    if value is None or isinstance(value, bool | int):
        return str(value).lower() if value is not None else "missing"
    return repr(value)[:60] if isinstance(value, str) else f"a {type(value).__name__}"


def _malformed(call: Call, message: str) -> Failure:
    return failure(call, execution=Execution.NOT_EXECUTED, kind=FailureKind.MALFORMED, message=message, code=UNEXPECTED)
