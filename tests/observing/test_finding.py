"""Looking at an account that hides or invents things: nothing is taken for absent or ours too easily."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import Request, Response
from reconciler.model.errors import Exit
from tests.apply.server import changed, is_read
from tests.observing.accounts import helper, hide, stopped


def test_what_a_list_hides_is_asked_for_by_id(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    hide(server, *(world.id_of(address) for address in ("Assistant/helper", "Assistant/writer", "VectorStore/docs")))
    assert world.steps() == []


def test_another_object_than_the_one_asked_for_is_not_taken_for_absence(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    live = world.id_of("Assistant/writer")
    hide(server, live)
    other = {"id": "../../x"}
    server.after.append(lambda r, a: changed(a, lambda b: b | other) if r.path.endswith(f"/agents/{live}") else a)
    stop = stopped(world)
    assert (stop.code, "another object" in stop.summary) == (Exit.UNAVAILABLE, True)


@pytest.mark.parametrize("fields", [{"metadata": "x"}, {"metadata": None}, {"metadata": [1]}, {"description": 7}])
def test_wrong_types_make_an_object_somebody_elses(tmp_path: Path, fields: dict[str, object]) -> None:
    world, server = helper(tmp_path)

    def spoil(request: Request, response: Response) -> Response:
        def show(body: dict[str, Any]) -> None:
            for item in body.get("data", [body]):
                item.update(fields)

        about = is_read(request, "/agents") or is_read(request, "/skills")
        return changed(response, show) if about and b"{" in response.body[:1] else response

    server.after.append(spoil)
    assert isinstance(world.steps(), list)
