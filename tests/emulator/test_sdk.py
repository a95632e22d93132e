"""The official SDK as a client: the same objects, through its own transport, typed models and pagination."""

from __future__ import annotations

import asyncio
import contextlib
import io
import zipfile
from typing import TYPE_CHECKING

import httpx2
import openai
import pytest

from reconciler.emulator.asgi import application

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.emulator.account import Account

MANIFEST = b"---\nname: helper\ndescription: Helps.\n---\n"


@contextlib.asynccontextmanager
async def connected(account: Account, key: str = "sk-test") -> AsyncIterator[openai.AsyncOpenAI]:
    transport = httpx2.ASGITransport(app=application(account.emulator))
    http = httpx2.AsyncClient(transport=transport)
    async with openai.AsyncOpenAI(api_key=key, base_url="http://local/v1", http_client=http, max_retries=0) as client:
        yield client


def through_sdk(account: Account, story: Callable[[openai.AsyncOpenAI], Awaitable[None]]) -> None:
    async def run() -> None:
        async with connected(account) as client:
            await story(client)

    asyncio.run(run())


def test_knowledge_can_be_uploaded_attached_searched_and_removed(account: Account) -> None:
    async def story(client: openai.AsyncOpenAI) -> None:
        store = await client.vector_stores.create(name="docs", metadata={"team": "x"})
        file = await client.files.create(file=("a.md", b"A zebra has stripes."), purpose="assistants")
        attached = await client.vector_stores.files.create_and_poll(
            file.id, vector_store_id=store.id, attributes={"path": "a.md"}
        )
        assert (attached.status, attached.attributes) == ("completed", {"path": "a.md"})
        found = await client.vector_stores.search(store.id, query="zebra")
        assert [(item.file_id, item.filename) for item in found.data] == [(file.id, "a.md")]
        content = await client.vector_stores.files.content(file.id, vector_store_id=store.id)
        assert [item.text for item in content.data] == ["A zebra has stripes."]
        await client.vector_stores.files.delete(file.id, vector_store_id=store.id)
        await client.files.delete(file.id)
        assert [item async for item in client.files.list()] == []
        with pytest.raises(openai.NotFoundError, match="No vector store found"):
            await client.vector_stores.retrieve("vs_none")

    through_sdk(account, story)


def test_a_batch_is_uploaded_and_polled(account: Account) -> None:
    async def story(client: openai.AsyncOpenAI) -> None:
        store = await client.vector_stores.create()
        files = [("a.md", io.BytesIO(b"one")), ("b.md", io.BytesIO(b"two"))]
        batch = await client.vector_stores.file_batches.upload_and_poll(store.id, files=files)
        assert (batch.status, batch.file_counts.completed) == ("completed", 2)

    through_sdk(account, story)


def test_a_large_file_is_uploaded_in_parts(account: Account) -> None:
    async def story(client: openai.AsyncOpenAI) -> None:
        upload = await client.uploads.upload_file_chunked(
            file=b"0123456789", filename="a.txt", bytes=10, mime_type="text/plain", purpose="user_data", part_size=4
        )
        assert upload.file is not None
        assert upload.file.bytes == 10

    through_sdk(account, story)


def test_lists_are_paged_by_the_sdk(account: Account) -> None:
    async def story(client: openai.AsyncOpenAI) -> None:
        made = [(await client.vector_stores.create(name=str(n))).id for n in range(5)]
        listed = [store.id async for store in client.vector_stores.list(limit=2, order="asc")]
        assert listed == made

    through_sdk(account, story)


def test_an_agent_lives_and_dies(account: Account) -> None:
    async def story(client: openai.AsyncOpenAI) -> None:
        agent = await client.beta.agents.create(model="gpt-6.1-terra", tools=[{"type": "web_search"}])
        updated = await client.beta.agents.update(agent.id, name="helper", compaction={"async_": True})
        assert (updated.name, updated.compaction and updated.compaction.async_) == ("helper", True)
        assert [item.id async for item in client.beta.agents.list()] == [agent.id]
        await client.beta.agents.delete(agent.id)
        with pytest.raises(openai.NotFoundError) as caught:
            await client.beta.agents.retrieve(agent.id)
        assert (caught.value.code, caught.value.type) == ("not_found_error", "not_found_error")

    through_sdk(account, story)


def test_a_skill_is_posted_versioned_and_read_back(account: Account) -> None:
    async def story(client: openai.AsyncOpenAI) -> None:
        skill = await client.skills.create(files=[("top/SKILL.md", MANIFEST), ("top/assistant.json", b"{}")])
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("SKILL.md", MANIFEST.replace(b"Helps", b"Still helps"))
        bundle = ("bundle.zip", buffer.getvalue(), "application/zip")
        version = await client.skills.versions.create(skill.id, files=bundle)
        updated = await client.skills.update(skill.id, default_version=version.version)
        assert updated.description == "Still helps."
        content = await client.skills.versions.content.retrieve("1", skill_id=skill.id)
        with zipfile.ZipFile(io.BytesIO(content.content)) as opened:
            assert opened.read("top/assistant.json") == b"{}"
        promoted = await client.skills.versions.create(skill.id, files=bundle, default=True)
        assert (await client.skills.retrieve(skill.id)).default_version == promoted.version
        assert [item.version async for item in client.skills.versions.list(skill.id, order="asc")] == ["1", "2", "3"]
        await client.skills.delete(skill.id)

    through_sdk(account, story)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_assistant_lives_on_a_compatible_server(account: Account) -> None:
    async def story(client: openai.AsyncOpenAI) -> None:
        store = await client.vector_stores.create()
        made = await client.beta.assistants.create(
            model="gpt-4o",
            tools=[{"type": "file_search"}],
            tool_resources={"file_search": {"vector_store_ids": [store.id]}},
        )
        updated = await client.beta.assistants.update(made.id, name="helper", temperature=0.2)
        assert (updated.name, updated.temperature, updated.tools) == ("helper", 0.2, made.tools)
        await client.beta.assistants.delete(made.id)

    through_sdk(account, story)


def test_models_tell_their_last_day(account: Account) -> None:
    async def story(client: openai.AsyncOpenAI) -> None:
        days = {model.id: model.shutdown_date async for model in client.models.list()}
        assert days["gpt-5"] == "2026-12-11"

    through_sdk(account, story)


@pytest.mark.parametrize(
    ("key", "error"), [("sk-revoked", openai.AuthenticationError), ("sk-readonly", openai.PermissionDeniedError)]
)
def test_refusals_are_the_sdk_s_exceptions(account: Account, key: str, error: type[openai.APIStatusError]) -> None:
    async def run() -> None:
        async with connected(account, key) as client:
            with pytest.raises(error) as caught:
                await client.vector_stores.create()
            assert caught.value.request_id

    asyncio.run(run())
