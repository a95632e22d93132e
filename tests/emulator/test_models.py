from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.emulator.account import Account


def test_models_carry_their_last_day(account: Account) -> None:
    models = {model["id"]: model["shutdown_date"] for model in account.get("/models")["data"]}
    assert models["gpt-6.1-terra"] is None
    assert models["gpt-5"] == "2026-12-11"
    assert "gpt-4" not in models
    assert account.get("/models/gpt-5")["shutdown_date"] == "2026-12-11"


def test_a_model_is_gone_on_its_last_day(account: Account) -> None:
    account.clock.now = datetime(2026, 12, 11, tzinfo=UTC).timestamp()
    assert account.refused("GET", "/models/gpt-5") == (404, "model_not_found", "model")
    account.clock.now -= 1
    assert account.get("/models/gpt-5")["id"] == "gpt-5"
