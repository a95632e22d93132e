"""What the account looks like, after every write and at rest (invariants 2, 3, 5 and 15)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.emulator.faults import Effect
from reconciler.model.errors import Exit
from reconciler.model.plan import Verb
from reconciler.ownership import anchor as anchors
from reconciler.ownership import tags as tagging
from tests.simulation.designs import LABELS, addresses
from tests.simulation.history import Actor, History, Process, Role, Sent, Write
from tests.simulation.invariants.violation import Violation
from tests.simulation.onlooker import ATTACHMENT, RESOURCES, STACK, Change, Thing, View, parse

# --- 2: one object per address ----------------------------------------------------------------------------------------


def one_object(history: History) -> Iterator[Violation]:
    """Invariant 2: at rest always; and at every moment as long as nothing is later than the settle window."""
    bounded = history.delay <= history.settle and not any(_made_twice(sent) for sent in history.sent)
    people = _made_by_people(history)
    for write in history.writes:
        if bounded and write.actor is Actor.PROCESS and any(change.before is None for change in write.changes):
            yield from _doubles(write.after, people, write.number, "for a moment")
    last = history.final
    if last is not None:
        yield from _doubles(last, frozenset(), history.now, "at rest")
        attached = Counter((one.store, one.path) for one in last.attached() if one.path is not None)
        stores = {thing.id for thing in last.mine()}
        for (store, path), count in sorted(attached.items()):
            if count > 1 and store in stores:
                yield Violation(2, f"{path} is attached to {store} {count} times at rest", history.now)
        ids = [anchor.ids[0] for anchor in last.anchors() if anchor.inventory]
        if len(ids) > 1:
            yield Violation(2, f"there are several anchors at rest: {ids}", history.now)


def _made_twice(sent: Sent) -> bool:
    """A proxy that sends a creation twice makes two objects, whatever anybody does."""
    return sent.fault == Effect.TWICE.value and sent.call.method == "POST"


def _made_by_people(history: History) -> frozenset[str]:
    return frozenset(
        change.id
        for write in history.writes
        if write.actor is Actor.PERSON
        for change in write.changes
        if change.before is None
    )


def _doubles(view: View, apart: frozenset[str], number: int, when: str) -> Iterator[Violation]:
    there: dict[tuple[str, str], list[str]] = {}
    for thing in view.mine():
        if thing.tags is None or thing.tags.retiring or thing.id in apart or thing.doc.get("expired"):
            continue  # what expired before anybody confirmed it is of no use, and goes when its successor is there
        there.setdefault(thing.place, []).append(thing.id)
    for place, ids in sorted(there.items()):
        if len(ids) > 1:
            yield Violation(2, f"{when} {place[1]} is {ids}", number)


# --- 3: nothing lost --------------------------------------------------------------------------------------------------


def nothing_lost(history: History) -> Iterator[Violation]:
    """Invariant 3: what a process changes was ours at that moment, or was taken from us after it last looked.

    What was sent while it was ours, and arrives later than W, may meet what was let go meanwhile.
    """
    made: set[str] = set()
    lineages: set[str] = set()
    for write in history.writes:
        lineages |= {anchor.lineage for anchor in write.before.anchors()}
        if write.sent is None:
            continue
        for change in write.changes:
            if change.before is None:
                made.add(change.id)
                continue
            if only_active(change):
                continue
            lost = _pairs(change.before) - _pairs(change.after) if change.after is not None else set()
            foreign = not _was_ours(change, write, write.sent, made, lineages) and not too_late(history, write)
            if (lost or foreign) and not _robbed(history, change, write, write.sent):
                what = f"loses {sorted(lost)} of {change.id}" if lost else f"changes {change.key}"
                yield Violation(3, f"{write.sent.process.name}: {write.sent.name} {what}", write.number)


def _was_ours(change: Change, write: Write, sent: Sent, made: set[str], lineages: set[str]) -> bool:
    kind, parent, object_id = change.key
    if kind == "file":
        return object_id in made
    if kind == ATTACHMENT:
        return _attachment_was_ours(change, write, sent, made)
    if kind not in RESOURCES:
        whole = write.before.thing(parent)
        tagged = (whole is not None and whole.ours) or (kind == "skill_version" and _has_line(parent, write.before))
        return tagged or parent in made or object_id in made or _adopted(sent.process, parent)
    thing = write.before.thing(object_id)
    if thing is None:
        return False
    tagged = thing.ours and thing.tags is not None and thing.tags.lineage in lineages
    if tagged or anchors.is_part(thing.doc.get("metadata"), STACK) is not None:
        return True
    return _adopted(sent.process, object_id) or (kind == "skill" and _has_line(object_id, write.before))


def only_active(change: Change) -> bool:
    """Whether an object only shows that something was done to it, or to its files."""
    if change.kind not in {"vector_store", "agent"} or change.before is None or change.after is None:
        return False
    before, after = parse(change.before), parse(change.after)
    return all(before[key] == after[key] for key in before if key not in {"last_active_at", "updated_at"})


def _pairs(row: str) -> set[str]:
    """The metadata keys of an object that are neither our tags nor what the tree asks for."""
    metadata = parse(row).get("metadata") if row.startswith("{") else None
    return {key for key in tagging.user_pairs(metadata) if key not in LABELS}


def _attachment_was_ours(change: Change, write: Write, sent: Sent, made: set[str]) -> bool:
    """Tagged as ours; or it went along with its store, or with its File, which was ours."""
    _, store, file_id = change.key
    tagged = any(one.path is not None for one in write.before.attached(store) if one.file == file_id)
    thing = write.before.thing(store)
    if tagged and (file_id in made or (thing is not None and (thing.ours or _adopted(sent.process, store)))):
        return True
    went_along = write.path in {f"/vector_stores/{store}", f"/files/{file_id}"}
    return went_along and (file_id in made or (thing is not None and thing.ours))


def _adopted(process: Process, object_id: str) -> bool:
    steps = process.prepared.plan.steps if process.prepared else ()
    return any(step.verb is Verb.ADOPT and step.observed and step.observed.id == object_id for step in steps)


def _has_line(skill: str, view: View) -> bool:
    """A skill is ours by any version of ours: the default one may be somebody else's."""
    lines = (parse(text).get("description") for key, text in view.rows.items() if key[:2] == ("skill_version", skill))
    return any(tags is not None and tags.stack == STACK for tags in map(tagging.decode_line, lines))


def _robbed(history: History, change: Change, write: Write, sent: Sent) -> bool:
    """Whether a person changed it after the process last heard of it: that nobody can notice."""
    ids = {change.id, change.key[1]} - {""}
    heard = [
        other.number
        for other in sent.process.sent
        if other.heard is not None and other.heard < sent.number and other.call.path.rpartition("/")[2] in ids
    ]
    last = max(heard, default=0)
    return any(
        other.actor is Actor.PERSON
        and last < other.number < write.number
        and any(ids & {one.id, one.key[1]} for one in other.changes)
        for other in history.writes
    )


# --- 5: no gap --------------------------------------------------------------------------------------------------------


def no_gap(history: History) -> Iterator[Violation]:
    """Invariant 5: readers of a store always find the old or the new version of a document that stays."""
    late = hit_late(history)
    for write in history.writes:
        if write.sent is None or any(late & {*change.key} for change in write.changes):
            continue
        process = write.sent.process
        for store, path in sorted(_serving(write.before, write.at) - _serving(write.after, write.at)):
            stays = _stays(process, store, path, write.before) and _served(history, process, store, path)
            if stays and not _touched(history, write, store):
                yield Violation(5, f"{process.name}: {write.sent.name} leaves {store} without {path}", write.number)
        for change in write.changes:
            if change.kind == "vector_store" and change.after is not None:
                yield from _complete(change.id, write, process, history)


def hit_late(history: History) -> set[str]:
    """Ids of everything that a request changed which was executed after it had been given up, beyond the settle window."""
    late = (write for write in history.writes if too_late(history, write))
    return {part for write in late for change in write.changes for part in change.key[1:] if part}


def too_late(history: History, write: Write) -> bool:
    """Whether a request was executed after it had been given up, in a life where that may be later than W."""
    heard = write.sent.heard if write.sent is not None else None
    return history.delay > history.settle and heard is not None and write.number > heard


def ghosts(history: History, process: Process, *, since: int = 0) -> list[Thing]:
    """What answers to a process showed, after its request number `since`, although it had been deleted before."""
    gone: dict[str, tuple[int, Thing]] = {}
    for write in history.writes:
        for change in write.changes:
            thing = write.before.thing(change.id) if change.kind in RESOURCES and change.after is None else None
            if thing is not None:
                gone[thing.id] = write.number, thing
    shown = {item["id"]: sent.number for sent in process.sent if sent.number > since for item in items(sent)}
    return [thing for object_id, (number, thing) in gone.items() if shown.get(object_id, 0) > number]


def items(sent: Sent) -> list[Mapping[str, Any]]:
    """The objects of an answer: those of a list, or the one."""
    listed = (sent.data or {}).get("data")
    found = listed if isinstance(listed, list) else [sent.data or {}]
    return [item for item in found if isinstance(item, Mapping) and "id" in item]


def _serving(view: View, now: float) -> set[tuple[str, str]]:
    published = {thing.id for thing in view.things() if thing.published}
    return {(one.store, one.path) for one in view.attached() if one.path and one.store in published and one.serves(now)}


def _served(history: History, process: Process, store: str, path: str) -> bool:
    """Whether a process found the document there: what it attached as new, it may take away again if that failed.

    A store that it made, or published, itself has to keep all of its documents from then on.
    """
    first = history.first_write(process)
    thing = first.before.thing(store)
    return thing is None or not thing.published or (store, path) in _serving(first.before, first.at)


def _stays(process: Process, store: str, path: str, view: View) -> bool:
    """Whether the tree of a process wants the document, and its plan does not delete the store."""
    thing = view.thing(store)
    steps = process.prepared.plan.steps if process.prepared else ()
    leaves = (step for step in steps if step.verb is Verb.DELETE)
    if thing is None or any(item and item.id == store for step in leaves for item in (step.observed, *step.surplus)):
        return False
    names = {thing.place[1]}
    names |= {
        f"VectorStore/{shelf.name}" for shelf in process.design.shelves if f"VectorStore/{shelf.moved_from}" in names
    }
    shelves = [shelf for shelf in process.design.shelves if f"VectorStore/{shelf.name}" in names]
    return any(path == f"{shelf.directory}/{paper.path}" for shelf in shelves for paper in shelf.papers)


def _touched(history: History, write: Write, store: str) -> bool:
    """Whether somebody else changed the store while the process of a write was at work, before it."""
    process = write.sent.process if write.sent is not None else None
    return process is not None and any(
        process.started < other.number < write.number
        and (other.sent is None or other.sent.process is not process)
        and any(store in change.key for change in other.changes)
        for other in history.writes
    )


def _complete(store: str, write: Write, process: Process, history: History) -> Iterator[Violation]:
    """A store is published, and its tag speaks for a set of documents, when all of them serve."""
    thing, old = write.after.thing(store), write.before.thing(store)
    if thing is None or not thing.published or _touched(history, write, store):
        return
    serving = {path for owner, path in _serving(write.after, write.at) if owner == store}
    files = _files_tag(thing)
    drifted = files.count(":") == 1 and _leaves_files(process, thing)  # such a tag does not vouch for them
    if files and files != _files_tag(old) and str(len(serving)) != files.split(":")[0] and not drifted:
        yield Violation(
            5, f"{process.name} says that {store} has {files}, and it serves {sorted(serving)}", write.number
        )
    shelf = next((item for item in process.design.shelves if f"VectorStore/{item.name}" == thing.place[1]), None)
    if shelf is None or (old is not None and old.published):
        return
    missing = {f"{shelf.directory}/{paper.path}" for paper in shelf.papers} - serving
    if missing:
        yield Violation(5, f"{process.name} publishes {store} without {sorted(missing)}", write.number)


def _leaves_files(process: Process, thing: Thing) -> bool:
    return any(thing.place[1] in addresses(shelf) and "files" in shelf.ignore for shelf in process.design.shelves)


def _files_tag(thing: Thing | None) -> str:
    return thing.tags.files if thing is not None and thing.tags is not None else ""


# --- 15: orphans ------------------------------------------------------------------------------------------------------


def orphans(history: History) -> Iterator[Violation]:
    """Invariant 15: a File that nothing names was uploaded in doubt or by a process that died, or was taken away; gc lists it."""
    last = history.final
    if last is None:
        return
    left = _made_by_processes(history, last)
    listed, late = history.processes[-1].orphans, hit_late(history)
    for file_id in sorted(left.keys() - _named(last) - late):
        makers = left[file_id]
        if not any(_excused(sent, file_id) for sent in makers) and not _taken_away(history, file_id):
            what = f"{file_id} is left, which {makers[0].process.name} uploaded and nobody took away"
            yield Violation(15, what, history.now)
        if file_id not in listed and history.processes[-1].role is Role.GC:
            yield Violation(15, f"{file_id} is left, and gc does not list it", history.now)


def _made_by_processes(history: History, last: View) -> dict[str, list[Sent]]:
    found: dict[str, list[Sent]] = {}
    for write in history.writes:
        if write.sent is None:
            continue
        for change in write.changes:
            if change.kind == "file" and change.before is None and change.id in last.files():
                found.setdefault(change.id, []).append(write.sent)
    return found


def _excused(sent: Sent, file_id: str) -> bool:
    process = sent.process
    lost_the_stack = process.exit in {Exit.LOCKED, Exit.STALE} and process.stop is None
    as_if_dead = process.crashed or process.interrupted or lost_the_stack or _unwritten(process, file_id)
    return as_if_dead or sent.in_doubt or _made_twice(sent)


def _unwritten(process: Process, file_id: str) -> bool:
    """Whether a process could not write the stack's record at its end: not at all, or not what only the record says."""
    if process.exit is Exit.DONE or process.final is None:
        return False
    anchors = process.final.anchors()
    if any(anchor.busy and anchor.run for anchor in anchors):
        return True
    recorded = any(file_id in {*(one.id for one in anchor.inventory), *anchor.journal} for anchor in anchors)
    return file_id in _by_assistants(process.final) and not recorded


def _named(view: View) -> set[str]:
    """Every File that an attachment, an assistant or a release names."""
    found = {one.file for one in view.attached()}
    for thing in view.things():
        if thing.kind == "release":
            found |= view.released_files(thing)
    return found | _by_assistants(view)


def _by_assistants(view: View) -> set[str]:
    assistants = (thing.doc["tool_resources"] for thing in view.things() if thing.kind == "assistant")
    return {one for tools in assistants for one in tools.get("code_interpreter", {}).get("file_ids", [])}


def _taken_away(history: History, file_id: str) -> bool:
    """Whether time or a person removed what named it; or the anchor, which alone knew what it is.

    A write of another run that arrives late takes the anchor back to what it was before this one wrote; of the run's
    own writes only those do so that are later than the settle window.
    """
    bounded, writer = history.delay <= history.settle, None
    for write in history.writes:
        if write.sent is not None:
            process = write.sent.process
            strange = not bounded or writer is not process
            if strange and write.sent.in_doubt and _forgotten(write, file_id):
                return True
            writer = process if _on_record(write) else writer
            continue
        if file_id in _named(write.before) and file_id not in _named(write.after):
            return True
        if write.before.anchors() and not write.after.anchors():
            return True
    return False


def _on_record(write: Write) -> bool:
    ids = {one for view in (write.before, write.after) for anchor in view.anchors() for one in anchor.ids}
    return any(change.id in ids for change in write.changes)


def _forgotten(write: Write, file_id: str) -> bool:
    """Whether the record named a File before a write, and does not afterwards."""
    before, after = (
        {name for anchor in view.anchors() for name in (*(one.id for one in anchor.inventory), *anchor.journal)}
        for view in (write.before, write.after)
    )
    return file_id in before - after
