"""Worlds whose stack is taken, lost and given back, and the record as it stands in their account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from reconciler.account.limiter import Throttled
from reconciler.account.port import Account, Call
from reconciler.apply import Conclusion
from reconciler.apply.session import Session
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.emulator import Switches
from reconciler.model.errors import Stop
from reconciler.ownership.anchor import Anchor
from reconciler.ownership.lease import Lease
from reconciler.ownership.liveness import Unknown
from reconciler.ownership.record import Record
from reconciler.ownership.stores import Stores
from reconciler.ownership.taking import SERVICE, take
from tests.acceptance.world import World
from tests.apply.server import anchors_of
from tests.direct import DirectAccount


def helper(root: Path, *, switches: Switches | None = None) -> World:
    """A world of one assistant."""
    world = World.new(root, switches=switches)
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="one\n")
    return world


def edited(root: Path) -> World:
    """A world that was applied, and then its manifest changed."""
    world = helper(root)
    assert world.settled()
    world.assistant("helper", "agents", model="gpt-6.1-terra", instructions="two\n")
    return world


def through(world: World, latency: Callable[[Call], float]) -> Session:
    """A session whose requests take their time."""
    session, _ = world.session()
    direct = DirectAccount(world.emulator, clock=world.time, latency=latency)
    return replace(session, account=Throttled(direct, clock=world.time, random=Random(1)))


async def run(session: Session, prepared: Any = None) -> int:
    """Apply; the exit code."""
    conclusion = Conclusion()
    try:
        async for _ in carry_out(session, prepared or await prepare(session), conclusion):
            pass
    except Stop as stop:
        return int(stop.code)
    return int(conclusion.exit)


async def first_lease(world: World) -> Lease:
    """The lease of a first apply, with a record of its own."""
    account: Account = DirectAccount(world.emulator, clock=world.time)
    record = Record(Stores(account, world.time, "acme"), Anchor("acme", ""))
    return await take(record, "cccccccc", plan="", kinds=(), lineage="0" * 12, timing=SERVICE, liveness=Unknown())


def busy(world: World, *, age: float, run_id: str = "aaaaaaaa") -> None:
    """Make it look as if another run had the stack, and had shown a sign of life so many seconds ago."""
    store = anchors_of(world)[0]
    words = dict(item.partition("=")[::2] for item in store["metadata"]["reconciler.anchor"].split(";")[1:])
    words |= {"run": run_id, "beat": str(int(world.time.now() - age))}
    state = ";".join(["busy", *(f"{key}={value}" for key, value in words.items())])
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": {**store["metadata"], "reconciler.anchor": state}})


def rewrite(world: World, part: int = 0, **pairs: str) -> None:
    """Change the anchor behind the tool's back; `state_run="x"` changes one word of its state."""
    store = anchors_of(world)[part]
    metadata = store["metadata"]
    words = {key.removeprefix("state_"): value for key, value in pairs.items()}
    state = metadata["reconciler.anchor"].split(";")
    metadata["reconciler.anchor"] = ";".join(
        f"{word.split('=')[0]}={words[word.split('=')[0]]}" if word.split("=")[0] in words else word for word in state
    )
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": metadata})
