"""Attributes of documents that stay: changed in place, and seen to be."""

from __future__ import annotations

from pathlib import Path

from reconciler.emulator import Request
from reconciler.model.errors import Exit
from tests.apply.documents.test_sequence import three
from tests.apply.server import (
    is_write,
    refuse,
    text_of,
    times,
)


def test_attributes_that_cannot_be_changed_are_the_matter_of_one_document(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    assert world.settled()
    world.store("docs", {}, files=[{"glob": "docs/**/*.md", "attributes": {"audience": "staff"}}])
    server.before.append(
        lambda request: refuse(400, "no") if is_write(request, "/files/") and b"docs/b.md" in request.body else None
    )
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "1 of 3 documents failed" in text_of(applied)
    server.before.clear()
    assert world.settled()


def test_a_lost_answer_to_a_change_of_attributes_is_read_back(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    assert world.settled()
    world.store("docs", {}, files=[{"glob": "docs/**/*.md", "attributes": {"audience": "staff"}}])

    def about(name: bytes, request: Request) -> bool:
        return is_write(request, "/files/") and name in request.body

    lost = times(1, lambda request: server.real.handle(request) and refuse(500) if about(b"a.md", request) else None)
    server.before += [lost, times(9, lambda request: refuse(500) if about(b"c.md", request) else None)]
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    server.before.clear()
    assert world.settled()
