"""A small stack that is applied, and an account that hides what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import Request, Response
from reconciler.model.errors import Stop
from tests.acceptance.world import World
from tests.apply.server import Server, changed, world_and_server


def helper(root: Path) -> tuple[World, Server]:
    world, server = world_and_server(root)
    world.store("docs", {"a.md": "# A\n"})
    world.assistant("helper", model="gpt-6.1-terra", tools=[{"type": "file_search", "vector_stores": ["docs"]}])
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    assert world.settled()
    return world, server


def stopped(world: World) -> Stop:
    with pytest.raises(Stop) as error:
        world.plan()
    return error.value


def hide(server: Server, *ids: str) -> None:
    """No list shows these objects."""

    def rule(request: Request, response: Response) -> Response:
        def without(body: dict[str, Any]) -> None:
            if isinstance(body.get("data"), list):
                body["data"] = [item for item in body["data"] if item["id"] not in ids]

        return changed(response, without) if request.method == "GET" and response.status == 200 else response

    server.after.append(rule)


def asked(server: Server, path: str) -> list[str]:
    """The requests at a path, as they come."""
    seen: list[str] = []
    server.before.append(lambda request: seen.append(request.path) if request.path.endswith(path) else None)
    return seen


def codes(world: World) -> list[str]:
    return [risk["code"] for risk in world.plan().body["risks"]]
