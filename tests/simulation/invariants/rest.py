"""How things end (invariants 6, 7 and 13)."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.errors import Exit
from reconciler.model.events import Outcome
from tests.simulation.history import Actor, History, Process, Role
from tests.simulation.invariants.account import ghosts, items, only_active, too_late
from tests.simulation.invariants.violation import Violation
from tests.simulation.onlooker import ATTACHMENT, View
from tests.simulation.truth import differences


def convergence(history: History) -> Iterator[Violation]:
    """Invariant 6: at rest every plan is empty, in every depth."""
    exchanged = _exchanged(history)
    for rest in history.rests:
        steps = [step for step in rest.steps if rest.refresh != "full" or step.removeprefix("update ") not in exchanged]
        if steps or rest.blocked:
            what = f"plan {rest.number} at rest ({rest.refresh}) is not empty: {[*steps, *rest.blocked]}"
            yield Violation(6, what, history.now)


def _exchanged(history: History) -> set[str]:
    """Stores in which people exchanged documents while a run was at work on them, right before it wrote its tag.

    The tag then speaks for the exchanged ones too, and only a full look sees them: a bound that the guarantees name.
    """
    found = set[str]()
    for process in history.processes:
        deeds: dict[str, set[bool]] = {}
        for write in history.writes:
            if write.actor is Actor.PERSON and process.started < write.number < (process.ended or history.now):
                for change in write.changes:
                    if change.kind == ATTACHMENT and None in (change.before, change.after):
                        deeds.setdefault(change.key[1], set()).add(change.before is None)
        both = {store for store, ways in deeds.items() if len(ways) > 1}
        for write in history.writes if both else ():
            found |= {thing.place[1] for thing in write.after.mine() if thing.id in both}
    return found


def determinism(history: History) -> Iterator[Violation]:
    """Invariant 13: the same account and the same tree give the same bytes."""
    texts: dict[str, str] = {}
    for rest in history.rests:
        first = texts.setdefault(rest.refresh, rest.text)
        if rest.text != first:
            yield Violation(13, f"plan {rest.number} at rest has other bytes than the one before it", history.now)


def truthful_exit(history: History) -> Iterator[Violation]:
    """Invariant 7: 0 means that the account is as the tree wants it, nobody has the stack, and nothing is in doubt."""
    for process in history.processes:
        if process.error:
            yield Violation(
                7, f"{process.name} ends with a traceback: {process.error.splitlines()[-1]}", process.started
            )
        yield from _serial(history, process)
        if process.exit is not Exit.DONE or not process.role.writes or process.final is None:
            continue
        if history.delay <= history.settle:
            yield from _too_late(history, process)
        if _disturbed_later(history, process) or _late(history, process):
            continue
        unseen = _unseen(process, process.final)
        view = process.final.without(unseen)
        for what in (*_untrue(process, view), *_unrecorded(history, process, view, unseen)):
            if what.partition(":")[0] in _exchanged(history) or ghosts(history, process, since=_last_write(process)):
                continue
            yield Violation(7, f"{process.name} exits 0, but {what}", process.ended or 0)


def _unseen(process: Process, view: View) -> frozenset[str]:
    """Objects that the last answers to a process did not show: nobody can prove that a list is complete."""
    last = _last_write(process)
    looks = {
        (sent.call.path, sent.call.query): sent for sent in process.sent if sent.number > last and sent.data is not None
    }
    shown = {item["id"] for sent in looks.values() for item in items(sent)}
    return frozenset(thing.id for thing in view.ours() if thing.id not in shown)


def _last_write(process: Process) -> int:
    return max((sent.number for sent in process.writes), default=0)


def _disturbed_later(history: History, process: Process) -> bool:
    """Whether somebody wrote after the last write of the process: what it read back may have been so all the same."""
    since = max((sent.number for sent in process.writes), default=process.started)
    return any(
        since < write.number < (process.ended or 0)
        and (write.sent is None or write.sent.process is not process)
        and write.changes
        for write in history.writes
    )


def _late(history: History, process: Process) -> bool:
    """Whether something that the process had sent was executed after it had been given up for lost, beyond W."""
    mine = (write for write in history.writes if write.sent and write.sent.process is process)
    return any(too_late(history, write) for write in mine)


def _untrue(process: Process, view: View) -> Iterator[str]:
    anchors = view.anchors()
    held = frozenset(str(address) for anchor in anchors for address in anchor.holds)
    if process.role in {Role.ROLLBACK, Role.RECOVER}:
        return
    found = differences(process.design, view, held=held)
    if process.only:
        found = [what for what in found if any(what.startswith(f"{address}: ") for address in process.only)]
    yield from found
    if process.design.destroyed:
        if any(anchor.inventory or not anchor.busy for anchor in anchors):
            yield "the anchor is still there"
        return
    for anchor in anchors[:1]:
        if anchor.busy and (anchor.run or not process.only):  # what others left undone, such a run leaves to the next
            yield "the anchor is busy"


def _unrecorded(history: History, process: Process, view: View, unseen: frozenset[str]) -> Iterator[str]:
    """A run that wrote leaves the inventory as it is true; with nothing to do it may stay behind what people did.

    A rollback minds its one object only, and its version may say an older address than the one that it has by now.
    What an interrupted run left, a run with `--only` leaves to the next one.
    """
    people = (write for write in history.writes if write.actor is Actor.PERSON and write.changes)
    if (
        process.role is Role.RECOVER
        or not process.writes
        or any(process.started < write.number < (process.ended or 0) for write in people)
    ):
        return
    there = {(thing.kind, thing.place[1], thing.id) for thing in view.mine()}
    for anchor in view.anchors()[:1]:
        entries = [entry for entry in anchor.inventory if entry.address.path is None and entry.id not in unseen]
        named = {(entry.kind, str(entry.address), entry.id) for entry in entries}
        if process.role is Role.ROLLBACK or process.only:
            there = {entry for entry in named if entry[2] in {one for _, _, one in there}}
        if named != there:
            yield f"the inventory has {sorted(named - there)} too many and lacks {sorted(there - named)}"


def _serial(history: History, process: Process) -> Iterator[Violation]:
    """The serial grows only when every step of a run was done: it tells a saved plan that its account is another one.

    A late write can take the anchor back to an older serial; a number that it had already been at is no growth.
    """
    outcomes = process.conclusion.outcomes.values()
    if all(outcome in {Outcome.DONE, Outcome.UNCHANGED} for outcome in outcomes):
        return
    highest: dict[tuple[str, ...], int] = {}
    for write in history.writes:
        before, after = write.before.anchors()[:1], write.after.anchors()[:1]
        for anchor in before:
            highest[anchor.ids] = max(anchor.serial, highest.get(anchor.ids, 0))
        own = write.sent is not None and write.sent.process is process
        if own and any(anchor.serial > highest.get(anchor.ids, anchor.serial) for anchor in after):
            yield Violation(7, f"{process.name} counts as a clean run, with {sorted(outcomes)}", write.number)


def _too_late(history: History, process: Process) -> Iterator[Violation]:
    """What a run asked for may not happen after it said that nothing is in doubt; Files that nobody names are no matter."""
    for write in history.writes:
        if write.sent is None or write.sent.process is not process or write.number < (process.ended or 0):
            continue
        if any(change.kind != "file" and not only_active(change) for change in write.changes):
            what = (
                f"{process.name} exits 0, and its {write.sent.name} is executed {write.at - process.until:.0f} s later"
            )
            yield Violation(7, what, write.number)
