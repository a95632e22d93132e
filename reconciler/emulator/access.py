"""Who may ask: beta headers, keys and projects. Keys are not real; words in them choose what to rehearse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.emulator.errors import ApiError, bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOREIGN = ("other", "mismatch")


def require_beta(headers: Mapping[str, str], token: str) -> None:
    """Refuse a request without its `OpenAI-Beta` token."""
    sent = [item.strip() for item in headers.get("openai-beta", "").split(",")]
    if token and token not in sent:
        message = f"You must provide the 'OpenAI-Beta' header to access this API: 'OpenAI-Beta: {token}'."
        raise ApiError(400, message, kind="invalid_beta", code="invalid_beta")


def authenticate(headers: Mapping[str, str], *, writes: bool) -> None:
    """Accept any key, except those with `wrong` or `revoked` in them, and `readonly` ones for writes."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        message = "You didn't provide an API key. Provide it in an Authorization header: 'Authorization: Bearer KEY'."
        raise ApiError(401, message, code="invalid_api_key")
    if "wrong" in key or "revoked" in key:
        raise ApiError(401, f"Incorrect API key provided: {_masked(key)}.", code="invalid_api_key")
    for scope in ("organization", "project"):
        if any(word in headers.get(f"openai-{scope}", "") for word in _FOREIGN):
            message = f"OpenAI-{scope.title()} header should match {scope} for API key"
            raise ApiError(401, message, code=f"mismatched_{scope}")
    if writes and "readonly" in key:
        message = "You have insufficient permissions for this operation. Missing scopes: api.write."
        raise ApiError(403, message, code="missing_scope")


def _masked(key: str) -> str:
    return f"{key[:3]}***{key[-2:]}" if len(key) > 8 else "***"


def require_text(*values: str) -> None:
    """Refuse text that is not Unicode (lone surrogates), which nothing further on could store."""
    for value in values:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise bad_request("The request contains text that is not valid Unicode.") from error
