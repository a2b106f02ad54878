"""A client that leaves stops its query, for which nobody waits, and not its mutation."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models import LOCAL_OWNER
from services import Services
from services.engines.asking import Models
from tests.conftest import serving
from tests.schema.endpoint.http.test_slow_clients import busy
from tests.schema.endpoint.raw_socket import post, raw_socket
from tests.support.client import Client
from tests.support.makers import TestEngine, make_conversation, until
from tests.support.processes import started


class SlowModels(Models):
    """Needs for ever, and knows whether it was stopped."""

    def __init__(self) -> None:
        super().__init__(TestEngine())
        self.events: list[str] = []

    async def all(self) -> Any:
        self.events.append("asked")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.events.append("stopped")
            raise


@pytest.mark.parametrize("origins", [(), ("https://app.example",)])
async def test_a_query_whose_client_leaves_is_stopped(
    services: Services, caplog: pytest.LogCaptureFixture, origins: tuple[str, ...]
) -> None:
    models = SlowModels()
    settings = services.settings.model_copy(update={"allowed_origins": origins})
    async with serving(replace(services, models=models, settings=settings)) as client:
        async with raw_socket(client.url) as leaving:
            await leaving.send(post(b'{"query": "{ models { name } }"}'))
            await until(lambda: models.events == ["asked"])
        await until(lambda: models.events == ["asked", "stopped"], patience=2)
        await until(lambda: not busy())
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_mutation_whose_client_leaves_goes_on(
    client: Client, services: Services, engine: TestEngine
) -> None:
    conversation = await make_conversation(services)
    mutation = """mutation ($id: ID!) { sendMessage(input: {conversationId: $id, content: "Hi"}) {
        reply { content } } }"""
    async with raw_socket(client.url) as leaving:
        await leaving.send(post(json.dumps({"query": mutation, "variables": {"id": conversation.id}}).encode()))
        await until(lambda: engine.prompts)
    await asyncio.sleep(0.1)
    assert busy()
    engine.answer("Hello.")
    await until(lambda: not busy())
    [history] = await services.chat_histories.of_conversations(LOCAL_OWNER, [conversation.id])
    assert [item["content"] for item in history] == ["Hi", "Hello."]


async def test_a_server_does_not_complain_of_clients_that_leave(tmp_path: Path) -> None:
    create = 'mutation { createCharacter(input: {name: "A"}) { character { id } } }'
    write = """mutation ($id: ID!, $history: JSON!) {
        importConversation(input: {characterId: $id, chatHistory: $history}) { conversation { id } } }"""
    history = [{"role": "user", "content": "Hello"}] * 10
    # `models` keeps the database from answering all of it: every field is executed.
    read = """{ models { name } characters(first: 5) { conversations(first: 10) {
        messages(last: 10) { alternatives { id parent { id } } speaker { __typename } } } } }"""
    log = tmp_path / "log"
    with log.open("wb") as errors:
        async with started(tmp_path, errors) as (_, client):
            id = (await client.run(create))["createCharacter"]["character"]["id"]
            for _ in range(5):
                await client.run(write, id=id, history=history)
            for step in range(100):
                async with raw_socket(client.url) as leaving:
                    await leaving.send(post(json.dumps({"query": read}).encode()))
                    await asyncio.sleep(step * 0.0005)
            await client.run(read)
    assert "never awaited" not in log.read_text()
