"""What a person chose to leave alone stays as it is: other resources with `--only`, drift with `ignore_changes`."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.designs import EDITED, LABELS, OTHER_TEAM, Helper, Piece, Shelf, addresses
from tests.simulation.history import History, Process, Write
from tests.simulation.invariants.account import too_late
from tests.simulation.invariants.violation import Violation
from tests.simulation.onlooker import ATTACHMENT, RESOURCES, Change, Thing, View, parse


def only_the_chosen(history: History) -> Iterator[Violation]:
    """Invariant 10: a run with `--only` changes what it names and what that searches, and ends nothing that was confirmed."""
    for write in history.writes:
        if write.sent is None or not write.sent.process.only:
            continue
        process = write.sent.process
        chosen = _chosen(process)
        for change in write.changes:
            view = write.after if change.before is None else write.before
            thing = view.thing(change.id) if change.kind in RESOURCES else view.thing(change.key[1])
            if thing is None or not thing.ours:
                continue
            if thing.place[1] not in chosen:
                what = f"{process.name} changes {thing.id} ({thing.place[1]}), and --only names {sorted(chosen)}"
                yield Violation(10, what, write.number)
            if change.id == thing.id and change.after is None and thing.published:
                yield Violation(10, f"{process.name} deletes {thing.id} in spite of --only", write.number)


def _chosen(process: Process) -> set[str]:
    named = {str(address) for address in process.only}
    for helper in process.design.helpers:
        if addresses(helper)[0] in named:
            named |= {f"VectorStore/{name}" for name in helper.shelves}
    return {one for piece in process.design.pieces if addresses(piece)[0] in named for one in addresses(piece)}


def left_alone(history: History) -> Iterator[Violation]:
    """Invariant 3: what a person wrote into a field that is left alone stays, while the manifest says what it said.

    Of releases a version has all fields, so that the next one has them as the manifest says, as the plan shows.
    """
    for write in history.writes:
        if write.sent is None or too_late(history, write):
            continue
        process = write.sent.process
        if not any(piece.ignore for piece in process.design.pieces):
            continue
        before = history.first_write(process).before
        for change in write.changes:
            for thing, field in _undone(change, write, before):
                piece = _always_said(history, process, thing, field)
                if piece is not None:
                    what = f"{process.name}: {write.sent.name} undoes {field} of {thing.id}, which {piece.name} ignores"
                    yield Violation(3, what, write.number)


def _undone(change: Change, write: Write, before: View) -> Iterator[tuple[Thing, str]]:
    """What a write made as it was before a person changed it, if the process found it changed."""
    thing = before.thing(change.id) if change.kind in RESOURCES else before.thing(change.key[1])
    if thing is None or not thing.published or thing.kind == "release":
        return
    if change.kind in RESOURCES and change.before is not None and change.after is not None:
        for field in ("name", "instructions", "labels"):
            if _drifted(thing.doc, field) and not _drifted(parse(change.after), field):
                yield thing, field
    if change.kind == ATTACHMENT and change.before is None and thing.tags is not None:
        there = {one.path for one in before.attached(thing.id) if one.path}
        new = next((one.path for one in write.after.attached(thing.id) if one.file == change.id), None)
        if new is not None and new not in there and thing.tags.files:
            yield thing, "files"


def _drifted(doc: object, field: str) -> bool:
    assert isinstance(doc, dict)
    if field == "labels":
        metadata = doc.get("metadata") or {}
        return all(metadata.get(key) == OTHER_TEAM for key in LABELS)
    return bool(doc.get(field) == EDITED)


def _always_said(history: History, process: Process, thing: Thing, field: str) -> Piece | None:
    """The manifest of an object, if it has said the same of a field, and to leave it alone, since the life began."""
    found: Piece | None = None
    for other in history.processes[: process.number]:
        piece = next((item for item in other.design.pieces if thing.place[1] in addresses(item)), None)
        if other.design.destroyed or (other is process and piece is None):
            return None
        if piece is None:
            continue
        same = found is None or _says(found, field) == _says(piece, field)
        if field not in piece.ignore or piece.adopt or piece.moved_from or not same:
            return None
        found = piece
    return found


def _says(piece: Piece, field: str) -> object:
    if isinstance(piece, Shelf):
        return (piece.papers, piece.audience) if field == "files" else piece.title
    assert isinstance(piece, Helper)
    return piece.prompt if field == "instructions" else 0
