"""What the tool has to refuse, as documented, until a person has decided; and what that person does.

Decided by an onlooker, from the account and the tree alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from reconciler.model.errors import Exit
from tests.simulation.designs import Design, Piece, Shelf, addresses
from tests.simulation.history import Role
from tests.simulation.invariants.deletes import users
from tests.simulation.onlooker import Thing, View
from tests.simulation.stage import Stage, Start
from tests.simulation.truth import KINDS

_COLLECTIONS = {"vector_store": "vector_stores", "agent": "agents", "assistant": "assistants", "release": "skills"}


Resolve = Callable[[Stage, Design], Awaitable[Design]]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason to refuse, the exit code, and how a person gets it out of the way."""

    name: str
    exit: Exit
    resolve: Resolve = field(repr=False, compare=False)


def obstacles(view: View, design: Design) -> list[Obstacle]:
    """Why an apply (or a destroy) has to be refused now; the first group that there is hides the others."""
    for group in (_anchor(view), _twins(view, design), _adoptions(view, design), _protected(view, design)):
        if group:
            return group
    return []


# --- the anchor -------------------------------------------------------------------------------------------------------


def _anchor(view: View) -> list[Obstacle]:
    if not view.anchors() and view.ours():
        return [Obstacle("a lost anchor", Exit.DENIED, _restore)]
    if any(anchor.inventory for anchor in view.anchors()[1:]):
        return [Obstacle("two anchors that name objects", Exit.REFUSED, _drop_younger)]
    return []


async def _restore(stage: Stage, design: Design) -> Design:
    """`reconciler recover`, for the lineage that people remember; of two that say that they are one, a person keeps one."""
    tidy(stage)
    if not stage.view().ours():
        return design
    carried = {thing.tags.lineage for thing in stage.view().ours() if thing.tags is not None}
    known = [anchor.lineage for write in stage.history.writes for anchor in write.before.anchors()]
    start = Start(lineage=[lineage for lineage in known if lineage in carried][-1])
    process = await stage.run(Role.RECOVER, design, start)
    if process.exit is Exit.REFUSED:
        seen: set[tuple[str, str]] = set()
        for thing in sorted((thing for thing in stage.view().ours() if thing.published), key=_age):
            if thing.place in seen:
                _delete(stage, thing)
            seen.add(thing.place)
        process = await stage.run(Role.RECOVER, design, start)
    if process.exit is not Exit.DONE:
        stage.history.trouble.append((6, f"{process.name} exits {process.exit!r}: {process.said[-3:]}"))
    return design


async def _drop_younger(stage: Stage, design: Design) -> Design:
    for anchor in stage.view().anchors()[1:]:
        stage.person("deletes an anchor", "DELETE", f"/vector_stores/{anchor.ids[0]}")
        for thing in stage.view().ours():
            if thing.tags is not None and thing.tags.lineage == anchor.lineage:
                _delete(stage, thing)
    return design


def _delete(stage: Stage, thing: Thing) -> None:
    stage.person("decides", "DELETE", f"/{_COLLECTIONS[thing.kind]}/{thing.id}")


# --- two that say that they are one -----------------------------------------------------------------------------------


def _twins(view: View, design: Design) -> list[Obstacle]:
    places = {thing.place for thing in view.mine() if thing.confirmed}
    found = [here for here in (_standing(view, piece) for piece in design.pieces) if len(here) > 1]
    met = {thing.id for here in found for thing in here}
    for place in sorted(places):
        here = [thing for thing in view.mine() if thing.place == place and thing.confirmed and thing.id not in met]
        if len(here) > 1:
            found.append(sorted(here, key=_age))
    return [
        Obstacle(f"twins {[thing.id for thing in here]}", Exit.REFUSED, _remove(tuple(thing.id for thing in here[1:])))
        for here in found
    ]


def _age(thing: Thing) -> tuple[int, str]:
    return thing.doc["created_at"], thing.id


def _standing(view: View, piece: Piece) -> list[Thing]:
    """The confirmed objects at the address of a resource, oldest first; under its old name if there are none."""
    form, kind = ("VectorStore", "vector_store") if isinstance(piece, Shelf) else ("Assistant", KINDS[piece.runtime])
    for name in (piece.name, piece.moved_from):
        at = [thing for thing in view.mine() if thing.place == (kind, f"{form}/{name}")]
        if at:
            ready = [thing for thing in at if thing.confirmed]
            return sorted(ready, key=_age)
    return []


def tidy(stage: Stage) -> None:
    """Whoever moved a copy in takes it away again: without an anchor its tags would be taken for ours."""
    view = stage.view()
    lineages = {anchor.lineage for write in stage.history.writes for anchor in write.after.anchors()}
    for thing in view.ours():
        if thing.tags is not None and thing.tags.lineage not in lineages:
            _delete(stage, thing)


def _remove(ids: tuple[str, ...]) -> Resolve:
    async def resolve(stage: Stage, design: Design) -> Design:
        for thing in stage.view().ours():
            if thing.id in ids:
                _delete(stage, thing)
        return design

    return resolve


# --- protection -------------------------------------------------------------------------------------------------------


def _protected(view: View, design: Design) -> list[Obstacle]:
    """What carries the flag may not go; and what is to carry it may not be replaced."""
    flags = {entry.id: entry.protect for anchor in view.anchors()[:1] for entry in anchor.inventory}
    wanted = () if design.destroyed else design.pieces
    kept = {(_kind(piece), one) for piece in wanted for one in _looked_at(view, piece)}
    found = []
    going = set()
    for thing in view.mine():
        protect = (
            flags.get(thing.id, False) if thing.kind == "release" else thing.tags is not None and thing.tags.protect
        )
        if protect and _confirmed(thing) and thing.place not in kept and not _used_by_held(view, thing, design):
            going.add(thing.place)
    if going:
        return [Obstacle(f"the protected {sorted(going)}", Exit.REFUSED, _unprotect(frozenset(going)))]
    for piece in wanted:
        here = [thing for thing in view.mine() if thing.place[1] in addresses(piece) and _confirmed(thing)]
        replaced = [thing for thing in here if thing.kind != _kind(piece) or thing.doc.get("expired")]
        if (
            piece.protect
            and replaced
            and not (_standing(view, piece) and not _standing(view, piece)[0].doc.get("expired"))
        ):
            found.append(Obstacle(f"the protected {piece.name}, to be replaced", Exit.REFUSED, _expose))
    return found


def _looked_at(view: View, piece: Piece) -> list[str]:
    """The addresses where a resource is looked for: under its old name, too, if there is nothing under the new one."""
    new, *old = addresses(piece)
    there = any(thing.place == (_kind(piece), new) for thing in view.mine())
    replaced = [thing.place[1] for thing in view.mine() if thing.tags is not None and thing.tags.retiring]
    return [new, *(one for one in old if not there or one in replaced)]


def _used_by_held(view: View, thing: Thing, design: Design) -> bool:
    """What a release uses that was rolled back does not go yet."""
    held = view.held()
    return not design.destroyed and any(user.id in held for user in users(thing.id, view))


def _confirmed(thing: Thing) -> bool:
    return thing.tags is not None and thing.tags.state == "ready"


async def _expose(stage: Stage, design: Design) -> Design:
    """Nothing is protected any more."""
    del stage
    for piece in design.pieces:
        design = design.with_piece(replace(piece, protect=False))
    return design


def _kind(piece: Piece) -> str:
    return "vector_store" if isinstance(piece, Shelf) else KINDS[piece.runtime]


def _unprotect(places: frozenset[tuple[str, str]]) -> Resolve:
    """As the refusal says: the manifests are put back, without the flag, and applied."""

    async def resolve(stage: Stage, design: Design) -> Design:
        kept = Design() if design.destroyed else design
        for place in sorted(places):
            piece = _last_piece(stage, place)
            if piece is None:
                continue
            old = next((item for item in kept.pieces if item.moved_from == piece.name), None)
            if old is not None:
                moved = place[1] in _looked_at(stage.view(), old)
                kept = kept.without(old) if moved else kept.with_piece(replace(old, moved_from=None))
            kept = kept.with_piece(replace(piece, moved_from=None, adopt=None))
        kept = await _expose(stage, kept)
        shelves = {shelf.name for shelf in kept.shelves}
        for helper in kept.helpers:
            kept = kept.with_piece(replace(helper, shelves=tuple(name for name in helper.shelves if name in shelves)))
        await stage.run(Role.APPLY, kept)
        return await _expose(stage, design)

    return resolve


def _last_piece(stage: Stage, place: tuple[str, str]) -> Piece | None:
    """The manifest as it last was."""
    for process in reversed(stage.history.processes):
        for piece in process.design.pieces:
            if _kind(piece) == place[0] and addresses(piece)[0] == place[1]:
                return piece
    return None


# --- adoption ---------------------------------------------------------------------------------------------------------


def _adoptions(view: View, design: Design) -> list[Obstacle]:
    found = []
    for piece in () if design.destroyed else design.pieces:
        if piece.adopt is None or _standing(view, piece) or _pending(view, piece):
            continue
        thing = view.thing(piece.adopt)
        useless = thing is None or thing.kind != _kind(piece) or bool(thing.doc.get("expired"))
        if thing is None or useless or thing.tags is not None:
            found.append(Obstacle(f"{piece.adopt} cannot be adopted", Exit.REFUSED, _give_up(piece.name)))
    return found


def _pending(view: View, piece: Piece) -> bool:
    return any(thing.place[1] in addresses(piece) and not thing.published for thing in view.mine())


def _give_up(name: str) -> Resolve:
    async def resolve(stage: Stage, design: Design) -> Design:
        del stage
        for piece in design.pieces:
            if piece.name == name:
                design = design.with_piece(replace(piece, adopt=None))
        return design

    return resolve
