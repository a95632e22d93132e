"""What `recover` finds and would write, as values: tagged objects, the stores of the anchor, and the rebuilt record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.account.objects import version_of
from reconciler.kinds.kind import Kind, VersionedKind
from reconciler.model.json import Json
from reconciler.model.observed import Tags
from reconciler.ownership import anchor as anchors
from reconciler.ownership import tags as tagging
from reconciler.ownership.anchor import Anchor, Entry

NEWER = re.compile(rf"(?:^|;)v=(?!{anchors.VERSION}(?:;|$))")
"""In a run state: that another version of the reconciler wrote it."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A live object that names our stack, in whatever lineage; `version` where the kind has versions."""

    kind: str
    id: str
    tags: Tags
    version: str | None = None
    names: tuple[str, ...] = ()
    """The ids of the Files that the object itself names."""

    @property
    def published(self) -> bool:
        """Whether it is what its address stands for, and not the half of a creation or a replacement."""
        return self.tags.current

    @property
    def state(self) -> str:
        """`ready`, `pending`, `retiring`."""
        return "retiring" if self.tags.retiring else self.tags.state


@dataclass(frozen=True, slots=True)
class Part:
    """A store that says it is a part of our stack's anchor. `lineage` is None when it names none."""

    number: int
    lineage: str | None
    id: str
    store: Mapping[str, Any] = field(compare=False)

    @property
    def state(self) -> str:
        """The run state that it holds, as it stands there."""
        return str(self.store["metadata"].get(anchors.ANCHOR, ""))


@dataclass(frozen=True, slots=True)
class Recovery:
    """What `recover` would do: write `anchor` (None: there is none to write), and delete the stores `remove`.

    `sound` is the id of an anchor that stays as it is. `objects` are those of the chosen lineage, `parts` the stores of
    its old anchor by number. `lost` says what could not be found out. `pinned` is the id that reconciler.yaml names.
    """

    stack: str
    lineage: str = ""
    anchor: Anchor | None = None
    sound: str | None = None
    objects: tuple[Tagged, ...] = ()
    lost: tuple[str, ...] = ()
    remove: tuple[Part, ...] = ()
    parts: tuple[tuple[Part, ...], ...] = ()
    pinned: str | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.anchor is None and not self.remove

    def repin(self, written: str | None) -> str | None:
        """The id that reconciler.yaml should pin instead of the one that it does; None when it need not change."""
        current = written or self.sound
        return current if self.pinned is not None and current not in {None, self.pinned} else None

    def to_json(self, *, written: str | None) -> dict[str, Json]:
        """What `recover` prints; `written` is the anchor's id when this was carried out."""
        return {
            "stack": self.stack,
            "lineage": self.lineage or None,
            "anchor": written or self.sound,
            "rebuild": self.anchor is not None,
            "objects": [
                {
                    "address": str(item.tags.address),
                    "resource": item.kind,
                    "id": item.id,
                    "version": item.version,
                    "state": item.state,
                    "protected": self._protected(item),
                }
                for item in self.objects
            ],
            "remove": [part.id for part in self.remove],
            "lost": list(self.lost),
            "pin": self.repin(written),
            "done": written is not None,
        }

    def _protected(self, item: Tagged) -> bool:
        entry = self.anchor.entry(item.kind, item.tags.address) if self.anchor else None
        return entry.protect if entry is not None and entry.id == item.id else item.tags.protect


def is_whole(head: Part | None, parts: Sequence[Part]) -> bool:
    """Whether the first part says how many there are, and all of them are there."""
    said = re.search(r";parts=([0-9]{1,4});", head.state) if head else None
    return said is not None and {*range(1, int(said[1]) + 1)} <= {part.number for part in parts}


def tagged(kind: Kind, raw: Mapping[str, Any]) -> Tagged | None:
    """A live object by its own tags; for one with versions those of the default version, which is what people use."""
    if isinstance(kind, VersionedKind):
        tags = tagging.decode_line(raw.get("description"))
        version: str | None = version_of(raw, "default_version")
    else:
        tags, version = tagging.decode(raw.get("metadata")), None
    if tags is None or tags.address.kind == anchors.KIND:
        return None
    names = kind.file_ids(raw) if kind.documents is not None else None
    return Tagged(kind.name, str(raw["id"]), tags, version, tuple(names or ()))


def salvaged(owner: str, parts: Sequence[Part]) -> Anchor:
    """What the stores that are left still say, whether or not the first part is among them or can be read."""
    if not parts:
        return Anchor(owner, "")
    head = next((part for part in parts if part.number == 1), None)
    state = head.state if head else ""
    kept = ";".join(word for word in state.split(";") if re.match(r"(serial|kinds)=", word))
    own = dict(head.store["metadata"]) if head else {}
    own |= {tagging.STACK: f"{owner}#{parts[0].lineage}", anchors.ANCHOR: f"busy;{kept};v={anchors.VERSION}"}
    stores = [{"id": head.id if head else "", "metadata": own}]
    stores += [dict(part.store) for part in parts if part is not head]
    return anchors.decode(owner, stores) or Anchor(owner, "")


def still_named(entry: Entry, mine: Sequence[Tagged]) -> bool:
    """Whether an old line says which file an id is that a live object names."""
    if entry.address.path is None:
        return False
    owner = entry.address.owner
    return any(item.published and item.tags.address == owner and entry.id in item.names for item in mine)
