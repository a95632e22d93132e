"""The account → what is there of ours. GET only.

The number of requests depends on kinds and pages, not on documents: every collection that the stack uses is listed
once, and an object whose tag vouches for what cannot be seen in the list is not looked into. What a list does not show
is not taken to be absent before the list was read in the other order and the id that the anchor names was asked for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from reconciler.account.failures import stop_for
from reconciler.account.objects import get_object, is_id, is_missing, list_attachments, newer, read_version, version_of
from reconciler.account.outcomes import OTHER_API
from reconciler.account.paging import list_all
from reconciler.account.port import Account, Call, Failure, Sort
from reconciler.kinds import FORMS, KINDS
from reconciler.kinds.kind import DocumentKind, Keeping, Kind, VersionedKind
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.errors import Exit, Stop
from reconciler.model.json import ID_PATTERN, Json
from reconciler.model.observed import Attachment, Observed, Tags, created_at
from reconciler.model.plan import Notice
from reconciler.model.snapshot import Snapshot
from reconciler.observing.scope import Found, Scope
from reconciler.observing.tagged import observed_from, vouched
from reconciler.ownership import anchor as anchors
from reconciler.ownership import tags as tagging
from reconciler.ownership.anchor import ANCHOR_KIND, Anchor, Entry
from reconciler.ownership.digests import refs_digest

_NOT_FOR_US = frozenset({Sort.REFUSED, Sort.PERMISSION})
"""How servers answer at a path that this key may not use; no matter where this stack has and wants nothing."""
_DAY = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
RECOVERY = "Nothing was written. Is this the right key and project? If so: `reconciler recover` rebuilds the anchor."


async def observe(account: Account, scope: Scope) -> Found:
    """Read the account; raises Stop for what no plan can be made on."""
    try:
        return await _Observer(account, scope).run()
    except Failure as failure:
        raise stop_for(failure) from failure


async def read_anchor(account: Account, scope: Scope) -> Anchor | None:
    """The stack's record alone; None when there is none. Raises Stop when no plan could be made on it."""
    try:
        return await _Observer(account, scope).anchor()
    except Failure as failure:
        raise stop_for(failure) from failure


@dataclass(slots=True)
class _Observer:
    account: Account
    scope: Scope
    lists: dict[tuple[str, str], asyncio.Task[list[dict[str, Any]]]] = field(default_factory=dict)
    verified: dict[str, str] = field(default_factory=dict)
    warnings: list[Notice] = field(default_factory=list)
    unclean: bool = False
    """After an interrupted run no tag vouches for anything: it may have died between a change and the tag."""
    applied: dict[str, str] = field(default_factory=dict)
    """By object id, the version that we applied last."""

    async def run(self) -> Found:
        anchor = await self.anchor()
        self.unclean = anchor is not None and anchor.busy
        kinds = [kind for kind in self._kinds(anchor) if await self._is_there(kind, anchor)]
        in_metadata = [kind for kind in kinds if kind.keeping is Keeping.METADATA]
        versioned = [kind for kind in kinds if isinstance(kind, VersionedKind)]
        found = await asyncio.gather(*(self._tagged(kind, anchor) for kind in in_metadata))
        objects = [item for group in found for item in group]
        if anchor is None:
            self._refuse_orphans(objects)
        found = await asyncio.gather(*(self._versioned(kind, anchor, objects) for kind in versioned))
        objects += [item for group in found for item in group]
        if anchor is None:
            self._refuse_orphans(objects)
        adoptable = await self._adoptable(objects)
        snapshot = Snapshot(
            account=self.scope.account,
            stack=self.scope.stack,
            environment=self.scope.environment,
            lineage=anchor.lineage if anchor else "",
            serial=anchor.serial if anchor else 0,
            first_apply=anchor is None,
            unclean=anchor.busy if anchor else False,
            objects=tuple(sorted(objects, key=lambda item: (item.kind, item.id))),
            adoptable=adoptable,
            verified=dict(self.verified),
            holds=dict(anchor.holds) if anchor else {},
            inventory=tuple((item.kind, item.address, item.id) for item in anchor.inventory) if anchor else (),
            warnings=tuple(sorted(self.warnings, key=lambda item: (item.code, str(item.address), item.summary))),
            models=await self._models(objects),
        )
        return Found(snapshot, anchor, self._inventory(objects, anchor, {kind.name for kind in kinds}))

    def _inventory(
        self, objects: Sequence[Observed], anchor: Anchor | None, seen: Collection[str]
    ) -> tuple[Entry, ...]:
        """What is there, and what only the record knows: files by their ids, and releases if they were not `seen`."""
        there: dict[tuple[str, Address], Entry] = {}
        for item in objects:
            tags = item.tags
            if tags is not None and tags.current:
                version = self.applied.get(item.id)
                there[item.kind, tags.address] = Entry(
                    item.kind, tags.address, item.id, version, tags.protect, tags.retain
                )
        owners = {
            name: item.tags.address
            for item in objects
            if item.tags is not None and KINDS[item.kind].file_ids({}) is not None
            for name in self._known_as(KINDS[item.kind], item.tags.address, item.id, anchor)
        }
        for entry in anchor.inventory if anchor else ():
            if entry.address.path is not None and entry.address.owner in owners:
                entry = replace(entry, address=replace(owners[entry.address.owner], path=entry.address.path))  # noqa: PLW2901
                there.setdefault((entry.kind, entry.address), entry)
            elif entry.kind not in KINDS or (entry.kind not in seen and KINDS[entry.kind].keeping is Keeping.VERSIONS):
                there.setdefault((entry.kind, entry.address), entry)
        return tuple(there.values())

    # --- lists ---

    async def _list(self, kind: Kind, order: Literal["asc", "desc"] = "desc") -> list[dict[str, Any]]:
        """One collection, each order once a run."""
        key = (kind.collection, order)
        if key not in self.lists:
            self.lists[key] = asyncio.ensure_future(self._read_list(kind, order))
        return await self.lists[key]

    async def _read_list(self, kind: Kind, order: Literal["asc", "desc"]) -> list[dict[str, Any]]:
        try:
            return await list_all(self.account, kind.collection, order=order, beta=kind.beta)
        except Failure as failure:
            if failure.sort is Sort.NOT_FOUND or failure.status == 410 or failure.code == OTHER_API:
                raise self._gone(kind, failure) from failure
            raise

    def _gone(self, kind: Kind, failure: Failure) -> Stop:
        """A collection that is not there, or is something else; and who needs it."""
        what = "has another API" if failure.code == OTHER_API else f"answers {failure.status}"
        first, *others = [str(item.address) for item in self.scope.desired if item.kind == kind.name] or [""]
        runtime = f" (`{FORMS[kind.form].selector}: {kind.chosen_by}`)" if kind.chosen_by else ""
        more = f" and {len(others)} more need it" if others else " needs it"
        needed = f", and {first}{runtime}{more}" if first else ""
        return Stop(Exit.UNAVAILABLE, f"{kind.collection} {what}{needed}. {kind.gone}".strip())

    async def _get(self, kind: Kind, object_id: str) -> dict[str, Any] | None:
        """One object by id; None when it is not there (404, or 400 "not found" of compatible servers)."""
        return await get_object(self.account, kind, object_id)

    async def _is_there(self, kind: Kind, anchor: Anchor | None) -> bool:
        """Whether to look at a kind. One that no manifest asks for any more may have been retired with all it held."""
        if any(item.kind == kind.name for item in self.scope.desired):
            return True
        had = [entry.id for entry in anchor.inventory if entry.kind == kind.name] if anchor else []
        try:
            await self._list(kind)
        except Failure as failure:
            if failure.sort not in _NOT_FOR_US or had or (anchor and kind.name in anchor.kinds):
                raise
            return False
        except Stop as stop:
            begun = self.scope.reviewed and anchor is not None and anchor.busy and kind.name in anchor.kinds
            if self.scope.destroy and (had or begun) and not kind.shut_down:
                raise Stop(stop.code, stop.summary, self._unreachable(kind, had)) from stop
            if had:
                summary = f"{stop.summary} What this stack had there is out of reach: {', '.join(had[:5])}."
                self.warnings.append(Notice("W303", summary))
            return False
        return True

    def _unreachable(self, kind: Kind, had: Sequence[str]) -> str:
        """Why nothing can be destroyed while a collection is not there, and what to do."""
        left = f" ({', '.join(had[:5])})" if had else ""
        return (
            f"What this stack has there{left} would be left behind, and the record of it deleted. Run it again when "
            f"{kind.collection} answers; if it never will, give those resources another runtime, apply, then destroy."
        )

    # --- the anchor ---

    async def anchor(self) -> Anchor | None:
        """The stack's record, chosen among the stores that claim to hold it."""
        kind = ANCHOR_KIND
        owner = self.scope.owner
        pinned = await self._pinned(kind)
        parts = _anchor_parts([*pinned, *await self._list(kind)], owner)
        if not _whole(parts):
            parts = _anchor_parts([*await self._list(kind), *await self._list(kind, "asc")], owner)
        heads = [store for number, store in parts if number == 1]
        if self.scope.anchor is not None:
            heads = [store for store in heads if store["id"] == self.scope.anchor] or heads
        if not heads:
            if parts or self.scope.anchor is not None:
                raise Stop(
                    Exit.DENIED,
                    f"The anchor of {owner} is incomplete, or the pinned one belongs to another stack.",
                    RECOVERY,
                )
            return None
        anchor = self._choose(heads, parts, owner)
        if anchor is None:
            raise Stop(
                Exit.DENIED,
                f"The anchor {heads[0]['id']} of {owner} cannot be read.",
                f"It was changed by hand, or written by a newer reconciler. {RECOVERY}",
            )
        return anchor

    async def _pinned(self, kind: Kind) -> list[dict[str, Any]]:
        """The anchor by its id, where that is known: no list can hide it."""
        if self.scope.anchor is None:
            return []
        raw = await self._get(kind, self.scope.anchor)
        if raw is None:
            raise Stop(
                Exit.DENIED,
                f"The anchor {self.scope.anchor} that reconciler.yaml pins is not in this account.",
                RECOVERY,
            )
        return [raw]

    def _choose(
        self, heads: list[dict[str, Any]], parts: list[tuple[int, dict[str, Any]]], owner: str
    ) -> Anchor | None:
        read = []
        for head in sorted(heads, key=lambda store: (created_at(store), store["id"])):
            lineage = head["metadata"][tagging.STACK]
            mine = [
                store
                for number, store in sorted(parts, key=_part_order)
                if number > 1 and store["metadata"][tagging.STACK] == lineage
            ]
            read.append(anchors.decode(owner, [head, *mine]))
        readable = [anchor for anchor in read if anchor is not None]
        torn = [head["id"] for head in heads if not _has_all(head, parts)]
        if torn and any(anchor.ids[0] in torn for anchor in readable):
            raise Stop(
                Exit.DENIED,
                f"A part of the anchor {torn[0]} of {owner} is missing.",
                f"It was deleted, or the list is incomplete: try again. {RECOVERY}",
            )
        if any(anchor.inventory for anchor in readable[1:]):
            ids = ", ".join(f"{one.ids[0]} ({len(one.inventory)} objects)" for one in readable)
            raise Stop(
                Exit.REFUSED,
                f"There are several anchors of {owner}, and not the oldest one alone names objects: {ids}.",
                "Two first applies ran in parallel. `reconciler recover` says what belongs to which, and what to do.",
            )
        return readable[0] if readable else None

    def _refuse_orphans(self, objects: Sequence[Observed]) -> None:
        if objects:
            names = ", ".join(item.id for item in objects[:5])
            raise Stop(
                Exit.DENIED,
                f"Objects are tagged as ours ({self.scope.owner}), but there is no anchor: {names}.",
                f"The anchor was deleted, or the list is incomplete: try again. {RECOVERY}",
            )

    def _kinds(self, anchor: Anchor | None) -> list[Kind]:
        names = {item.kind for item in self.scope.desired}
        if anchor is None:
            names |= KINDS.keys()
        else:
            names |= {*anchor.kinds, *(item.kind for item in anchor.inventory)}
        return [KINDS[name] for name in sorted(names) if name in KINDS and KINDS[name].keeping is not Keeping.ATTACHED]

    # --- objects with metadata ---

    async def _tagged(self, kind: Kind, anchor: Anchor | None) -> list[Observed]:
        by_id = {item["id"]: item for item in await self._list(kind)}
        mine = self._mine(by_id.values(), anchor)
        if self._something_missing(kind, mine.values(), anchor):
            by_id |= {item["id"]: item for item in await self._list(kind, "asc")}
            mine = self._mine(by_id.values(), anchor)
            for entry in anchor.inventory if anchor else ():
                if entry.kind == kind.name and entry.id not in by_id and (raw := await self._get(kind, entry.id)):
                    mine |= self._mine([raw], anchor)
        return list(await asyncio.gather(*(self._complete(kind, raw, tags, anchor) for raw, tags in mine.values())))

    def _mine(self, items: Iterable[dict[str, Any]], anchor: Anchor | None) -> dict[str, tuple[dict[str, Any], Tags]]:
        found: dict[str, tuple[dict[str, Any], Tags]] = {}
        for raw in items:
            tags = tagging.decode(raw.get("metadata"))
            if tags is None or tags.stack != self.scope.owner or tags.address.kind == anchors.KIND:
                continue
            if anchor is not None and tags.lineage != anchor.lineage:
                summary = f"{raw['id']} carries our stack's name but another lineage; left alone."
                self.warnings.append(Notice("W301", summary, tags.address))
                continue
            found[raw["id"]] = (raw, tags)
        return found

    def _something_missing(
        self, kind: Kind, mine: Iterable[tuple[dict[str, Any], Tags]], anchor: Anchor | None
    ) -> bool:
        there = {tags.address for _, tags in mine}
        wanted = {item.address for item in self.scope.desired if item.kind == kind.name}
        if anchor is not None:
            wanted |= {item.address for item in anchor.inventory if item.kind == kind.name}
        return not wanted <= there

    async def _complete(self, kind: Kind, raw: dict[str, Any], tags: Tags, anchor: Anchor | None) -> Observed:
        like = self._like(kind, tags.address)
        observed = observed_from(kind, raw, tags, like)
        if kind.documents is None:
            return observed
        ids = kind.file_ids(raw)
        if ids is not None:
            ids = [item for item in ids if ID_PATTERN.match(item)]
            return replace(observed, documents=await self._inventoried(kind, tags.address, ids, anchor, raw["id"]))
        desired = self._desired(kind, tags.address)
        if not self._reads_fully(raw["id"]) and vouched(desired, raw, tags):
            self.verified[raw["id"]] = "tag"
            return observed
        self.verified[raw["id"]] = "full"
        return replace(observed, documents=await list_attachments(self.account, kind, raw["id"]))

    def _reads_fully(self, object_id: str) -> bool:
        return self.scope.refresh == "full" or self.unclean or object_id in self.scope.full

    def _desired(self, kind: Kind, address: Address) -> Desired | None:
        moved = (item for item in self.scope.desired if item.lifecycle.moved_from == address)
        same = (item for item in self.scope.desired if item.address == address)
        return next((item for item in (*same, *moved) if item.kind == kind.name), None)

    def _like(self, kind: Kind, address: Address) -> Mapping[str, Json]:
        desired = self._desired(kind, address)
        return desired.spec if desired else {}

    def _names_of(self, kind: Kind, address: Address) -> set[Address]:
        """An address, and what it was called before: after a crash the inventory may still say so."""
        desired = self._desired(kind, address)
        return {address} | ({desired.lifecycle.moved_from} if desired and desired.lifecycle.moved_from else set())

    def _known_as(self, kind: Kind, address: Address, object_id: str, anchor: Anchor | None) -> set[Address]:
        """The same, and what the inventory calls the object: the manifest may not say any more what it was called."""
        recorded = {item.address for item in anchor.inventory if item.id == object_id} if anchor else set()
        return self._names_of(kind, address) | recorded

    async def _inventoried(
        self, kind: Kind, address: Address, ids: Sequence[str], anchor: Anchor | None, object_id: str
    ) -> tuple[Attachment, ...]:
        """The files of an object that lists bare ids: the anchor knows what they are."""
        known = {item.id: item for item in anchor.inventory} if anchor else {}
        names = self._known_as(kind, address, object_id, anchor)
        found = []
        for file_id in ids:
            entry = known.get(file_id)
            mine = entry is not None and entry.address.owner in names
            item = Attachment(
                file_id, entry.address.path if mine and entry else None, entry.version if mine and entry else None, None
            )
            found.append(await self._file_status(item) if self._reads_fully(object_id) else item)
        self.verified[object_id] = "full" if self._reads_fully(object_id) else "tag"
        return tuple(found)

    async def _file_status(self, item: Attachment) -> Attachment:
        try:
            await self.account.send(Call("GET", f"{DocumentKind.uploads}/{item.file_id}"))
        except Failure as failure:
            if is_missing(failure):
                return replace(item, status="missing")
            raise
        return item

    # --- objects with versions ---

    async def _versioned(
        self, kind: VersionedKind, anchor: Anchor | None, others: Sequence[Observed]
    ) -> list[Observed]:
        by_id = {item["id"]: item for item in await self._list(kind)}
        entries = {item.id: item for item in anchor.inventory if item.kind == kind.name} if anchor else {}
        mine = self._our_lines(by_id.values(), anchor)
        named = {entries[key].address for key in entries} | {
            item.address for item in self.scope.desired if item.kind == kind.name
        }
        if not named <= {tags.address for tags in mine.values()}:
            by_id |= {item["id"]: item for item in await self._list(kind, "asc")}
            for key in entries:
                if key not in by_id and (raw := await self._get(kind, key)):
                    by_id[key] = raw
            mine = self._our_lines(by_id.values(), anchor)
        chosen = {key: mine.get(key) for key in by_id if key in mine or key in entries}
        ids = {item.tags.address: item for item in others if item.tags and item.tags.current}
        found = await asyncio.gather(
            *(
                self._version(kind, by_id[key], tags, entries.get(key), anchor, ids)
                for key, tags in sorted(chosen.items(), key=lambda pair: pair[0])
            )
        )
        return [item for item in found if item is not None]

    def _our_lines(self, items: Iterable[dict[str, Any]], anchor: Anchor | None) -> dict[str, Tags]:
        found = {}
        for raw in items:
            tags = tagging.decode_line(raw.get("description"))
            if (
                tags is not None
                and tags.stack == self.scope.owner
                and (anchor is None or tags.lineage == anchor.lineage)
            ):
                found[raw["id"]] = tags
        return found

    async def _version(
        self,
        kind: VersionedKind,
        raw: dict[str, Any],
        line: Tags | None,
        entry: Entry | None,
        anchor: Anchor | None,
        ids: Mapping[Address, Observed],
    ) -> Observed | None:
        live = version_of(raw, "default_version")
        applied = entry.version if entry and entry.version else live
        ahead = line is not None and anchor is not None and anchor.busy and newer(live, applied)
        applied = live if ahead else applied
        self.applied[raw["id"]] = applied
        tags = line
        if applied != live:
            tags = await self._version_tags(kind, raw["id"], applied, anchor) or line
        unclean = anchor is not None and anchor.busy
        if tags is None:
            self._foreign_default(raw, entry)
            return None
        if entry is not None and not ahead and not (unclean and entry.address in self._names_of(kind, tags.address)):
            tags = replace(tags, address=entry.address)  # an old version may say what the object was called before
        if entry is not None:
            tags = replace(tags, protect=entry.protect, retain=entry.retain)
        desired = self._desired(kind, tags.address)
        observed = Observed(kind.name, raw["id"], {}, raw, tags, version=live, complete=False)
        if tags.state == "pending":
            return replace(observed, complete=True, documents=())
        if (desired is None or live == applied) and self._vouched_version(desired, tags, raw["id"], ids):
            return observed
        content = await read_version(self.account, kind, raw["id"], live)
        last = content if live == applied else await read_version(self.account, kind, raw["id"], applied)
        content = content or {"spec": {}, "labels": {}, "files": []}
        documents = tuple(_listed_file(item) for item in content["files"] if is_id(item.get("id")))
        if self._reads_fully(raw["id"]):
            documents = tuple([await self._file_status(item) for item in documents])
        return replace(
            observed,
            spec=content["spec"],
            labels=content["labels"],
            documents=documents,
            last_applied={**last["spec"], "labels": last["labels"]} if last else None,
            complete=True,
        )

    def _foreign_default(self, raw: Mapping[str, Any], entry: Entry | None) -> None:
        if entry is not None:
            summary = (
                f"{raw['id']} does not show our tag in the version we last applied; it is treated as somebody else's."
            )
            self.warnings.append(Notice("W302", summary, entry.address))

    async def _version_tags(self, kind: Kind, object_id: str, version: str, anchor: Anchor | None) -> Tags | None:
        try:
            reply = await self.account.send(
                Call("GET", f"{kind.collection}/{object_id}/versions/{version}", beta=kind.beta)
            )
        except Failure as failure:
            if is_missing(failure):
                return None
            raise
        tags = tagging.decode_line(reply.data.get("description"))
        mine = (
            tags is not None
            and tags.stack == self.scope.owner
            and anchor is not None
            and tags.lineage == anchor.lineage
        )
        return tags if mine else None

    def _vouched_version(
        self, desired: Desired | None, tags: Tags, object_id: str, ids: Mapping[Address, Observed]
    ) -> bool:
        """Whether the description alone says that the live version, our last one, is what the manifest wants."""
        if desired is None:
            return not self._reads_fully(object_id)
        if self._reads_fully(object_id) or tags.spec != desired.digest():
            return False
        known = {address: item.id for address, item in ids.items() if item.usable}
        return tags.refs == refs_digest(desired.spec, known)

    # --- what the models in use have before them ---

    async def _models(self, objects: Sequence[Observed]) -> dict[str, str | None]:
        """When each model is shut down: one list. Whoever may not read it, or runs none, does not know."""
        specs = [(KINDS[item.kind], item.spec) for item in self.scope.desired]
        specs += [(KINDS[item.kind], item.spec) for item in objects]
        if not self.scope.reviewed or not any(kind.models(spec) for kind, spec in specs):
            return {}
        try:
            reply = await self.account.send(Call("GET", "/models"))
        except Failure:
            return {}
        listed = reply.data.get("data")
        return {
            item["id"]: _day(item.get("shutdown_date"))
            for item in (listed if isinstance(listed, list) else ())
            if isinstance(item, Mapping) and isinstance(item.get("id"), str)
        }

    # --- objects to adopt ---

    async def _adoptable(self, objects: Sequence[Observed]) -> dict[str, Observed]:
        ours = {item.id for item in objects}
        found: dict[str, Observed] = {}
        for desired in self.scope.desired:
            wanted = desired.lifecycle.adopt
            if wanted is None or wanted in ours or not ID_PATTERN.match(wanted):
                continue
            kind = KINDS[desired.kind]
            raw = await self._get(kind, wanted)
            if raw is None:
                continue
            found[wanted] = await self._adopted(kind, raw, desired)
        return found

    async def _adopted(self, kind: Kind, raw: dict[str, Any], desired: Desired) -> Observed:
        if isinstance(kind, VersionedKind):
            live = version_of(raw, "default_version")
            content = await read_version(self.account, kind, raw["id"], live) or {"spec": {}, "labels": {}, "files": []}
            tags = tagging.decode_line(raw.get("description"))
            return Observed(kind.name, raw["id"], content["spec"], raw, tags, content["labels"], (), version=live)
        observed = observed_from(kind, raw, tagging.decode(raw.get("metadata")), desired.spec)
        if kind.documents is None:
            return observed
        if kind.file_ids(raw) is not None:
            return replace(
                observed, documents=tuple(Attachment(item, None, None, None) for item in kind.file_ids(raw) or ())
            )
        return replace(observed, documents=await list_attachments(self.account, kind, raw["id"]))


def _listed_file(item: Mapping[str, Json]) -> Attachment:
    return Attachment(str(item["id"]), str(item.get("path")), str(item.get("sha256")), str(item.get("name")))


def _anchor_parts(stores: Iterable[dict[str, Any]], owner: str) -> list[tuple[int, dict[str, Any]]]:
    found = {
        store["id"]: (number, store) for store in stores if (number := anchors.is_part(store.get("metadata"), owner))
    }
    return list(found.values())


def _whole(parts: list[tuple[int, dict[str, Any]]]) -> bool:
    """Whether every anchor's first part is there with as many others as it speaks of."""
    heads = [store for number, store in parts if number == 1]
    return bool(heads) and all(_has_all(store, parts) for store in heads)


def _has_all(head: Mapping[str, Any], parts: list[tuple[int, dict[str, Any]]]) -> bool:
    said = re.search(r";parts=([0-9]{1,4});", str(head["metadata"].get(anchors.ANCHOR)))
    lineage = head["metadata"][tagging.STACK]
    there = {number for number, store in parts if store["metadata"][tagging.STACK] == lineage}
    return {*range(1, int(said[1]) + 1 if said else 1)} <= there


def _part_order(part: tuple[int, dict[str, Any]]) -> tuple[int, int, str]:
    return (part[0], created_at(part[1]), part[1]["id"])


def _day(value: Json) -> str | None:
    """A date as the API writes it, YYYY-MM-DD; None for anything else."""
    return value if isinstance(value, str) and _DAY.match(value) else None
