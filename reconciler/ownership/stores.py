"""The vector stores that hold a stack's record: read, made, written and deleted, whatever becomes of the answers.

A write whose answer was lost is looked for before it is sent again. It may still be executed later, and would then undo
what was written since: `in_doubt_until` says how long that can happen, and `settled` waits for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.account.limiter import passes
from reconciler.account.looks import Looks
from reconciler.account.objects import is_missing
from reconciler.account.paging import list_all
from reconciler.account.port import Account, Call, Clock, Failure, Reply
from reconciler.model.errors import Exit, Stop
from reconciler.model.json import ID_PATTERN, Json
from reconciler.ownership import anchor as anchors
from reconciler.ownership.anchor import ANCHOR_BETA, ANCHOR_COLLECTION
from reconciler.ownership.tags import PREFIX, user_pairs

ATTEMPTS = 3
FIRST_LOOK = 0.5
"""Seconds before another look at what was refused as too early, or whose answer was lost."""

Again = Callable[[], Awaitable[object]]
"""Looks once more before a write is sent again, and raises when it must not be."""


@dataclass(slots=True)
class Stores:
    """The stores of one stack's record; `settle` is in seconds."""

    account: Account
    clock: Clock
    owner: str
    settle: float = 60.0
    parting: bool = False
    """Whether calls leave even if nothing else may: they give the stack back."""
    in_doubt_until: float = 0.0
    """Until when (monotonic) a write that seemed lost, and was sent again, may still be executed."""
    server_time: float = 0.0
    """The server's clock when it last answered (epoch seconds)."""
    known: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Each store as it was last read or written."""

    def now(self) -> int:
        """The server's time, as far as it is known (epoch seconds)."""
        return int(max(self.server_time, 0) or self.clock.now())

    async def settled(self) -> None:
        """Wait until no write that seemed lost can arrive any more: it would undo what is written next."""
        await self.clock.sleep(max(0.0, self.in_doubt_until - self.clock.monotonic()))

    async def read(self, number: int, store: str) -> Mapping[str, Any]:
        """One part as it is now, by its number from 1; raises Stop when it is gone, or is no such part any more."""
        try:
            reply = await self.account.send(self._call("GET", store))
        except Failure as failure:
            if is_missing(failure):
                raise Stop(Exit.STALE, f"The anchor {store} disappeared.", "Plan again.") from failure
            raise
        self._note_time(reply)
        part = anchors.is_part(reply.data.get("metadata"), self.owner)
        if part is None or (part == 1) != (number == 1) or reply.data.get("id") != store:
            raise Stop(Exit.STALE, f"{store} is no longer the anchor of {self.owner}.", "Plan again.")
        self.known[store] = reply.data
        return reply.data

    async def listed(self) -> list[dict[str, Any]]:
        """All vector stores, in both orders: one of them may not show what was just made."""
        found: dict[str, dict[str, Any]] = {}
        for order in ("desc", "asc"):
            for store in await list_all(self.account, ANCHOR_COLLECTION, order=order, beta=ANCHOR_BETA):
                found[store["id"]] = store
        return list(found.values())

    async def create(self, metadata: Mapping[str, str]) -> str:
        """Make a store for a part of the record; when the answer was lost it is looked for, and then sent again.

        No other request carries the lineage or the address of the part; an earlier attempt that arrives after all is a
        twin of the part, see `Record.rivals`.
        """
        for _ in range(ATTEMPTS):
            store = await self._try_create(metadata)
            if store is not None:
                self.known[store] = {"metadata": metadata}
                return store
        raise Stop(
            Exit.INCOMPLETE,
            "The stack's anchor may or may not have been created.",
            "Nothing else was written. Run the same command again in a minute.",
        )

    async def _try_create(self, metadata: Mapping[str, str]) -> str | None:
        """The id of the new store; None when it is not seen within the settle window."""
        body = {"name": f"reconciler anchor {self.owner}", "metadata": dict(metadata)}
        try:
            reply = await self.account.send(
                Call("POST", ANCHOR_COLLECTION, json=body, beta=ANCHOR_BETA, once=True, urgent=True)
            )
        except Failure as failure:
            if not failure.ambiguous:
                raise
        else:
            if _echoes(reply.data, metadata):
                self._note_time(reply)
                return str(reply.data["id"])
        # If the process dies here, there may be a store that nobody knows of. It names this stack and its lineage, so
        # the next observation meets it: as the anchor, or as one part too many, which the next write empties.
        looks = Looks(self.clock, self.settle)
        while True:
            for store in await self.listed():
                if _echoes(store, metadata):
                    return str(store["id"])
            if not await looks.again():
                return None

    async def write(self, store: str, metadata: Mapping[str, str], *, again: Again | None = None) -> None:
        """Bring our pairs of a store to what they are to be, and leave those of others; raises Stop or Failure.

        What was refused as too early is sent again if there is an `again`, after that.
        """
        for last in (*[False] * (ATTEMPTS - 1), True):
            live = self.known[store].get("metadata")
            live = live if isinstance(live, Mapping) else {}
            keys = {key for key in {*live, *metadata} if key.startswith(PREFIX)}
            if all((live.get(key) or "") == metadata.get(key, "") for key in keys):
                return
            emptied = dict.fromkeys((key for key in sorted(keys) if key not in metadata), "")  # servers that merge
            body = {"metadata": {**user_pairs(live), **emptied, **metadata}}
            try:
                self.known[store] = (await self.account.send(self._call("POST", store, body))).data
            except Failure as failure:
                if failure.ambiguous:
                    earlier, self.in_doubt_until = self.in_doubt_until, self.clock.monotonic() + self.settle
                    if await self._arrived(store, live, metadata):
                        self.in_doubt_until = earlier
                    continue
                if again is None or last or not passes(failure):
                    raise
                await self.clock.sleep(FIRST_LOOK)
                await again()
            else:
                return
        raise Stop(Exit.INCOMPLETE, f"No write to {store} got through.", "Run the same command again.")

    async def _arrived(self, store: str, before: Mapping[str, Any], target: Mapping[str, str]) -> bool:
        """Whether a write whose answer was lost is seen; raises Stop when neither it nor what was there before is."""
        self.known[store] = (await self.account.send(self._call("GET", store))).data
        now = own_pairs(self.known[store])
        if now not in (own_pairs({"metadata": before}), own_pairs({"metadata": target})):
            raise Stop(Exit.LOCKED, "Another run wrote to the anchor meanwhile.", "Nothing more was written.")
        return now == own_pairs({"metadata": target})

    async def delete(self, store: str) -> None:
        """A deletion may be sent again: what is gone answers 404."""
        for attempt in range(ATTEMPTS):
            try:
                await self.account.send(Call("DELETE", f"{ANCHOR_COLLECTION}/{store}", beta=ANCHOR_BETA))
            except Failure as failure:
                if is_missing(failure):
                    return
                if not failure.ambiguous or attempt == ATTEMPTS - 1:
                    raise
            else:
                return

    def _call(self, method: str, store: str, body: Json = None) -> Call:
        path = f"{ANCHOR_COLLECTION}/{store}"
        once = method != "GET"  # what was refused as too early is not sent again before another look
        return Call(method, path, json=body, beta=ANCHOR_BETA, once=once, urgent=True, parting=self.parting)

    def _note_time(self, reply: Reply) -> None:
        self.server_time = reply.date if reply.date is not None else self.clock.now()


def own_pairs(store: Mapping[str, Any]) -> dict[str, str]:
    """The pairs of a store that are the record's; on servers that merge, an emptied one is as good as gone."""
    metadata = store.get("metadata")
    pairs = metadata if isinstance(metadata, Mapping) else {}
    return {key: str(value) for key, value in pairs.items() if key.startswith(PREFIX) and value}


def _echoes(raw: Mapping[str, Any], metadata: Mapping[str, str]) -> bool:
    """Whether a store was made by the request that carried these pairs."""
    live = raw.get("metadata")
    if not isinstance(live, Mapping) or not ID_PATTERN.match(str(raw.get("id"))):
        return False
    return all(live.get(key) == value for key, value in metadata.items() if key.startswith(PREFIX))
