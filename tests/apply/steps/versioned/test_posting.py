"""Posting a version: found when its answer is lost, and never believed to be ours without our tag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import Request, Response
from reconciler.model.errors import Exit
from tests.apply.server import (
    changed,
    is_write,
    refuse,
    text_of,
    times,
)
from tests.apply.steps.versioned.test_releasing import helper, release, versions


def test_a_version_whose_answer_is_lost_is_found_by_its_description(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    skill = world.id_of("Assistant/helper")
    before = len(versions(world, skill))
    release(world, "two")
    lost = times(1, lambda r: server.real.handle(r) and refuse(500) if is_write(r, "/skills/", "/versions") else None)
    server.before.append(lost)
    assert world.settled()
    assert len(versions(world, skill)) == before + 1


def test_versions_without_descriptions_leave_a_release_in_doubt_and_the_old_one_current(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    skill = world.id_of("Assistant/helper")
    current = world.api("GET", f"/skills/{skill}", beta="")["default_version"]
    release(world, "two")

    def bare(request: Request, response: Response) -> Response:
        def strip(body: dict[str, Any]) -> None:
            for item in body.get("data", [body]):
                item.pop("description", None)

        return changed(response, strip) if request.path.endswith("/versions") else response

    server.after.append(bare)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "does not carry our tag" in text_of(applied)
    assert world.api("GET", f"/skills/{skill}", beta="")["default_version"] == current
    server.after.clear()
    assert world.settled()


@pytest.mark.parametrize("number", ["../../files", "x" * 200, "", None, ["1"]])
def test_a_version_without_a_usable_number_is_in_doubt(tmp_path: Path, number: object) -> None:
    world, server = helper(tmp_path)
    assert world.settled()
    release(world, "two")

    def spoil(request: Request, response: Response) -> Response:
        posted = is_write(request, "/skills/", "/versions")
        return changed(response, lambda body: body | {"version": number}) if posted else response

    server.after.append(spoil)
    assert world.apply().exit == Exit.INCOMPLETE
    server.after.clear()
    assert world.settled()
