"""The account on this machine under the SDK."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

from reconciler.account.paging import list_all
from reconciler.account.port import Call, Upload
from reconciler.emulator import Emulator
from reconciler.emulator.account import embedded


def test_the_embedded_account_works_under_the_sdk(tmp_path: Path) -> None:
    async def main() -> int:
        account = embedded(tmp_path / "local.db")
        assert account.host == "local"
        for number in range(5):
            await account.send(Call("POST", "/vector_stores", json={"name": str(number)}))
        upload = Upload("file", "guide.md", lambda: io.BytesIO(b"# Guide"), 7)
        sent = await account.send(Call("POST", "/files", form=(("purpose", "assistants"),), uploads=(upload,)))
        assert (sent.data["filename"], sent.data["bytes"]) == ("guide.md", 7)
        stores = await list_all(account, "/vector_stores", limit=2, order="asc")
        await account.aclose()
        return len(stores)

    assert asyncio.run(main()) == 5


def test_an_emulator_that_was_handed_in_stays_open() -> None:
    async def main(emulator: Emulator) -> None:
        for _ in range(2):
            account = embedded(":memory:", emulator=emulator)
            await account.send(Call("POST", "/vector_stores", json={}))
            await account.aclose()

    with Emulator() as emulator:
        asyncio.run(main(emulator))
