"""Every request as one line: what was asked, how it ended, how long it took. Never a body, never a header."""

from __future__ import annotations

import json
from collections.abc import Callable

from reconciler.account.port import Account, Call, Failure, Reply


class Logged:
    """An account that says what is sent to it."""

    def __init__(self, account: Account, say: Callable[[str], None], *, as_json: bool) -> None:
        self._account = account
        self._say = say
        self._as_json = as_json

    async def send(self, call: Call) -> Reply:
        """Send one call, and say so."""
        try:
            reply = await self._account.send(call)
        except Failure as failure:
            self._log(call, str(failure.status or failure.kind.value), None, failure.request_id)
            raise
        self._log(call, str(reply.status), reply.seconds, reply.headers.get("x-request-id"))
        return reply

    def _log(self, call: Call, result: str, seconds: float | None, request: str | None) -> None:
        fields = {"method": call.method, "path": call.path, "result": result, "seconds": seconds, "request": request}
        if self._as_json:
            self._say(json.dumps({"event": "request", **fields}))
        else:
            took = "" if seconds is None else f" {seconds * 1000:.0f} ms"
            self._say(f"{call.method} {call.path} → {result}{took}")
