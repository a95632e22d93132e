"""What is deleted (invariants 4 and 10): only what was shown and approved, and only when nothing needs it any more."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from reconciler.model.observed import Observed
from reconciler.model.plan import Action, Verb
from reconciler.ownership import anchor as anchors
from tests.simulation.designs import addresses
from tests.simulation.history import Actor, History, Process, Role, Write
from tests.simulation.invariants.account import ghosts, hit_late
from tests.simulation.invariants.violation import Violation
from tests.simulation.onlooker import RESOURCES, STACK, Thing, View

_DELETES = frozenset({Action.DELETE, Action.REPLACE, Action.FORGET})
_FILE = re.compile(r"/files/([^/]+)")


def published_ids(history: History) -> Iterator[Violation]:
    """Invariant 4. What was sent to an object and arrives later than W can take its tags back to what they were."""
    published: set[str] = set()
    late = hit_late(history)
    for write in history.writes:
        for change in write.changes:
            if change.kind not in RESOURCES:
                continue
            thing = write.after.thing(change.id)
            if thing is not None and thing.published:
                published.add(change.id)
            elif write.actor is Actor.PERSON and thing is not None and thing.ours:
                published.discard(change.id)  # made the version before its confirmation the current one again
            if thing is not None or change.id not in published - late or write.sent is None:
                continue
            if not _shown(write.sent.process, change.id) and not _retiring(history, write.sent.process, change.id):
                what = f"{write.sent.process.name} deletes {change.id}, which was an output; no plan showed that"
                yield Violation(4, what, write.number)


def _retiring(history: History, process: Process, object_id: str) -> bool:
    """Whether an earlier run had begun to replace an object: its plan showed that."""
    was = history.first_write(process).before.thing(object_id)
    return was is not None and was.tags is not None and bool(was.tags.retiring)


def _shown(process: Process, object_id: str) -> bool:
    """Whether the approved plan names the object as one to delete or replace."""
    if process.approval is not None:
        changes = process.approval.body["changes"]
        return any(item["id"] == object_id and item["action"] in {"delete", "replace"} for item in changes)
    changes = process.prepared.plan.changes if process.prepared else ()
    return any(change.id == object_id and change.action in _DELETES for change in changes)


def deletes(history: History) -> Iterator[Violation]:
    """Invariant 10."""
    for write in history.writes:
        if write.sent is None or write.method != "DELETE" or write.status >= 400:
            continue
        process = write.sent.process
        for change in write.changes:
            if change.kind in RESOURCES and change.after is None:
                thing = write.before.thing(change.id)
                if thing is not None:
                    for why in _object(thing, write, process, history):
                        yield Violation(10, f"{process.name} deletes {thing.id}, but {why}", write.number)
        match = _FILE.fullmatch(write.path)
        if match is not None:
            for why in _file(match[1], write, process, history):
                yield Violation(10, f"{process.name} deletes {match[1]}, but {why}", write.number)


def _object(thing: Thing, write: Write, process: Process, history: History) -> Iterator[str]:
    if anchors.is_part(thing.doc.get("metadata"), STACK) is not None:
        yield from _anchor(thing, write, process, history)
        return
    going = {item.id: item for item in _going(process)}
    if thing.id not in going and not _made_by(history, process, thing.id):
        yield "its plan does not say so"
    held = write.before.held()
    for user in users(thing.id, write.before):
        if thing.doc.get("expired") and user.id in held:
            continue  # an older release, rolled back to, names a store that nobody can search any more
        if user.published and user.id not in going and not _by_others(history, write, user.id):
            yield f"{user.id} ({user.place[1]}) still uses it"
    names = _names(process, thing.place[1])
    if thing.published and process.role is Role.APPLY and names:
        others = [one for one in write.before.ours() if one.id != thing.id and one.published and one.place[1] in names]
        if not (others or _person_took(history, write, names) or _shown_as_there(history, process, names)):
            yield f"nothing else stands for {thing.place[1]} yet"


def _anchor(thing: Thing, write: Write, process: Process, history: History) -> Iterator[str]:
    """The anchor goes last, or was made by this very run, which found another first apply.

    What it does not say any more, because an older write to it arrived later than W, nobody looks for.
    """
    if _made_by(history, process, thing.id):
        return
    if process.role is not Role.DESTROY:
        yield "it is the anchor"
    lineages = {anchor.lineage for anchor in write.before.anchors() if anchor.ids[0] == thing.id}
    left = [one.id for one in write.before.ours() if one.tags is not None and one.tags.lineage in lineages]
    if any(sent.name == "GET /assistants" and sent.status == 404 for sent in process.sent):
        left = [one for one in left if not one.startswith("asst_")]  # that API was shut down for good
    if left and process.role is Role.DESTROY and thing.id not in hit_late(history):
        yield f"{left} are still there"


def _shown_as_there(history: History, process: Process, names: Collection[str]) -> bool:
    """Whether a ghost stood for a resource."""
    return any(thing.place[1] in names for thing in ghosts(history, process))


def _going(process: Process) -> Iterator[Observed]:
    """The live objects that the plan deletes: by steps of their own, or as doubles that go with another step."""
    for step in process.prepared.plan.steps if process.prepared else ():
        if step.verb in {Verb.DELETE, Verb.FORGET} and step.observed is not None:
            yield step.observed
        yield from step.surplus


def _made_by(history: History, process: Process, object_id: str) -> bool:
    return any(
        write.sent is not None and write.sent.process is process and change.id == object_id and change.before is None
        for write in history.writes
        for change in write.changes
    )


def users(object_id: str, view: View) -> list[Thing]:
    """Who refers to a store or a File by its id."""
    found = []
    for thing in view.ours():
        if thing.kind == "release":
            release = view.release(thing)
            named = str(release["request"].get("tools")) if release else ""
        else:
            named = str(thing.doc.get("tool_resources"))
        if f"'{object_id}'" in named:
            found.append(thing)
    return found


def _names(process: Process, address: str) -> set[str]:
    """The addresses of the resource that is wanted under an address, the one that it moves away from among them."""
    return {one for piece in process.design.pieces if address in addresses(piece) for one in addresses(piece)}


def _by_others(history: History, write: Write, object_id: str) -> bool:
    """Whether somebody else changed an object while the process of a write was at work, before it."""
    process = write.sent.process if write.sent is not None else None
    return process is not None and any(
        process.started < other.number < write.number
        and (other.actor is Actor.PERSON or (other.sent is not None and other.sent.process is not process))
        and any(object_id in change.key for change in other.changes)
        for other in history.writes
    )


def _person_took(history: History, write: Write, names: Collection[str]) -> bool:
    """Whether a person took away what stood for a resource while the process of a write was at work."""
    process = write.sent.process if write.sent is not None else None
    return process is not None and any(
        other.actor is Actor.PERSON
        and process.started < other.number < write.number
        and any(thing.published and thing.place[1] in names for thing in _touched(other))
        for other in history.writes
    )


def _touched(write: Write) -> list[Thing]:
    found = (write.before.thing(change.id) for change in write.changes)
    return [thing for thing in found if thing is not None]


def _file(file_id: str, write: Write, process: Process, history: History) -> Iterator[str]:
    """A File goes when nothing reads it any more: neither a store that stays nor an assistant that stays."""
    going = {item.id for item in _going(process)}
    for one in write.before.attached():
        thing = write.before.thing(one.store)
        stays = thing is not None and thing.published and one.store not in going
        if (
            stays
            and one.file == file_id
            and one.path
            and one.serves(write.at)
            and not _by_others(history, write, one.store)
        ):
            yield f"it is still attached to {one.store}"
    for user in users(file_id, write.before):
        if user.published and user.id not in going and not _by_others(history, write, user.id):
            yield f"{user.id} ({user.place[1]}) still uses it"
