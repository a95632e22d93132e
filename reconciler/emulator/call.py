"""What a handler sees of a request once it has been routed, authorised and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from reconciler.emulator.errors import wrong_length

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.emulator.errors import ApiError
    from reconciler.emulator.settings import Switches
    from reconciler.emulator.storage import Storage

Json: TypeAlias = dict[str, Any]
MOST_PAIRS = 16


@dataclass(frozen=True, slots=True)
class Call:
    """One request inside its transaction. `now` is in seconds and stays the same throughout."""

    storage: Storage
    now: float
    new_id: Callable[[str], str]
    switches: Switches
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]

    @property
    def timestamp(self) -> int:
        """The time as the API writes it: whole seconds."""
        return int(self.now)

    def find(self, kind: str, object_id: str, missing: Callable[[str], ApiError], *, parent: str = "") -> Json:
        """Read an object, or raise what is said when there is none."""
        found = self.storage.find(kind, object_id, parent=parent)
        if found is None:
            raise missing(object_id)
        return found

    def updated(self, name: str, old: Json) -> Json:
        """Give the metadata (or attributes) after an update whose body has this field; null clears."""
        sent = self.body[name] or {}
        keep = self.switches.merge_metadata and self.body[name] is not None
        pairs = {**old, **sent} if keep else dict(sent)
        if len(pairs) > MOST_PAIRS:
            raise wrong_length(name, "maxProperties", MOST_PAIRS, len(pairs))
        return pairs


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is not JSON, or that carries headers of its own."""

    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
