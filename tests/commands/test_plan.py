"""What is asked for the one who decides on a plan."""

from __future__ import annotations

from pathlib import Path

from tests.apply.server import changed
from tests.observing.accounts import asked, helper


def test_sessions_of_agents_that_change_are_counted(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    agent = world.id_of("Assistant/writer")
    seen = asked(server, "/agents/sessions")
    world.assistant("helper", model="gpt-6-sol", tools=[{"type": "file_search", "vector_stores": ["docs"]}])
    assert world.changes()["Assistant/helper"]["sessions"] is None
    assert seen == []
    world.assistant("writer", "agents", model="gpt-6-sol")
    body = {"agent_id": agent, "environment": {"type": "none"}}
    for expected in (0, 1):
        plan = world.plan()
        assert [change["sessions"] for change in plan.body["changes"]] == [None, expected]
        world.api("POST", "/agents/sessions", body, beta="agents=v1")
    assert world.plan().digest == plan.digest
    server.after.append(lambda r, a: changed(a, lambda b: b | {"has_more": True}) if "sessions" in r.path else a)
    assert world.changes()["Assistant/writer"]["sessions"] == 100
    world.remove("Assistant", "writer")
    assert world.changes()["Assistant/writer"]["sessions"] == 100
