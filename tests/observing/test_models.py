"""What only a reviewer wants to know of the models in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.emulator import Request, Response
from tests.apply.server import changed, refuse, world_and_server
from tests.observing.accounts import asked, codes, helper


def test_a_plan_asks_once_when_models_are_shut_down(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    seen = asked(server, "/models")
    models = world.plan().found.snapshot.models
    assert (models["gpt-6.1-terra"], models["gpt-5"]) == (None, "2026-12-11")
    assert len(seen) == 1
    world.assistant("writer", "agents", model="gpt-5", instructions="Be brief.\n")
    (change, shutdown) = world.plan().body["risks"]
    assert (change["code"], shutdown["code"], shutdown["address"]) == ("R201", "R202", "Assistant/writer")
    assert "2026-12-11, 19 days from now. OpenAI names gpt-6.1-sol" in shutdown["summary"]
    assert shutdown["source"] == {"file": "assistant-writer.yaml", "line": 1, "column": 1}


def test_nobody_who_only_looks_or_applies_asks_for_models(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    prepared = world.plan()
    seen = asked(server, "/models")
    world.plan(reviewed=False)
    assert world.apply(prepared=prepared).exit == 0
    assert seen == []


def test_a_stack_that_names_no_model_asks_for_none(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    seen = asked(server, "/models")
    assert world.plan().found.snapshot.models == {}
    assert seen == []


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_whoever_may_not_read_models_and_sessions_gets_no_risk(tmp_path: Path, status: int) -> None:
    world, server = helper(tmp_path)
    world.assistant("writer", "agents", model="gpt-5")
    assert codes(world) == ["R201", "R202"]
    quiet = ("/models", "/agents/sessions")
    server.before.append(lambda request: refuse(status) if request.path.endswith(quiet) else None)
    assert codes(world) == ["R201"]
    assert world.changes()["Assistant/writer"]["sessions"] is None


@pytest.mark.parametrize(
    "listed",
    [
        None,
        {},
        "x",
        [1, {}, {"id": 7}, {"id": "gpt-5", "shutdown_date": 7}],
        [{"id": "gpt-5", "shutdown_date": "soon"}],
    ],
)
def test_nonsense_about_models_and_sessions_is_no_knowledge(tmp_path: Path, listed: object) -> None:
    world, server = helper(tmp_path)
    world.assistant("writer", "agents", model="gpt-5")

    def spoil(request: Request, response: Response) -> Response:
        about = request.path.endswith(("/models", "/agents/sessions"))
        return changed(response, lambda body: body | {"data": listed}) if about else response

    server.after.append(spoil)
    assert codes(world) == ["R201"]
