"""What the answers to faults are made of: error bodies, pages that lie, the page of a network's login."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from reconciler.emulator.errors import ApiError
from reconciler.emulator.paging import envelope
from reconciler.emulator.storage import dump

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.emulator.wire import Response

WITHOUT_BODY = frozenset({204, 304})
"""The statuses whose answers have none."""
_DATE = re.compile(r"date([+-][0-9]{1,9}(?:\.[0-9]+)?)")
SIGN_IN_PAGE = b"<!doctype html>\n<title>Sign in</title>\n<p>Please sign in to use this network.</p>\n"
"""What a network says that wants a login first."""
_ERRORS: Mapping[int, tuple[str, str | None]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "missing_scope"),
    429: ("requests", "rate_limit_exceeded"),
    503: ("server_error", "server_is_overloaded"),
}


def refusal(status: int, code: str, headers: Mapping[str, str], *, now: float) -> ApiError:
    """The error with a status; an empty code stands for the status's own, `date+5` in a header for a date."""
    others = ("server_error", "server_error") if status >= 500 else ("invalid_request_error", None)
    kind, usual = _ERRORS.get(status, others)
    sent = {name.lower(): _header(value, now) for name, value in headers.items()}
    message = f"The emulator was told to answer {status}."
    return ApiError(status, message, kind=kind, code=code or usual, headers=sent)


def _header(value: str, now: float) -> str:
    shifted = _DATE.fullmatch(value)
    return formatdate(now + float(shifted[1]), usegmt=True) if shifted else value


def with_page(response: Response, choose: Callable[[list[Any]], list[Any]], *, keep_empty: bool = False) -> Response:
    """Choose among the objects of a page and say that there are more; an answer that is no page stays."""
    page = json.loads(response.body) if response.status == 200 else {}
    if "has_more" not in page or (keep_empty and not page["data"]):
        return response
    shown = envelope(choose(page["data"]), has_more=True)
    return replace(response, body=dump({**page, **shown}).encode())


def first_file(body: bytes) -> str | None:
    """The File that an attachment names first; None if the body is not one."""
    try:
        sent = json.loads(body)
        first = (sent.get("files") or [sent])[0]
        return str(first.get("file_id") or first["file_ids"][0])
    except (ValueError, TypeError, AttributeError, LookupError):
        return None
