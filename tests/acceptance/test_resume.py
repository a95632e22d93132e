"""A saved plan is an approval: an apply of it that died may go on under it, and under no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from reconciler.account.limiter import Throttled
from reconciler.account.port import Call
from reconciler.apply import Conclusion
from reconciler.commands.apply import carry_out, check_approval
from reconciler.commands.plan import prepare
from reconciler.model.errors import Exit, Stop
from reconciler.ownership.taking import TAKEOVER
from reconciler.review import approvals, planfile
from reconciler.review.approvals import Approval
from tests.acceptance.quirks import LacksAgents, install
from tests.acceptance.world import World, made_once
from tests.direct import DirectAccount


class Death(BaseException):
    """The process is gone."""


def stack(root: Path) -> World:
    """One of everything."""
    world = World.new(root)
    _write(world, "one")
    return world


@made_once
def applied(world: World) -> World:
    """One of everything, applied."""
    _write(world, "one")
    assert world.settled()
    return world


def _write(world: World, word: str) -> None:
    world.store("docs", {"a.md": f"# {word}\n", "b.md": "# B\n"})
    tool = {"type": "file_search", "vector_stores": ["docs"]}
    world.assistant("helper", model="gpt-6.1-terra", instructions=f"{word}\n", tools=[tool])
    world.assistant("writer", "agents", model="gpt-6.1-terra", instructions=f"{word}\n")


def saved(world: World) -> Approval:
    """A plan as it comes back from its file."""
    return approvals.load(planfile.dumps(world.plan().body).encode(), "plan.json")


def apply_saved(world: World, approval: Approval, *, die_at: int = 0) -> int:
    """`apply --plan`, perhaps up to a request before which the process dies; its exit code, or -1 after a death."""
    session, _ = world.session()
    dying: list[bool] = []

    def before(_: Call) -> None:
        dying.append(True)
        if die_at and len(dying) >= die_at:
            raise Death

    direct = DirectAccount(world.emulator, clock=world.time, before=before)
    session = replace(session, account=Throttled(direct, clock=world.time, random=Random(die_at)))

    async def work() -> int:
        conclusion = Conclusion()
        try:
            prepared = await prepare(session)
            check_approval(prepared, approval)
            async for _ in carry_out(session, prepared, conclusion, digest=approval.digest):
                pass
        except Stop as stop:
            return int(stop.code)
        return int(conclusion.exit)

    try:
        return world.time.run(work)
    except Death:
        return -1
    finally:
        world.time.base += 2 * TAKEOVER


@pytest.mark.parametrize("first", [True, False], ids=["first apply", "update"])
def test_an_apply_that_died_anywhere_goes_on_under_the_same_approval(
    tmp_path: Path, first: bool, exhaustive: bool
) -> None:
    number, ended = 0, False
    while not ended:
        number += 1 if exhaustive else 7
        root = tmp_path / str(number)
        world = stack(root) if first else applied(World.new(root))
        if not first:
            _write(world, "two")
        approval = saved(world)
        ended = apply_saved(world, approval, die_at=number) != -1
        over = not world.steps()
        assert ended or apply_saved(world, approval) in ({Exit.DONE, Exit.STALE} if over else {Exit.DONE}), (
            f"died at {number}"
        )
        assert not world.steps(), f"died at {number}"
        assert apply_saved(world, approval) == Exit.STALE
    assert number > 30


def test_another_plan_does_not_go_on_where_one_died(tmp_path: Path) -> None:
    world = applied(World.new(tmp_path))
    _write(world, "two")
    approval = saved(world)
    assert apply_saved(world, approval, die_at=22) == -1
    _write(world, "three")
    assert apply_saved(world, approval) == Exit.STALE
    _write(world, "two")
    assert apply_saved(world, approval) == Exit.DONE


def test_an_apply_of_something_else_ends_the_approval(tmp_path: Path) -> None:
    world = applied(World.new(tmp_path))
    _write(world, "two")
    approval = saved(world)
    assert apply_saved(world, approval, die_at=22) == -1
    _write(world, "three")
    assert world.settled()
    _write(world, "two")
    assert apply_saved(world, approval) == Exit.STALE


def test_destroy_keeps_the_record_while_what_a_killed_run_made_may_be_out_of_reach(tmp_path: Path) -> None:
    """It died right after its first creations: the record names none of them yet, only the kinds that there may be."""
    world = stack(tmp_path)
    assert apply_saved(world, saved(world), die_at=20) == -1
    assert [made for made in world.everything().values() if made["object"] == "agent"]
    install(world, LacksAgents)
    with pytest.raises(Stop) as stopped:
        world.apply(destroy=True)
    assert stopped.value.code is Exit.UNAVAILABLE
    assert "would be left behind" in stopped.value.detail
