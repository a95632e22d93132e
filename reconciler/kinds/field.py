"""One top-level field of a live object, declared once for all who ask about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.json import ABSENT, Json


@dataclass(frozen=True, slots=True)
class Field:
    """One top-level field of a live object.

    `name` is the API's own name, `manifest` what users write (None: the same). `schema` is the JSON Schema of what
    users write; None: the field is derived from the one that `manifest` names. `default` is what the server fills in
    when the field is not sent, `clear` what removing it sends. `replaces`: the field cannot be updated. `item` names
    the keys that identify an item of a list whose order means nothing: after its `type`, the first one that an item
    has. `readable` false: the server need not show what it was sent, or shows it filled up with values of its own
    choice; once the tag says that the value was applied, only what both sides speak of is compared. `examples` are two
    different valid values, as users write them; the contract test changes one into the other.
    """

    name: str
    schema: Mapping[str, Json] | None
    examples: tuple[Json, ...] = ()
    manifest: str | None = None
    required: bool = False
    default: Json = ABSENT
    clear: Json = None
    replaces: bool = False
    item: tuple[str, ...] | None = None
    readable: bool = True

    @property
    def source(self) -> str:
        """The name in the manifest."""
        return self.manifest or self.name


def identity(item: Json, keys: Sequence[str]) -> str:
    """What tells an item of a list from the others: its type, and the first of some keys that it has (or its name)."""
    if not isinstance(item, Mapping):
        return ""
    found = (item[key].get("name") if isinstance(item[key], Mapping) else item[key] for key in keys if item.get(key))
    name = next(found, None)
    return f"{item.get('type')}:{name}" if name else str(item.get("type") or "")
