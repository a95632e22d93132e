"""What can go wrong between a client and its account, on request: each kind of fault as one row of a table.

The account behind it stays truthful. A fault changes what one client gets to see of one request, or what becomes of
that request; which requests it happens to is decided by whoever is asked, the rules of a file (`fault_rules`) or a
simulation's weather. Where nothing is to go wrong, this costs a function call.
"""

from __future__ import annotations

import heapq
import itertools
import re
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from reconciler.emulator.errors import ApiError, not_found
from reconciler.emulator.fault_answers import SIGN_IN_PAGE, WITHOUT_BODY, first_file, refusal, with_page
from reconciler.emulator.paging import no_cursor
from reconciler.emulator.settings import Conditions
from reconciler.emulator.wire import Lost, Request, Response, endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.emulator.machine import Emulator

__all__ = ["Effect", "Fault", "Faulty", "Lost", "applies", "possible"]


class Effect(Enum):
    """What happens; the value is the word of the rules file. *Executed* means that the account acted.

    An effect that makes no sense for a request (STALE for a POST) leaves it alone; `applies` tells.
    """

    LOST = "lost"
    """Executed; then the connection closes without an answer."""
    DROPPED = "dropped"
    """Not executed; the connection closes without an answer."""
    LATE = "late"
    """The connection closes without an answer; executed `seconds` later, before the first request after that time."""
    TWICE = "twice"
    """Executed twice, as by a proxy that retries; the answer is that of the second time. Writes only."""
    TRUNCATED = "truncated"
    """Executed; the connection closes in the middle of the body, which Content-Length announced whole."""
    HTML = "html"
    """200 with a web page; executed unless `executed` is False."""
    REDIRECT = "redirect"
    """307 to the same path on another host; not executed."""
    STATUS = "status"
    """`status` (500) with an error body in OpenAI's format, `code` and `headers`; executed only if `executed`."""
    DELAY = "delay"
    """Executed at once; the answer arrives `seconds` later."""
    STALE = "stale"
    """A list (read truthfully otherwise) that lacks every object which is younger than `seconds`."""
    SHORT = "short"
    """A page with half of its objects, which says that there are more; an empty one stays as it is."""
    EMPTY = "empty"
    """A page without objects, which says that there are more."""
    REPEATED = "repeated"
    """The first page, whatever `after` says; it says that there are more."""
    CURSOR_GONE = "cursor_gone"
    """`status` (404) to a page after a cursor, as if the cursor's object had just been deleted."""
    GHOST = "ghost"
    """Executed; what the DELETE removed stays visible, in lists and by id, for `seconds`. Writes to it meet a 404."""
    ATTACH_404 = "attach_404"
    """404 "Cannot find file …" to an attachment, as for a File that was uploaded just now; not executed."""
    SLOW = "slow"
    """Executed; the files that this request attaches stay in progress for `seconds`."""
    FAILING = "failing"
    """Executed; the files that this request attaches end failed, with `code` (server_error)."""
    FROZEN = "frozen"
    """Executed; the files that this request attaches stay in progress for ever."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. A `status` of None and an empty `code` stand for the effect's own, `executed` of None likewise.

    In `headers` a value like `date+5` or `date-5` becomes the HTTP date so many seconds from now.
    """

    effect: Effect
    seconds: float = 0.0
    status: int | None = None
    code: str = ""
    executed: bool | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Faulty:
    """An emulator that misbehaves as it is told; `handle` raises Lost where the connection goes.

    choose: sees every request once, in order, and names the fault that happens to it. clock: the emulator's, in
    seconds since 1970. Requests that are to be executed late are forgotten when this object is.
    """

    def __init__(
        self, emulator: Emulator, choose: Callable[[Request], Fault | None], *, clock: Callable[[], float]
    ) -> None:
        self._emulator = emulator
        self._choose = choose
        self._clock = clock
        self._late: list[tuple[float, int, Request]] = []
        self._order = itertools.count()
        self._haunted_until = float("-inf")

    def handle(self, request: Request) -> Response:
        """Answer one request, or raise Lost."""
        if self._late:
            self.catch_up()
        fault = self._choose(request)
        if fault is None or not applies(fault.effect, request):
            return self._execute(request)
        return self._BEHAVIOUR[fault.effect](self, request, fault)

    @property
    def outstanding(self) -> int:
        """How many requests are still to be executed late."""
        return len(self._late)

    @property
    def haunted(self) -> bool:
        """Whether something that was deleted may still be shown."""
        return self._clock() < self._haunted_until

    def catch_up(self) -> None:
        """Execute the late requests whose time has come, at their time; `handle` does so by itself."""
        while self._late and self._late[0][0] <= self._clock():
            due, _, request = heapq.heappop(self._late)
            self._emulator.handle(request, Conditions(now=due))

    def _execute(self, request: Request, **switches: Any) -> Response:
        """Hand a request over, with switches of its own if there are any."""
        if not switches and not self.haunted:
            return self._emulator.handle(request)
        changed = replace(self._emulator.switches, **switches) if switches else None
        return self._emulator.handle(request, Conditions(changed, ghosts=self.haunted))

    # --- one behaviour per effect ---

    def _be_lost(self, request: Request, _fault: Fault) -> Response:
        self._execute(request)
        raise Lost("the connection closed without an answer")

    def _be_dropped(self, _request: Request, _fault: Fault) -> Response:
        raise Lost("the connection closed without an answer")

    def _be_late(self, request: Request, fault: Fault) -> Response:
        heapq.heappush(self._late, (self._clock() + fault.seconds, next(self._order), request))
        raise Lost("the connection closed without an answer")

    def _be_twice(self, request: Request, _fault: Fault) -> Response:
        self._execute(request)
        return self._execute(request)

    def _be_truncated(self, request: Request, _fault: Fault) -> Response:
        response = self._execute(request)
        headers = {**response.headers, "content-length": str(max(len(response.body), 1))}
        return replace(response, body=response.body[: len(response.body) // 2], headers=headers)

    def _be_html(self, request: Request, fault: Fault) -> Response:
        if fault.executed is not False:
            self._execute(request)
        return Response(200, SIGN_IN_PAGE, {"content-type": "text/html; charset=utf-8"})

    def _be_redirected(self, request: Request, _fault: Fault) -> Response:
        return Response(307, b"", {"location": f"https://elsewhere.invalid{request.path}"})

    def _be_refused(self, request: Request, fault: Fault) -> Response:
        if fault.executed:
            self._execute(request)
        status = 500 if fault.status is None else fault.status
        error = refusal(status, fault.code, fault.headers, now=self._clock())
        response = self._emulator.refuse(error)
        return replace(response, body=b"") if status in WITHOUT_BODY else response

    def _be_delayed(self, request: Request, fault: Fault) -> Response:
        return replace(self._execute(request), delay=fault.seconds)

    def _be_stale(self, request: Request, fault: Fault) -> Response:
        return self._execute(request, list_lag=max(fault.seconds, self._emulator.switches.list_lag))

    def _be_short(self, request: Request, _fault: Fault) -> Response:
        return with_page(self._execute(request), lambda page: page[: (len(page) + 1) // 2], keep_empty=True)

    def _be_empty(self, request: Request, _fault: Fault) -> Response:
        return with_page(self._execute(request), lambda _: [])

    def _be_repeated(self, request: Request, _fault: Fault) -> Response:
        first = tuple(pair for pair in request.query if pair[0] not in _CURSORS)
        return with_page(self._execute(replace(request, query=first)), lambda page: page)

    def _be_without_cursor(self, request: Request, fault: Fault) -> Response:
        cursor = dict(request.query)["after"]
        agents = endpoint(request.path) == "/agents"
        error = not_found("Agent", cursor) if agents else no_cursor(cursor, "after")
        error.status = fault.status or 404
        return self._emulator.refuse(error)

    def _be_haunted(self, request: Request, fault: Fault) -> Response:
        self._haunted_until = max(self._haunted_until, self._clock() + fault.seconds)
        return self._emulator.handle(request, Conditions(ghost_seconds=fault.seconds))

    def _be_unattachable(self, request: Request, _fault: Fault) -> Response:
        file_id = first_file(request.body)
        if file_id is None:
            return self._execute(request)
        message = f"Cannot find file {file_id} or project does not have access to it"
        return self._emulator.refuse(ApiError(404, message, code="not_found"))

    def _be_slow(self, request: Request, fault: Fault) -> Response:
        return self._execute(request, processing_seconds=fault.seconds)

    def _be_failing(self, request: Request, fault: Fault) -> Response:
        return self._execute(request, failing=fault.code or "server_error")

    def _be_frozen(self, request: Request, _fault: Fault) -> Response:
        return self._execute(request, processing_seconds=float("inf"))

    _BEHAVIOUR: ClassVar[Mapping[Effect, Callable[[Faulty, Request, Fault], Response]]] = {
        Effect.LOST: _be_lost,
        Effect.DROPPED: _be_dropped,
        Effect.LATE: _be_late,
        Effect.TWICE: _be_twice,
        Effect.TRUNCATED: _be_truncated,
        Effect.HTML: _be_html,
        Effect.REDIRECT: _be_redirected,
        Effect.STATUS: _be_refused,
        Effect.DELAY: _be_delayed,
        Effect.STALE: _be_stale,
        Effect.SHORT: _be_short,
        Effect.EMPTY: _be_empty,
        Effect.REPEATED: _be_repeated,
        Effect.CURSOR_GONE: _be_without_cursor,
        Effect.GHOST: _be_haunted,
        Effect.ATTACH_404: _be_unattachable,
        Effect.SLOW: _be_slow,
        Effect.FAILING: _be_failing,
        Effect.FROZEN: _be_frozen,
    }


_CURSORS = ("after", "before")
_LISTS = re.compile(
    r"/(?:vector_stores|files|skills|agents|assistants)"
    r"|/vector_stores/[^/]+/(?:files|file_batches/[^/]+/files)|/skills/[^/]+/versions"
)
_ATTACHING = re.compile(r"/vector_stores/[^/]+/(?:files|file_batches)")
_ANYWHERE = re.compile(r".*", re.DOTALL)
_POSSIBLE: Mapping[Effect, tuple[tuple[str, ...], re.Pattern[str], str]] = {
    Effect.TWICE: (("POST", "DELETE"), _ANYWHERE, "writes (POST and DELETE)"),
    Effect.GHOST: (("DELETE",), _ANYWHERE, "DELETE"),
    **dict.fromkeys(
        (Effect.STALE, Effect.SHORT, Effect.EMPTY, Effect.REPEATED, Effect.CURSOR_GONE),
        (("GET",), _LISTS, "lists (GET)"),
    ),
    **dict.fromkeys(
        (Effect.ATTACH_404, Effect.SLOW, Effect.FAILING, Effect.FROZEN),
        (("POST",), _ATTACHING, "POST /vector_stores/*/files and POST /vector_stores/*/file_batches"),
    ),
}
"""Methods, paths, and both in words; the other effects can happen anywhere."""


def applies(effect: Effect, request: Request) -> bool:
    """Whether an effect can happen to a request."""
    if effect is Effect.CURSOR_GONE and not any(name == "after" for name, _ in request.query):
        return False
    return possible(effect, request.method, endpoint(request.path))


def possible(effect: Effect, method: str, path: str) -> bool:
    """Whether an effect can happen at an endpoint, whose path is given without `/v1`."""
    methods, paths, _ = _POSSIBLE.get(effect, ((method,), _ANYWHERE, ""))
    return method in methods and paths.fullmatch(path) is not None


def happens_to(effect: Effect) -> str:
    """Where an effect that cannot happen everywhere is possible, in words."""
    return _POSSIBLE[effect][2]
