"""What an account shows of the protocol's states, and a server that notes every move between two of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.account.bundles import unpack
from reconciler.apply.states import File, Object, Record, State, Version, state_of
from reconciler.emulator import Request, Response
from reconciler.emulator.wire import Machine
from reconciler.ownership import anchor as anchors
from reconciler.ownership import tags as tagging

Thing = tuple[type[State], str]
Shown = Mapping[Thing, tuple[State, object]]
"""By sort and id: the state, and what another write changes that leaves the state as it is."""
BETAS = {"/vector_stores": "assistants=v2", "/agents": "agents=v1", "/assistants": "assistants=v2", "/skills": ""}
ABSENT: Mapping[type[State], State] = {sort: sort("absent") for sort in (Object, Version, File, Record)}
STATUSES = {"in_progress": File.PROCESSING, "completed": File.COMPLETED, "failed": File.FAILED}
FIXED = r"(files|uploads|versions|file_batches|complete|vector_stores|agents|assistants|skills)"


@dataclass(frozen=True, slots=True)
class Moved:
    """One thing went from one state to another: by a request of the tool, or by itself."""

    before: State
    after: State
    write: str | None


@dataclass
class Watched:
    """The account of the stack acme as the tool sees it; `moves` counts what its requests, and time, did to things."""

    real: Machine
    moves: Counter[Moved] = field(default_factory=Counter)
    _last: Shown = field(default_factory=dict)

    def handle(self, request: Request) -> Response:
        """Answer a request, and note what it moved."""
        if request.method == "GET":
            return self.real.handle(request)
        before = shown(self.real)
        self._note(self._last, before, None)
        response = self.real.handle(request)
        self._last = shown(self.real)
        if "sk-other" not in request.headers.get("authorization", ""):
            self._note(before, self._last, _write_of(request, before))
        return response

    def _note(self, before: Shown, after: Shown, write: str | None) -> None:
        for thing in {**before, **after}:
            old, mark = before.get(thing, (ABSENT[thing[0]], None))
            new, other = after.get(thing, (ABSENT[thing[0]], None))
            if old is not new or (write is not None and mark != other):
                self.moves[Moved(old, new, write)] += 1


def _write_of(request: Request, before: Shown) -> str:
    """A request as the table writes it."""
    _, collection, *rest = request.path.split("/")
    record = (Record, rest[0]) in before if rest else b"reconciler.anchor" in request.body
    if f"/{collection}" in BETAS:
        collection = "{record}" if record else "{objects}"
    named = [part if re.fullmatch(FIXED, part) else "{id}" for part in rest]
    return f"{request.method} /{'/'.join([collection, *named])}"


def shown(account: Machine) -> Shown:
    """The state of everything that an account shows to somebody who looks."""
    objects = {
        path: [raw for raw in _list(account, path, beta) if anchors.part_of(raw.get("metadata")) is None]
        for path, beta in BETAS.items()
    }
    records = [raw for raw in _list(account, "/vector_stores") if anchors.is_part(raw.get("metadata"), "acme") == 1]
    found: dict[Thing, tuple[State, object]] = {}
    uses: dict[str, tuple[State, object]] = {}
    for path, items in objects.items():
        for raw in items:
            tags = tagging.decode_line(raw["description"]) if path == "/skills" else tagging.decode(raw["metadata"])
            ours = tags is not None and tags.stack == "acme"
            found[Object, raw["id"]] = (state_of(tags if ours else None), tags)
            found.update(_versions(account, raw) if path == "/skills" else ())
            used = dict(_used(account, path, raw))
            uses |= used if ours else dict.fromkeys(used, (File.RELEASED, None))
    journal = set[str]()
    for raw in records:
        record = anchors.decode("acme", [raw])
        assert record is not None
        journal |= set(record.journal)
        held = Record.HELD if record.run else Record.UNCLEAN
        found[Record, raw["id"]] = (held if record.busy else Record.IDLE, json.dumps(raw["metadata"]))
    for raw in _list(account, "/files"):
        found[File, raw["id"]] = uses.get(raw["id"], (File.UPLOADED, None))
        if raw["id"] in journal:
            found[File, raw["id"]] = (File.JOURNALLED if raw["id"] in uses else File.DETACHED, None)
    return found


def _versions(account: Machine, skill: Any) -> Iterator[tuple[Thing, tuple[State, object]]]:
    for raw in _list(account, f"/skills/{skill['id']}/versions"):
        if tagging.decode_line(raw["description"]) is not None:
            current = raw["version"] == skill["default_version"]
            yield (Version, f"{skill['id']}/{raw['version']}"), (Version.CURRENT if current else Version.POSTED, None)


def _used(account: Machine, path: str, raw: Any) -> Iterator[tuple[str, tuple[State, object]]]:
    """The Files that an object uses."""
    if path == "/vector_stores":
        for item in _list(account, f"{path}/{raw['id']}/files"):
            if "reconciler_op" in item["attributes"]:
                yield item["id"], (STATUSES[item["status"]], item["attributes"]["reconciler_op"])
    if path == "/assistants":
        for file_id in raw["tool_resources"].get("code_interpreter", {}).get("file_ids", ()):
            yield file_id, (File.NAMED, None)
    if path == "/skills":
        for version in _list(account, f"{path}/{raw['id']}/versions"):
            bundle = unpack(_get(account, f"{path}/{raw['id']}/versions/{version['version']}/content").body)
            for file in json.loads(bundle.get("files.json", b'{"files": []}'))["files"]:
                yield file["id"], (File.NAMED, None)


def _list(account: Machine, path: str, beta: str = "assistants=v2") -> list[dict[str, Any]]:
    response = _get(account, path, beta, ("limit", "100"))
    return json.loads(response.body)["data"] if response.status == 200 else []


def _get(account: Machine, path: str, beta: str = "", *query: tuple[str, str]) -> Response:
    headers = {"authorization": "Bearer sk-other", "openai-beta": beta}
    return account.handle(Request("GET", path, query, headers))
