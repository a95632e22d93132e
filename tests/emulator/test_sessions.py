from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.emulator.account import Account


def start(account: Account, agent: str, **fields: Any) -> Any:
    return account.post("/agents/sessions", {"agent_id": agent, "environment": {"type": "none"}, **fields})


def test_sessions_are_listed_by_agent(account: Account) -> None:
    one, other = (account.post("/agents", {"model": "m", "name": name})["id"] for name in ("one", "other"))
    made = [start(account, one), start(account, one, metadata={"a": "b"}), start(account, other)]
    answer = account.get("/agents/sessions", agent_id=one)
    assert [item["id"] for item in answer["data"]] == [made[1]["id"], made[0]["id"]]
    assert account.get("/agents/sessions", agent_id=one, limit="1")["has_more"] is True
    assert len(account.get("/agents/sessions")["data"]) == 3
    assert account.get("/agents/sessions", agent_id="agt_none")["data"] == []
    assert account.refused("GET", "/agents/sessions", after="sess_none") == (404, "not_found_error", None)


def test_a_session_keeps_its_agent_as_it_was(account: Account) -> None:
    agent = account.post("/agents", {"model": "m", "name": "one"})["id"]
    answer = account.send("POST", "/agents/sessions", {"agent_id": agent, "environment": {"type": "none"}})
    assert (answer.status, answer.json["agent"]["name"]) == (201, "one")
    account.post(f"/agents/{agent}", {"name": "two"})
    account.delete(f"/agents/{agent}")
    assert account.get("/agents/sessions", agent_id=agent)["data"][0]["agent"]["name"] == "one"
    body = {"agent_id": agent, "environment": {"type": "none"}}
    assert account.refused("POST", "/agents/sessions", body) == (404, "not_found_error", None)
