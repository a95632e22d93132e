"""The anchor: one empty vector store per stack whose metadata is the stack's record.

It tells a first apply from a wrong account and a lying list, says whether the last run ended clean, and holds the
inventory: address → id of every top-level object, which proves absence by id and names what cannot carry tags. All of
it can be rebuilt from the account; tagged objects are the truth. When one store is full, parts follow (about 60 entries
each), with holds of their own; run state and journal stand in the first part.

    reconciler.stack      <stack>#<lineage>
    reconciler.address    Anchor/<part>
    reconciler.anchor     idle;serial=12;run=;plan=;beat=;kinds=agent,release;parts=1;v=1
    reconciler.i0 … i8    release:Assistant/helper=skill_abc@3!p assistant:…
    reconciler.holds      Assistant/helper=<16 hex> …
    reconciler.j0 … j2    file-abc file-def …
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote

from reconciler.kinds import KINDS
from reconciler.model.address import Address
from reconciler.model.json import Json
from reconciler.ownership.tags import ADDRESS, MAX_VALUE, PREFIX, STACK, STACK_NAME, TagTooLongError

ANCHOR_KIND = KINDS["vector_store"]
ANCHOR_COLLECTION = ANCHOR_KIND.collection
ANCHOR_BETA = ANCHOR_KIND.beta

ANCHOR = f"{PREFIX}anchor"
HOLDS = f"{PREFIX}holds"
JOURNALS = tuple(f"{PREFIX}j{number}" for number in range(3))
INVENTORY = tuple(f"{PREFIX}i{number}" for number in range(9))
MAX_PAIRS = 16
"""So many pairs of metadata an object may have."""
KIND = "Anchor"
VERSION = "1"
MAX_JOURNAL = 40
"""Files that may be named as about to be deleted, if their ids are short enough for three pairs."""

_ENTRY = re.compile(r"([a-z_]+):([A-Za-z]+/[^=\s]+)=([A-Za-z0-9_-]{1,128})(?:@([A-Za-z0-9_-]{1,20}))?(?:!([pr]{1,2}))?")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the inventory. `version` where the kind has versions; `protect` and `retain` as last applied.

    For a File of an assistant, `version` holds the first 16 hex digits of its sha-256.
    """

    kind: str
    address: Address
    id: str
    version: str | None = None
    protect: bool = False
    retain: bool = False

    def encode(self) -> str:
        """`kind:address=id[@version][!pr]`, with white space, `=` and `%` in paths percent-encoded."""
        address = "".join(quote(char) if char in "=%" or char.isspace() else char for char in str(self.address))
        version = f"@{self.version}" if self.version else ""
        flags = ("p" if self.protect else "") + ("r" if self.retain else "")
        return f"{self.kind}:{address}={self.id}{version}{'!' + flags if flags else ''}"

    @classmethod
    def decode(cls, text: str) -> Entry | None:
        """Read one entry; None when it is not one."""
        match = _ENTRY.fullmatch(text)
        if match is None:
            return None
        try:
            address = Address.parse(unquote(match[2]))
        except ValueError:
            return None
        flags = match[5] or ""
        return cls(match[1], address, match[3], match[4], "p" in flags, "r" in flags)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The stack's record. `ids` are the stores it is kept in, the first one being the anchor proper.

    `busy` says that a run is under way, or was when it died: `run`, `plan` (its digest's first 16 hex digits) and
    `beat` (server time of its last sign of life, epoch seconds) are of that run. `holds` maps a rolled-back address to
    the spec digest that apply is to leave alone. `kinds` are all kinds that the stack ever used: what `observe` must
    list.
    """

    stack: str
    lineage: str
    ids: tuple[str, ...] = ()
    serial: int = 0
    busy: bool = False
    run: str = ""
    plan: str = ""
    beat: int = 0
    kinds: tuple[str, ...] = ()
    inventory: tuple[Entry, ...] = ()
    holds: Mapping[Address, str] = field(default_factory=dict)
    journal: tuple[str, ...] = ()
    created_at: int = 0

    def entry(self, kind: str, address: Address) -> Entry | None:
        """The inventory's line for an address."""
        if isinstance(self.inventory, _InOrder):
            return next(iter(self.inventory.split(kind, address)[1]), None)
        return next((item for item in self.inventory if item.kind == kind and item.address == address), None)

    def with_entry(self, entry: Entry) -> Anchor:
        """With one line put in, replacing the one for the same kind and address."""
        before, _, after = _in_order(self.inventory).split(entry.kind, entry.address)
        return replace(self, inventory=_InOrder((*before, entry, *after)))

    def without(self, kind: str, address: Address) -> Anchor:
        """With one line gone."""
        if isinstance(self.inventory, _InOrder):
            before, _, after = self.inventory.split(kind, address)
            return replace(self, inventory=_InOrder((*before, *after)))
        kept = [item for item in self.inventory if not (item.kind == kind and item.address == address)]
        return replace(self, inventory=tuple(kept))


class _InOrder(tuple[Entry, ...]):
    """Lines by address and kind: a run that makes thousands of objects finds the place of each at once."""

    __slots__ = ()

    def split(self, kind: str, address: Address) -> tuple[Sequence[Entry], Sequence[Entry], Sequence[Entry]]:
        """What stands before one address and kind, there (nothing, or its line), and after it."""
        start = bisect_left(self, (address, kind), key=_place)
        end = bisect_right(self, (address, kind), lo=start, key=_place)
        return self[:start], self[start:end], self[end:]


def _place(entry: Entry) -> tuple[Address, str]:
    return entry.address, entry.kind


def _in_order(entries: Iterable[Entry]) -> _InOrder:
    return entries if isinstance(entries, _InOrder) else _InOrder(sorted(entries, key=_place))


def encode(anchor: Anchor, foreign: Sequence[int] = ()) -> list[dict[str, str]]:
    """The metadata of each part; more than one when inventory or holds do not fit. Raises TagTooLongError.

    `foreign` says how many pairs of others each part has now: some servers keep keys of their own in every object.
    """
    lines = _lines(entry.encode() for entry in anchor.inventory)
    holds = _lines(f"{address}={spec}" for address, spec in sorted(anchor.holds.items()))
    for line in lines:
        if len(line) > MAX_VALUE:
            raise TagTooLongError(f"the anchor's entry {line[:80]}… takes {len(line)} of {MAX_VALUE} characters")
    parts: list[dict[str, str]] = []
    while not parts or lines or holds:
        others = foreign[len(parts)] if len(parts) < len(foreign) else max(foreign, default=0)
        room = min(len(INVENTORY), MAX_PAIRS - others - (4 + len(JOURNALS) if not parts else 3))
        if room < bool(parts):
            raise TagTooLongError(f"the anchor has no room beside {others} metadata pairs of others")
        part = {STACK: f"{anchor.stack}#{anchor.lineage}", ADDRESS: f"{KIND}/{len(parts) + 1}"}
        part |= dict(zip(INVENTORY, lines[:room], strict=False))
        part |= dict(zip((HOLDS,), holds[:1], strict=False))
        lines, holds = lines[room:], holds[1:]
        parts.append(part)
    parts[0][ANCHOR] = _state(anchor, len(parts))
    parts[0] |= dict(zip(JOURNALS, _lines(anchor.journal), strict=False))
    return parts


def _lines(words: Iterable[str]) -> list[str]:
    """Words in as few metadata values as they need, in order."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= MAX_VALUE:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def journal_chunks(files: Sequence[str]) -> list[list[str]]:
    """Ids in groups that fit into the journal, in order."""
    chunks: list[list[str]] = []
    for file_id in files:
        if chunks and len(chunks[-1]) < MAX_JOURNAL and len(_lines([*chunks[-1], file_id])) <= len(JOURNALS):
            chunks[-1].append(file_id)
        else:
            chunks.append([file_id])
    return chunks


def _state(anchor: Anchor, parts: int) -> str:
    return ";".join(
        [
            "busy" if anchor.busy else "idle",
            f"serial={anchor.serial}",
            f"run={anchor.run}",
            f"plan={anchor.plan}",
            f"beat={anchor.beat}",
            f"kinds={','.join(anchor.kinds)}",
            f"parts={parts}",
            f"v={VERSION}",
        ]
    )


def is_part(metadata: Json, stack: str) -> int | None:
    """Which part of a stack's anchor an object is (from 1), or None."""
    owner, number = part_of(metadata) or ("", None)
    return number if owner == stack else None


def part_of(metadata: Json) -> tuple[str, int] | None:
    """The stack of whose anchor an object is a part, and which one it is (from 1), or None."""
    if not isinstance(metadata, Mapping):
        return None
    owner, address = metadata.get(STACK), metadata.get(ADDRESS)
    if not isinstance(owner, str) or not isinstance(address, str):
        return None
    match = re.fullmatch(rf"{KIND}/([1-9][0-9]{{0,3}})", address)
    return (owner.split("#")[0], int(match[1])) if match else None


def decode(stack: str, stores: Sequence[Mapping[str, Json]]) -> Anchor | None:
    """The record out of the stores that hold it, part 1 first; None when part 1 cannot be read."""
    head = stores[0]["metadata"]
    owner = re.fullmatch(rf"{STACK_NAME}#([0-9a-f]{{12}})", str(head.get(STACK)))
    state = dict(item.partition("=")[::2] for item in str(head.get(ANCHOR, "")).split(";"))
    if owner is None or state.get("v") != VERSION:
        return None
    entries = [
        entry
        for store in stores
        for key in INVENTORY
        for text in str(store["metadata"].get(key, "")).split()
        if (entry := Entry.decode(text)) is not None
    ]
    return Anchor(
        stack,
        owner[1],
        tuple(str(store["id"]) for store in stores),
        serial=_number(state.get("serial")),
        busy="busy" in state,
        run=state.get("run", ""),
        plan=state.get("plan", ""),
        beat=_number(state.get("beat")),
        kinds=tuple(kind for kind in state.get("kinds", "").split(",") if kind),
        inventory=_in_order(entries),
        holds=_holds(" ".join(str(store["metadata"].get(HOLDS, "")) for store in stores)),
        journal=tuple(word for key in JOURNALS for word in str(head.get(key, "")).split()),
        created_at=_number(stores[0].get("created_at")),
    )


def _holds(text: str) -> dict[Address, str]:
    holds: dict[Address, str] = {}
    for word in text.split():
        address, _, spec = word.partition("=")
        try:
            holds[Address.parse(address)] = spec
        except ValueError:
            continue
    return holds


def _number(value: Json) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
