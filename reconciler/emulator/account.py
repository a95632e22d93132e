"""The account on this machine, under the real SDK but without a network."""

from __future__ import annotations

from pathlib import Path

import httpx2

from reconciler.account.live import LiveAccount
from reconciler.emulator.asgi import application
from reconciler.emulator.machine import Emulator
from reconciler.emulator.settings import Profile


def embedded(
    database: Path | str, profile: Profile | str = "openai", *, emulator: Emulator | None = None
) -> LiveAccount:
    """The account in a file; `aclose` also closes its database. With `emulator` that one is used and stays open."""
    machine = emulator or Emulator(database, profile=Profile(profile))
    return LiveAccount(
        api_key="local",
        organization=None,
        project=None,
        base_url="http://local/v1",
        timeout=60.0,
        transport=httpx2.ASGITransport(application(machine)),
        host="local",
        on_close=machine.close if emulator is None else None,
    )
