"""Sessions of saved agents: `/agents/sessions`. They are started and listed, no model ever runs in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.emulator import agents
from reconciler.emulator.errors import not_found
from reconciler.emulator.paging import having, objects, page_of

if TYPE_CHECKING:
    from reconciler.emulator.call import Call, Json

_SNAPSHOT = (
    "id",
    "instructions",
    "model",
    "multi_agent",
    "name",
    "reasoning",
    "service_tier",
    "text",
    "tools",
    "compaction",
    "experimental",
)
"""What a session keeps of its agent; later changes of the agent do not reach it."""


def create(call: Call) -> Json:
    """Start one."""
    agent = call.find("agent", call.body["agent_id"], agents.missing)
    session = {
        "id": call.new_id("sess_"),
        "object": "agent.session",
        "created_at": call.timestamp,
        "last_active_at": call.timestamp,
        "agent": {name: agent[name] for name in _SNAPSHOT},
        "environment": call.body["environment"],
        "error": None,
        "metadata": call.body.get("metadata") or {},
        "required_actions": [],
        "status": "idle",
        "usage": None,
        "vault_ids": [],
    }
    call.storage.insert("session", session, now=call.now)
    return session


def list_all(call: Call) -> Json:
    """List them, all or those of one agent."""
    wanted = having("$.agent.id", call.query.get("agent_id"))
    return page_of(call, objects("session", **wanted, no_cursor=lambda cursor, _: not_found("Session", cursor)))
