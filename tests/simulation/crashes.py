"""What becomes of a stack whose process dies, at any request, and is then simply run again.

A `Scenario` is what happened before, and what the process was about to do when it died. `survive` plays one death and
the recovery from it, and says what is not as promised in docs/guarantees.md.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from reconciler.account.port import Call
from reconciler.emulator import Profile
from reconciler.errors import Exit
from reconciler.manifest.loader import Loaded
from reconciler.observe import Refresh
from tests.simulation.loop import Trace, World, run
from tests.simulation.stage import Crash, Position, Stage

APPLIES = 2
"""So many applies must suffice after a crash."""

TAKEOVER = 700.0
"""Virtual seconds until a busy anchor may be taken over, and a little more."""

EXPIRY = 8 * 86_400.0
"""Virtual seconds after which the store of the small tree has expired."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`applied` is in the account (None: nothing), `idle` seconds pass, then a process wants `wanted`, or destroys.

    `lost` Files cannot be found again whatever happens: those of an expired store, which lists none any more.
    """

    applied: Loaded | None
    wanted: Loaded
    idle: float = 0.0
    destroy: bool = False
    lost: int = 0


@dataclass(slots=True)
class Survival:
    """How one death ended: `wrong` is empty if all promises held.

    `applies` is how many it took, `orphans` how many Files are left that nothing names, `uploads` how many the process
    that died had sent, `requests` how far it came.
    """

    wrong: list[str] = field(default_factory=list)
    applies: int = 0
    orphans: int = 0
    uploads: int = 0
    requests: int = 0


def places(scenario: Scenario, profile: Profile, seed: int) -> list[Crash]:
    """Where a process can die: before each request, and after each write.

    After a read is no other place than before it: the account is the same, and the process forgets all it knew.
    """

    async def main(world: World) -> list[Call]:
        stage = Stage(world, profile)
        try:
            await stage.settle_strangers()
            await _before(stage, scenario)
            ended = await stage.apply_once(scenario.wanted, destroy=scenario.destroy)
            assert ended.exit is Exit.DONE
            return ended.wire.calls
        finally:
            stage.close()

    found = []
    for number, call in enumerate(run(seed, main).result, 1):
        found.append(Crash(number, Position.BEFORE))
        if not call.reads:
            found.append(Crash(number, Position.AFTER))
    return found


def survive(scenario: Scenario, profile: Profile, seed: int, crash: Crash) -> tuple[Survival, Trace]:
    """Die at one request, then run again until nothing is left to do."""

    async def main(world: World) -> Survival:
        stage = Stage(world, profile)
        try:
            return await _play(stage, scenario, crash)
        finally:
            stage.close()

    ended = run(seed, main)
    return ended.result, ended.trace


async def _before(stage: Stage, scenario: Scenario) -> None:
    if scenario.applied is not None:
        ended = await stage.apply_once(scenario.applied)
        assert ended.exit is Exit.DONE, ended
    await stage.world.clock.sleep(scenario.idle)


async def _play(stage: Stage, scenario: Scenario, crash: Crash) -> Survival:
    survival = Survival()
    await stage.settle_strangers()
    strangers, start = await stage.strangers(), await stage.files()
    await _before(stage, scenario)
    died = await stage.apply_once(scenario.wanted, destroy=scenario.destroy, crash=crash)
    assert died.crashed
    survival.requests = len(died.wire.calls)
    survival.uploads = sum(1 for call in died.wire.calls if (call.method, call.path) == ("POST", "/files"))
    stage.world.trace.note(f"the process died at {died.wire.calls[-1].method} {died.wire.calls[-1].path}")
    published = await _published(stage)
    await _recover(stage, scenario, survival)
    await _check_rest(stage, scenario, survival)
    if await stage.strangers() != strangers:
        survival.wrong.append("foreign objects changed")
    if not scenario.destroy:
        gone = published - await _published(stage)
        expendable = 1 if scenario.idle else 0  # the store that is replaced
        if len(gone) > expendable:
            survival.wrong.append(f"published ids are gone: {sorted(gone)}")
    await _take_away(stage, scenario, survival)
    survival.orphans = len(await stage.files() - start) - scenario.lost
    if survival.orphans > survival.uploads:
        survival.wrong.append(f"{survival.orphans} Files are left, and {survival.uploads} were uploaded")
    return survival


async def _take_away(stage: Stage, scenario: Scenario, survival: Survival) -> None:
    """Destroy what is there, so that the Files which are left are those that nothing named."""
    if not scenario.destroy:
        ended = await stage.apply_once(scenario.wanted, destroy=True)
        if ended.exit is not Exit.DONE:
            survival.wrong.append(f"destroy afterwards ends with {ended.exit}")
    ours, anchor = await stage.ours(), await stage.anchor()
    if ours or anchor is not None:
        survival.wrong.append(f"left after destroy: {ours} {anchor}")


async def _recover(stage: Stage, scenario: Scenario, survival: Survival) -> None:
    last = ""
    while survival.applies < APPLIES:
        await stage.world.clock.sleep(TAKEOVER)
        ended = await stage.apply_once(scenario.wanted, destroy=scenario.destroy)
        survival.applies += 1
        if ended.exit is Exit.DONE:
            return
        last = f"{ended.exit}: {ended.stop.summary if ended.stop else ended.conclusion.outcomes}"
    survival.wrong.append(f"not clean after {survival.applies} applies: {last}")


async def _published(stage: Stage) -> set[str]:
    return {object_id for _, object_id, tags in await stage.ours() if tags.state == "ready" and not tags.retiring}


async def _check_rest(stage: Stage, scenario: Scenario, survival: Survival) -> None:
    looks: tuple[Refresh, ...] = ("auto", "auto", "auto", "full")
    for number, refresh in enumerate(looks, 1):
        prepared = await stage.plan_once(scenario.wanted, destroy=scenario.destroy, refresh=refresh)
        if not prepared.plan.empty:
            steps = [str(step) for step in prepared.plan.steps] + [c.blocked for c in prepared.plan.blocked]
            reasons = [change.reason for change in prepared.plan.changes if change.reason]
            survival.wrong.append(f"plan {number} is not empty: {steps} {reasons}")
        await stage.world.clock.sleep(60)
    if scenario.destroy:
        return
    ours, anchor = await stage.ours(), await stage.anchor()
    if anchor is None or anchor.busy:
        survival.wrong.append(f"the anchor is {'missing' if anchor is None else 'busy'}")
    else:
        listed = sorted((str(entry.address), entry.id) for entry in anchor.inventory if entry.address.path is None)
        there = sorted((str(tags.address), object_id) for _, object_id, tags in ours)
        if listed != there:
            survival.wrong.append(f"inventory: {listed}")
    addresses = Counter(str(tags.address) for _, _, tags in ours)
    expected = Counter(str(item.address) for item in scenario.wanted.desired)
    if addresses != expected:
        survival.wrong.append(f"objects: {dict(addresses)}")
    if any(tags.state != "ready" or tags.retiring for _, _, tags in ours):
        survival.wrong.append("something is not confirmed")
    await _check_documents(stage, scenario, survival)


async def _check_documents(stage: Stage, scenario: Scenario, survival: Survival) -> None:
    wanted = Counter(
        (document.path, document.sha256)
        for item in scenario.wanted.desired
        if item.kind == "vector_store"
        for document in item.documents
    )
    attached: Counter[tuple[str, str]] = Counter()
    for _, item in await stage.attachments():
        attributes = item.get("attributes") or {}
        attached[attributes.get("reconciler_path", ""), attributes.get("reconciler_sha256", "")] += 1
        if item["status"] != "completed":
            survival.wrong.append(f"{item['id']} is {item['status']}")
    if attached != wanted:
        survival.wrong.append(f"attachments: {sorted(attached.elements())}")
