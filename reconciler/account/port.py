"""What the engine knows of the account: one method that sends one call, and how calls end.

The engine never sees the SDK. It hands over a `Call` and gets a `Reply` with raw JSON, or a `Failure` whose `execution`
says whether the server may have acted. That classification is the ground of the whole protocol: a create that may have
been executed is looked for, never simply sent again (docs/guarantees.md).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, BinaryIO, Protocol


class Execution(StrEnum):
    """What is known of a call that did not end well."""

    NOT_EXECUTED = "not_executed"
    AMBIGUOUS = "ambiguous"


class FailureKind(StrEnum):
    """Why a call failed, as far as the engine must tell apart."""

    NOT_FOUND = "not_found"
    REFUSED = "refused"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    QUOTA = "quota"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    CONFLICT = "conflict"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    MALFORMED = "malformed"


BUSY = frozenset({FailureKind.RATE_LIMITED, FailureKind.OVERLOADED, FailureKind.UNREACHABLE, FailureKind.TIMEOUT})
"""Why a request was not executed that could be executed a moment later."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a multipart body. `open` gives a fresh binary handle; `size` is in bytes."""

    field: str
    filename: str
    open: Callable[[], AbstractContextManager[BinaryIO]]
    size: int
    content_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Call:
    """One request: `path` is below the base URL (`/vector_stores`), `beta` the value of the `OpenAI-Beta` header.

    Either `json` (None: no body) or multipart (`form` fields and `uploads`). `timeout` is in seconds. `binary` asks for
    the raw body instead of JSON. `once`: never sent again by itself, even if it was surely not executed.
    `urgent`: does not queue behind other calls. `parting`: leaves although the service asked for a longer wait than
    anybody has. `guard` is asked right before the call leaves, and may raise.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    json: Any = None
    form: tuple[tuple[str, str], ...] = ()
    uploads: tuple[Upload, ...] = ()
    beta: str | None = None
    timeout: float = 60.0
    binary: bool = False
    once: bool = False
    urgent: bool = False
    parting: bool = False
    guard: Callable[[], Awaitable[None]] | None = field(default=None, compare=False, repr=False)

    @property
    def reads(self) -> bool:
        """Whether the call cannot change anything."""
        return self.method == "GET"


@dataclass(frozen=True, slots=True)
class Reply:
    """A valid answer: `data` is the decoded JSON object, `content` the body of a `binary` call.

    `date` is the server's clock (epoch seconds, from the Date header) or None; `seconds` how long the call took.
    """

    status: int
    data: Mapping[str, Any]
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    date: float | None = None
    seconds: float = 0.0


class Failure(Exception):  # noqa: N818 - a call that failed, not a bug
    """A call that did not end in a valid answer.

    `status` is None when there was no response. `message` is the server's own text, untrusted: escape before printing;
    `summary` is the same with the call, the status and the request's id. `retry_after` is in seconds, `date` is
    the server's clock as in Reply. The original exception is the cause; it is never printed.
    """

    def __init__(
        self,
        call: Call,
        *,
        execution: Execution,
        kind: FailureKind,
        message: str,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        date: float | None = None,
    ) -> None:
        super().__init__(message)
        self.call = call
        self.execution = execution
        self.kind = kind
        self.message = message
        self.status = status
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.request_id = request_id
        self.date = date

    def __str__(self) -> str:
        return self.summary

    @property
    def summary(self) -> str:
        """The call, what was answered, and the request's id: each once, also where the message names some of it.

        It ends without a full stop, to stand inside a sentence.
        """
        named, status = self.call.path in self.message, self.status or 0
        said = status < 400 or any(f"{word} {status}" in self.message for word in ("HTTP", "answered"))
        if named:
            what = self.message if said else f"HTTP {status}: {self.message}"
        else:
            answered = "" if said else f" answered {status}"
            what = f"{self.call.method} {self.call.path}{answered}: {self.message}"
        param = f" ({self.param})" if self.param and self.param not in self.message else ""
        request = f" (request {self.request_id})" if self.request_id and self.request_id not in self.message else ""
        return f"{what.removesuffix('.')}{param}{request}"

    @property
    def ambiguous(self) -> bool:
        """Whether the server may have acted."""
        return self.execution is Execution.AMBIGUOUS


class Account(Protocol):
    """An account that can be talked to. Implementations never retry by themselves and never follow redirects."""

    async def send(self, call: Call) -> Reply:
        """Send one call once; raises Failure."""
        ...


class Clock(Protocol):
    """Time as an argument: the simulation has its own."""

    def now(self) -> float:
        """Epoch seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed point, never going back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
