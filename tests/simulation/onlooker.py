"""An onlooker who knows everything: reads the account's own tables, where no list lags and no answer is lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from reconciler.account.bundles import BadBundle, unpack
from reconciler.emulator import Emulator, Profile, Switches
from reconciler.emulator.settings import NORMAL, Conditions
from reconciler.emulator.wire import Request, Response
from reconciler.model.observed import Tags
from reconciler.ownership import anchor as anchors
from reconciler.ownership import tags as tagging
from tests.simulation.history import Actor, History, Sent, Write

STACK = "small"
"""The stack of every simulated tree."""

MARK = "x-simulation"
"""The header that says to the onlooker, and to nobody else, who sends a request."""

ATTACHMENT = "attachment"
RESOURCES = {"vector_store": "vector_store", "agent": "agent", "assistant": "assistant", "skill": "release"}
"""The emulator's name of what we manage → the kind of resource."""

Key = tuple[str, str, str]
"""Kind, parent, id. An attachment's parent is its store, and its id the File's."""


@dataclass(frozen=True, slots=True)
class Change:
    """One object of the account before and after a write, as the tables hold it; None: not there."""

    key: Key
    before: str | None
    after: str | None

    @property
    def kind(self) -> str:
        """The emulator's name of the kind."""
        return self.key[0]

    @property
    def id(self) -> str:
        """The object's id."""
        return self.key[2]


@dataclass(frozen=True, slots=True)
class Thing:
    """One top-level object. `tags` as they stand in it (of a skill: in its default version).

    `moved`: somebody else's version is the default now, and `tags` are those of the version that we applied.
    """

    kind: str
    id: str
    doc: Mapping[str, Any]
    tags: Tags | None
    version: str = ""
    moved: bool = False

    @property
    def ours(self) -> bool:
        """Whether it says that it is the stack's; the anchor is not such an object."""
        return self.tags is not None and self.tags.stack == STACK and self.tags.address.kind != anchors.KIND

    @property
    def published(self) -> bool:
        """Whether it is an output."""
        return self.confirmed and not self.moved

    @property
    def confirmed(self) -> bool:
        """Whether it was one when we last applied it."""
        return self.ours and self.tags is not None and self.tags.state == "ready" and not self.tags.retiring

    @property
    def place(self) -> tuple[str, str]:
        """Kind and address: what there may be one of."""
        return self.kind, str(self.tags.address) if self.tags else ""


@dataclass(frozen=True, slots=True)
class Attached:
    """One attachment. `settles_at` in seconds since 1970."""

    store: str
    file: str
    created_at: int
    settles_at: float
    outcome: str
    attributes: Mapping[str, Any]

    @property
    def path(self) -> str | None:
        """The document that it is, if we attached it."""
        path = self.attributes.get("reconciler_path")
        return path if isinstance(path, str) else None

    @property
    def sha256(self) -> str:
        """What it says of its content."""
        return str(self.attributes.get("reconciler_sha256"))

    def serves(self, now: float) -> bool:
        """Whether readers of the store find it. SQLite writes times as text with 15 digits, which rounds to 10 µs."""
        return self.outcome == "completed" and self.settles_at <= now + 1e-5


@dataclass(slots=True)
class View:
    """The whole account at one moment. `contents` are the bytes of every File and every version there ever was."""

    rows: Mapping[Key, str]
    now: float
    contents: Mapping[str, bytes]
    _things: tuple[Thing, ...] | None = field(default=None, repr=False)
    _anchors: list[anchors.Anchor] | None = field(default=None, repr=False)

    def things(self) -> tuple[Thing, ...]:
        """All top-level objects but Files, oldest id first."""
        if self._things is None:
            found = (self._thing(key, text) for key, text in self.rows.items() if key[0] in RESOURCES)
            self._things = tuple(sorted(found, key=lambda thing: thing.id))
        return self._things

    def thing(self, object_id: str) -> Thing | None:
        """One of them."""
        return next((thing for thing in self.things() if thing.id == object_id), None)

    def ours(self) -> list[Thing]:
        """Those of the stack, the anchor apart."""
        return [thing for thing in self.things() if thing.ours]

    def mine(self) -> list[Thing]:
        """Those that also carry the lineage of the stack's anchor; and skills that it names, whatever their default says."""
        lineages = {anchor.lineage for anchor in self.anchors()}
        named = {entry.id: entry for anchor in self.anchors()[:1] for entry in anchor.inventory}
        busy = any(anchor.busy for anchor in self.anchors()[:1])
        found = []
        for thing in self.things():
            entry = named.get(thing.id) if thing.kind == "release" else None
            tags = thing.tags if thing.ours else None
            under_way = entry is not None and busy and _newer(thing, entry)
            moved = entry is not None and entry.version != thing.version and not under_way
            if entry is not None and (tags is None or moved):
                tags = self._line(thing.id, entry.version) or tags
            if entry is not None and tags is not None and not under_way:
                tags = replace(tags, address=entry.address)  # what it is, its default may be older than its name
            if tags is not None and tags.lineage in lineages:
                found.append(replace(thing, tags=tags, moved=moved or not thing.ours))
        return found

    def _line(self, skill: str, version: str | None) -> Tags | None:
        """The tags in one version of a skill."""
        for key, text in self.rows.items():
            if key[:2] == ("skill_version", skill) and parse(text)["version"] == version:
                return tagging.decode_line(parse(text)["description"])
        return None

    def anchors(self) -> list[anchors.Anchor]:
        """The stack's records that can be read, oldest first: there should be one."""
        if self._anchors is None:
            stores = [thing.doc for thing in self.things() if thing.kind == "vector_store"]
            heads = [doc for doc in stores if anchors.is_part(doc.get("metadata"), STACK) == 1]
            read = [
                anchors.decode(STACK, [doc]) for doc in sorted(heads, key=lambda doc: (doc["created_at"], doc["id"]))
            ]
            self._anchors = [anchor for anchor in read if anchor is not None]
        return self._anchors

    def held(self) -> set[str]:
        """Ids of what is held after a rollback; a version may still show the address that it had before a rename."""
        entries = (entry for anchor in self.anchors() for entry in anchor.inventory if entry.address in anchor.holds)
        return {entry.id for entry in entries}

    def attached(self, store: str | None = None) -> list[Attached]:
        """The attachments of one store, or of all."""
        found = [_attached(key, text) for key, text in self.rows.items() if key[0] == ATTACHMENT]
        return sorted((one for one in found if store in {None, one.store}), key=lambda one: (one.store, one.file))

    def files(self) -> set[str]:
        """The ids of all Files."""
        return {key[2] for key in self.rows if key[0] == "file"}

    def sha256(self, file_id: str) -> str:
        """The digest of a File's real bytes."""
        return _sha256(self.contents[file_id])

    def release(self, thing: Thing, version: str | None = None) -> dict[str, Any] | None:
        """`request` and `files` of one version of a skill, the default one if none is named; None for a stub."""
        number = version or thing.version
        for key, text in self.rows.items():
            if key[:2] == ("skill_version", thing.id) and parse(text)["version"] == number:
                return _release(self.contents[key[2]])
        return None

    def released_files(self, thing: Thing) -> set[str]:
        """The Files that any version of a skill names."""
        found: set[str] = set()
        for key in self.rows:
            if key[:2] == ("skill_version", thing.id):
                release = _release(self.contents[key[2]])
                found |= {item["id"] for item in release["files"]} if release else set()
        return found

    def without(self, ids: frozenset[str]) -> View:
        """As if some objects were not there."""
        rows = {key: text for key, text in self.rows.items() if not ids & {key[1], key[2]}}
        return View(rows, self.now, self.contents)

    def _thing(self, key: Key, text: str) -> Thing:
        doc, kind = parse(text), RESOURCES[key[0]]
        if key[0] != "skill":
            return Thing(kind, key[2], doc, _tags(text))
        number = doc["default_version"]
        default = next(
            parse(other)
            for place, other in self.rows.items()
            if place[:2] == ("skill_version", key[2]) and parse(other)["version"] == number
        )
        return Thing(kind, key[2], doc, tagging.decode_line(default["description"]), number)


class Recorded(Emulator):
    """The account, with every write and what it changed noted in a history."""

    def __init__(
        self,
        history: History,
        *,
        profile: Profile,
        clock: Callable[[], float],
        ids: Callable[[str], str],
        switches: Switches,
    ) -> None:
        super().__init__(profile=profile, clock=clock, ids=ids, switches=switches)
        self._history = history
        self._now = clock
        self._stale = False
        self._expired = self._storage.expired
        self._storage.expired = self._expiring  # type: ignore[method-assign]
        self.sent: dict[str, Sent] = {}
        self.contents: dict[str, bytes] = {}
        self.view = View({}, clock(), self.contents)

    def handle(self, request: Request, conditions: Conditions = NORMAL) -> Response:
        """Answer one request."""
        if request.method == "GET":
            return super().handle(request, conditions)
        now = self._now() if conditions.now is None else conditions.now
        if self._stale or self._storage.expired(now):
            self._let_time_pass()
        before = self.view
        response = super().handle(request, conditions)
        if response.status < 400:
            self._look()
        self._note(before, request, response.status, now)
        return response

    def _expiring(self, now: float) -> list[tuple[str, dict[str, Any]]]:
        """What expires now, which changes the account at a read too."""
        found = self._expired(now)
        self._stale = self._stale or bool(found)
        return found

    def look(self) -> View:
        """The account as it is now."""
        if self._stale or self._storage.expired(self._now()):
            self._let_time_pass()
        else:
            self._look()
        return self.view

    def thaw(self) -> None:
        """Every file that is still in process is processed."""
        self._storage.execute("UPDATE main.attachments SET settles_at = ? WHERE settles_at > ?", *[self._now()] * 2)
        self._look()

    def _let_time_pass(self) -> None:
        """What expires by itself is nobody's deed."""
        before = self.view
        super().handle(Request("GET", "/files", (("limit", "1"),), {"authorization": "Bearer onlooker"}))
        self._look()
        self._stale = False
        changes = _changes(before, self.view)
        if changes:
            self._history.writes.append(
                Write(self._history.tick(), self._now(), Actor.TIME, before, self.view, changes)
            )

    def _note(self, before: View, request: Request, status: int, now: float) -> None:
        mark = request.headers.get(MARK, "")
        sent = self.sent.get(mark)
        self._history.writes.append(
            Write(
                self._history.tick(),
                now,
                Actor.PROCESS if sent else Actor.PERSON,
                before,
                self.view,
                _changes(before, self.view),
                sent,
                request.method,
                request.path.removeprefix("/v1"),
                status,
                "" if sent else mark,
            )
        )

    def _look(self) -> None:
        execute = self._storage.execute
        rows: dict[Key, str] = {
            (kind, parent, object_id): doc
            for kind, parent, object_id, doc in execute("SELECT kind, parent, id, doc FROM main.objects")
        }
        columns = "store, id, created_at || '|' || settles_at || '|' || outcome || '|' || attributes"
        for store, file_id, row in execute(f"SELECT {columns} FROM main.attachments"):
            rows[ATTACHMENT, store, file_id] = row
        for key in rows.keys() - self.view.rows.keys():
            if key[0] in {"file", "skill_version"}:
                self.contents[key[2]] = self._storage.read_content(key[2])
        self.view = View(rows, self._now(), self.contents)


def _newer(thing: Thing, entry: anchors.Entry) -> bool:
    """Whether a skill's default version is younger than the one that the inventory names: an interrupted run made it."""
    return int(thing.version) > int(entry.version or 0)


def _changes(before: View, after: View) -> tuple[Change, ...]:
    if before is after:
        return ()
    keys = {key for key, _ in before.rows.items() ^ after.rows.items()}
    return tuple(Change(key, before.rows.get(key), after.rows.get(key)) for key in sorted(keys))


@lru_cache(maxsize=20_000)
def parse(text: str) -> Any:
    """A document of the tables; whoever gets it must not change it."""
    return json.loads(text)


_DECODE = tagging.decode  # the right one, also while a wrong one is planted: what it says is kept


@lru_cache(maxsize=20_000)
def _tags(text: str) -> Tags | None:
    return _DECODE(parse(text).get("metadata"))


@lru_cache(maxsize=20_000)
def _attached(key: Key, text: str) -> Attached:
    created_at, settles_at, outcome, attributes = text.split("|", 3)
    return Attached(key[1], key[2], int(created_at), float(settles_at), outcome, json.loads(attributes))


@lru_cache(maxsize=2000)
def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@lru_cache(maxsize=2000)
def _release(archive: bytes) -> dict[str, Any] | None:
    """What a bundle says; read here by itself, not by the code that wrote it."""
    try:
        files = unpack(archive)
        assistant = json.loads(files["assistant.json"])
        listed = json.loads(files["files.json"])["files"] if "files.json" in files else []
    except (BadBundle, KeyError, ValueError):
        return None
    return {"request": assistant["request"], "files": listed}
