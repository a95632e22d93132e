"""Who uses which File of the account: stores that have it attached, releases and assistants that name it.

A File says nothing of that itself, so everything that could name one is read: the number of requests depends on pages
and on versions of releases, and no more is kept of a list than the ids in question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.account.objects import is_id, is_missing, read_version, version_of
from reconciler.account.paging import list_all
from reconciler.account.port import Account, Call, Failure, FailureKind, Reply
from reconciler.kinds import KINDS
from reconciler.kinds.kind import DocumentKind, Kind, VersionedKind, document_kind_of
from reconciler.model.json import Json
from reconciler.model.observed import Tags
from reconciler.ownership import tags as tagging

PAGE = 10_000
"""Files are listed so many at once (OPENAI.md 18)."""
AT_ONCE = 8
"""So many stores are listed at once."""
FILES = DocumentKind.uploads
PURPOSE = DocumentKind.purpose

Store = tuple[Kind, str]
"""An object that Files can be attached to: its kind and its id."""
User = tuple[str, str | None]
"""The id of an object that names a File, and which of its versions does."""


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded File. `bytes` and `created` (epoch seconds) are None where the server does not say."""

    id: str
    name: str
    bytes: int | None
    created: int | None

    @classmethod
    def read(cls, raw: Mapping[str, Json]) -> File:
        """As the server shows it."""
        return cls(
            str(raw["id"]), str(raw.get("filename", "")), _count(raw.get("bytes")), _count(raw.get("created_at"))
        )


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a release: its number as text, our tags or another stack's, and the Files that it names.

    `own` are those that the reconciler uploaded for it. `paths` are those of everything that it needs, below the base
    URL; None when the version cannot be read.
    """

    number: str
    tags: Tags
    created: int | None
    own: tuple[str, ...] = ()
    paths: tuple[str, ...] | None = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The ids of the Files that it needs."""
        return _files_in(self.paths or ())


def _files_in(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(path.removeprefix(f"{FILES}/") for path in paths if path.startswith(f"{FILES}/"))


@dataclass(slots=True)
class Uses:
    """Filled in by reading. `attached` says of the Files asked for which stores have them."""

    account: Account
    attached: dict[str, tuple[str, ...]] = field(default_factory=dict)
    named: dict[str, set[User]] = field(default_factory=dict)
    unclear: list[str] = field(default_factory=list)
    """Why it cannot be said of every File whether something uses it."""

    def of(self, file_id: str) -> set[User]:
        """Who uses a File."""
        stores: set[User] = {(store, None) for store in self.attached.get(file_id, ())}
        return self.named.get(file_id, set()) | stores

    def note(self, user: User, files: Iterable[str]) -> None:
        """Somebody names Files."""
        for file_id in files:
            self.named.setdefault(file_id, set()).add(user)

    async def read_attachments(self, wanted: set[str]) -> None:
        """Which of some Files any store of the account has attached."""
        turns = asyncio.Semaphore(AT_ONCE)
        stores = await list_stores(self.account)
        await asyncio.gather(*(self._read_store(kind, store, wanted, turns) for kind, store in stores))

    async def _read_store(self, kind: Kind, store: str, wanted: set[str], turns: asyncio.Semaphore) -> None:
        async with turns:
            documents = document_kind_of(kind)
            path = documents.collection.replace("{parent}", store)
            try:
                listed = await list_all(_Picked(self.account, _only_id), path, beta=documents.beta)
            except Failure as failure:
                if is_missing(failure):
                    return
                if failure.kind is not FailureKind.MALFORMED:
                    raise
                self.unclear.append(failure.summary)
                return
            for file_id in wanted.intersection(raw["id"] for raw in listed):
                self.attached[file_id] = (*self.attached.get(file_id, ()), store)

    async def read_bare_ids(self) -> None:
        """The Files that objects name by bare id, whoever made them."""
        for kind in KINDS.values():
            if kind.documents is None or kind.file_ids({}) is None:
                continue
            for raw in await _listed(self.account, kind):
                self.note((raw["id"], None), kind.file_ids(raw) or ())

    async def read_other_releases(self, ours: Iterable[str]) -> None:
        """The Files that releases of other stacks name; of one that was let go, and has no tag, its default version."""
        mine = set(ours)
        for kind in KINDS.values():
            if not isinstance(kind, VersionedKind):
                continue
            for raw in await _listed(self.account, kind):
                if raw["id"] in mine:
                    continue
                if tagging.decode_line(raw.get("description")) is None:
                    await self._read_untagged(kind, raw["id"], version_of(raw, "default_version"))
                    continue
                versions = await list_versions(self.account, kind, raw["id"])
                for version in await read_contents(self.account, kind, raw["id"], versions):
                    self.note((raw["id"], version.number), version.files)

    async def _read_untagged(self, kind: VersionedKind, object_id: str, number: str) -> None:
        """One version of an object that anybody may have made: that it cannot be read is no reason to end."""
        try:
            content = await read_version(self.account, kind, object_id, number)
        except Failure as failure:
            if failure.kind in {FailureKind.AUTHENTICATION, FailureKind.QUOTA, FailureKind.RATE_LIMITED}:
                raise
            self.unclear.append(failure.summary)
            return
        if content is not None:
            self.note((object_id, number), _files_in(kind.names(content["spec"], content["files"])))


async def list_files(account: Account) -> dict[str, File]:
    """Every File of the purpose that assistants have, by id. Raises Failure; MALFORMED when the list has no end."""
    query = (("purpose", PURPOSE),)
    listed = await list_all(_Picked(account, _file_of_interest), FILES, query=query, limit=PAGE)
    return {raw["id"]: File.read(raw) for raw in listed if raw.get("purpose") == PURPOSE}


async def list_versions(account: Account, kind: VersionedKind, object_id: str) -> list[Version]:
    """The versions of a release that carry a tag line, newest first; what they name is not read yet."""
    try:
        listed = await list_all(account, f"{kind.collection}/{object_id}/versions", beta=kind.beta)
    except Failure as failure:
        if is_missing(failure):
            return []
        raise
    tagged = [(raw, tags) for raw in listed if (tags := tagging.decode_line(raw.get("description"))) is not None]
    found = [Version(str(raw.get("version")), tags, _count(raw.get("created_at"))) for raw, tags in tagged]
    return sorted(found, key=lambda version: number_of(version.number), reverse=True)


async def read_contents(
    account: Account, kind: VersionedKind, object_id: str, versions: Iterable[Version]
) -> list[Version]:
    """The same versions with what they name."""
    return list(await asyncio.gather(*(_read_content(account, kind, object_id, version) for version in versions)))


async def _read_content(account: Account, kind: VersionedKind, object_id: str, version: Version) -> Version:
    """A version that says pending holds nothing yet."""
    if version.tags.state == "pending":
        return version
    content = await read_version(account, kind, object_id, version.number)
    if content is None:
        return replace(version, paths=None)
    own = tuple(str(item["id"]) for item in content["files"] if is_id(item.get("id")))
    return replace(version, own=own, paths=tuple(kind.names(content["spec"], content["files"])))


async def list_stores(account: Account) -> list[Store]:
    """Every object of the account that Files can be attached to, whoever made it."""
    found: list[Store] = []
    for kind in KINDS.values():
        if has_attachments(kind):
            found += [
                (kind, raw["id"]) for raw in await list_all(_Picked(account, _only_id), kind.collection, beta=kind.beta)
            ]
    return found


def has_attachments(kind: Kind) -> bool:
    """Whether Files are attached to objects of a kind, rather than named by them."""
    return kind.attaches


async def is_attached(account: Account, stores: Iterable[Store], file_id: str) -> bool:
    """Whether one of some stores has a File attached, asked just now."""
    return any(await asyncio.gather(*(_has(account, kind, store, file_id) for kind, store in stores)))


async def _has(account: Account, kind: Kind, object_id: str, file_id: str) -> bool:
    documents = document_kind_of(kind)
    path = f"{documents.collection.replace('{parent}', object_id)}/{file_id}"
    try:
        await account.send(Call("GET", path, beta=documents.beta))
    except Failure as failure:
        if is_missing(failure):
            return False
        raise
    return True


async def _listed(account: Account, kind: Kind) -> list[dict[str, Any]]:
    """A collection; empty where the account does not serve it."""
    try:
        return await list_all(account, kind.collection, beta=kind.beta)
    except Failure as failure:
        if failure.kind is FailureKind.NOT_FOUND:
            return []
        raise


Pick = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Picked:
    """An account whose lists show no more of each object than is picked: what is read page by page stays small."""

    account: Account
    pick: Pick

    async def send(self, call: Call) -> Reply:
        """Send one call once; raises Failure."""
        reply = await self.account.send(call)
        items = reply.data.get("data")
        if not isinstance(items, list):
            return reply
        picked = [self.pick(item) if isinstance(item, Mapping) else item for item in items]
        return replace(reply, data={**reply.data, "data": picked})


def _only_id(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": raw.get("id")}


def _file_of_interest(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: raw.get(key) for key in ("id", "filename", "bytes", "created_at", "purpose")}


def number_of(version: str) -> int:
    """A version's number, for ordering; what is none comes last."""
    return int(version) if version.isdecimal() else -1


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
