"""The models an account can use, with the day each shuts down: `/models`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.emulator.errors import ApiError

if TYPE_CHECKING:
    from reconciler.emulator.call import Call, Json

# Shutdown day (or none) → models, as announced by November 2026.
_MODELS: dict[str | None, str] = {
    None: "gpt-6.2-astra gpt-6.2-sol gpt-6.1-terra gpt-6.1-sol gpt-6-astra gpt-6-sol gpt-6-luna gpt-5.6-sol "
    "gpt-5.6-terra gpt-5.6-luna gpt-5.5 gpt-5.4 gpt-5.4-mini gpt-5.2 text-embedding-3-small text-embedding-3-large",
    "2026-10-23": "gpt-3.5-turbo gpt-4 gpt-4-turbo gpt-4.1-nano gpt-4o-2024-05-13 o1 o1-pro o3-mini o4-mini",
    "2026-12-11": "gpt-5 gpt-5-mini gpt-5-nano gpt-5-pro o3 o3-pro",
    "2027-01-14": "gpt-4o gpt-4o-mini gpt-4.1 gpt-4.1-mini",
    "2027-01-20": "gpt-realtime gpt-audio-mini",
    "2027-02-26": "whisper-1 gpt-4o-transcribe",
    "2027-04-01": "gpt-5.1 gpt-5.4-nano",
}
_CREATED = 1_750_000_000


def list_all(call: Call) -> Json:
    """List the models that still run."""
    return {"object": "list", "data": _running(call.now)}


def retrieve(call: Call) -> Json:
    """Read one."""
    found = next((model for model in _running(call.now) if model["id"] == call.path["model"]), None)
    if found is None:
        message = f"The model '{call.path['model']}' does not exist"
        raise ApiError(404, message, param="model", code="model_not_found")
    return found


def _running(now: float) -> list[Json]:
    today = datetime.fromtimestamp(now, UTC).date().isoformat()
    return [
        {"id": name, "object": "model", "created": _CREATED, "owned_by": "system", "shutdown_date": day}
        for day, names in _MODELS.items()
        if day is None or today < day
        for name in names.split()
    ]
