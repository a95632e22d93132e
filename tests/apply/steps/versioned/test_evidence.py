"""A release is written to only while it shows that it is ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.emulator import Request, Response
from reconciler.model.errors import Exit
from tests.apply.server import (
    changed,
    is_read,
    refuse,
)
from tests.apply.steps.versioned.test_releasing import helper, release


@pytest.mark.parametrize("way", ["gone", "changed hands"])
def test_a_release_that_shows_no_more_that_it_is_ours_is_left_alone(tmp_path: Path, way: str) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    release(world, "two")
    prepared = world.plan()
    skill = world.id_of("Assistant/helper")

    def rule(request: Request) -> Response | None:
        if way == "gone":
            return refuse(404, "gone") if is_read(request, f"/skills/{skill}") else None
        return refuse(404, "gone") if is_read(request, "/versions/2") and "content" not in request.path else None

    def strip(request: Request, response: Response) -> Response:
        whole = is_read(request, f"/skills/{skill}") and request.path.endswith(skill)
        return changed(response, lambda body: body | {"description": "mine"}) if whole and way != "gone" else response

    server.before.append(rule)
    server.after.append(strip)
    applied = world.apply(prepared=prepared)
    assert applied.exit == Exit.STALE
    assert not [write for write in applied.writes if skill in write]


def test_a_release_that_cannot_be_read_for_its_tag_fails(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    release(world, "two")
    prepared = world.plan()
    skill = world.id_of("Assistant/helper")
    server.before.append(lambda r: refuse(422) if is_read(r, "/versions/2") and "content" not in r.path else None)
    server.after.append(
        lambda r, a: (
            changed(a, lambda b: b | {"description": "x"}) if is_read(r, skill) and r.path.endswith(skill) else a
        )
    )
    assert world.apply(prepared=prepared).exit == Exit.INCOMPLETE
