"""Invariant 1: no process writes to what it has not just seen to be ours.

What counts is what the process itself heard since its first write, which is when it takes the stack: what it planned on
may be minutes old. The rule is checked on the wire, whether or not the account executed the request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.plan import Verb
from reconciler.ownership import anchor as anchors
from reconciler.ownership import tags as tagging
from tests.simulation.history import History, Process, Sent
from tests.simulation.invariants.violation import Violation
from tests.simulation.onlooker import STACK, View

_ATTACHMENT = re.compile(r"/vector_stores/([^/]+)/files/([^/]+)")
_IN_STORE = re.compile(r"/vector_stores/([^/]+)/(?:files|file_batches)")
_FILE = re.compile(r"/files/([^/]+)")
_UPLOAD = re.compile(r"/uploads(?:/([^/]+)/(?:parts|complete|cancel))?")
_OBJECT = re.compile(r"/(?:vector_stores|agents|assistants|skills)/([^/]+)(?:/versions)?")
_COLLECTION = re.compile(r"/(?:vector_stores|agents|assistants)")


@dataclass(slots=True)
class _Knowledge:
    """What one process has heard. `shown` and `attached` are the latest words on an object and on an attachment."""

    shown: dict[str, tuple[int, Mapping[str, Any]]] = field(default_factory=dict)
    lines: dict[str, tuple[int, str]] = field(default_factory=dict)
    attached: dict[tuple[str, str], tuple[int, Mapping[str, Any]]] = field(default_factory=dict)
    proved: set[str] = field(default_factory=set)
    """Objects that showed that they are ours since the stack was taken."""
    below: dict[str, int] = field(default_factory=dict)
    """When the process itself last changed something that belongs to an object: its documents, its versions."""
    uploaded: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    """Files that an anchor names, in its journal or in its inventory."""
    lineages: set[str] = field(default_factory=set)

    def hear(self, sent: Sent, began: int) -> None:
        """Take in an answer."""
        data, heard = sent.data, sent.heard
        if data is None or heard is None:
            return
        store = re.match(r"/vector_stores/([^/]+)/files", sent.call.path)
        items = data.get("data")
        for item in items if isinstance(items, list) else [data]:
            if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
                continue
            if store is not None and item.get("object") == "vector_store.file":
                self.attached[store[1], item["id"]] = (heard, item)
            elif item.get("object") == "skill.version":
                self._line(heard, str(item.get("skill_id")), item)
            else:
                self._object(sent, heard, item, began)

    def _line(self, heard: int, skill: str, item: Mapping[str, Any]) -> None:
        tags = tagging.decode_line(item.get("description"))
        if tags is not None and tags.stack == STACK:
            self.lines[skill] = (heard, tags.lineage)

    def _object(self, sent: Sent, heard: int, item: Mapping[str, Any], began: int) -> None:
        self.shown[item["id"]] = (heard, item)
        if sent.name == "POST /files" or item.get("object") == "upload":
            self.uploaded |= {item["id"], str((item.get("file") or {}).get("id"))}
        metadata = item.get("metadata")
        tags = tagging.decode(metadata)
        if tags is not None and tags.stack == STACK and tags.lineage in self.lineages and heard > began:
            self.proved.add(item["id"])
        if anchors.is_part(metadata, STACK) is not None and isinstance(metadata, Mapping):
            self.lineages.add(str(metadata[tagging.STACK]).partition("#")[2])
            for key in (*anchors.JOURNALS, *anchors.INVENTORY):
                self.named |= set(re.findall(r"file-[A-Za-z0-9_-]+", str(metadata.get(key, ""))))


def ours_only(history: History) -> Iterator[Violation]:
    """Invariant 1."""
    views = {write.sent.number: write.before for write in history.writes if write.sent is not None}
    for process in history.processes:
        if process.role.writes:
            yield from _of_process(process, views)


def _of_process(process: Process, views: Mapping[int, View]) -> Iterator[Violation]:
    known = _Knowledge()
    unheard = sorted((sent for sent in process.sent if sent.heard is not None), key=lambda sent: sent.heard or 0)
    began = next((sent.number for sent in process.sent if not sent.call.reads), 0)
    at = 0
    for sent in process.sent:
        while at < len(unheard) and (unheard[at].heard or 0) < sent.number:
            known.hear(unheard[at], began)
            at += 1
        if not sent.call.reads:
            why = _unfounded(process, sent, known, began, views.get(sent.number))
            for object_id in _owners(sent.call.path):
                known.below[object_id] = sent.number
            if why is not None:
                yield Violation(1, f"{process.name} sends {sent.name}, but {why}", sent.number)


def _owners(path: str) -> list[str]:
    match = re.match(r"/vector_stores/([^/]+)/.", path)
    return [match[1]] if match is not None else []


def _unfounded(process: Process, sent: Sent, known: _Knowledge, began: int, view: View | None) -> str | None:
    """Why a write has no ground, or None."""
    path, method = sent.call.path, sent.call.method
    if (method, path) in {("POST", "/files"), ("POST", "/skills")}:
        return None
    if match := _UPLOAD.fullmatch(path):
        return None if match[1] is None or match[1] in known.uploaded else "that upload is not its own"
    if method == "POST" and _COLLECTION.fullmatch(path):
        return _creation(sent, known)
    if match := _FILE.fullmatch(path):
        return _file(match[1], known, began, view)
    if match := _ATTACHMENT.fullmatch(path):
        return _attachment(match[1], match[2], known, began) or _store(process, match[1], known, began)
    if match := _IN_STORE.fullmatch(path):
        return _store(process, match[1], known, began)
    if match := _OBJECT.fullmatch(path):
        return _object(process, match[1], known, max(began, known.below.get(match[1], 0)))
    return "nobody knows what that is"


def _creation(sent: Sent, known: _Knowledge) -> str | None:
    metadata = (sent.call.json or {}).get("metadata") or {}
    if anchors.is_part(metadata, STACK) is not None:
        return None
    tags = tagging.decode(metadata)
    if tags is None or tags.stack != STACK or tags.lineage not in known.lineages:
        return f"its tags are {tags}"
    return None


def _object(process: Process, object_id: str, known: _Knowledge, began: int) -> str | None:
    heard, item = known.shown.get(object_id, (-1, {}))
    metadata = item.get("metadata")
    if anchors.is_part(metadata, STACK) is not None:
        return None
    line, lineage = known.lines.get(object_id, (-1, ""))
    if line > began and lineage in known.lineages:
        return None
    if heard < began:
        return "it has not looked at it since it took the stack, or since it changed what belongs to it"
    tags = tagging.decode(metadata) or tagging.decode_line(item.get("description"))
    if tags is None:
        return None if _adopts(process, object_id) else "that is not tagged as ours"
    if tags.stack != STACK or tags.lineage not in known.lineages:
        return f"that belongs to {tags.stack}#{tags.lineage}"
    if item.get("object") == "skill" and _planned(process, object_id):
        return None  # each of its versions has the name that it had then
    return None if str(tags.address) in _addresses(process) else f"that is {tags.address}"


def _store(process: Process, object_id: str, known: _Knowledge, began: int) -> str | None:
    """A rollout reads its store once, and sends many documents then."""
    return None if object_id in known.proved else _object(process, object_id, known, began)


def _adopts(process: Process, object_id: str) -> bool:
    steps = process.prepared.plan.steps if process.prepared else ()
    return any(step.verb is Verb.ADOPT and step.observed and step.observed.id == object_id for step in steps)


def _planned(process: Process, object_id: str) -> bool:
    steps = process.prepared.plan.steps if process.prepared else ()
    return any(step.observed is not None and step.observed.id == object_id for step in steps)


def _addresses(process: Process) -> set[str]:
    """What the approved plan speaks of, under old names and new ones."""
    found: set[str] = set()
    for step in process.prepared.plan.steps if process.prepared else ():
        found.add(str(step.address))
        for item in (step.observed, step.replaces, *step.surplus):
            if item is not None and item.tags is not None:
                found.add(str(item.tags.address))
    return found


def _attachment(store: str, file_id: str, known: _Knowledge, began: int) -> str | None:
    heard, item = known.attached.get((store, file_id), (-1, {}))
    if file_id in known.uploaded:
        return None
    if heard < began:
        return "it has not looked at that attachment since it took the stack"
    path = (item.get("attributes") or {}).get("reconciler_path")
    return None if isinstance(path, str) else "somebody else attached that"


def _file(file_id: str, known: _Knowledge, began: int, view: View | None) -> str | None:
    """A File shows nothing by itself: what counts is who uploaded it, attached it, or wrote it down."""
    if file_id in known.uploaded or file_id in known.named:
        return None
    for (_, attached), (heard, item) in known.attached.items():
        if attached == file_id and heard > began and (item.get("attributes") or {}).get("reconciler_path"):
            return None
    if view is not None and any(
        file_id in view.released_files(thing) for thing in view.ours() if thing.kind == "release"
    ):
        return None
    return "nothing that it heard shows that this File is ours"
