"""One rollout: the object whose documents are brought in, what is still waited for, and what failed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from reconciler.account.objects import is_missing, list_attachments
from reconciler.account.paging import list_all
from reconciler.account.port import Call, Failure, Reply
from reconciler.apply.requests.refusals import is_fatal
from reconciler.apply.run import Run, together
from reconciler.apply.uploads.sending import Deadline
from reconciler.kinds.kind import DocumentKind, Kind
from reconciler.model.address import Address
from reconciler.model.desired import Document
from reconciler.model.events import Event
from reconciler.model.observed import Attachment

RETRIES = 2
"""How often a file that failed with an error of the service is attached again."""
PAGE = 100
SINGLY = 8
"""Up to so many files are asked for one by one; more are looked up in the list."""


@dataclass(slots=True)
class Pending:
    """A document whose File is uploaded, until the service has processed it. Times are in seconds.

    `shown`: the store was seen to have it. `missed`: since when the store does not show it, on the clock's monotonic
    scale. `age`: how long it had been in progress when this run found it; None if this run attached it. `stuck`: how
    long it was before it was attached anew.
    """

    document: Document
    deadline: Deadline
    retries: int = RETRIES
    shown: bool = False
    missed: float | None = None
    age: float | None = None
    stuck: float = 0.0


@dataclass(slots=True)
class Rollout:
    """What all that brings the documents of one object in has to know.

    `waiting` is by File id, `ready` the paths of what was processed by File id, `failed` the causes by path. `telling`:
    the object's list was seen to show attributes. `unread`: so many looks at it failed one after the other.
    """

    run: Run
    owner: Kind
    kind: DocumentKind
    parent: str
    address: Address
    total: int = 0
    done: int = 0
    waiting: dict[str, Pending] = field(default_factory=dict)
    ready: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    fatal: Failure | None = None
    telling: bool = False
    unread: int = 0

    @property
    def path(self) -> str:
        """The collection of the object's files."""
        return self.kind.collection.replace("{parent}", self.parent)

    def deadline(self) -> Deadline:
        """A fresh one, for one file."""
        return Deadline(self.run.clock, self.run.file_deadline)

    def fail(self, path: str, why: str | Failure) -> None:
        """Note why a document could not be brought in; what no document can get over ends the rollout."""
        if isinstance(why, Failure) and is_fatal(why):
            self.fatal = self.fatal or why
            return
        self.failed[path] = why.message if isinstance(why, Failure) else why
        self.progress(path)

    def succeed(self, path: str) -> None:
        """Note that a document is what it should be."""
        self.done += 1
        self.progress(path)

    def check(self) -> None:
        """Raise the Failure that makes going on useless."""
        if self.fatal is not None:
            raise self.fatal

    def progress(self, path: str) -> None:
        """Say how far it is."""
        data = {
            "address": str(self.address),
            "document": path,
            "done": self.done,
            "total": self.total,
            "failed": len(self.failed),
        }
        self.run.emit(Event("documents", data))

    # --- how files stand ---

    async def read(self, file_id: str) -> Attachment | None:
        """One file as the object shows it; None when it does not."""
        found = await self.ask(file_id)
        return found[0] if found else None

    async def ask(self, file_id: str) -> tuple[Attachment, Reply] | None:
        """The same, with the answer itself."""
        try:
            reply = await self.run.account.send(Call("GET", f"{self.path}/{file_id}", beta=self.kind.beta))
        except Failure as failure:
            if is_missing(failure):
                return None
            raise
        return (self.kind.read(reply.data), reply) if reply.data.get("id") == file_id else None

    async def newest(self, files: Collection[str]) -> dict[str, Attachment]:
        """Those of some files that stand at the top of the list, where what was attached last stands."""
        most = PAGE * -(-len(files) // PAGE)
        listed = await list_all(self.run.account, self.path, order="desc", most=most, beta=self.kind.beta)
        wanted = set(files)
        found = {item["id"]: self.kind.read(item) for item in listed if item["id"] in wanted}
        self.telling = self.telling or any(item.path is not None for item in found.values())
        return found

    async def one_by_one(self, files: Iterable[str]) -> dict[str, Attachment]:
        """Those of some files that can be read by their ids."""
        found = await together(self.read(file_id) for file_id in files)
        return {item.file_id: item for item in found if item is not None}

    async def anywhere(self, files: Collection[str]) -> dict[str, Attachment]:
        """Those of some files that the object shows: few are read by their ids, many are looked for in its list."""
        if len(files) <= SINGLY:
            return await self.one_by_one(files)
        wanted = set(files)
        listed = await list_attachments(self.run.account, self.owner, self.parent)
        return {item.file_id: item for item in listed if item.file_id in wanted}

    async def recent(self, files: Collection[str]) -> dict[str, Attachment]:
        """The same for what was attached not long ago: of a large store only the top of the list is read."""
        found = await self.newest(files) if len(files) > SINGLY else {}
        return found | await self.anywhere([file_id for file_id in files if file_id not in found])
