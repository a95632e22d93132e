"""A look as a whole."""

from __future__ import annotations

import json
from pathlib import Path

from tests.observing.accounts import helper


def test_the_plan_of_a_spoiled_account_is_still_json(tmp_path: Path) -> None:
    world, _ = helper(tmp_path)
    assert json.loads(json.dumps(world.plan().body))["steps"] == []
