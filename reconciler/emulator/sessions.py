"""Sessions of saved agents: `/agents/sessions`. They are started and listed, no model ever runs in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.emulator.errors import not_found
from reconciler.emulator.paging import Listing, page
from reconciler.emulator.storage import load

if TYPE_CHECKING:
    from reconciler.emulator.call import Call, Json
    from reconciler.emulator.errors import ApiError

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
    agent = call.storage.find("agent", call.body["agent_id"])
    if agent is None:
        raise not_found("Agent", call.body["agent_id"])
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
    agent = call.query.get("agent_id")
    only, args = (" AND json_extract(doc, '$.agent.id') = ?", (agent,)) if agent is not None else ("", ())
    listing = Listing("kind = ? AND parent = ''", ("session",), only, args)
    return page(call, listing, lambda row: load(row[0]), no_cursor=_no_cursor)


def _no_cursor(cursor: str, _name: str) -> ApiError:
    return not_found("Session", cursor)
