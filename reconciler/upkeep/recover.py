"""Building the anchor anew from what the account shows: tagged objects are the truth, and the anchor is made of them.

It helps when the anchor was deleted, cannot be read, lacks a part, or when there is one too many. What only the anchor
knew cannot be had from anywhere else; as far as its stores are still there it is kept, and the rest is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from reconciler.account.failures import stop_for
from reconciler.account.objects import get_object
from reconciler.account.paging import list_all
from reconciler.account.port import Account, Call, Failure, Sort
from reconciler.apply.session import Session
from reconciler.kinds import KINDS
from reconciler.kinds.kind import Keeping, Kind
from reconciler.model.desired import Desired
from reconciler.model.errors import Exit, Stop
from reconciler.model.observed import created_at
from reconciler.observing.observer import read_anchor
from reconciler.ownership import anchor as anchors
from reconciler.ownership import tags as tagging
from reconciler.ownership.anchor import ANCHOR_BETA, ANCHOR_COLLECTION, ANCHOR_KIND, Anchor, Entry
from reconciler.upkeep.recovery import Part, Recovery, Tagged, is_whole, salvaged, still_named, tagged
from reconciler.upkeep.repair import AGAIN, mender
from reconciler.upkeep.unlock import Held, check_dead

LOOK_AGAIN = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each look at what was written."""
ORDERS: tuple[Literal["desc", "asc"], ...] = ("desc", "asc")
_NEWER = re.compile(rf"(?:^|;)v=(?!{anchors.VERSION}(?:;|$))")


async def find_recovery(session: Session, lineage: str | None = None) -> Recovery:
    """What there is to recover, from a fresh look at the whole account. GET only.

    Raises Stop: refused (4) when a person has to decide first, denied (8) when this may be the wrong account, locked
    (6) when a run is alive, invalid (7) for a lineage that is not there.
    """
    try:
        return await _Search(session, lineage).run()
    except Failure as failure:
        raise stop_for(failure) from failure


async def recover(session: Session, shown: Recovery) -> str:
    """Do what was shown; the anchor's id. Raises Stop, with nothing written, when the account changed meanwhile.

    It may be interrupted at any request: until the record is whole nobody can plan or apply with it, and running it
    again starts from what is there.
    """
    fresh = await find_recovery(session, shown.lineage or None)
    if _essence(fresh) != _essence(shown):
        raise Stop(Exit.STALE, "The account changed since this was shown; nothing was written.", AGAIN)
    try:
        head = fresh.sound
        if fresh.anchor is not None:
            repair = mender(session, replace(fresh.anchor, ids=()))
            await repair.rebuild(fresh.anchor, [[part.store for part in group] for group in fresh.parts])
            head = repair.anchor.ids[0]
        remove = sorted(fresh.remove, key=lambda part: (part.lineage or "", -part.number))
        await mender(session, Anchor(fresh.stack, fresh.lineage)).drop_stores([part.store for part in remove])
    except Failure as failure:
        raise stop_for(failure) from failure
    return await _read_back(session, head, fresh)


async def _read_back(session: Session, head: str | None, done: Recovery) -> str:
    """The anchor's id, once apply can work with it; the lists may need a moment to show new parts."""
    for pause in LOOK_AGAIN:
        await session.clock.sleep(pause)
        try:
            written = await read_anchor(session.account, replace(session.scope(), anchor=head))
        except Stop as stop:
            if stop.code is not Exit.DENIED:
                raise
            continue
        if written is not None and (done.anchor is None or written.inventory == done.anchor.inventory):
            return written.ids[0]
    raise Stop(Exit.INCOMPLETE, f"The anchor {head} does not show yet what was written to it.", AGAIN)


def _essence(recovery: Recovery) -> Recovery:
    """Without what passes: the sign of life that will be written."""
    anchor = replace(recovery.anchor, beat=0, serial=0) if recovery.anchor else None
    return replace(recovery, anchor=anchor)


@dataclass(slots=True)
class _Search:
    session: Session
    wanted: str | None
    parts: list[Part] = field(default_factory=list)
    objects: list[Tagged] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def account(self) -> Account:
        return self.session.account

    @property
    def owner(self) -> str:
        return self.session.scope().owner

    async def run(self) -> Recovery:
        pinned = self.session.scope().anchor
        blank = Recovery(self.owner, pinned=pinned)
        judged = await self._judge()
        if isinstance(judged, Stop) and judged.code not in {Exit.DENIED, Exit.REFUSED}:
            raise judged
        await self._read_parts(pinned)
        if isinstance(judged, Anchor):
            return await self._with_sound(blank, judged)
        await self._read_objects()
        lineage = self._choose(pinned)
        if lineage is None:
            return blank
        mine = tuple(sorted((item for item in self.objects if item.tags.lineage == lineage), key=_order))
        self._refuse_doubles(mine)
        blank = replace(blank, lineage=lineage, objects=mine)
        head = self._head(lineage, pinned)
        others = [part for part in self.parts if part.number == 1 and part is not head]
        remove = [part for other in others for part in await self._removable(other, lineage, refuse=True)]
        await self._refuse_the_living([head, *remove] if head else remove)
        sound = self._sound(lineage, head)
        if sound is not None:
            return replace(blank, sound=sound.ids[0], remove=tuple(remove))
        return self._rebuilding(blank, head, tuple(remove))

    # --- looking ------------------------------------------------------------------------------------------------------

    async def _judge(self) -> Anchor | Stop | None:
        """What plan and apply make of the anchor; when the pinned one is gone, of one that is found without the pin."""
        scope = self.session.scope()
        try:
            return await read_anchor(self.account, scope)
        except Stop as stop:
            if scope.anchor is None or await self._store(scope.anchor) is not None:
                return stop
        try:
            return await read_anchor(self.account, replace(scope, anchor=None))
        except Stop as stop:
            return stop

    async def _store(self, store_id: str) -> dict[str, Any] | None:
        kind = ANCHOR_KIND
        return await get_object(self.account, kind, store_id)

    async def _read_parts(self, pinned: str | None) -> None:
        stores = await self._both(ANCHOR_COLLECTION, ANCHOR_BETA)
        if pinned is not None and pinned not in stores and (raw := await self._store(pinned)) is not None:
            stores[pinned] = raw
        for store in stores.values():
            number = anchors.is_part(store.get("metadata"), self.owner)
            if number is not None:
                owner = re.fullmatch(r".*#([0-9a-f]{12})", str(store["metadata"].get(tagging.STACK)))
                self.parts.append(Part(number, owner[1] if owner else None, str(store["id"]), store))
        self.parts.sort(key=lambda part: (part.number, created_at(part.store), part.id))

    async def _read_objects(self) -> None:
        """Every object that names our stack, whatever its kind; a collection that is not there has none."""
        for kind in KINDS.values():
            if kind.keeping is Keeping.ATTACHED:
                continue
            try:
                found = await self._both(kind.collection, kind.beta)
            except Failure as failure:
                if failure.sort is not Sort.NOT_FOUND and failure.status != 410:
                    raise
                self._note_missing(kind)
                continue
            for raw in found.values():
                item = tagged(kind, raw)
                if item is not None and item.tags.stack == self.owner:
                    self.objects.append(item)

    def _note_missing(self, kind: Kind) -> None:
        if any(item.kind == kind.name for item in self.session.loaded.desired):
            raise Stop(Exit.UNAVAILABLE, f"{kind.collection} cannot be read. {kind.gone}".strip())
        self.missing.append(kind.name)

    async def _both(self, path: str, beta: str | None) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for order in ORDERS:
            found |= {raw["id"]: raw for raw in await list_all(self.account, path, order=order, beta=beta)}
        return found

    # --- choosing -----------------------------------------------------------------------------------------------------

    async def _with_sound(self, blank: Recovery, anchor: Anchor) -> Recovery:
        """There is an anchor that apply works with; others beside it name nothing, and may go."""
        found = replace(blank, lineage=anchor.lineage, sound=anchor.ids[0])
        if self.wanted is not None and self.wanted != anchor.lineage:
            raise Stop(
                Exit.REFUSED,
                f"The anchor {anchor.ids[0]} is sound; its lineage is {anchor.lineage}.",
                "Nothing was written. There is nothing to choose while apply works.",
            )
        others = [part for part in self.parts if part.number == 1 and part.id != anchor.ids[0]]
        remove = [part for other in others for part in await self._removable(other, anchor.lineage, refuse=False)]
        await self._refuse_the_living(remove)
        return replace(found, remove=tuple(remove))

    def _choose(self, pinned: str | None) -> str | None:
        of_objects = {item.tags.lineage for item in self.objects}
        of_parts = {part.lineage for part in self.parts if part.lineage is not None}
        known = of_objects or of_parts
        if self.wanted is not None:
            if self.wanted not in of_objects | of_parts:
                raise Stop(
                    Exit.INVALID,
                    f"Nothing in the account has the lineage {self.wanted}.",
                    lines=self._lineages(of_objects | of_parts),
                )
            return self.wanted
        if len(known) > 1:
            raise Stop(
                Exit.REFUSED,
                f"Objects of {len(known)} lineages name the stack {self.owner}; a person has to say which one it is.",
                "Choose with --lineage. What has another lineage is then left alone for good.",
                lines=self._lineages(known),
            )
        if known:
            return next(iter(known))
        if pinned is not None:
            raise Stop(
                Exit.DENIED,
                f"Neither the pinned anchor {pinned} nor any object of {self.owner} is in this account.",
                "Is this the right key and project? If all is gone on purpose, remove the pin from reconciler.yaml.",
            )
        if self.parts:
            raise Stop(
                Exit.REFUSED,
                f"{self.parts[0].id} says that it is the anchor of {self.owner}, but names no lineage.",
                "Nothing in the account is tagged as ours. Delete that vector store by hand, then apply.",
            )
        return None

    def _lineages(self, known: Iterable[str]) -> tuple[str, ...]:
        """One line for each lineage: its anchor's stores, and its objects."""
        lines = []
        for lineage in sorted(known):
            stores = [part.id for part in self.parts if part.lineage == lineage]
            objects = [f"{item.tags.address} {item.id}" for item in self.objects if item.tags.lineage == lineage]
            named = ", ".join([*(f"anchor {store}" for store in stores), *sorted(objects)])
            lines.append(f"{lineage}: {named}")
        return tuple(lines)

    def _refuse_doubles(self, mine: Sequence[Tagged]) -> None:
        seen: dict[tuple[str, object], Tagged] = {}
        for item in mine:
            other = seen.setdefault((item.kind, item.tags.address), item) if item.published else item
            if other is not item:
                raise Stop(
                    Exit.REFUSED,
                    f"Two live objects say that they are {item.tags.address}: {other.id} and {item.id}.",
                    "Nothing was written. Keep one, and remove our tags from the other (or delete it).",
                )

    def _head(self, lineage: str, pinned: str | None) -> Part | None:
        """The first part that keeps its id: the pinned one, else the one that can be read, else the oldest."""
        heads = [part for part in self.parts if part.number == 1 and part.lineage == lineage]
        heads.sort(key=lambda part: (part.id != pinned, anchors.decode(self.owner, [part.store]) is None))
        return heads[0] if heads else None

    async def _removable(self, head: Part, lineage: str, *, refuse: bool) -> list[Part]:
        """Another anchor with its parts, if it may go: it is of the chosen lineage, or names nothing that exists.

        One that can be read and names something stands in the way of every plan: with `refuse` that is said.
        """
        if head.lineage is None or _NEWER.search(head.state):
            return []
        if head.lineage == lineage:
            return [head]
        parts = [part for part in self.parts if part.lineage == head.lineage]
        living = await self._living(parts)
        if not living:
            return parts
        if refuse and anchors.decode(self.owner, [head.store]) is not None:
            raise Stop(
                Exit.REFUSED,
                f"The anchor {head.id} of lineage {head.lineage} names what is there: {', '.join(living[:5])}.",
                "Nothing was written. Delete those that are the wrong ones, then run this again.",
                lines=self._lineages({head.lineage, lineage}),
            )
        return []

    async def _living(self, parts: Sequence[Part]) -> list[str]:
        """The ids of the objects that an anchor names and that are still there."""
        found = []
        for entry in salvaged(self.owner, parts).inventory:
            kind = KINDS.get(entry.kind)
            if kind is None or kind.keeping is Keeping.ATTACHED:
                continue
            if await get_object(self.account, kind, entry.id) is not None:
                found.append(entry.id)
        return found

    async def _refuse_the_living(self, parts: Sequence[Part]) -> None:
        """Raise Stop when a run has one of these anchors and showed a sign of life a moment ago."""
        for part in parts:
            anchor = anchors.decode(self.owner, [part.store]) if part.number == 1 else None
            if anchor is None or not anchor.busy or not anchor.run:
                continue
            reply = await self.account.send(Call("GET", f"{ANCHOR_COLLECTION}/{part.id}", beta=ANCHOR_BETA))
            now = reply.date if reply.date is not None else self.session.clock.now()
            check_dead(Held(anchor, int(now - anchor.beat)), self.session.liveness)

    # --- what would be written ----------------------------------------------------------------------------------------

    def _sound(self, lineage: str, head: Part | None) -> Anchor | None:
        """The lineage's own record, if nothing is wrong with it."""
        if head is None:
            return None
        mine = [part for part in self.parts if part.lineage == lineage and (part is head or part.number > 1)]
        return anchors.decode(self.owner, [part.store for part in mine]) if is_whole(head, mine) else None

    def _rebuilding(self, blank: Recovery, head: Part | None, remove: tuple[Part, ...]) -> Recovery:
        lineage, mine = blank.lineage, blank.objects
        parts = [part for part in self.parts if part.lineage == lineage and (part is head or part.number > 1)]
        newer = next((part for part in parts if _NEWER.search(part.state)), None)
        if newer is not None:
            raise Stop(
                Exit.REFUSED,
                f"The anchor {newer.id} was written by another version of the reconciler.",
                "Use that version. If it was edited by hand, delete this vector store and run this again.",
            )
        old = salvaged(self.owner, parts)
        entries = [self._entry(item, old) for item in mine if item.published]
        entries += [entry for entry in old.inventory if still_named(entry, mine)]
        kinds = {item.kind for item in mine} | {item.kind for item in self.session.loaded.desired} | {*old.kinds}
        anchor = Anchor(
            self.owner,
            lineage,
            serial=old.serial or int(self.session.clock.now()),
            busy=True,
            kinds=tuple(sorted(kind for kind in kinds if kind in KINDS)),
            inventory=tuple(sorted(entries, key=lambda entry: (entry.address, entry.kind))),
            holds=old.holds,
            journal=old.journal,
        )
        top = max((part.number for part in parts), default=0)
        grouped = tuple(tuple(part for part in parts if part.number == number) for number in range(1, top + 1))
        lost = self._lost(mine, old, whole=is_whole(head, parts))
        return replace(blank, anchor=anchor, lost=lost, remove=remove, parts=grouped)

    def _entry(self, item: Tagged, old: Anchor) -> Entry:
        """The inventory's line of a confirmed object. What has versions carries no flags of its own: see `_flags`."""
        tags = item.tags
        protect, retain = tags.protect, tags.retain
        if KINDS[item.kind].keeping is Keeping.VERSIONS:
            protect, retain = self._flags(item, old)
        return Entry(item.kind, tags.address, item.id, item.version, protect, retain)

    def _flags(self, item: Tagged, old: Anchor) -> tuple[bool, bool]:
        """Whether an object with versions is protected and retained, which only anchor and manifest say.

        Without either it is protected: nothing is to be deleted because nobody remembers.
        """
        entry = old.entry(item.kind, item.tags.address)
        if entry is not None and entry.id == item.id:
            return entry.protect, entry.retain
        desired = self._manifest(item)
        return (desired.lifecycle.protect, desired.lifecycle.retain) if desired else (True, False)

    def _manifest(self, item: Tagged) -> Desired | None:
        wanted = self.session.loaded.desired
        return next((one for one in wanted if one.kind == item.kind and one.address == item.tags.address), None)

    def _lost(self, mine: Sequence[Tagged], old: Anchor, *, whole: bool) -> tuple[str, ...]:
        """What nobody can know any more, in words."""
        lost = []
        if not whole:
            others = "Which other" if old.holds else "Which"
            lost.append(f"{others} releases were rolled back and held: the next plan moves them forward again.")
            lost.append("Which Files an interrupted run was about to delete: `reconciler gc` lists them.")
        for item in mine:
            unknown = KINDS[item.kind].keeping is Keeping.VERSIONS and item.published
            if unknown and old.entry(item.kind, item.tags.address) is None and self._manifest(item) is None:
                lost.append(
                    f"Whether {item.tags.address} was protected. It has no manifest, so it is noted as protected: to "
                    "delete it, put the manifest back with `protect: false` and apply, then delete."
                )
            known = {entry.id for entry in old.inventory if entry.address.owner == item.tags.address}
            files = [file_id for file_id in item.names if file_id not in known]
            if files and item.published:
                lost.append(
                    f"Which files of {item.tags.address} these are: {', '.join(files)}. "
                    "The next apply uploads them anew."
                )
        gone = [name for name in self.missing if name in old.kinds]
        lost += [f"Whether there is any {KINDS[name].title} of this stack: {KINDS[name].gone}" for name in gone]
        return tuple(lost)


def _order(item: Tagged) -> tuple[object, str, str]:
    return (item.tags.address, item.kind, item.id)
