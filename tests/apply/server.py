"""A server that misbehaves: the emulator behind rules that answer in its place or change what it says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from reconciler.apply import Conclusion
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.emulator import Emulator, Request, Response, Switches
from reconciler.model.errors import Stop
from tests.acceptance.world import Applied, World

Before = Callable[[Request], Response | None]
After = Callable[[Request, Response], Response]


@dataclass
class Server:
    """The emulator as the tool sees it; what tests do behind the tool's back is not meddled with."""

    real: Emulator
    before: list[Before] = field(default_factory=list)
    after: list[After] = field(default_factory=list)

    def handle(self, request: Request) -> Response:
        """Answer one request, or misbehave."""
        if "sk-other" in request.headers.get("authorization", ""):
            return self.real.handle(request)
        for early in self.before:
            answer = early(request)
            if answer is not None:
                return answer
        response = self.real.handle(request)
        for late in self.after:
            response = late(request, response)
        return response


def world_and_server(root: Path, *, profile: str = "openai", switches: Switches | None = None) -> tuple[World, Server]:
    """An empty world whose account can be made to misbehave."""
    world = World.new(root, profile=profile, switches=switches)
    server = Server(world.emulator)
    world.emulator = cast("Emulator", server)
    return world, server


def say(status: int, body: Any) -> Response:
    """An answer in JSON."""
    return Response(status, json.dumps(body).encode(), {"content-type": "application/json"})


def refuse(status: int, message: str = "no", code: str = "nope") -> Response:
    """An error in OpenAI's format."""
    return say(status, {"error": {"message": message, "type": "invalid_request_error", "code": code, "param": None}})


def changed(response: Response, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Response:
    """The same answer with other JSON; `change` may work in place."""
    body = json.loads(response.body)
    return replace(response, body=json.dumps(change(body) or body).encode())


def is_write(request: Request, *parts: str) -> bool:
    """Whether a request changes something at a path that holds all parts, in order."""
    return request.method != "GET" and _holds(request.path, parts)


def is_read(request: Request, *parts: str) -> bool:
    """Whether a request reads at a path that holds all parts, in order."""
    return request.method == "GET" and _holds(request.path, parts)


def _holds(path: str, parts: Iterable[str]) -> bool:
    for part in parts:
        _, found, path = path.partition(part)
        if not found:
            return False
    return True


def times(count: int, rule: Before) -> Before:
    """A rule that answers so often, and then never again."""
    left = [count]

    def limited(request: Request) -> Response | None:
        answer = rule(request) if left[0] else None
        left[0] -= answer is not None
        return answer

    return limited


def ending(world: World, **options: Any) -> Applied:
    """How an apply ends, also when it stops without a summary."""
    try:
        return world.apply(**options)
    except Stop as stop:
        return Applied(int(stop.code), [{"event": "stop", "summary": stop.summary, "detail": stop.detail}], [])


def interrupted_after(world: World, seconds: float) -> tuple[Conclusion, list[dict[str, Any]]]:
    """How an apply ends that is interrupted after so many seconds, and its events."""
    session, _ = world.session()

    async def work() -> tuple[Conclusion, list[dict[str, Any]]]:
        prepared = await prepare(session)
        conclusion = Conclusion()
        interrupt = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, interrupt.set)
        events = [event.to_json() async for event in carry_out(session, prepared, conclusion, interrupt=interrupt)]
        return conclusion, events

    return world.time.run(work)


def text_of(applied: Applied) -> str:
    """Everything that was said."""
    return json.dumps(applied.events)


def anchors_of(world: World) -> list[dict[str, Any]]:
    """The stores that hold the stack's record."""
    stores = world.api("GET", "/vector_stores?limit=100")["data"]
    return [store for store in stores if store["name"].startswith("reconciler anchor")]


def state_of(world: World) -> str:
    """The run state that the anchor holds."""
    return next(
        str(store["metadata"]["reconciler.anchor"])
        for store in anchors_of(world)
        if "reconciler.anchor" in store["metadata"]
    )


def files_of(world: World) -> list[str]:
    """The ids of all uploaded Files."""
    return [item["id"] for item in world.everything().values() if item["object"] == "file"]
