"""A list that cannot be read, or must not be believed, ends the look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit
from tests.acceptance.world import World
from tests.apply.server import changed, is_read, refuse
from tests.observing.accounts import helper, stopped


def test_a_collection_that_is_gone_is_not_an_empty_one(tmp_path: Path) -> None:
    world = World.new(tmp_path, switches=Switches(missing=frozenset({"skills"})))
    world.assistant("helper", model="gpt-6.1-terra")
    stop = stopped(world)
    assert (stop.code, "/skills answers 404" in stop.summary) == (Exit.UNAVAILABLE, True)


def test_a_failing_list_stops_the_plan(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    server.before.append(lambda request: refuse(403) if is_read(request, "/skills") else None)
    assert stopped(world).code is Exit.DENIED


@pytest.mark.parametrize("identity", ["../../files", "a" * 200, 7, None])
def test_an_impossible_id_in_a_list_stops_the_plan(tmp_path: Path, identity: object) -> None:
    world, server = helper(tmp_path)

    def spoil(request: Request, response: Response) -> Response:
        def show(body: dict[str, Any]) -> None:
            body["data"][0]["id"] = identity

        return changed(response, show) if request.path.endswith("/agents") else response

    server.after.append(spoil)
    assert stopped(world).code is Exit.UNAVAILABLE
