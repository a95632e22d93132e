"""Walking a plan: which exit code tells most, and what no further step is begun after."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from reconciler.apply import Conclusion
from reconciler.commands.apply import carry_out
from reconciler.commands.plan import prepare
from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit
from tests.acceptance.world import World
from tests.apply.server import (
    ending,
    is_write,
    refuse,
    state_of,
    times,
    world_and_server,
)


@pytest.mark.parametrize(("status", "code"), [(403, Exit.DENIED), (401, Exit.DENIED)])
def test_a_key_that_may_not_write_changes_nothing(tmp_path: Path, status: int, code: Exit) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("helper", "agents", model="gpt-6.1-terra")
    server.before.append(lambda request: refuse(status) if is_write(request) else None)
    assert world.steps() == ["create Assistant/helper"]
    assert ending(world).exit == code
    assert world.everything() == {}


def test_denied_in_the_middle_outweighs_a_step_that_failed(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.assistant("alpha", "agents", model="gpt-6.1-terra", instructions="alpha\n")
    world.assistant("beta", "agents", model="gpt-6.1-terra", instructions="beta\n")

    def rule(request: Request) -> Response | None:
        if not is_write(request, "/agents"):
            return None
        return refuse(400, "bad") if b"alpha" in request.body else refuse(403, "not you")

    server.before.append(rule)
    assert ending(world).exit == Exit.DENIED
    assert "run=;" in state_of(world)
    server.before.clear()
    assert world.settled()


def test_a_quota_that_is_used_up_starts_no_further_step(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    world.assistant("helper", model="gpt-6.1-terra", tools=[{"type": "file_search", "vector_stores": ["docs"]}])
    quota = refuse(429, "You exceeded your current quota", "insufficient_quota")
    server.before.append(times(1, lambda request: quota if is_write(request, "/files") else None))
    applied = world.apply()
    assert applied.exit == Exit.UNAVAILABLE
    outcomes = {event["step"]: event["outcome"] for event in applied.events if event["event"] == "step"}
    assert outcomes == {"create VectorStore/docs": "failed", "create Assistant/helper": "skipped"}
    assert world.settled()


def test_a_signal_while_nothing_answers_ends_within_seconds(tmp_path: Path) -> None:
    world = World.new(tmp_path, switches=Switches(processing_seconds=100))
    world.store("docs", {"a.md": "# A\n"})
    session, _ = world.session()

    async def work() -> int:
        conclusion, interrupt = Conclusion(), asyncio.Event()
        prepared = await prepare(session)
        asyncio.get_running_loop().call_later(5, interrupt.set)
        async for _ in carry_out(session, prepared, conclusion, interrupt=interrupt):
            pass
        return int(conclusion.exit)

    assert world.time.run(work) == Exit.INTERRUPTED
