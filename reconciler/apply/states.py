"""The protocol as a table: the states that things of ours go through, and what a death leaves at each of them.

Four things have states that a stranger can read off the account: a live object (its tags), a version of a release (the
pointer beside it), an uploaded File (what names it), and the stack's record (who has it). Every write of a run moves
one of them along a row of this table. A process can die after any row, so each says what is left then, and who finds
it. The pages draw their diagram from it (`make docs`); steps ask it before they write tags (`allowed`); and a test
watches whole lives on the wire: it knows no move that is not a row here, and no row that does not occur.

What the rows do not show: a request whose answer is lost may have been executed or not, or arrive later. Every row
holds for the moment at which the account acts, and until that is known nobody sends the request again
(`reconciler/apply/requests`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.observed import Tags


class Object(StrEnum):
    """A live object with tags. `PENDING` and `READY` are the words that stand in them."""

    ABSENT = "absent"
    FOREIGN = "foreign"
    """It has no tags of ours: somebody else's, or released by us."""
    PENDING = "pending"
    READY = "ready"
    RETIRING = "retiring"


class Version(StrEnum):
    """A version of a release that carries our tag line."""

    ABSENT = "absent"
    POSTED = "posted"
    """There, and the pointer is elsewhere: not current yet, or kept for a rollback."""
    CURRENT = "current"


class File(StrEnum):
    """An uploaded File, by what names it: a store's attachment, an object, or the journal."""

    ABSENT = "absent"
    UPLOADED = "uploaded"
    """Nothing names it."""
    PROCESSING = "processing"
    """Attached to a store of ours, and not searchable yet."""
    COMPLETED = "completed"
    FAILED = "failed"
    NAMED = "named"
    """An object of ours names it by id."""
    JOURNALLED = "journalled"
    """In use, and the journal says that it is about to be deleted, or that nobody knows whether it is in use."""
    DETACHED = "detached"
    """Only the journal names it."""
    RELEASED = "released"
    """In use by an object that is not ours any more."""


class Record(StrEnum):
    """The stack's record, with the lease in it."""

    ABSENT = "absent"
    IDLE = "idle"
    HELD = "held"
    """A run has the stack, or had it when it died."""
    UNCLEAN = "unclean"
    """Nobody has the stack, and the last run did not end clean."""


State = Object | Version | File | Record


class Write(StrEnum):
    """The requests that move something; `{…}` stands for an id or a collection."""

    CREATE = "POST /{objects}"
    UPDATE = "POST /{objects}/{id}"
    DELETE = "DELETE /{objects}/{id}"
    POST_VERSION = "POST /{objects}/{id}/versions"
    UPLOAD = "POST /files"
    COMPLETE = "POST /uploads/{id}/complete"
    ATTACH = "POST /{objects}/{id}/files"
    ATTACH_MANY = "POST /{objects}/{id}/file_batches"
    ATTRIBUTES = "POST /{objects}/{id}/files/{id}"
    DETACH = "DELETE /{objects}/{id}/files/{id}"
    DELETE_FILE = "DELETE /files/{id}"
    CREATE_RECORD = "POST /{record}"
    WRITE_RECORD = "POST /{record}/{id}"
    DELETE_RECORD = "DELETE /{record}/{id}"


class Finder(StrEnum):
    """Who finds what a death leaves."""

    NOBODY = "nothing is left"
    NEXT = "the next apply"
    GC = "a person, with `gc`"


@dataclass(frozen=True, slots=True)
class Move:
    """One row: who moves a thing from one state to another, by which requests (none: the account does it by itself).

    `seen` is the evidence, read just before. `left` is what there is if the process dies right after the request.
    """

    before: State
    after: State
    writes: tuple[Write, ...]
    finder: Finder
    step: str
    seen: str
    left: str


_O, _V, _F, _R, _W, _NEXT, _GC, _NOBODY = Object, Version, File, Record, Write, Finder.NEXT, Finder.GC, Finder.NOBODY

# fmt: off
OBJECTS = (
    Move(_O.ABSENT, _O.PENDING, (_W.CREATE,), _NEXT,
         step="create",
         seen="both list orders, and the id that the record remembers, show no such object",
         left="an unconfirmed object that no output shows"),
    Move(_O.PENDING, _O.PENDING, (_W.UPDATE,), _NEXT,
         step="create, going on with what an interrupted run began",
         seen="the tags show stack, lineage and address",
         left="still an unconfirmed object"),
    Move(_O.PENDING, _O.READY, (_W.UPDATE,), _NEXT,
         step="create: the confirmation, after the documents",
         seen="the tags, once more; of a release: name and pointer as they were",
         left="a complete object that the record does not name yet"),
    Move(_O.READY, _O.READY, (_W.UPDATE,), _NOBODY,
         step="update, rollback",
         seen="the tags; and what is updated is as the plan saw it",
         left="fields and tags are one request: all of it, or nothing"),
    Move(_O.FOREIGN, _O.READY, (_W.UPDATE,), _NEXT,
         step="adopt",
         seen="nobody's tags; and it is as the plan saw it",
         left="an object of ours that the record does not name yet"),
    Move(_O.READY, _O.RETIRING, (_W.UPDATE,), _NEXT,
         step="create, of what replaces it",
         seen="the tags",
         left="an object that still serves and says that it is being replaced"),
    Move(_O.RETIRING, _O.ABSENT, (_W.DELETE,), _NEXT,
         step="delete, after its users were moved",
         seen="the tags",
         left="Files of ours that it named: the journal names them"),
    Move(_O.READY, _O.ABSENT, (_W.DELETE,), _NEXT,
         step="delete",
         seen="the tags",
         left="the same"),
    Move(_O.PENDING, _O.ABSENT, (_W.DELETE,), _NEXT,
         step="delete; or any step that finds more than one of them",
         seen="the tags, and that nobody confirmed it",
         left="the same"),
    Move(_O.READY, _O.FOREIGN, (_W.UPDATE,), _NEXT,
         step="forget (`on_delete: retain`)",
         seen="the tags",
         left="an object that nobody owns and the record still names"),
    Move(_O.RETIRING, _O.FOREIGN, (_W.UPDATE,), _NEXT,
         step="forget, of what a dead run was about to replace",
         seen="the tags",
         left="the same"),
)

VERSIONS = (
    Move(_V.ABSENT, _V.CURRENT, (_W.CREATE,), _NEXT,
         step="create: a stub that says pending",
         seen="as for the object",
         left="an unconfirmed object"),
    Move(_V.ABSENT, _V.POSTED, (_W.POST_VERSION,), _NEXT,
         step="create, update, adopt",
         seen="the tag line, or the record and the version that it names",
         left="a version that nothing points at: if it is what the manifest still wants, the pointer is set to it"),
    Move(_V.POSTED, _V.CURRENT, (_W.UPDATE,), _NEXT,
         step="create, update, adopt, rollback: the pointer",
         seen="the pointer is where it was when the evidence was read",
         left="a complete release that the record does not name yet"),
    Move(_V.CURRENT, _V.POSTED, (_W.UPDATE,), _NOBODY,
         step="the same request; and forget, which points at a version without our tag",
         seen="the same",
         left="the version that was current stays, for a rollback"),
    Move(_V.POSTED, _V.ABSENT, (_W.DELETE,), _NEXT,
         step="delete, with the object",
         seen="as for the object",
         left="the Files that it named: the journal names them"),
    Move(_V.CURRENT, _V.ABSENT, (_W.DELETE,), _NEXT,
         step="delete, with the object",
         seen="as for the object",
         left="the same"),
)

FILES = (
    Move(_F.ABSENT, _F.UPLOADED, (_W.UPLOAD, _W.COMPLETE), _GC,
         step="create, update, adopt: a document is sent",
         seen="the bytes are those of the plan",
         left="**a File without a trace**, one of at most 40 of documents; those that an object names, too"),
    Move(_F.UPLOADED, _F.PROCESSING, (_W.ATTACH, _W.ATTACH_MANY), _NEXT,
         step="a document is attached, with its attributes in the same request",
         seen="the store's tags, when the rollout began",
         left="an attachment that says which document it is: the next run waits for it"),
    Move(_F.PROCESSING, _F.COMPLETED, (), _NEXT,
         step="the account",
         seen="",
         left="a document that serves, perhaps beside its old version"),
    Move(_F.PROCESSING, _F.FAILED, (), _NEXT,
         step="the account",
         seen="",
         left="an attachment that failed; the old version serves"),
    Move(_F.COMPLETED, _F.UPLOADED, (), _GC,
         step="the account: its store expired",
         seen="",
         left="**a File without a trace**; the store is replaced, and sends its documents again"),
    Move(_F.FAILED, _F.UPLOADED, (_W.DETACH,), _GC,
         step="it failed with an error of the account: detached, to be attached again",
         seen="our attributes",
         left="**a File without a trace**, and a document that the next run sends again"),
    Move(_F.PROCESSING, _F.UPLOADED, (_W.DETACH,), _GC,
         step="it is stuck since an earlier run: detached, to be attached again",
         seen="our attributes",
         left="**a File without a trace**, and a document that the next run sends again"),
    Move(_F.COMPLETED, _F.COMPLETED, (_W.ATTRIBUTES,), _NOBODY,
         step="update: only attributes differ",
         seen="our attributes",
         left="all attributes are one request: the new ones, or the old ones"),
    Move(_F.UPLOADED, _F.NAMED, (_W.CREATE, _W.UPDATE, _W.POST_VERSION), _GC,
         step="create, update, adopt: an object or a version names it",
         seen="as for the object",
         left="of a release: nothing to do; of a v2 assistant: **a File without a trace** once its user names "
              "another, for only the record says whose it is"),
    Move(_F.COMPLETED, _F.JOURNALLED, (_W.WRITE_RECORD,), _NEXT,
         step="update, delete: it is to go",
         seen="our attributes, in a store that is ours",
         left="a document that serves, and is journalled: kept if the plan still wants it"),
    Move(_F.FAILED, _F.JOURNALLED, (_W.WRITE_RECORD,), _NEXT,
         step="it failed for good",
         seen="our attributes",
         left="an attachment that failed, and is journalled"),
    Move(_F.PROCESSING, _F.JOURNALLED, (_W.WRITE_RECORD,), _NEXT,
         step="update, delete: it is to go, processed or not",
         seen="our attributes",
         left="the same as of one that is completed"),
    Move(_F.NAMED, _F.JOURNALLED, (_W.WRITE_RECORD,), _NEXT,
         step="update, delete: its user is about to go, or to name others",
         seen="the record says that it is ours; of a release: its versions do",
         left="a File that is in use, and is journalled: kept if it still is"),
    Move(_F.UPLOADED, _F.DETACHED, (_W.WRITE_RECORD,), _NEXT,
         step="its user was refused, or nobody knows whether it was; written at once, or when the run ends",
         seen="this run uploaded it",
         left="a File that the journal alone names"),
    Move(_F.JOURNALLED, _F.DETACHED, (_W.DETACH, _W.UPDATE, _W.DELETE), _NEXT,
         step="update, delete: detached, or its user is gone, or names others",
         seen="our attributes; as for the object",
         left="a File that the journal alone names"),
    Move(_F.DETACHED, _F.ABSENT, (_W.DELETE_FILE,), _NEXT,
         step="update, delete, and each run first of all",
         seen="neither id nor list shows the attachment; the journal names it",
         left="the journal goes on naming a File that is gone"),
    Move(_F.JOURNALLED, _F.ABSENT, (_W.DELETE_FILE,), _NEXT,
         step="it is stuck and cannot be detached",
         seen="the time that a document may take is over, twice; the journal names it",
         left="the same"),
    Move(_F.JOURNALLED, _F.COMPLETED, (_W.WRITE_RECORD,), _NOBODY,
         step="it was journalled by a run that died, and is in use: the journal lets go of it",
         seen="an object of ours uses it, read just now",
         left="a document like any other"),
    Move(_F.JOURNALLED, _F.NAMED, (_W.WRITE_RECORD,), _NOBODY,
         step="the same, of a File that an object names",
         seen="an object of ours names it, read just now, and so does the record",
         left="a File like any other"),
    Move(_F.COMPLETED, _F.RELEASED, (_W.UPDATE,), _NOBODY,
         step="forget, of its store",
         seen="as for the object",
         left="a document of somebody else"),
    Move(_F.NAMED, _F.RELEASED, (_W.UPDATE,), _NOBODY,
         step="forget, of its user",
         seen="as for the object",
         left="a File of somebody else"),
    Move(_F.RELEASED, _F.COMPLETED, (_W.UPDATE,), _NOBODY,
         step="adopt, of a store that was ours once",
         seen="as for the object",
         left="a document like any other"),
    Move(_F.RELEASED, _F.NAMED, (_W.UPDATE,), _NOBODY,
         step="adopt, of an object that names it",
         seen="as for the object",
         left="a File that the record does not know: it stays when its user goes"),
)

RECORDS = (
    Move(_R.ABSENT, _R.HELD, (_W.CREATE_RECORD,), _NEXT,
         step="the first apply",
         seen="both list orders show no other record, before and after",
         left="a record of a run that is dead: others wait for ten minutes after its last sign of life, then "
              "for what it may have left under way"),
    Move(_R.IDLE, _R.HELD, (_W.WRITE_RECORD,), _NEXT,
         step="a run takes the stack",
         seen="nobody has it, and it is as the plan saw it; read back after three seconds",
         left="the same"),
    Move(_R.UNCLEAN, _R.HELD, (_W.WRITE_RECORD,), _NEXT,
         step="a run takes the stack, and waits for what the last one may have left under way",
         seen="the same",
         left="the same"),
    Move(_R.HELD, _R.HELD, (_W.WRITE_RECORD,), _NEXT,
         step="signs of life, the journal, the inventory; or another run takes over from one that is dead",
         seen="the run has it, seen at most five seconds ago; or there was no sign of life for ten minutes",
         left="the same"),
    Move(_R.HELD, _R.IDLE, (_W.WRITE_RECORD,), _NOBODY,
         step="the end of a clean run",
         seen="nothing that it sent can arrive any more",
         left="all is done; nobody has read it back"),
    Move(_R.HELD, _R.UNCLEAN, (_W.WRITE_RECORD,), _NEXT,
         step="the end of any other run; or `unlock`",
         seen="the run has it; or a person knows that it is dead",
         left="a stack that nobody has: the next run waits and repairs"),
    Move(_R.IDLE, _R.UNCLEAN, (_W.WRITE_RECORD,), _NEXT,
         step="what is read back is not what the manifests say",
         seen="nobody has taken it since",
         left="the same"),
    Move(_R.HELD, _R.ABSENT, (_W.DELETE_RECORD,), _NOBODY,
         step="the end of `destroy`; or of a first apply that came second",
         seen="the run has it, and nothing of the stack is left",
         left="nothing, or further parts of a record that has no first one"),
)
# fmt: on

MACHINES: Mapping[str, tuple[Move, ...]] = {
    "A live object": OBJECTS,
    "A version of a release": VERSIONS,
    "An uploaded File": FILES,
    "The stack's record": RECORDS,
}
"""Every row, by what it is about."""

_OBJECT_MOVES = frozenset((move.before, move.after) for move in OBJECTS)


def state_of(tags: Tags | None) -> Object:
    """The state that an object's tags say it is in; None stands for an object without tags of ours."""
    if tags is None:
        return Object.FOREIGN
    if not tags.confirmed:
        return Object.PENDING
    return Object.RETIRING if tags.retiring else Object.READY


def allowed(before: Tags | None, after: Object) -> bool:
    """Whether the protocol has a move from the state that tags, read just now, say to another one."""
    return (state_of(before), after) in _OBJECT_MOVES
