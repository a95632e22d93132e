"""One emulated account under the virtual clock, the processes that talk to it, and what an onlooker sees in it.

A `Stage` outlives processes; everything a process holds in memory is made anew by `Stage.process`. Nothing here decides
anything: observe, plan and apply are the real ones, put together by `reconciler.workflow` as the command line does.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import nullcontext
from dataclasses import dataclass, field
from enum import Enum
from io import BytesIO
from typing import Any

from reconciler.account.direct import DirectAccount
from reconciler.account.limiter import Throttled
from reconciler.account.paging import list_all
from reconciler.account.port import Account, Call, Reply, Upload
from reconciler.apply import Conclusion
from reconciler.emulator import Emulator, Profile, Switches
from reconciler.errors import Exit, Stop
from reconciler.manifest.loader import Loaded
from reconciler.model import AccountInfo, Tags
from reconciler.observe import Refresh
from reconciler.ownership import anchor as anchors
from reconciler.ownership import tags as tagging
from reconciler.plan import Rules
from reconciler.workflow import Prepared, Session, carry_out, prepare, rules_for
from tests.simulation.loop import TracedAccount, World

BETA = "agents=v1, assistants=v2"

COLLECTIONS = {
    Profile.OPENAI: ("/vector_stores", "/skills", "/agents"),
    Profile.COMPATIBLE: ("/vector_stores", "/skills", "/agents", "/assistants"),
}

FOREIGN = "reconciler-lookalike"
"""The name that everything foreign in the account carries."""


class Position(Enum):
    """When a process dies: before a request leaves it, or when the server has acted and nobody hears of it."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Crash:
    """A process dies at its `request`-th request, counted from 1 in the order in which requests leave it."""

    request: int
    position: Position


@dataclass(slots=True)
class Wire:
    """The way from one process to the account; `died` is set when the crash has come, and nothing is sent any more."""

    account: Account
    crash: Crash | None = None
    calls: list[Call] = field(default_factory=list)
    died: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, call: Call) -> Reply:
        """Send one call once, unless this is where the process dies."""
        if self.died.is_set():
            raise asyncio.CancelledError
        self.calls.append(call)
        last = self.crash is not None and len(self.calls) == self.crash.request
        if last and self.crash is not None and self.crash.position is Position.BEFORE:
            self.died.set()
            raise asyncio.CancelledError
        try:
            return await self.account.send(call)
        finally:
            if last:
                self.died.set()
                raise asyncio.CancelledError

    @property
    def writes(self) -> list[Call]:
        """Everything that was not a read."""
        return [call for call in self.calls if not call.reads]


@dataclass(slots=True)
class Ended:
    """How a process ended. `conclusion` is what it would have told people; `stop` is why it did not begin."""

    conclusion: Conclusion
    wire: Wire
    stop: Stop | None = None
    crashed: bool = False

    @property
    def exit(self) -> Exit | None:
        """The exit code; None after a crash."""
        if self.crashed:
            return None
        return self.stop.code if self.stop else self.conclusion.exit


class Stage:
    """An account of one profile. Requests take a seeded time, and attached files a second and a half to process."""

    def __init__(self, world: World, profile: Profile, *, processing_seconds: float = 1.5) -> None:
        numbers = itertools.count(1)
        self.world = world
        self.profile = profile
        self.machine = Emulator(
            profile=profile,
            clock=world.clock.now,
            ids=lambda prefix: f"{prefix}{next(numbers):08d}",
            switches=Switches(processing_seconds=processing_seconds),
        )
        self.service = DirectAccount(
            self.machine, clock=world.clock, latency=lambda _: world.random.choice((0.02, 0.05, 0.05, 0.4))
        )
        self.onlooker = DirectAccount(self.machine, clock=world.clock)

    def close(self) -> None:
        """Close the account."""
        self.machine.close()

    # --- processes ---

    def process(self, loaded: Loaded, crash: Crash | None = None) -> tuple[Session, Wire]:
        """A freshly started process: what it knows is the tree and the key."""
        world = self.world
        wire = Wire(TracedAccount(self.service, world), crash)
        account = Throttled(wire, clock=world.clock, random=world.random)
        info = AccountInfo("emulator")
        rules = rules_for(loaded, Rules())
        return Session(loaded, account, info, world.clock, world.random, "2026-11-18", rules), wire

    async def plan_once(self, loaded: Loaded, *, destroy: bool = False, refresh: Refresh = "auto") -> Prepared:
        """What `reconciler plan` would show."""
        session, wire = self.process(loaded)
        prepared = await prepare(session, destroy=destroy, refresh=refresh)
        assert wire.writes == []
        return prepared

    async def apply_once(self, loaded: Loaded, *, destroy: bool = False, crash: Crash | None = None) -> Ended:
        """What `reconciler apply --yes` or `reconciler destroy --yes` would do, up to its crash."""
        session, wire = self.process(loaded, crash)
        ended = Ended(Conclusion(), wire)
        before = asyncio.all_tasks()
        run = asyncio.ensure_future(self._apply(session, ended, destroy=destroy))
        death = asyncio.ensure_future(wire.died.wait())
        await asyncio.wait([run, death], return_when=asyncio.FIRST_COMPLETED)
        ended.crashed = wire.died.is_set()
        if not ended.crashed:
            death.cancel()
            await run
            return ended
        left = sorted(asyncio.all_tasks() - before, key=lambda task: (len(task.get_name()), task.get_name()))
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        return ended

    async def _apply(self, session: Session, ended: Ended, *, destroy: bool) -> None:
        try:
            prepared = await prepare(session, destroy=destroy)
            self.world.trace.note(f"plan {[str(step) for step in prepared.plan.steps]}")
            async for event in carry_out(session, prepared, ended.conclusion, destroy=destroy):
                self.world.trace.note(json.dumps(event.to_json(), default=str))
        except Stop as stop:
            ended.stop = stop
            self.world.trace.note(f"stop {int(stop.code)} {stop.summary}")

    # --- what an onlooker sees ---

    async def read(self, path: str) -> dict[str, Any]:
        """One object."""
        return dict((await self.onlooker.send(Call("GET", path, beta=BETA))).data)

    async def write(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What somebody else does in the account."""
        return dict((await self.onlooker.send(Call("POST", path, json=body, beta=BETA))).data)

    async def listed(self, path: str) -> list[dict[str, Any]]:
        """One collection, newest first."""
        return await list_all(self.onlooker, path, beta=BETA)

    async def files(self) -> set[str]:
        """The ids of all Files."""
        return {item["id"] for item in await self.listed("/files")}

    async def ours(self) -> list[tuple[str, str, Tags]]:
        """(collection, id, tags) of every object of the stack, the anchor apart."""
        found = []
        for collection in COLLECTIONS[self.profile]:
            for raw in await self.listed(collection):
                tags = tagging.decode(raw.get("metadata")) or tagging.decode_line(raw.get("description"))
                if tags is not None and tags.stack == "small" and tags.address.kind != anchors.KIND:
                    found.append((collection, raw["id"], tags))
        return found

    async def anchor(self) -> anchors.Anchor | None:
        """The stack's record."""
        for raw in await self.listed("/vector_stores"):
            if anchors.is_part(raw.get("metadata"), "small") == 1:
                return anchors.decode("small", [raw])
        return None

    async def attachments(self) -> list[tuple[str, dict[str, Any]]]:
        """(store, attachment) of every store of ours."""
        stores = [object_id for collection, object_id, _ in await self.ours() if collection == "/vector_stores"]
        return [(store, item) for store in stores for item in await self.listed(f"/vector_stores/{store}/files")]

    # --- what is not ours ---

    async def settle_strangers(self) -> None:
        """Objects of others: with our names, with somebody else's tags, and a file of theirs."""
        store = await self.write("/vector_stores", {"name": "Handbook", "metadata": {"note": FOREIGN}})
        theirs = {"reconciler.stack": "other#0123456789ab", "reconciler.address": "VectorStore/handbook"}
        await self.write("/vector_stores", {"name": "Handbook", "metadata": theirs})
        await self.write("/agents", {"name": "Writer", "model": "gpt-6.1-terra", "instructions": FOREIGN})
        if self.profile is Profile.COMPATIBLE:
            await self.write("/assistants", {"name": "Helper", "model": "gpt-6.1-terra"})
        file_id = await self.upload("returns.md", b"Returns are accepted within thirty days of delivery.\n")
        await self.write(f"/vector_stores/{store['id']}/files", {"file_id": file_id})
        await self.world.clock.sleep(10)

    async def upload(self, name: str, content: bytes) -> str:
        """A File that nobody tagged."""
        part = Upload("file", name, lambda: nullcontext(BytesIO(content)), len(content))
        reply = await self.onlooker.send(Call("POST", "/files", form=(("purpose", "assistants"),), uploads=(part,)))
        return str(reply.data["id"])

    async def strangers(self) -> str:
        """Everything that is not the stack's, as one text."""
        mine = {object_id for _, object_id, _ in await self.ours()}
        anchor = await self.anchor()
        mine |= set(anchor.ids) if anchor else set()
        seen: dict[str, Any] = {}
        for collection in COLLECTIONS[self.profile]:
            for raw in await self.listed(collection):
                if raw["id"] in mine:
                    continue
                seen[raw["id"]] = raw
                if collection == "/vector_stores":
                    seen[raw["id"] + " files"] = await self.listed(f"/vector_stores/{raw['id']}/files")
        return json.dumps(seen, sort_keys=True)
