"""What interrupted runs and old releases left in the account: found by reading alone.

Four groups, by what proves that nothing needs a thing any more: the journal, an unconfirmed object's own tags, the
number of newer releases; and for a File that nobody is seen to use, nothing at all, so that only a person deletes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from reconciler.account.failures import stop_for
from reconciler.account.objects import get_object, is_missing, list_attachments
from reconciler.account.port import Call, Failure, Sort
from reconciler.apply.session import Session
from reconciler.kinds import KINDS
from reconciler.kinds.kind import VersionedKind
from reconciler.model.address import Address
from reconciler.model.json import Json
from reconciler.model.observed import Observed, Tags
from reconciler.observing.observer import observe
from reconciler.observing.scope import Found
from reconciler.ownership.anchor import Anchor, Entry
from reconciler.upkeep.moments import moment
from reconciler.upkeep.uses import (
    FILES,
    File,
    User,
    Uses,
    Version,
    has_attachments,
    list_files,
    list_versions,
    number_of,
    read_contents,
)

KEPT = 10
"""So many releases of an assistant are kept, the newest ones."""


class Group(StrEnum):
    """Why something is an orphan."""

    JOURNAL = "journal"
    """A File that an interrupted run was about to delete."""
    OBJECTS = "objects"
    """An object that an interrupted run did not confirm, or did not delete after its replacement."""
    VERSIONS = "versions"
    """An old version of a release."""
    FILES = "files"
    """A File that nothing in the account is seen to use."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """One thing that nothing needs. `id` is that of a File, an object, or (with `version`) of a release's object.

    `tags` is the evidence as it was read, `files` are the ids of Files that go with it.
    """

    group: Group
    kind: str
    id: str
    why: str
    address: Address | None = None
    version: str | None = None
    tags: Tags | None = None
    file: File | None = None
    created: int | None = None
    files: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Group, str, str | None]:
        """What tells it from others, at another look too."""
        return (self.group, self.id, self.version)

    def to_json(self) -> dict[str, Json]:
        """What `gc` prints of it."""
        created = self.file.created if self.file else self.created
        return {
            "group": self.group.value,
            "resource": self.kind,
            "id": self.id,
            "address": str(self.address) if self.address else None,
            "version": self.version,
            "name": self.file.name if self.file else None,
            "bytes": self.file.bytes if self.file else None,
            "created": moment(created),
            "files": list(self.files),
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Orphans:
    """All orphans, in the order in which they are shown, and what they were found from.

    `gone` are Files that the journal names and that are not there any more. `notes` say what could not be found out.
    """

    found: Found
    items: tuple[Orphan, ...] = ()
    gone: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    uses: Uses | None = field(default=None, compare=False)

    @property
    def anchor(self) -> Anchor | None:
        """The stack's record; without one nothing is known to be ours."""
        return self.found.anchor

    def of(self, group: Group) -> tuple[Orphan, ...]:
        """Those of one group."""
        return tuple(item for item in self.items if item.group is group)


async def find_orphans(session: Session, groups: Iterable[Group] = tuple(Group)) -> Orphans:
    """Everything of some groups that nothing needs. GET only; raises Stop."""
    found = await observe(session.account, session.scope())
    try:
        return await _Search(session, found, frozenset(groups), Uses(session.account)).run()
    except Failure as failure:
        raise stop_for(failure) from failure


@dataclass(slots=True)
class _Search:
    session: Session
    found: Found
    groups: frozenset[Group]
    uses: Uses
    versions: dict[str, list[Version]] = field(default_factory=dict)
    """By object id, what our releases consist of."""
    read: bool = False
    """Whether it is known what the versions name."""
    notes: list[str] = field(default_factory=list)

    async def run(self) -> Orphans:
        await self._list_releases()
        journal = await self._journalled() if Group.JOURNAL in self.groups else {}
        files = await self._files() if Group.FILES in self.groups else {}
        old = self._old_versions() if Group.VERSIONS in self.groups else {}
        halves = self._halves() if Group.OBJECTS in self.groups else []
        if journal or old or halves:
            await self._read_releases()
        objects = list(self._objects(halves))
        own = {item.id: await self._own_files(item) for item in objects}
        named = {file_id for object_id in old for version in self.versions[object_id] for file_id in version.own}
        await self._read_uses(files, {*journal, *named, *(file_id for group in own.values() for file_id in group)})
        objects = [replace(item, files=self._nobody_elses(item.id, own[item.id])) for item in objects]
        items = [*self._unused(journal), *objects, *self._with_their_files(old)]
        going = {file_id for item in items for file_id in (*item.files, item.id)}
        items += self._loose(files, going | await self._recorded(files))
        return Orphans(
            self.found,
            tuple(items),
            tuple(file_id for file_id, file in journal.items() if file is None),
            (*self._about_runs(), *self.notes),
            self.uses,
        )

    @property
    def objects(self) -> tuple[Observed, ...]:
        return self.found.snapshot.objects

    # --- reading ------------------------------------------------------------------------------------------------------

    async def _list_releases(self) -> None:
        for item in self.objects:
            kind = KINDS[item.kind]
            if isinstance(kind, VersionedKind):
                self.versions[item.id] = await list_versions(self.session.account, kind, item.id)

    async def _read_releases(self) -> None:
        """What every version of ours names, and what those of other stacks do; read once, if anything depends on it."""
        if self.read:
            return
        self.read = True
        for item in self.objects:
            kind = KINDS[item.kind]
            if not isinstance(kind, VersionedKind):
                continue
            listed = self.versions[item.id]
            self.versions[item.id] = await read_contents(self.session.account, kind, item.id, listed)
            for version in self.versions[item.id]:
                self.uses.note((item.id, version.number), version.files)
        await self.uses.read_other_releases(self.versions)
        await self.uses.read_bare_ids()

    async def _journalled(self) -> dict[str, File | None]:
        """The Files that the journal names, as they are now."""
        return {key: await self._file(key) for key in (self.found.anchor.journal if self.found.anchor else ())}

    async def _file(self, file_id: str) -> File | None:
        try:
            reply = await self.session.account.send(Call("GET", f"{FILES}/{file_id}"))
        except Failure as failure:
            if is_missing(failure):
                return None
            raise
        return File.read({**reply.data, "id": file_id})

    async def _files(self) -> dict[str, File]:
        try:
            return await list_files(self.session.account)
        except Failure as failure:
            if failure.sort not in {Sort.MALFORMED, Sort.NOT_FOUND}:
                raise
            self.notes.append(f"Files that nothing uses cannot be told here: {failure.told}.")
            return {}

    async def _read_uses(self, files: Mapping[str, File], more: set[str]) -> None:
        """Everything that could use one of some Files. What is attached need not be looked for in releases."""
        if files or more:
            await self.uses.read_attachments({*files, *more})
        if more or any(file_id not in self.uses.attached for file_id in files):
            await self._read_releases()

    # --- groups -------------------------------------------------------------------------------------------------------

    def _about_runs(self) -> Iterator[str]:
        anchor = self.found.anchor
        if anchor is not None and anchor.busy and anchor.run:
            yield f"The run {anchor.run} has this stack, or died: what it is making may be listed here."

    def _unused(self, journal: Mapping[str, File | None]) -> Iterator[Orphan]:
        """Of the journal, what nothing uses. The rest was to be detached first: the next apply decides about it."""
        inventory = {entry.id for entry in self.found.inventory}
        for file_id, file in journal.items():
            if file is not None and file_id not in inventory and not self.uses.of(file_id):
                yield Orphan(Group.JOURNAL, "file", file_id, "an interrupted run was about to delete it", file=file)

    def _halves(self) -> list[tuple[Observed, str]]:
        """The halves of creations and replacements that no apply would complete, and why each is one."""
        wanted = {(item.kind, item.address) for item in self.session.loaded.desired}
        found: list[tuple[Observed, str]] = []
        for address, kind in sorted({(item.tags.address, item.kind) for item in self.objects if item.tags}):
            here = [item for item in self.found.snapshot.of(address) if item.kind == kind]
            found += _of_one_place(here, wanted=(kind, address) in wanted)
        return found

    def _objects(self, halves: Iterable[tuple[Observed, str]]) -> Iterator[Orphan]:
        for item, why in halves:
            yield from self._orphan(item, why)

    def _orphan(self, item: Observed, why: str) -> Iterator[Orphan]:
        tags = item.tags
        if tags is None:
            return
        user = next((other.id for other in self.objects if other is not item and self._mentions(other, item.id)), None)
        if user is not None:
            self.notes.append(f"{item.id} ({tags.address}) is left alone: {user} still uses it; apply moves it first.")
        elif tags.protect:
            self.notes.append(f"{item.id} ({tags.address}) is left alone: it is protected.")
        else:
            created = item.raw.get("created_at")
            yield Orphan(
                Group.OBJECTS,
                item.kind,
                item.id,
                why,
                tags.address,
                tags=tags,
                created=created if isinstance(created, int) else None,
            )

    def _mentions(self, item: Observed, object_id: str) -> bool:
        """Whether an object that is in use holds an id anywhere."""
        if _state(item) != "ready":
            return False
        versions = self.versions.get(item.id)
        if versions is None:
            return f'"{object_id}"' in json.dumps(dict(item.raw))
        pointed = self._pointed_at(item)
        paths = [version.paths for version in versions if version.number in pointed]
        return any(found is None or any(path.endswith(f"/{object_id}") for path in found) for found in paths)

    def _pointed_at(self, item: Observed) -> set[str | None]:
        """The versions that the live pointer and the anchor speak of."""
        noted = (*self.found.inventory, *(self.found.anchor.inventory if self.found.anchor else ()))
        return {item.version, *(entry.version for entry in noted if entry.id == item.id)}

    async def _own_files(self, orphan: Orphan) -> tuple[str, ...]:
        """The Files that an object's own evidence shows to be uploaded for it; a bare id is no such evidence."""
        kind = KINDS[orphan.kind]
        if isinstance(kind, VersionedKind):
            mine = [version for version in self.versions.get(orphan.id, ()) if self._ours(version)]
            return tuple(dict.fromkeys(file_id for version in mine for file_id in version.own))
        if not has_attachments(kind):
            return ()
        attached = await list_attachments(self.session.account, kind, orphan.id)
        return tuple(item.file_id for item in attached if item.path is not None)

    def _nobody_elses(self, object_id: str, files: Iterable[str]) -> tuple[str, ...]:
        return tuple(file_id for file_id in files if {user[0] for user in self.uses.of(file_id)} <= {object_id})

    def _old_versions(self) -> dict[str, list[str]]:
        """By object id, the versions of ours behind the tenth newest release, oldest first; none that is pointed at."""
        old: dict[str, list[str]] = {}
        for item in self.objects:
            mine = [version for version in self.versions.get(item.id, ()) if self._ours(version)]
            releases = [version for version in mine if version.tags.confirmed]
            if item.tags is None or _state(item) != "ready" or len(releases) <= KEPT:
                continue
            oldest = number_of(releases[KEPT - 1].number)
            hold = self.found.snapshot.holds.get(item.tags.address)
            keep = self._pointed_at(item)
            keep |= {version.number for version in releases if version.tags.spec == hold}
            behind = [version for version in mine if -1 < number_of(version.number) < oldest]
            numbers = [version.number for version in reversed(behind) if version.number not in keep]
            old |= {item.id: numbers} if numbers else {}
        return old

    def _with_their_files(self, old: Mapping[str, Sequence[str]]) -> Iterator[Orphan]:
        """Old versions, each with the Files that no version which stays, or comes after it, names."""
        items = {item.id: item for item in self.objects}
        for object_id, numbers in old.items():
            versions = {version.number: version for version in self.versions[object_id]}
            readable = all(version.paths is not None for version in versions.values())
            mine: set[User] = set()
            for number in numbers:
                mine.add((object_id, number))
                version, tags = versions[number], items[object_id].tags
                files = [file_id for file_id in version.own if self.uses.of(file_id) <= mine] if readable else []
                yield Orphan(
                    Group.VERSIONS,
                    items[object_id].kind,
                    object_id,
                    f"more than {KEPT} newer releases",
                    tags.address if tags else None,
                    number,
                    version.tags,
                    created=version.created,
                    files=tuple(dict.fromkeys(files)),
                )

    def _ours(self, version: Version) -> bool:
        anchor, tags = self.found.anchor, version.tags
        return anchor is not None and (tags.stack, tags.lineage) == (anchor.stack, anchor.lineage)

    async def _recorded(self, files: Mapping[str, File]) -> set[str]:
        """The Files that only the record knows to be in use, unless their object, read just now, does not name them."""
        kept = {entry.id for entry in self.found.inventory}
        owners = {entry.address: entry for entry in self.found.inventory if entry.address.path is None}
        unseen: dict[Entry, set[str]] = {}
        for entry in self.found.inventory:
            owner = owners.get(entry.address.owner) if entry.address.path is not None else None
            if owner is not None and owner.kind in KINDS and entry.id in files and not self.uses.of(entry.id):
                unseen.setdefault(owner, set()).add(entry.id)
        for owner, ids in unseen.items():
            kind = KINDS[owner.kind]
            raw = await get_object(self.session.account, kind, owner.id)
            named = kind.file_ids(raw) if raw is not None else None
            if named is not None:
                kept -= ids - set(named)
        return kept

    def _loose(self, files: Mapping[str, File], known: set[str]) -> Iterator[Orphan]:
        """Files that nobody is seen to use: not attached, not named, not on record and not part of another group."""
        if self.uses.unclear:
            self.notes.append(f"Files that nothing uses cannot be told here: {self.uses.unclear[0]}.")
            return
        known = known | ({*self.found.anchor.journal} if self.found.anchor else set())
        for file_id, file in sorted(files.items(), key=lambda pair: (pair[1].created or 0, pair[0])):
            if file_id not in known and not self.uses.of(file_id):
                yield Orphan(Group.FILES, "file", file_id, "nothing in this account is seen to use it", file=file)


def _of_one_place(items: Sequence[Observed], *, wanted: bool) -> Iterator[tuple[Observed, str]]:
    """Of the objects at one address, oldest first: doubles, and what was replaced."""
    ready = [item for item in items if _state(item) == "ready"]
    pending = [item for item in items if _state(item) == "pending"]
    counts = (ready or (pending if wanted else []))[:1]
    for item in pending:
        if not counts:
            yield item, "its creation was interrupted, and no manifest speaks of it"
        elif item is not counts[0]:
            yield item, f"its creation was interrupted, and {counts[0].id} is the one that counts"
    for item in items if ready else ():
        if _state(item) == "retiring":
            yield item, f"it was replaced by {ready[0].id}, and not deleted"


def _state(item: Observed) -> str:
    if item.tags is None:
        return "foreign"
    return "retiring" if item.tags.retiring else item.tags.state
