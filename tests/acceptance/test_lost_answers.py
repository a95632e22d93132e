"""Answers that never arrive: whether the server acted or not, there is one object per address in the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.account.port import Account, Call, Execution, Failure, FailureKind, Reply
from reconciler.apply import Conclusion
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.model.errors import Stop
from reconciler.ownership import tags as tagging
from tests.acceptance.world import World, made_once


class Losing:
    """An account that loses the answer of one write; `executed` says whether the server acted on it."""

    def __init__(self, account: Account, number: int, *, executed: bool) -> None:
        self._account = account
        self._left = number
        self._executed = executed
        self.lost: Call | None = None

    async def send(self, call: Call) -> Reply:
        """Send it, and perhaps lose it."""
        if call.method == "GET":
            return await self._account.send(call)
        self._left -= 1
        if self._left != 0:
            return await self._account.send(call)
        self.lost = call
        if self._executed:
            await self._account.send(call)
        raise Failure(call, execution=Execution.AMBIGUOUS, kind=FailureKind.TIMEOUT, message="the answer was lost")


def stack(world: World, text: str) -> None:
    world.store("docs", {"a.md": f"# A\n{text}\n", "b.md": "# B\n"})
    world.write("data/x.csv", f"a\n{text}\n")
    tools = [{"type": "file_search", "vector_stores": ["docs"]}, {"type": "code_interpreter", "files": ["data/x.csv"]}]
    world.assistant("helper", model="gpt-6.1-terra", instructions=f"{text}\n", tools=tools)
    world.assistant("writer", "agents", model="gpt-6.1-terra", instructions=f"{text}\n")


@made_once
def applied(world: World) -> World:
    stack(world, "one")
    assert world.apply().exit == 0
    return world


def apply_losing(world: World, number: int, *, executed: bool) -> tuple[int, Call | None]:
    session, _ = world.session()
    losing = Losing(session.account, number, executed=executed)
    session = replace(session, account=losing)

    async def work() -> int:
        prepared = await prepare(session)
        conclusion = Conclusion()
        try:
            async for _ in carry_out(session, prepared, conclusion):
                pass
        except Stop as stop:
            return int(stop.code)
        return int(conclusion.exit)

    return world.time.run(work), losing.lost


def addresses(world: World) -> Counter[str]:
    found: Counter[str] = Counter()
    for item in world.everything().values():
        tags = tagging.decode(item.get("metadata")) or tagging.decode_line(item.get("description"))
        if tags is not None:
            found[str(tags.address)] += 1
    return found


def places(executed: bool, exhaustive: bool) -> range:
    """The number of the write whose answer is lost: one in three, and others where the server did not act."""
    return range(1, 60) if exhaustive else range(1 + executed, 60, 3)


@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_answer_anywhere_in_a_first_apply_leaves_one_object_per_address(
    tmp_path: Path, executed: bool, exhaustive: bool
) -> None:
    for number in places(executed, exhaustive):
        world = World.new(tmp_path / str(number))
        stack(world, "one")
        code, lost = apply_losing(world, number, executed=executed)
        if lost is None:
            break
        assert code in {0, 3}, (number, lost)
        assert world.apply().exit == 0, (number, lost)
        assert world.steps() == [], (number, lost)
        assert set(addresses(world).values()) == {1}, (number, lost)
    else:
        raise AssertionError("the apply never came to its end")
    assert number > 12


@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_answer_anywhere_in_an_update_converges(tmp_path: Path, executed: bool, exhaustive: bool) -> None:
    for number in places(executed, exhaustive):
        world = applied(World.new(tmp_path / str(number)))
        before = {
            address: world.id_of(address) for address in ("Assistant/helper", "Assistant/writer", "VectorStore/docs")
        }
        stack(world, "two")
        code, lost = apply_losing(world, number, executed=executed)
        if lost is None:
            break
        assert code in {0, 3}, (number, lost)
        assert world.apply().exit == 0, (number, lost)
        assert world.steps() == [], (number, lost)
        assert {address: world.id_of(address) for address in before} == before, (number, lost)
    else:
        raise AssertionError("the apply never came to its end")
    assert number > 10
