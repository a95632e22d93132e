"""Everything that can go wrong with documents, at random and all at once: no gap, no double, no File left but in doubt."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import cast

import pytest

from reconciler.apply.uploads import parts
from reconciler.apply.uploads import uploading as uploads
from reconciler.emulator import Emulator, Request
from reconciler.emulator.faults import Effect, Fault, Faulty
from tests.acceptance.world import World
from tests.apply.documents.test_processing import NAMES, Watch
from tests.apply.server import ending, files_of, world_and_server

EFFECTS = (
    *(Effect.LOST, Effect.DROPPED, Effect.LATE, Effect.TWICE, Effect.TRUNCATED, Effect.HTML, Effect.REDIRECT),
    *(Effect.STATUS, Effect.STATUS, Effect.DELAY, Effect.STALE, Effect.SHORT, Effect.EMPTY, Effect.REPEATED),
    *(Effect.GHOST, Effect.ATTACH_404, Effect.SLOW, Effect.FAILING, Effect.FROZEN),
)
DOCUMENTS = re.compile(r"/files\b|/uploads\b|/vector_stores/[^/]+/file")
IN_DOUBT = {Effect.LOST, Effect.LATE, Effect.TWICE, Effect.TRUNCATED, Effect.HTML, Effect.STATUS}
"""What may leave behind a File that nobody knows of, when it happens to an upload."""


class Storm:
    """One request in eight about documents goes wrong, in a way that the seed decides."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.blows = False
        self.doubtful = 0

    def __call__(self, request: Request) -> Fault | None:
        others = "sk-other" in request.headers.get("authorization", "")
        if not self.blows or others or not DOCUMENTS.match(request.path) or self.chance.random() > 0.12:
            return None
        effect = self.chance.choice(EFFECTS)
        upload = request.method == "POST" and request.path.endswith(("/files", "/complete"))
        self.doubtful += upload and "vector_stores" not in request.path and effect in IN_DOUBT
        return self._fault(effect)

    def _fault(self, effect: Effect) -> Fault:
        status = self.chance.choice((400, 404, 408, 409, 429, 500, 503)) if effect is Effect.STATUS else None
        seconds = self.chance.choice((30, 500, 590, 700) if effect is Effect.SLOW else (1, 10, 40, 55))
        code = self.chance.choice(("server_error", "invalid_file")) if effect is Effect.FAILING else ""
        executed = status in {408, 409, 500, 503} and self.chance.random() < 0.4
        return Fault(effect, seconds=seconds, status=status, code=code, executed=executed if status else None)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of the three documents are large, and have several parts."""
    monkeypatch.setattr(uploads, "LARGE_FROM", 24)
    monkeypatch.setattr(parts, "PART", 16)


def write(world: World, edition: int, audience: str | None = None) -> None:
    documents = {f"{name}.md": f"# {name} {edition}\n" + ("long " * 8 if name != "a" else "") for name in NAMES}
    entry = {"glob": "docs/**/*.md", **({"attributes": {"audience": audience}} if audience else {})}
    world.store("docs", documents, files=[entry])


@pytest.mark.sampled(4)
@pytest.mark.parametrize("seed", range(16))
def test_documents_get_through_a_storm(tmp_path: Path, seed: int) -> None:
    world, server = world_and_server(tmp_path)
    storm, watch = Storm(seed), Watch(server.real)
    server.real = cast("Emulator", Faulty(server.real, storm, clock=world.time.now))
    server.after.append(watch)
    write(world, 0)
    assert world.settled()
    watch.on = storm.blows = True
    for edition in (1, 2):
        write(world, edition, storm.chance.choice((None, "staff")))
        began = world.time.now()
        ending(world)
        assert world.time.now() - began < 2 * 600 + 600
    storm.blows = False
    world.time.base += storm.chance.choice((61, 700, 3000))
    assert 0 in (ending(world).exit, ending(world).exit)
    assert [world.steps() for _ in range(3)] == [[], [], []]
    assert watch.gaps == []
    assert len(files_of(world)) <= len(NAMES) + storm.doubtful
    store = world.id_of("VectorStore/docs")
    assert len(world.api("GET", f"/vector_stores/{store}/files")["data"]) == len(NAMES)
