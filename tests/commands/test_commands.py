"""show, outputs, history and rollback on partial, doubled and hostile data."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.session import Session
from reconciler.commands.history import history
from reconciler.commands.outputs import bundles, outputs
from reconciler.commands.rollback import prepare_rollback
from reconciler.commands.show import show, show_one
from reconciler.emulator import Request, Response
from reconciler.model.address import Address
from reconciler.model.errors import Exit, Stop
from tests.acceptance.world import World
from tests.apply.server import Server, changed, is_read, refuse, times, world_and_server

HELPER = Address("Assistant", "helper")
Ask = Callable[[Session], Coroutine[Any, Any, Any]]


def helper(root: Path) -> tuple[World, Server]:
    world, server = world_and_server(root)
    world.store("docs", {"a.md": "# A\n"})
    for text in ("one", "two"):
        tools = [{"type": "file_search", "vector_stores": ["docs"]}]
        world.assistant("helper", model="gpt-6.1-terra", instructions=f"{text}\n", tools=tools)
        world.assistant("writer", "agents", model="gpt-6.1-terra", instructions=f"{text}\n")
        assert world.settled()
    return world, server


def ask(world: World, question: Ask) -> Any:
    session, direct = world.session()
    answer = world.time.run(lambda: question(session))
    assert {call.method for call in direct.calls} == {"GET"}
    return answer


def stopped(world: World, question: Ask) -> Stop:
    with pytest.raises(Stop) as error:
        ask(world, question)
    return error.value


def skills(server: Server, **fields: Any) -> None:
    """Skills show other values than they have."""

    def spoil(request: Request, response: Response) -> Response:
        def show_it(body: dict[str, Any]) -> None:
            for item in body.get("data", [body]):
                item.update(fields)

        about = is_read(request, "/skills") and "/content" not in request.path and response.status == 200
        return changed(response, show_it) if about else response

    server.after.append(spoil)


def test_show_has_a_row_for_each_object(tmp_path: Path) -> None:
    world, _ = helper(tmp_path)
    rows = ask(world, show)
    assert [row["address"] for row in rows] == ["Assistant/helper", "Assistant/writer", "VectorStore/docs"]
    assert [row["documents"] for row in rows] == [None, None, 1]


def test_show_one_reads_everything_of_an_object(tmp_path: Path) -> None:
    world, _ = helper(tmp_path)
    store = ask(world, lambda session: show_one(session, Address("VectorStore", "docs")))
    assert [item["path"] for item in store["documents"]] == ["docs/a.md"]
    assert "documents" not in ask(world, lambda session: show_one(session, Address("Assistant", "writer")))


def test_what_is_not_there_is_said_to_be_not_there(tmp_path: Path) -> None:
    world, _ = helper(tmp_path)
    nobody = Address("Assistant", "nobody")
    for question in (
        lambda session: show_one(session, nobody),
        lambda session: history(session, nobody),
        lambda session: prepare_rollback(session, nobody, None),
    ):
        assert stopped(world, question).code is Exit.INVALID


def test_an_object_that_goes_away_between_two_looks_is_no_traceback(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    store = world.id_of("VectorStore/docs")
    looks: list[int] = []

    def vanish(request: Request) -> Response | None:
        if is_read(request, f"/vector_stores/{store}"):
            return refuse(404)
        return None

    def hide(request: Request, response: Response) -> Response:
        def without(body: dict[str, Any]) -> None:
            body["data"] = [item for item in body["data"] if item["id"] != store]

        listed = is_read(request, "/vector_stores") and request.path.endswith("/vector_stores")
        looks.extend([1] if listed else [])
        return changed(response, without) if listed and len(looks) > 1 else response

    server.before.append(vanish)
    server.after.append(hide)
    assert stopped(world, lambda session: show_one(session, Address("VectorStore", "docs"))).code is Exit.STALE


def test_of_two_objects_that_claim_one_address_the_older_is_the_output(tmp_path: Path) -> None:
    world, _ = helper(tmp_path)
    live = world.id_of("Assistant/writer")
    world.time.base += 10
    twin = world.api("GET", f"/agents/{live}", beta="agents=v1")
    body = {key: twin[key] for key in ("model", "name", "metadata")}
    world.api("POST", "/agents", body, beta="agents=v1")
    assert world.id_of("Assistant/writer") == live


@pytest.mark.parametrize("version", ["²", "../../x", "x" * 300, None, [], {}])
def test_versions_that_are_none_are_no_traceback(tmp_path: Path, version: object) -> None:
    world, server = helper(tmp_path)
    skills(server, version=version, default_version=version, created_at="yesterday")
    ask(world, show)
    ask(world, outputs)
    assert all(row["created"] is None for row in ask(world, lambda session: history(session, HELPER)))
    assert stopped(world, bundles).code is Exit.UNAVAILABLE


def test_history_tells_ours_from_what_somebody_else_posted(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    notes = [row["note"] for row in ask(world, lambda session: history(session, HELPER))]
    assert notes == [None, None, "first step of creation"]

    def strip(body: dict[str, Any]) -> None:
        for item in body["data"]:
            item.pop("description")

    server.after.append(lambda r, a: changed(a, strip) if r.path.endswith("/versions") else a)
    notes = [row["note"] for row in ask(world, lambda session: history(session, HELPER))]
    assert set(notes) == {"posted by somebody else"}


def test_an_agent_has_no_history_here(tmp_path: Path) -> None:
    world, _ = helper(tmp_path)
    stop = stopped(world, lambda session: history(session, Address("Assistant", "writer")))
    assert "no versions" in stop.summary


def test_a_history_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    server.before.append(lambda request: refuse(403) if request.path.endswith("/versions") else None)
    assert stopped(world, lambda session: history(session, HELPER)).code is Exit.DENIED


def test_bundles_are_the_files_of_the_current_release(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    assert b"two" in ask(world, bundles)["helper"]["SKILL.md"]
    server.before.append(lambda request: refuse(404) if request.path.endswith("/content") else None)
    assert stopped(world, bundles).code is Exit.UNAVAILABLE
    server.before[:] = [lambda r: Response(200, b"x", {}) if r.path.endswith("/content") else None]
    assert "cannot be read" in stopped(world, bundles).summary


@pytest.mark.parametrize(
    ("version", "says"), [("9", "no release 9"), ("3", "current one already"), ("1", "no release 1")]
)
def test_only_an_earlier_release_is_gone_back_to(tmp_path: Path, version: str, says: str) -> None:
    world, _ = helper(tmp_path)
    assert says in stopped(world, lambda session: prepare_rollback(session, HELPER, version)).summary


def test_without_an_earlier_release_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.assistant("helper", model="gpt-6.1-terra")
    assert world.settled()
    assert "no release before" in stopped(world, lambda session: prepare_rollback(session, HELPER, None)).summary


@pytest.mark.parametrize("status", [404, 400])
def test_a_release_whose_store_is_gone_is_not_gone_back_to(tmp_path: Path, status: int) -> None:
    world, server = helper(tmp_path)
    left = [1]

    def rule(request: Request) -> Response | None:
        one = is_read(request, "/vector_stores/vs_") and left[0]
        return refuse(status, "Vector store not found") if one else None

    server.before.append(rule)
    stop = stopped(world, lambda session: prepare_rollback(session, HELPER, None))
    assert (stop.code, "is gone" in stop.summary) == (Exit.REFUSED, True)
    server.before[:] = [lambda r: refuse(403) if is_read(r, "/vector_stores/vs_") else None]
    assert stopped(world, lambda session: prepare_rollback(session, HELPER, None)).code is Exit.DENIED


def test_a_release_that_cannot_be_read_or_has_no_manifest_is_not_gone_back_to(tmp_path: Path) -> None:
    world, server = helper(tmp_path)
    server.before.append(times(1, lambda r: refuse(404) if r.path.endswith("/2/content") else None))
    assert stopped(world, lambda session: prepare_rollback(session, HELPER, None)).code is Exit.REFUSED
    server.before[:] = [lambda r: refuse(403) if r.path.endswith("/2/content") else None]
    assert stopped(world, lambda session: prepare_rollback(session, HELPER, None)).code is Exit.DENIED
    server.before.clear()
    world.remove("Assistant", "helper")
    assert "no manifest" in stopped(world, lambda session: prepare_rollback(session, HELPER, None)).summary


def test_a_rollback_says_its_risks(tmp_path: Path) -> None:
    world, _ = world_and_server(tmp_path)
    wiki = {"type": "mcp", "server_label": "wiki", "server_url": "https://mcp.example.com/wiki"}
    for fields in ({"model": "gpt-5", "tools": [wiki]}, {"model": "gpt-6.1-terra"}):
        world.assistant("helper", **fields)
        assert world.settled()
    prepared = ask(world, lambda session: prepare_rollback(session, HELPER, None))
    assert [risk["code"] for risk in prepared.body["risks"]] == ["R201", "R202", "R301", "R302"]
    assert prepared.body["changes"][0]["applied"] == {"revision": "0" * 12}
