"""What is put on top of a life that was drawn: fields that are left alone, runs of one resource, refusals that last.

It is drawn apart from the rest, so that a life with it is the life without it, as far as the two can be alike.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from reconciler.emulator.faults import Effect, Fault
from reconciler.model.address import Address
from tests.simulation.designs import Design, Shelf, addresses
from tests.simulation.history import Role
from tests.simulation.people import DRIFTS, Deed
from tests.simulation.play import Episode, Life
from tests.simulation.stage import Start

_SHELF = ("name", "files")
_HELPER = ("instructions", "labels")
_LISTS = r"GET /(skills|agents|assistants)"
_READS = r"GET /(skills|agents|assistants|vector_stores|files)/.*"
_DELETES = (r"DELETE /files/.*", r"DELETE /vector_stores/[^/]+", r"DELETE /(skills|agents|assistants)/.*")
_WRITES = (r"POST /files", r"POST /vector_stores/[^/]+/files", r"POST /(skills|agents|assistants)(/.*)?")
LASTING: tuple[tuple[str, tuple[int, ...]], ...] = (
    (_LISTS, (403, 404, 500)),
    *((rf"[A-Z]+ /{name}(/.*)?", (404,)) for name in ("skills", "agents", "assistants")),
    (r"GET /vector_stores/[^/]+/files", (403, 500)),
    (r"GET /skills/.*", (403, 500)),
    (_READS, (403, 500)),
    *((pattern, (400, 403, 500)) for pattern in (*_DELETES, *_WRITES)),
)
"""What may be refused during a whole run, and with which status."""


def extended(life: Life, random: Random) -> Life:
    """The life with more in it."""
    ignored = {
        directory: tuple(name for name in names if random.random() < 0.6) if random.random() < 0.5 else ()
        for directory, names in _directories(life).items()
    }
    episodes = []
    final = life.final
    for episode in life.episodes:
        chosen = ignored if random.random() < 0.85 else {}
        last = episode.design == life.final
        episodes.append(_episode(episode, chosen, random))
        final = episodes[-1].design if last else final
    return replace(life, episodes=tuple(episodes), final=final)


def _directories(life: Life) -> dict[str, tuple[str, ...]]:
    pieces = {piece for episode in life.episodes for piece in episode.design.pieces}
    pieces |= {piece for episode in life.episodes if episode.rival for piece in episode.rival.design.pieces}
    found = {piece.directory: _SHELF if isinstance(piece, Shelf) else _HELPER for piece in pieces}
    return dict(sorted(found.items()))


def _episode(episode: Episode, ignored: dict[str, tuple[str, ...]], random: Random) -> Episode:
    design = _leaving(episode.design, ignored)
    rival = episode.rival
    if rival is not None:
        rival = replace(rival, design=_leaving(rival.design, ignored))
    return replace(episode, design=design, rival=rival, start=_start(episode, random))


def _leaving(design: Design, ignored: dict[str, tuple[str, ...]]) -> Design:
    for piece in design.pieces:
        design = design.with_piece(replace(piece, ignore=ignored.get(piece.directory, ())))
    return design


def _start(episode: Episode, random: Random) -> Start:
    start = episode.start
    if episode.role is Role.APPLY and not episode.saved and episode.design.pieces and random.random() < 0.2:
        start = replace(start, only=frozenset({Address.parse(addresses(random.choice(episode.design.pieces))[0])}))
    if random.random() < 0.25:
        pattern, statuses = random.choice(LASTING)
        start = replace(start, struck=((pattern, Fault(Effect.STATUS, status=random.choice(statuses))),))
    if random.random() < 0.4:
        deed = Deed(random.choice(DRIFTS), random.randrange(12))
        start = replace(start, deeds={**start.deeds, random.randint(1, 30): (deed,)})
    return start
