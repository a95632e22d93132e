"""What goes in and what comes out: HTTP without sockets, so that the account can be driven by plain calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. The path is percent-decoded, with or without the leading `/v1`; header names are lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response. `delay` is in seconds: whoever carries the response waits so long before it arrives.

    A `content-length` header above the body's length means that the connection closes in the middle of the body.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0

    @property
    def cut(self) -> bool:
        """Whether the body breaks off."""
        return "content-length" in self.headers and int(self.headers["content-length"]) > len(self.body)


def endpoint(path: str) -> str:
    """A request's path as the API's documentation writes it: without `/v1`, without a slash at its end."""
    return (path.removeprefix("/v1") if path.startswith("/v1/") else path).rstrip("/")


class Lost(Exception):  # noqa: N818 - an event on the wire, not a mistake
    """The connection is gone and nothing was answered; whether the request was executed is not to be seen."""


class Machine(Protocol):
    """Anything that answers requests as an account does; it raises Lost where the connection goes."""

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        ...
