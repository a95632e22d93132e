"""How processes behave: what they send, how much of it, and what they say (invariants 8, 9, 11, 12 and 14)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.account.bundles import BadBundle, unpack
from reconciler.model.errors import Exit
from reconciler.ownership import anchor as anchors
from reconciler.ownership.tags import STATE
from tests.simulation.history import History, Process, Role, Sent
from tests.simulation.invariants.violation import Violation
from tests.simulation.onlooker import STACK

CANARY = re.compile(r"sk-canary[A-Za-z0-9-]*")
REFUSALS = frozenset({Exit.REFUSED, Exit.STALE, Exit.LOCKED, Exit.INVALID, Exit.DENIED})
CREATES = re.compile(r"/(?:vector_stores|agents|assistants|skills|skills/[^/]+/versions)")
_OP = re.compile(r"op=([0-9a-f]+\.[0-9]+)")

LONGEST = 3 * 3600.0
"""Virtual seconds: three deadlines of a document, each waited for after two settle windows, are less than half of it."""
PLANNING = 30
"""Requests of a plan of these small trees, without faults."""
PER_STEP = 14
PER_DOCUMENT = 12
CONSTANT = 400
"""Requests: what waiting for lists and documents may add."""


def readers_read(history: History) -> Iterator[Violation]:
    """Invariant 8."""
    for process in history.processes:
        if not process.role.writes and process.writes:
            yield Violation(8, f"{process.name} sends {process.writes[0].name}", process.writes[0].number)


def refusals(history: History) -> Iterator[Violation]:
    """Invariant 9: a refusal writes nothing; at most the lease, if it was only then seen that there is a reason."""
    for process in history.processes:
        if process.stop is None or process.stop.code not in REFUSALS or _denied_by_weather(process):
            continue
        late = process.stop.code in {Exit.LOCKED, Exit.STALE} or any(
            "was interrupted; waiting" in line for line in process.said
        )
        for sent in process.writes:
            if not late or not _on_anchor(process, sent):
                what = f"{process.name} refuses ({int(process.stop.code)}) after {sent.name}: {process.stop.summary}"
                yield Violation(9, what, sent.number)


def _denied_by_weather(process: Process) -> bool:
    return any(sent.status in {401, 403} for sent in process.sent)


def _on_anchor(process: Process, sent: Sent) -> bool:
    """Whether a write went to the stack's own record."""
    if anchors.is_part((sent.call.json or {}).get("metadata"), STACK) is not None:
        return True
    target = sent.call.path.removeprefix("/vector_stores/")
    for other in process.sent:
        listed = (other.data or {}).get("data")
        for item in listed if isinstance(listed, list) else [other.data or {}]:
            if item.get("id") == target and anchors.is_part(item.get("metadata"), STACK) is not None:
                return True
    return False


def ops(history: History) -> Iterator[Violation]:
    """Invariant 11."""
    seen: dict[str, Sent] = {}
    for sent in history.sent:
        if sent.call.method != "POST" or not CREATES.fullmatch(sent.call.path):
            continue
        op = op_of(sent)
        if op is None:
            continue
        if op in seen:
            yield Violation(11, f"{seen[op].name} and {sent.name} both carry {op}", sent.number)
        seen[op] = sent


def op_of(sent: Sent) -> str | None:
    """The name of the attempt that a creation carries; None for what carries none."""
    text = str(((sent.call.json or {}).get("metadata") or {}).get(STATE, ""))
    for upload in sent.call.uploads:
        with upload.open() as handle:
            try:
                text += unpack(handle.read()).get("SKILL.md", b"").decode()
            except BadBundle:
                continue
    match = _OP.search(text)
    return match[1] if match else None


def bounds(history: History) -> Iterator[Violation]:
    """Invariant 12: no more than three times what is needed without faults, and a constant; and it ends."""
    for process in history.processes:
        most = 3 * _needed(process) + CONSTANT
        if len(process.sent) > most:
            yield Violation(12, f"{process.name} sends {len(process.sent)} requests, more than {most}", process.started)
        if process.seconds > LONGEST:
            yield Violation(12, f"{process.name} takes {process.seconds:.0f} s", process.started)
        counted = process.counters
        if counted is not None and counted.retries > 11 + counted.requests / 10:
            what = f"{process.name} repeats {counted.retries} of {counted.requests} requests"
            yield Violation(12, what, process.started)


def _needed(process: Process) -> int:
    if process.role in {Role.PLAN, Role.SHOW} or process.prepared is None:
        return PLANNING
    documents = sum(len(shelf.papers) for shelf in process.design.shelves)
    return 2 * PLANNING + PER_STEP * len(process.prepared.plan.steps) + PER_DOCUMENT * documents


def secrets(history: History) -> Iterator[Violation]:
    """Invariant 14."""
    for process in history.processes:
        for line in (*process.said, process.error):
            match = CANARY.search(line)
            if match is not None:
                yield Violation(14, f"{process.name} says {match[0]}: {line[:200]}", process.started)
                break
