"""Which stores are taken for a stack's record, and when a person has to look."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.errors import Exit
from tests.apply.server import anchors_of
from tests.observing.accounts import helper, hide, stopped


def test_a_hidden_anchor_is_no_first_apply(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    hide(server, anchors_of(world)[0]["id"])
    assert stopped(world).code is Exit.DENIED


def test_a_hidden_anchor_is_found_when_it_is_pinned(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    anchor = anchors_of(world)[0]["id"]
    other = world.id_of("VectorStore/docs")
    world.stack(account={"anchor": anchor})
    hide(server, anchor)
    assert world.steps() == []
    world.stack(account={"anchor": other})
    assert "belongs to another stack" in stopped(world).summary
    world.stack(account={"anchor": "vs_nothing"})
    assert stopped(world).code is Exit.DENIED


@pytest.mark.parametrize("state", ["", "idle;v=9"])
def test_an_anchor_that_was_spoiled_is_not_overwritten(tmp_path: Path, state: str) -> None:
    world, _ = helper(tmp_path)
    store = anchors_of(world)[0]
    metadata = {**store["metadata"], "reconciler.anchor": state}
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": metadata})
    assert "cannot be read" in stopped(world).summary


def test_two_anchors_that_name_objects_need_a_person(tmp_path: Path) -> None:
    world, _ = helper(tmp_path)
    metadata = {**anchors_of(world)[0]["metadata"], "reconciler.stack": f"acme#{'f' * 12}"}
    world.time.base += 10
    world.api("POST", "/vector_stores", {"name": "a copy", "metadata": metadata})
    assert stopped(world).code is Exit.REFUSED
